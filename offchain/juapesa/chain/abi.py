"""Calls and events of our contracts as bytes. Types follow contracts/interfaces.

``tests/unit/test_chain_abi.py`` holds them against the ABI that the compiler wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode

from juapesa.crypto import keccak256

STATEMENT = "(address,address,uint64,bytes32,uint64,uint64,uint64)"
MINT = f"({STATEMENT},bytes,bytes)"
SWAP = "(address,address,uint64,uint64)"
BURN = "(address,uint64,bytes32)"
DEPOSIT = "(address,uint64)"
ITEM = f"(bytes32,uint64,{MINT}[],{SWAP}[],{BURN}[],{DEPOSIT}[])"
PRICE = "(address,uint128,uint64,bytes)"


@dataclass(frozen=True, slots=True)
class Function:
    """A contract's function: ``Function("settled", ("bytes32",), ("bool",))``."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(self.inputs)})"

    def call(self, *values: Any) -> bytes:
        """Call data."""
        return keccak256(self.signature.encode())[:4] + encode(self.inputs, values)

    def result(self, data: bytes) -> tuple[Any, ...]:
        """What the call returned."""
        return tuple(decode(self.outputs, data))


@dataclass(frozen=True, slots=True)
class Event:
    """A contract's event; ``indexed`` says which inputs are topics (none of ours is of dynamic type)."""

    name: str
    inputs: tuple[str, ...]
    indexed: tuple[bool, ...]

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(self.inputs)})"

    @property
    def topic(self) -> str:
        return "0x" + keccak256(self.signature.encode()).hex()

    def read(self, log: dict[str, Any]) -> tuple[Any, ...]:
        """The values of a log of this event, in the order of its inputs."""
        topics = iter(log["topics"][1:])
        plain = [kind for kind, indexed in zip(self.inputs, self.indexed, strict=True) if not indexed]
        values = iter(decode(plain, bytes.fromhex(log["data"][2:])))
        return tuple(
            decode([kind], bytes.fromhex(next(topics)[2:]))[0] if indexed else next(values)
            for kind, indexed in zip(self.inputs, self.indexed, strict=True)
        )


def _event(name: str, *inputs: str) -> Event:
    """``"uint64 indexed"`` marks a topic."""
    return Event(
        name,
        tuple(each.removesuffix(" indexed") for each in inputs),
        tuple(each.endswith(" indexed") for each in inputs),
    )


SETTLE = Function("settle", (f"{ITEM}[]", f"{PRICE}[]"))
SETTLED = Function("settled", ("bytes32",), ("bool",))
TOTAL_SUPPLY = Function("totalSupply", (), ("uint256",))
BALANCE_OF = Function("balanceOf", ("address",), ("uint256",))
ATTESTERS = Function("attesters", (), ("address[]", "uint8"))
NUMBER_USED = Function("numberUsed", ("uint64",), ("bool",))
POOL_STATE = Function(
    "state",
    ("address",),
    ("(bool,uint128,uint64,uint64,uint64,uint32,uint32,uint32,uint32,bool,bool)",),
)

ITEM_SETTLED = _event("ItemSettled", "bytes32 indexed", "uint64[]")
ITEM_FAILED = _event("ItemFailed", "bytes32 indexed", "bytes")
APPENDED = _event(
    "Appended",
    "uint64 indexed",
    "address indexed",
    "uint8 indexed",
    "uint64",
    "bytes32",
    "address",
    "uint64",
    "bytes",
)
SWAPPED = _event(
    "Swapped",
    "address indexed",
    "address indexed",
    "bool indexed",
    "uint64",
    "uint64",
    "uint64",
    "uint64",
    "uint128",
)
USER_SWAPPED = _event(
    "UserSwapped",
    "address indexed",
    "address indexed",
    "address indexed",
    "uint64",
    "uint64",
    "address",
)
LIQUIDITY_CHANGED = _event(
    "LiquidityChanged", "address indexed", "address indexed", "int64", "int64", "uint64", "uint64"
)

_ERRORS = {
    "0x" + keccak256(signature.encode())[:4].hex(): signature.split("(")[0]
    for signature in (
        "Paused()",
        "UnknownToken(address)",
        "BadAmount(uint64)",
        "BadAmount(uint256)",
        "StatementExpired(uint64,uint64)",
        "StatementFromFuture(uint64,uint64)",
        "StatementStale(uint64,uint64,uint64)",
        "NumberUsed(uint64)",
        "ReportUsed(bytes32)",
        "NotIssuer(address)",
        "BadEntries()",
        "WrongTotal(uint64,uint256)",
        "UnknownCheckpoint(uint64)",
        "AccessManagedInvalidAuthority(address)",
        "AccessManagedRequiredDelay(address,uint32)",
        "AccessManagedUnauthorized(address)",
        "CustodyShort(uint64,uint64)",
        "WrongSignatureCount(uint256,uint256)",
        "NotAttester(address)",
        "SignersNotAscending(address,address)",
        "MintLimit(uint64,uint64)",
        "UnknownPair(address,address)",
        "DirectionPaused(address,bool)",
        "TradeTooLarge(address,uint256,uint256)",
        "MinOutNotMet(uint64,uint64)",
        "ReserveShort(address,uint64,uint64)",
        "StalePrice(address,uint64,uint64,uint64)",
        "AlreadySettled(bytes32)",
        "DeadlinePassed(uint64,uint64)",
        "ERC20InsufficientBalance(address,uint256,uint256)",
        "AccessControlBadConfirmation()",
        "AccessControlUnauthorizedAccount(address,bytes32)",
        "BadAttesterSet(uint256,uint8)",
        "ECDSAInvalidSignature()",
        "ECDSAInvalidSignatureLength(uint256)",
        "ECDSAInvalidSignatureS(bytes32)",
        "InvalidShortString()",
        "ReentrancyGuardReentrantCall()",
        "StringTooLong(string)",
        "UnfitToken(address)",
        "ERC20InsufficientAllowance(address,uint256,uint256)",
        "ERC20InvalidApprover(address)",
        "ERC20InvalidReceiver(address)",
        "ERC20InvalidSender(address)",
        "ERC20InvalidSpender(address)",
        "OnlyRegistry(address)",
        "BadConfig()",
        "BadPrice(uint128)",
        "NotNewer(uint64,uint64)",
        "NotPublisher(address)",
        "PriceFromFuture(uint64,uint64)",
        "SafeERC20FailedOperation(address)",
        "StepTooLarge(address,uint128,uint128,uint32)",
        "UnknownPool(address)",
        "UnknownPriceToken(address)",
        "BadRecipient()",
        "BatchOutOfGas(bytes32,uint256)",
        "OnlySelf(address)",
    )
}


def error_name(revert_data: bytes) -> str:
    """The contract's name of an error; ``OutOfGas`` for empty data, else its selector."""
    if not revert_data:
        return "OutOfGas"
    selector = "0x" + revert_data[:4].hex()
    return _ERRORS.get(selector, selector)


def supply_fallen_short_of(revert_data: bytes) -> int:
    """The ``supplyAfter`` of a ``CustodyShort``; 0 for any other error."""
    if error_name(revert_data) != "CustodyShort":
        return 0
    _reserves, supply_after = decode(["uint64", "uint64"], revert_data[4:])
    return int(supply_after)


def topics_of(logs: Sequence[dict[str, Any]], event: Event, address: str) -> list[dict[str, Any]]:
    """The logs of one event by one contract."""
    return [log for log in logs if log["topics"][0] == event.topic and log["address"].lower() == address]
