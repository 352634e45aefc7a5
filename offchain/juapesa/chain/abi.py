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
PRICE = "(address,uint128,uint64,bytes)"
GROUP = f"(address[],{MINT}[],bytes)"


@dataclass(frozen=True, slots=True)
class Function:
    """A contract's function: ``Function("settled", ("uint64",), ("bool",))``."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(self.inputs)})"

    @property
    def call_id(self) -> bytes:
        """The four bytes that call data begins with."""
        return keccak256(self.signature.encode())[:4]

    def call(self, *values: Any) -> bytes:
        """Call data."""
        return self.call_id + encode(self.inputs, values)

    def arguments(self, data: bytes) -> tuple[Any, ...] | None:
        """What call data says; None when it calls something else."""
        if data[:4] != self.call_id:
            return None
        return tuple(decode(self.inputs, data[4:]))

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


SETTLE = Function("settle", (f"{PRICE}[]", f"{GROUP}[]"))
SETTLED = Function("settled", ("uint64",), ("bool",))
PROVIDE = Function("provide", ("address", "uint64", "uint64", "uint80"), ("uint80",))
TOTAL_SUPPLY = Function("totalSupply", (), ("uint256",))
BALANCE_OF = Function("balanceOf", ("address",), ("uint256",))
CLAIM_OF = Function("balanceOf", ("address", "address"), ("uint64",))
ATTESTERS = Function("attesters", (), ("address[]", "uint8"))
NUMBER_USED = Function("numberUsed", ("uint64",), ("bool",))

GROUP_SETTLED = _event("Settled", "uint256 indexed", "bytes")
GROUP_FAILED = _event("GroupFailed", "uint256 indexed", "bytes")
PRICES_REFUSED = _event("PricesRefused", "bytes")
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
TRADED = _event("Traded", "address indexed", "uint256", "uint256")
TRADED_MANY = _event("TradedMany", "address indexed", "address[]", "bytes")
POOL_CHANGED = _event("PoolChanged", "address indexed", "uint256")
CLAIM_CHANGED = _event("ClaimChanged", "address indexed", "address indexed", "int64", "uint64")
LIQUIDITY_CHANGED = _event("LiquidityChanged", "address indexed", "address indexed", "uint256", "uint256")
FEES_CLAIMED = _event("FeesClaimed", "address indexed", "address indexed", "uint8", "uint64")

_ERRORS = {
    "0x" + keccak256(signature.encode())[:4].hex(): signature.split("(")[0]
    for signature in (
        "AccessManagedInvalidAuthority(address)",
        "AccessManagedRequiredDelay(address,uint32)",
        "AccessManagedUnauthorized(address)",
        "AccessManagerAlreadyScheduled(bytes32)",
        "AccessManagerBadConfirmation()",
        "AccessManagerExpired(bytes32)",
        "AccessManagerInvalidInitialAdmin(address)",
        "AccessManagerLockedRole(uint64)",
        "AccessManagerNotReady(bytes32)",
        "AccessManagerNotScheduled(bytes32)",
        "AccessManagerUnauthorizedAccount(address,uint64)",
        "AccessManagerUnauthorizedCall(address,address,bytes4)",
        "AccessManagerUnauthorizedCancel(address,address,address,bytes4)",
        "AccessManagerUnauthorizedConsume(address)",
        "AddressEmptyCode(address)",
        "BadAmount(uint256)",
        "BadAttesterSet(uint256,uint8)",
        "BadConfig()",
        "BadEntries()",
        "BadPath(address[])",
        "BadPeg(address,address)",
        "BadPrice(uint256)",
        "BadPriceConfig(uint24,uint8)",
        "BadSettings()",
        "BatchOutOfGas(uint256,uint256,uint256)",
        "ClaimShort(address,address,uint256,uint256)",
        "CustodyShort(uint64,uint64)",
        "DirectionPaused(address,bool)",
        "DoubtfulPrice(address,uint256,uint256)",
        "ECDSAInvalidSignature()",
        "ECDSAInvalidSignatureLength(uint256)",
        "ECDSAInvalidSignatureS(bytes32)",
        "ERC20InsufficientAllowance(address,uint256,uint256)",
        "ERC20InsufficientBalance(address,uint256,uint256)",
        "ERC20InvalidApprover(address)",
        "ERC20InvalidReceiver(address)",
        "ERC20InvalidSender(address)",
        "ERC20InvalidSpender(address)",
        "Expired(uint64,uint64)",
        "FailedCall()",
        "InsufficientBalance(uint256,uint256)",
        "InvalidShortString()",
        "LimitReached(address,bool,uint256,uint256)",
        "MalformedGroup(string)",
        "MaxInExceeded(uint256,uint256)",
        "MinOutNotMet(uint256,uint256)",
        "MintLimit(uint64,uint64)",
        "NotAllowed(address,address)",
        "NotAttester(address)",
        "NotIssuer(address)",
        "NotNewer(uint64,uint64)",
        "NotPublisher(address)",
        "NotRelayer(address)",
        "NotRouter(address)",
        "NumberUsed(uint64)",
        "OnlyRegistry(address)",
        "OnlyWithinSettlement(address)",
        "Paused()",
        "PayoutShort(uint256,uint256)",
        "PegClosed(address,address)",
        "PegReserveShort(uint64,uint64)",
        "PegShort(address,address,uint256)",
        "PositionShort(uint256,uint256)",
        "PriceFromFuture(uint64,uint64)",
        "PriceTooOld(uint64,uint64)",
        "PublishersNotAscending(address,address,address)",
        "Reentered()",
        "ReentrancyGuardReentrantCall()",
        "ReportUsed(bytes32)",
        "ReserveShort(address,uint256,uint256)",
        "SafeCastOverflowedUintDowncast(uint8,uint256)",
        "SafeERC20FailedOperation(address)",
        "SharesShort(uint256,uint256)",
        "SignersNotAscending(address,address)",
        "SourcesOutOfRange(address,uint256,uint256)",
        "StalePrice(address,uint64,uint64,uint64)",
        "StatementExpired(uint64,uint64)",
        "StatementFromFuture(uint64,uint64)",
        "StatementStale(uint64,uint64,uint64)",
        "StringTooLong(string)",
        "SwapExpired(uint64,uint64)",
        "TokenTwice(address)",
        "TooManyTokens()",
        "TokenRefused(address,uint256)",
        "TransferFailed(address)",
        "UnfitToken(address)",
        "UnknownCheckpoint(uint64)",
        "UnknownPair(address,address)",
        "UnknownPriceToken(address)",
        "UnknownTerm(uint8)",
        "UnknownToken(address)",
        "WrongSignatureCount(uint256,uint256)",
        "WrongTotal(uint64,uint256)",
    )
}


def error_name(revert_data: bytes) -> str:
    """The contract's name of an error; ``OutOfGas`` for empty data, else its selector."""
    if not revert_data:
        return "OutOfGas"
    selector = "0x" + revert_data[:4].hex()
    return _ERRORS.get(selector, selector)


def custody_short(revert_data: bytes) -> tuple[int, int] | None:
    """The reserves claimed and the supply that they fell short of, of a ``CustodyShort``."""
    if error_name(revert_data) != "CustodyShort":
        return None
    reserves, supply_after = decode(["uint64", "uint64"], revert_data[4:])
    return int(reserves), int(supply_after)


def topics_of(logs: Sequence[dict[str, Any]], event: Event, address: str) -> list[dict[str, Any]]:
    """The logs of one event by one contract."""
    return [log for log in logs if log["topics"][0] == event.topic and log["address"].lower() == address]
