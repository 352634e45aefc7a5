"""The words of a payment: what a person orders, what it costs, what became of it. Pure and frozen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from juapesa.money import Currency, Money


class Kind(StrEnum):
    """What a person can order."""

    SEND = "send"
    RECEIVE = "receive"
    CONVERT = "convert"


class Source(StrEnum):
    """Where the money of a SEND comes from. RECEIVE takes it from the rail, CONVERT from the wallet."""

    RAIL = "rail"
    WALLET = "wallet"


class Status(StrEnum):
    """What a person is told about a payment."""

    PROCESSING = "processing"
    PENDING = "pending"  # an operator is silent; we keep asking
    COMPLETED = "completed"
    FAILED = "failed"  # nothing was taken
    REFUNDING = "refunding"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants. ``amount`` is what leaves them before fees, in the source currency.

    ``to_phone`` only for SEND (E.164); ``to_currency`` only for CONVERT.
    """

    kind: Kind
    amount: Money
    source: Source = Source.RAIL
    to_phone: str | None = None
    to_currency: Currency | None = None


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee of a quote; ``name`` is a key of the message catalogues (``service``, ``operator``)."""

    name: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """A binding offer until ``expires_at``.

    The person pays ``total`` (= amount + fees) and the other side gets exactly ``receives``.
    ``token`` is the key that a confirmation carries: it names this quote and nothing else.
    """

    token: str
    order: Order
    fees: tuple[Fee, ...]
    total: Money
    receives: Money
    rate: str  # "1 KES = 11.2345 NGN", after the pool's spread; "" when nothing is converted
    to_label: str  # "MTN MoMo", "M-Pesa", "" for one's own wallet
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of a person's history."""

    code: str  # the receipt code
    kind: Kind
    status: Status
    paid: Money
    receives: Money
    created_at: datetime
