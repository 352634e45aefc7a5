"""An order at an operator, and what is planned for it."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from juapesa.money import Currency, Money
from juapesa.sandbox.faults import Fault

PENDING = "pending"
SUCCESS = "success"
FAILED = "failed"

SILENT_SECONDS = 8.0
LATE_SECONDS = 20.0
REORDER_SECONDS = 10.0
DUPLICATE_SECONDS = 1.0

# Operators write amounts with at most two decimals; tokens never appear here.
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,2})?", re.ASCII)


@dataclass
class Plan:
    """How the order will go. ``callbacks`` holds the waits, in seconds, before each callback."""

    callbacks: list[float] = field(default_factory=lambda: [0.0])
    hidden_seconds: float = 0.0  # asked sooner than this after acceptance, the operator says "pending"
    settle_seconds: float | None = None  # instead of the drawn delay
    fail_code: str = ""
    forged: bool = False  # a stranger posts a false success at once
    reorder_seconds: float = 0.0  # hold the callback until a later one has passed
    queue_timeout: bool = False  # the result goes nowhere; the time-out address hears of it


def plan(fault: Fault | None, reject_code: str) -> Plan:
    """The plan that a fault makes; ``reject_code`` is the operator's usual word for a refusal."""
    made = Plan()
    if fault is None:
        return made
    match fault.fault:
        case "reject":
            made.fail_code = fault.code or reject_code
        case "forge":
            made.fail_code, made.forged = fault.code or reject_code, True
        case "silent":
            made.callbacks, made.hidden_seconds = [], fault.wait(SILENT_SECONDS)
        case "lost":
            made.callbacks = []
        case "late":
            made.settle_seconds = fault.wait(LATE_SECONDS)
        case "duplicate":
            made.callbacks = [0.0, fault.wait(DUPLICATE_SECONDS)]
        case "reorder":
            made.reorder_seconds = fault.wait(REORDER_SECONDS)
        case "queue-timeout":
            made.queue_timeout = True
    return made


@dataclass
class Order:
    """``id`` is the operator's handle, ``reference`` the client's own; times are Unix seconds."""

    id: str
    kind: str  # collect, payout, refund
    reference: str
    phone: str  # digits with the country code
    minor: int
    currency: str
    exponent: int
    callback_url: str | None
    accepted_at: float
    settle_at: float
    plan: Plan
    wire: dict[str, Any]  # what the operator echoes back
    status: str = PENDING
    code: str = ""  # the operator's code of a failure
    receipt: str = ""
    settled_at: float | None = None
    times_moved: int = 0

    @property
    def amount(self) -> Money:
        """The amount asked for."""
        return Money(self.minor, Currency(self.currency, self.exponent))

    def seen_at(self, now: float) -> str:
        """The status that the operator tells somebody who asks now."""
        return PENDING if now < self.accepted_at + self.plan.hidden_seconds else self.status

    def to_document(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """From the store."""
        return cls(**{**document, "plan": Plan(**document["plan"])})

    def summary(self) -> dict[str, Any]:
        """For tests and the demo: what became of it and how many times money moved."""
        return {
            "id": self.id,
            "kind": self.kind,
            "reference": self.reference,
            "phone": self.phone,
            "amount": self.amount.plain(),
            "currency": self.currency,
            "status": self.status,
            "code": self.code,
            "receipt": self.receipt,
            "times_moved": self.times_moved,
            "accepted_at": self.accepted_at,
            "settled_at": self.settled_at,
        }


def parse_amount(text: str, currency: Currency) -> Money | None:
    """A positive amount in the operator's spelling; None when it is none."""
    if not _AMOUNT.fullmatch(text):
        return None
    whole, _, decimals = text.partition(".")
    kept, rest = decimals[: currency.exponent], decimals[currency.exponent :]
    if rest.strip("0"):
        return None
    minor = int(whole) * currency.scale + int(kept.ljust(currency.exponent, "0") or 0)
    return Money(minor, currency) if minor > 0 else None
