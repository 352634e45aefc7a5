"""The words of the books. Pure and frozen.

Every balance is signed in its account's normal direction: a customer's wallet (we owe it) and a
float (we own it) both show a positive number.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from juapesa.ledger.errors import NotATransfer
from juapesa.money import Currency, Money

AMOUNT_MINOR_MAX = 10**18  # the database's range: no sum that it forms overflows its bigint
LINES_MAX = 100
KEY_CHARACTERS_MAX = 200
CODE_CHARACTERS_MAX = 40


class AccountKind(StrEnum):
    """What an account is for; the owner says whose."""

    WALLET = "wallet"  # owner: a person's id
    MERCHANT = "merchant"
    AGENT = "agent"
    GROUP = "group"
    LP = "lp"
    ESCROW = "escrow"
    PROMOTIONAL = "promotional"
    FLOAT = "float"  # our money at an operator; owner: the rail's name
    CUSTODY = "custody"
    IN_TRANSIT = "in-transit"  # taken from a payer, not yet with the payee
    FEES = "fees"
    COMMISSION = "commission"
    POSITION = "position"  # between the two currencies of an exchange
    CAPITAL = "capital"
    REFUND_RESERVE = "refund-reserve"
    SUSPENSE = "suspense"
    CHAIN_HUB = "chain-hub"  # mirror of customers' tokens in the router
    CHAIN_POOL = "chain-pool"  # mirror of our liquidity in the pools
    CHAIN_SUPPLY = "chain-supply"  # mirror of a token's supply


# What we owe to people: the kinds whose balances are customers' money.
LIABILITIES = frozenset(
    {
        AccountKind.WALLET,
        AccountKind.MERCHANT,
        AccountKind.AGENT,
        AccountKind.GROUP,
        AccountKind.LP,
        AccountKind.ESCROW,
    }
)


class AccountName(Struct, frozen=True):
    """An account by what it is for, whose, and in which currency."""

    kind: AccountKind
    owner: str
    currency: Currency


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move ``amount`` from the debit to the credit account (ids); ``code`` says why (``collect``, ``fee``).

    ``effective_at`` is when it happened outside; None: when it is booked. Raises NotATransfer.
    """

    debit: int
    credit: int
    amount: Money
    code: str
    effective_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 < self.amount.minor <= AMOUNT_MINOR_MAX:
            raise NotATransfer("A transfer moves a positive amount.")
        if self.debit == self.credit:
            raise NotATransfer("A transfer needs two accounts.")
        if not 0 < len(self.code) <= CODE_CHARACTERS_MAX:
            raise NotATransfer("A transfer has a short code that says why.")
        if self.effective_at is not None and self.effective_at.tzinfo is None:
            raise NotATransfer("A time needs its zone.")


@dataclass(frozen=True, slots=True)
class BookedTransfer:
    """A transfer in the books, with both balances after it."""

    id: int
    debit: int
    credit: int
    amount: Money
    code: str
    debit_after: Money
    credit_after: Money


@dataclass(frozen=True, slots=True)
class Posting:
    """What was booked under one key. A repetition gets an equal one, with ``repeated`` set."""

    key: str
    transfers: tuple[BookedTransfer, ...]
    repeated: bool = field(default=False, compare=False)

    @property
    def id(self) -> int:
        """The id of its first row."""
        return self.transfers[0].id


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount set aside until it is captured, released, or expired by the job after ``expires_at``."""

    id: int
    key: str
    expires_at: datetime
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class OpenHold:
    """What is still set aside of a hold, and why (``code``)."""

    id: int
    amount: Money
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """``available`` = ``posted`` − ``held``; ``incoming`` is what open holds would bring."""

    posted: Money
    held: Money
    incoming: Money

    @property
    def available(self) -> Money:
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as one of its accounts sees it; ``change`` is signed in the account's normal direction.

    ``id`` is the row's and grows along the account. ``booked_at`` is exact to the millisecond.
    """

    id: int
    change: Money
    after: Money
    code: str
    other_account: int
    effective_at: datetime
    booked_at: datetime
