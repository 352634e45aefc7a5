"""What an operator is asked about a leg, what it said, and which of that still counts when it is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from juapesa.ledger import AccountName
from juapesa.money import Money
from juapesa.payments.saga import LegKind, Saga
from juapesa.payments.sheet import Frame, LegRow, Sheet
from juapesa.rails.ports import Outcome, RailAnswer

_DENIALS = frozenset({Outcome.ABSENT, Outcome.FAILED})


class Question(Enum):
    """Why an operator is asked."""

    ORDER = auto()  # it is told to do it
    POLL = auto()  # our own question what became of it
    NEWS = auto()  # the same question, because a callback spoke of it


@dataclass(frozen=True, slots=True)
class Ask:
    """One question about one leg, as the leg was when the question was decided on."""

    question: Question
    frame: Frame
    terms: Saga
    leg: LegRow
    phone: str | None = field(default=None, repr=False)  # the payer's, where it is needed
    hint: RailAnswer | None = None  # what the callback said

    @property
    def rail(self) -> str:
        """The operator that is asked."""
        name = self.frame.to_rail if self.leg.kind is LegKind.PAYOUT else self.frame.from_rail
        assert name is not None
        return name


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a question: an answer, or what was raised instead."""

    ask: Ask
    answer: RailAnswer | None = None
    raised: Exception | None = None

    def counts(self, sheet: Sheet) -> bool:
        """Whether it may still be recorded, though somebody else may have claimed the leg since.

        That one asks for itself, and may have ordered again: a denial is perhaps older than the order, and
        silence says nothing new. A success stays true.
        """
        if self.answer is not None and self.answer.outcome is Outcome.SUCCESS:
            return True
        now, then = sheet.leg(self.ask.leg.seq), self.ask.leg
        if self.ask.question is Question.NEWS:  # caused by a callback, it holds no lease
            denies = self.answer is None or self.answer.outcome in _DENIALS
            return now.leases == then.leases or not denies
        return now.leases == then.leases and now.lease_until is not None


@dataclass
class Floats:
    """What was there to be reserved when a batch began, less what the batch has reserved itself."""

    available: Mapping[AccountName, Money]
    _reserved: dict[AccountName, Money] = field(default_factory=dict)

    def reserve(self, account: AccountName, amount: Money) -> bool:
        """False when there is too little."""
        taken = self._reserved.get(account, Money.zero(amount.currency)) + amount
        if self.available.get(account, Money.zero(amount.currency)) < taken:
            return False
        self._reserved[account] = taken
        return True
