"""The words of the books. Pure and frozen.

Every balance is signed in its account's normal direction: a customer's wallet (we owe it) and a
float (we own it) both show a positive number.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from juapesa.ledger.errors import NotATransfer
from juapesa.money import Money

AMOUNT_MINOR_MAX = 10**18  # the database's range: no sum that it forms overflows its bigint
LINES_MAX = 100
KEY_CHARACTERS_MAX = 200
CODE_CHARACTERS_MAX = 40


class AccountKind(StrEnum):
    """What an account is for; the owner says whose."""

    WALLET = "wallet"  # owner: a person's id
    FLOAT = "float"  # our money at an operator; owner: the rail's name
    IN_TRANSIT = "in-transit"  # taken from a payer, not yet with the payee
    FEES = "fees"
    POSITION = "position"  # between the two currencies of an exchange
    CAPITAL = "capital"
    REFUND_RESERVE = "refund-reserve"
    SUSPENSE = "suspense"
    CHAIN_HUB = "chain-hub"  # mirror of customers' tokens in the router
    CHAIN_POOL = "chain-pool"  # mirror of our liquidity in the pools
    CHAIN_SUPPLY = "chain-supply"  # mirror of a token's supply


DEBIT_NORMAL = frozenset({AccountKind.FLOAT, AccountKind.CHAIN_HUB, AccountKind.CHAIN_POOL})
FLOORS: dict[AccountKind, int] = {AccountKind.WALLET: 0, AccountKind.FLOAT: 0}  # the others have none


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

    id: int
    key: str
    booked_at: datetime
    transfers: tuple[BookedTransfer, ...]
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount set aside until it is captured, released or expired by the job after ``expires_at``."""

    id: int
    key: str
    expires_at: datetime
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class OpenHold:
    """An amount that is set aside now, and why (``code``)."""

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
    """A leg of a transfer, as its account sees it; ``change`` is signed in the account's normal direction."""

    sequence: int
    change: Money
    after: Money
    code: str
    other_account: int
    transfer_id: int
    posting_key: str
    effective_at: datetime
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class Trial:
    """The verdict on the whole books. ``faults`` name account or posting; empty when ``balanced``.

    ``totals``: per currency code, what debit-normal accounts hold; credit-normal ones hold the same.
    """

    faults: tuple[str, ...]
    totals: dict[str, Money]

    @property
    def balanced(self) -> bool:
        return not self.faults
