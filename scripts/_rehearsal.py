"""A deployment that is only told: what would be made and sent, on the chain as it is.

Nothing is sent or written. What is there is read from the chain; what is not there yet answers every question
with nothing (zero, false), as it will when it has just been made, so that the deployment's own steps say what
they would do next.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import click
import rlp
from ape import chain
from ape.contracts import ContractInstance
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ethpm_types import ContractType
from ethpm_types.abi import ABIType, MethodABI
from scripts._deployment import Artifact, Record
from scripts._hedera import TINYBARS_PER_HBAR, WEI_PER_TINYBAR, creation_tinybars

NOWHERE = "0x" + "0" * 40
SHOWN_MAX = 60  # characters of one argument


class Draft(Record):
    """A record that stays in memory."""

    def _write(self) -> None:
        """Nothing: it is only told."""


class Told:
    """Notes what would be sent, and says it."""

    def __init__(self, deployer: str) -> None:
        self.deployer = deployer
        self.sent = 0
        self.gas = 0
        self.tinybars = 0
        self._nonce = int(chain.provider.make_request("eth_getTransactionCount", [deployer, "latest"]), 16)

    def keep(self, name: str, at: str) -> None:
        click.echo(f"keep    {name} at {at}")

    def create(self, name: str, code: Artifact, arguments: bytes) -> str:
        """The address that the contract would have."""
        gas = creation_gas(code, arguments)
        self.gas += gas
        at = to_checksum_address(keccak(rlp.encode([bytes.fromhex(self.deployer[2:]), self._next()]))[12:])
        click.echo(f"create  {name} ({code.name}) at {at}, {gas:,} gas or more")
        return at

    def call(self, what: str, tinybars: int = 0) -> None:
        self._next()
        self.tinybars += tinybars
        click.echo(f"call    {what}")

    def summary(self) -> None:
        """What it would cost at least, and what the deployer has."""
        price = _tinybars("eth_gasPrice")
        click.echo(
            f"{self.sent} transactions. The creations take {self.gas:,} gas or more: with new tokens "
            f"{_hbar(self.gas * price + self.tinybars)} at the network's price now. "
            f"{self.deployer} holds {_hbar(_tinybars('eth_getBalance', self.deployer, 'latest'))}. "
            "Nothing was sent."
        )

    def _next(self) -> int:
        """The nonce of the next transaction."""
        self.sent += 1
        return self._nonce + self.sent - 1


class Rehearsed:
    """A contract as the deployment uses it: ``real`` answers its questions, what it is to do is noted."""

    def __init__(
        self, name: str, address: str, kind: ContractType, told: Told, real: ContractInstance | None
    ):
        self.name, self.address, self.is_there = name, address, real is not None
        self._kind, self._told, self._real = kind, told, real

    def __getattr__(self, function: str) -> Any:
        asked = [each for each in self._kind.view_methods if each.name == function]
        if asked and self._real is not None:
            return getattr(self._real, function)
        if asked:
            return lambda *_: nothing(asked[0])
        orders = [each for each in self._kind.mutable_methods if each.name == function]
        if not orders:
            raise AttributeError(function)
        return Order(f"{self.name}.{function}", orders, self._told)


class Order:
    """A function that would change something."""

    def __init__(self, name: str, abis: list[MethodABI], told: Told) -> None:
        self.abis = abis
        self._name, self._told = name, told

    def __call__(self, *arguments: Any, **_: Any) -> None:
        self._told.call(f"{self._name}({', '.join(_shown(each) for each in arguments)})")


class Rehearsal:
    """Stands before the deployment that it rehearses; says every step instead of doing it."""

    tokens: dict[str, Any]
    registry: Any
    record: Record
    deployer: Any
    plan: Any
    _artifact: Callable[[str], Artifact]
    kind_of: Callable[..., ContractType]
    _real_token_made: Callable[..., str | None]

    def begin(self) -> Told:
        self.told = Told(self.deployer.address)
        return self.told

    def contract(self, name: str, contract: str, *arguments: Any) -> Rehearsed:
        code = self._artifact(contract)
        kind = self.kind_of(contract, code)
        known = self.record.contracts.get(name)
        if known is not None:
            self.told.keep(name, known["address"])
            real = ContractInstance(known["address"], kind)
            return Rehearsed(name, known["address"], kind, self.told, real)
        encoded = chain.provider.network.ecosystem.encode_calldata(kind.constructor, *arguments)
        at = self.told.create(name, code, bytes(encoded))
        self.record.add(name, {"address": at, "block": None})
        return Rehearsed(name, at, kind, self.told, None)

    def at(self, symbol: str, kind: ContractType, where: str) -> Rehearsed:
        there = where != NOWHERE and bool(chain.provider.get_code(where))
        real = ContractInstance(where, kind) if there else None
        return Rehearsed(symbol, where, kind, self.told, real)

    def native_token(self, symbol: str, name: str) -> str:
        found = self._real_token_made(symbol) if self.registry.is_there else None
        if found is None:
            tinybars = creation_tinybars()
            self.told.call(f"registry.makeToken({name}, {symbol}) with {_hbar(tinybars)}", tinybars)
        return found or NOWHERE

    def from_issuer(self, symbol: str, amount: int) -> None:
        click.echo(f"ask     the sandbox's issuer of {symbol} for {amount}")


def creation_gas(code: Artifact, arguments: bytes) -> int:
    """What a creation costs before its constructor runs: EIP-2028, EIP-3860, and 200 a byte that is kept."""
    data = bytes.fromhex(code.creation_code.removeprefix("0x")) + arguments
    zeros = data.count(0)
    words, kept = -(-len(data) // 32), len(code.runtime_code.removeprefix("0x")) // 2
    return 53_000 + 4 * zeros + 16 * (len(data) - zeros) + 2 * words + 200 * kept


def _tinybars(method: str, *params: str) -> int:
    return int(chain.provider.make_request(method, list(params)), 16) // WEI_PER_TINYBAR


def _hbar(tinybars: int) -> str:
    """Rounded up to a cent of one."""
    whole, cents = divmod(-(-tinybars * 100 // TINYBARS_PER_HBAR), 100)
    return f"{whole:,}.{cents:02d} HBAR"


def nothing(function: MethodABI) -> Any:
    """What a contract that was just made answers."""
    found = [_zero(each) for each in function.outputs]
    return found[0] if len(found) == 1 else tuple(found)


def _zero(kind: ABIType) -> Any:
    if str(kind.type).endswith("]"):
        return []
    if kind.components:
        names = [each.name or f"_{at}" for at, each in enumerate(kind.components)]
        return namedtuple("Nothing", names, rename=True)(*map(_zero, kind.components))
    plain: dict[str, Any] = {"bool": False, "address": NOWHERE, "string": ""}
    return plain.get(str(kind.type), b"" if str(kind.type).startswith("bytes") else 0)


def _shown(value: Any) -> str:
    text = ", ".join(_flat(value)) if isinstance(value, (list, tuple)) else next(_flat(value))
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _flat(each)
    else:
        yield "not there yet" if value == NOWHERE else value.hex() if isinstance(value, bytes) else str(value)
