"""The emulated system contracts on a real anvil, reached as the sandbox reaches them."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from juapesa.sandbox.hedera.anvil import Anvil
from juapesa.sandbox.hedera.system_contracts import (
    FACADES,
    GOLD,
    SUCCESS,
    TOKEN_SERVICE,
    USDC,
    Holding,
    TokenService,
    etch,
)
from juapesa.sandbox.hedera.system_contracts.etched import call_data
from juapesa.supervisor.tools import evm_tool

pytestmark = pytest.mark.needs_evm

AMINA = "0x" + "a1" * 20
CONTRACT = "0x" + "c0" * 20
NOT_ASSOCIATED, FROZEN, INVALID_SIGNATURE = 184, 165, 7
BALANCE_OF, DECIMALS = "0x70a08231", "0x313ce567"


class Chain:
    """An anvil with the system contracts in it."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self.tokens = TokenService(anvil.ask)

    async def balance(self, token: str, account: str) -> int:
        data = BALANCE_OF + account.removeprefix("0x").rjust(64, "0")
        return int(await self.anvil.ask("eth_call", {"to": token, "data": data}, "latest"), 16)

    async def make_contract(self) -> str:
        await self.anvil.ask("anvil_setCode", CONTRACT, "0x00")
        return CONTRACT

    async def call_as(self, sender: str, function: str, *arguments: Any) -> dict[str, Any]:
        """A call of 0x167 by a contract or account of the EVM; the receipt."""
        await self.anvil.ask("anvil_setBalance", sender, hex(10**12))
        request = {"from": sender, "to": TOKEN_SERVICE, "data": "0x" + call_data(function, *arguments).hex()}
        sent = await self.anvil.ask(
            "eth_sendTransaction", {**request, "gas": hex(2_000_000), "gasPrice": "0x0"}
        )
        await self.anvil.ask("evm_mine")
        receipt: dict[str, Any] = await self.anvil.ask("eth_getTransactionReceipt", sent)
        return receipt


@contextlib.asynccontextmanager
async def running(load: Path | None = None) -> AsyncIterator[Chain]:
    anvil = Anvil(evm_tool("anvil"), load)
    await anvil.start()
    try:
        await etch(anvil.url)
        yield Chain(anvil)
    finally:
        await anvil.stop()


def test_tokens_of_the_world_outside_are_there_with_their_issuers() -> None:
    async def scenario() -> None:
        async with running() as chain:
            for token in (USDC, GOLD):
                assert await chain.balance(token.address, token.issuer) == token.supply
                told = await chain.anvil.ask("eth_call", {"to": token.address, "data": DECIMALS}, "latest")
                assert int(told, 16) == token.decimals
            assert USDC.address == "0x000000000000000000000000000000000006f89a"
            assert await chain.tokens.next_number() == FACADES.start

    asyncio.run(scenario())


def test_etching_again_changes_nothing() -> None:
    async def scenario() -> None:
        async with running() as chain:
            assert await chain.tokens.arrive(USDC, AMINA, 5) == SUCCESS
            height = await chain.anvil.ask("eth_blockNumber")
            await etch(chain.anvil.url)
            assert await chain.balance(USDC.address, AMINA) == 5
            assert await chain.anvil.ask("eth_blockNumber") == height

    asyncio.run(scenario())


def test_a_chain_that_comes_back_keeps_its_tokens(tmp_path: Path) -> None:
    async def scenario() -> None:
        state = tmp_path / "chain.json"
        async with running() as chain:
            await chain.tokens.arrive(GOLD, AMINA, 7)
            dumped = await chain.anvil.ask("anvil_dumpState")
            state.write_bytes(gzip.decompress(bytes.fromhex(dumped[2:])))
        async with running(state) as chain:
            assert await chain.balance(GOLD.address, AMINA) == 7
            assert await chain.balance(GOLD.address, GOLD.issuer) == GOLD.supply - 7

    asyncio.run(scenario())


def test_native_transfers_arrive_where_the_account_is_ready_for_them() -> None:
    async def scenario() -> None:
        async with running() as chain:
            contract = await chain.make_contract()
            assert await chain.tokens.arrive(USDC, contract, 5) == NOT_ASSOCIATED
            assert await chain.tokens.act(contract, "associateToken", contract, USDC.address) == SUCCESS
            assert await chain.tokens.arrive(USDC, contract, 5) == SUCCESS
            assert await chain.tokens.act(USDC.issuer, "freezeToken", USDC.address, contract) == SUCCESS
            assert await chain.tokens.arrive(USDC, contract, 5) == FROZEN
            held = await chain.tokens.holding(USDC.address, contract)
            assert held == Holding(5, associated=True, automatic=False, frozen=True, kyc=True)

    asyncio.run(scenario())


def test_nobody_acts_for_another_without_a_signature() -> None:
    async def scenario() -> None:
        async with running() as chain:
            steal = ("transferToken", USDC.address, USDC.issuer, AMINA, 5)
            unsigned = chain.tokens.order(AMINA, [AMINA], *steal)
            assert await chain.tokens.execute(unsigned) in {INVALID_SIGNATURE, 292}
            for_both = chain.tokens.order(AMINA, [AMINA, USDC.issuer], *steal)
            assert await chain.tokens.execute(for_both) == SUCCESS

    asyncio.run(scenario())


def test_a_contract_pays_the_priced_gas_and_never_less() -> None:
    async def scenario() -> None:
        async with running() as chain:
            contract = await chain.make_contract()
            associated = await chain.call_as(contract, "associateToken", contract, USDC.address)
            assert int(associated["gasUsed"], 16) > 704_225
            await chain.tokens.arrive(USDC, contract, 500)
            await chain.tokens.arrive(USDC, AMINA, 1)
            sent = await chain.call_as(contract, "transferToken", USDC.address, contract, AMINA, 5)
            used = int(sent["gasUsed"], 16) - 21_000
            assert 14_085 < used < 36_000
            assert [log["address"] for log in sent["logs"]] == [USDC.address]

    asyncio.run(scenario())


def test_what_the_contract_may_not_do_is_a_code_and_the_transaction_succeeds() -> None:
    async def scenario() -> None:
        async with running() as chain:
            contract = await chain.make_contract()
            minted = await chain.call_as(contract, "mintToken", USDC.address, 5, [])
            assert minted["status"] == "0x1"
            assert minted["logs"] == []
            assert await chain.balance(USDC.address, USDC.issuer) == USDC.supply

    asyncio.run(scenario())
