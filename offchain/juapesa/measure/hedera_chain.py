"""The measuring chain with Hedera's token service in it: the same calls, over the network's own tokens.

What an emulated operation costs on anvil is taken out of each transaction and the network's own price put
in its place, so that the emulator's work is not counted.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from juapesa.chain import abi
from juapesa.crypto import keccak256
from juapesa.measure.hedera_fees import FeeSchedule
from juapesa.measure.local_chain import LocalChain, MeasurementFailed, local_chain
from juapesa.sandbox.hedera.entities import long_zero
from juapesa.sandbox.hedera.system_contracts import SUCCESS, USDC, OutsideToken, TokenService, etch
from juapesa.sandbox.hedera.system_contracts.etched import runtime_code

MOST = 2**63 - 1  # an allowance is an int64
_CREATION_TINYBARS = 20 * 10**8
_OWN = ("AttestationRegistry", "Pools", "Router")
_ASSOCIATE = abi.Function("associate", ("address",))
_MAKE = abi.Function("makeToken", ("string", "string", "address"))
_MADE = "0x" + keccak256(b"TokenMade(address,string,string)").hex()
_FIRST_PLAIN = 600_002
_SYSTEM = range(0x167, 0x16D)

# Selectors of what the protocol asks of tokens, by the price that the network has for it.
_PRICES = {
    "e0f4059a": "token_mint",  # mintToken
    "d6910d06": "token_burn",  # burnToken
    "eca36917": "token_transfer",  # transferToken
    "15dacbea": "token_transfer",  # transferFrom at 0x167
    "a9059cbb": "token_transfer",  # transfer at the token
    "23b872dd": "token_transfer",  # transferFrom at the token
    "e1f21c67": "allowance",
    "095ea7b3": "allowance",
    "49146bde": "token_associate",
    "0a754de6": "token_associate",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One transaction: gas on this chain, and as the network would charge it."""

    function: str
    gas_here: int
    gas: int


@dataclass
class HederaChain(LocalChain):
    """Deploys Hedera's variants; play tokens are tokens of an issuer outside."""

    schedule: FeeSchedule = field(default_factory=FeeSchedule.read)
    sent: list[Sent] = field(default_factory=list)
    deployed: dict[str, str] = field(default_factory=dict)
    outside: dict[str, OutsideToken] = field(default_factory=dict)

    def deploy(self, contract: str, types: Sequence[str] = (), values: Sequence[Any] = ()) -> str:
        """As on any chain, but for tokens, which the network makes."""
        if contract == "TestUSDC":
            return self._play_token()
        if contract == "LocalToken":
            name, symbol, registry = values
            return self._make_token(name, symbol, registry)
        made = super().deploy(f"Hedera{_variant(contract)}" if contract in _OWN else contract, types, values)
        self.deployed[contract] = made
        return made

    def send(self, to: str, function: abi.Function, *arguments: Any, sender: int = 0) -> int:
        """Gas as the network charges it; a play token's mint is a gift that costs the protocol nothing."""
        if to in self.outside and function.name == "mint":
            self._give(self.outside[to], *arguments)
            return 0
        if function.name == "configure":
            super().send(to, _ASSOCIATE, arguments[0])
        if function.name == "approve":
            spender, amount = arguments
            arguments = (spender, min(amount, MOST))
        body = {"to": to, "data": "0x" + function.call(*arguments).hex()}
        receipt = self._receipt(body, function.name, sender)
        used = int(receipt["gasUsed"], 16)
        trace = self.ask("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
        priced = used + sum(self._price(call) - int(call["gasUsed"], 16) for call in _asked(trace))
        self.sent.append(Sent(function.name, used, priced))
        return priced

    def _price(self, call: dict[str, Any]) -> int:
        return self.schedule.system_gas[_PRICES.get(call["input"][2:10], "token_view")]

    def _play_token(self) -> str:
        plain = len(self.outside)
        token = USDC
        if plain:
            number = _FIRST_PLAIN + plain
            token = OutsideToken(number, "Play", f"PLAY{plain}", 6, USDC.issuer, 2**62)
            self.ask("anvil_setCode", token.address, runtime_code("TokenFacade"))
            self._native(lambda service: service.create(token))
        self.outside[token.address] = token
        return token.address

    def _make_token(self, name: str, symbol: str, registry: str) -> str:
        data = "0x" + _MAKE.call(name, symbol, self.accounts[0]).hex()
        receipt = self._receipt({"to": registry, "data": data, "value": hex(_CREATION_TINYBARS)}, "makeToken")
        (log,) = (each for each in receipt["logs"] if each["topics"][0] == _MADE)
        return f"0x{log['topics'][1][-40:]}"

    def _give(self, token: OutsideToken, to: str, amount: int) -> None:
        self._native(lambda service: service.arrive(token, to, amount))

    def _native(self, act: Any) -> None:
        async def ask(method: str, *params: Any) -> Any:
            return self.ask(method, *params)

        self.ask("evm_setNextBlockTimestamp", self.now())
        code = asyncio.run(act(TokenService(ask)))
        if code != SUCCESS:
            raise MeasurementFailed(f"The token service answers {code}.")


@contextmanager
def hedera_chain() -> Iterator[HederaChain]:
    """``local_chain`` with the system contracts written into it."""
    with local_chain() as plain:
        asyncio.run(etch(plain.url))
        yield HederaChain(plain.url, plain.http, plain.accounts)


def _variant(contract: str) -> str:
    return "Registry" if contract == "AttestationRegistry" else contract


def _asked(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The calls that the network itself answers, without what an emulator calls inside."""
    to = call.get("to", "0x")
    if to.startswith(long_zero(0)[:26]) and (number := int(to, 16)) >= _SYSTEM.start:
        if number in _SYSTEM or number > _SYSTEM.stop:
            yield call
        return
    for inner in call.get("calls", ()):
        yield from _asked(inner)
