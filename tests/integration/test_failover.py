"""Two endpoints of one chain: one that is silent, behind or of another chain is left for the other."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from juapesa.chain import ChainUnreachable, Rpc
from juapesa.chain.failover import Failover, WrongChain, open_rpc
from juapesa.chain.rpc import ChainBehind
from juapesa.chain.transactions import sign_call
from juapesa.config import ChainSettings
from juapesa.crypto import Signer
from support.evm import CHAIN_ID, Node, running_anvil
from support.hedera import PLAY_KEY
from support.lying_node import lying_node

pytestmark = pytest.mark.needs_evm

MINED = 30


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with running_anvil() as found:
        found.ask("anvil_mine", hex(MINED))
        yield found


def dead() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def behind(method: str, result: Any) -> Any:
    """A mirror that has stopped at block 3."""
    return "0x3" if method == "eth_blockNumber" else result


def elsewhere(method: str, result: Any) -> Any:
    """A node of another chain, far ahead."""
    return {"eth_chainId": "0x1", "eth_blockNumber": "0xffff"}.get(method, result)


def test_a_dead_endpoint_is_left_and_the_next_serves(node: Node) -> None:
    async def height() -> int:
        return await Failover([dead(), node.url], CHAIN_ID).block_number()

    assert asyncio.run(height()) == MINED


def test_when_nobody_answers_it_says_so() -> None:
    async def height() -> int:
        return await Failover([dead(), dead()], CHAIN_ID).block_number()

    with pytest.raises(ChainUnreachable):
        asyncio.run(height())


def test_a_lagging_endpoint_is_left_and_a_decision_stays_with_one(node: Node) -> None:
    with lying_node(node.url, behind) as late:

        async def frozen() -> tuple[int, bool]:
            rpc = Failover([late, node.url], CHAIN_ID)
            at = await rpc.freeze()
            return at.block, at.rpc is rpc

        assert asyncio.run(frozen()) == (MINED, False)


def test_what_was_seen_before_must_be_shown_again(node: Node) -> None:
    with lying_node(node.url, behind) as late:

        async def frozen(rpc: Rpc, not_before: int) -> int:
            return (await rpc.freeze(not_before)).block

        for make in (lambda: Failover([late, late], CHAIN_ID), lambda: Rpc(late)):
            assert asyncio.run(frozen(make(), 3)) == 3
            with pytest.raises(ChainBehind):
                asyncio.run(frozen(make(), 4))


def test_another_chain_is_never_asked_anything_else(node: Node) -> None:
    asked: list[str] = []

    def listening(method: str, result: Any) -> Any:
        asked.append(method)
        return elsewhere(method, result)

    with lying_node(node.url, listening) as stranger:

        async def height() -> int:
            rpc = Failover([stranger, node.url], CHAIN_ID)
            await rpc.freeze()
            return await rpc.block_number()

        async def alone() -> int:
            return await Failover([stranger], CHAIN_ID).block_number()

        assert asyncio.run(height()) == MINED
        assert set(asked) == {"eth_chainId"}
        with pytest.raises(WrongChain):
            asyncio.run(alone())


def test_a_send_that_was_not_answered_is_not_repeated_elsewhere(node: Node) -> None:
    def mute(method: str, result: Any) -> Any:
        if method == "eth_sendRawTransaction":
            raise ConnectionAbortedError
        return result

    def honest(method: str, result: Any) -> Any:
        heard.append(method)
        return result

    heard: list[str] = []
    signer = Signer.from_private_key(bytes.fromhex(PLAY_KEY[2:]))
    call = {"gas_price": 10**10, "gas": 50_000, "to": signer.address, "data": b""}
    signed = sign_call(signer, chain_id=CHAIN_ID, nonce=0, **call)
    with lying_node(node.url, mute) as silent, lying_node(node.url, honest) as other:

        async def send() -> None:
            rpc = Failover([silent, other], CHAIN_ID)
            with pytest.raises(ChainUnreachable) as failed:
                await rpc.send_raw(signed.raw)
            assert failed.value.reached

        asyncio.run(send())
    assert heard == []
    assert node.ask("eth_getTransactionReceipt", signed.hash) is not None, "for it was taken"


def test_the_settings_say_whether_there_is_another() -> None:
    assert type(open_rpc(ChainSettings())) is Rpc
    assert type(open_rpc(ChainSettings(rpc_fallback_urls=["http://127.0.0.1:1"]))) is Failover
