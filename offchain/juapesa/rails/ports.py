"""What every operator's adapter offers, in our words.

An adapter is a pure mapping of the operator's codes onto these types plus an HTTP client.
It keeps no state of its own, books nothing and never retries by itself: the saga does.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from juapesa.money import Currency, Money


class Outcome(StrEnum):
    """What an operator says, or fails to say, about an order."""

    PENDING = "pending"  # accepted; the outcome comes by callback or by asking
    SUCCESS = "success"  # the money moved
    FAILED = "failed"  # the operator says that the money did not and will not move
    UNKNOWN = "unknown"  # silence, time-out or a code nobody knows: ask, never order again
    ABSENT = "absent"  # asked about an order that never arrived: safe to send it again, same reference


class Reason(StrEnum):
    """Why an order failed, in words that a menu or a saga can act on."""

    NONE = "none"
    PAYER_FUNDS = "payer-funds"
    PAYER_LIMIT = "payer-limit"
    PAYER_DECLINED = "payer-declined"
    PAYER_UNREACHABLE = "payer-unreachable"
    PAYER_PIN = "payer-pin"
    EXPIRED = "expired"
    BUSY_SUBSCRIBER = "busy-subscriber"
    PAYEE_NOT_FOUND = "payee-not-found"
    PAYEE_LIMIT = "payee-limit"
    PAYEE_NOT_ALLOWED = "payee-not-allowed"
    FLOAT_EMPTY = "float-empty"
    AMOUNT = "amount"
    DUPLICATE = "duplicate"
    RATE_LIMITED = "rate-limited"
    OPERATOR_DOWN = "operator-down"
    CONFIGURATION = "configuration"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class CollectOrder:
    """Ask a person to pay us. ``reference`` is ours, a UUID, the same on every retry."""

    reference: str
    phone: str  # E.164, +254…
    amount: Money
    note: str  # shown to the payer, GSM-7, at most 12 characters
    callback_url: str  # carries an unguessable token for this order


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """Pay a person. ``reference`` is ours, a UUID, the same on every retry."""

    reference: str
    phone: str
    amount: Money
    note: str
    callback_url: str


@dataclass(frozen=True, slots=True)
class RailAnswer:
    """What the operator answered, mapped. ``code`` and ``message`` are its own words.

    ``handle`` is the operator's own id of the order (CheckoutRequestID, ConversationID), to be
    stored and handed back when asking; ``receipt`` its id of the money's movement;
    ``amount`` what it says has moved, when it says so.
    """

    outcome: Outcome
    reason: Reason = Reason.NONE
    code: str = ""
    message: str = ""
    handle: str | None = None
    receipt: str | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class CallbackNews:
    """One callback, parsed. It is a hint: the outcome is confirmed by asking.

    ``handle`` or ``reference`` says which order it speaks of.
    """

    answer: RailAnswer
    reference: str | None = None
    handle: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the rail can do, so that nobody has to find out by failing."""

    currency: Currency
    country: str  # ISO 3166 alpha-2
    amount_step_minor: int  # amounts must be multiples of this (whole shillings on Daraja)
    collect_min: Money
    collect_max: Money
    payout_min: Money
    payout_max: Money
    collect_is_idempotent: bool  # False: after UNKNOWN without a handle the order must never be repeated
    status_by_callback_only: bool = False


class Rail(Protocol):
    """One operator in one country."""

    name: str  # "mpesa-ke"
    label: str  # "M-Pesa", for people

    @property
    def capabilities(self) -> Capabilities: ...

    async def collect(self, order: CollectOrder) -> RailAnswer:
        """Order a collection. Never raises for what the operator does: silence is UNKNOWN."""
        ...

    async def find_collect(self, reference: str, handle: str | None) -> RailAnswer:
        """Ask what became of a collection. ABSENT only when the operator says it never arrived."""
        ...

    async def payout(self, order: PayoutOrder) -> RailAnswer:
        """Order a payout; repeating it with the same reference can never pay twice."""
        ...

    async def find_payout(self, reference: str, handle: str | None, result_url: str) -> RailAnswer:
        """Ask what became of a payout.

        On a rail whose status query answers by callback, PENDING means that the answer
        will arrive at ``result_url``.
        """
        ...

    async def balance(self, result_url: str) -> Money | None:
        """Our float there; None when the answer will arrive at ``result_url``."""
        ...

    def parse_callback(self, kind: str, body: bytes) -> CallbackNews:
        """Read a callback body of ``kind`` (``collect``, ``payout``, ``status``, ``timeout``).

        Raises InvalidInput when the body is not the operator's format.
        """
        ...

    def callback_answer(self, kind: str) -> tuple[int, bytes, str]:
        """Status, body and content type that the operator wants back."""
        ...
