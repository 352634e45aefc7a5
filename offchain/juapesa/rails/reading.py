"""What an attester may see at an operator: a reader with credentials of its own, and no database.

A reader answers for itself: it believes nothing that another of our processes says, and
nothing that was posted to it at an address it did not make for that very question.
"""

from dataclasses import dataclass
from typing import Protocol

from juapesa.errors import Unavailable
from juapesa.money import Money
from juapesa.rails.ports import Outcome


class OperatorSilent(Unavailable):
    """The operator did not answer a question in time, or not to the point."""

    slug = "operator-silent"


@dataclass(frozen=True, slots=True)
class SeenCollect:
    """A collection as the operator shows it. ``amount`` and ``receipt`` are set when it succeeded."""

    status: Outcome
    amount: Money | None = None
    receipt: str | None = None


class OperatorReader(Protocol):
    """Reads one operator. Every method raises OperatorSilent, NoToken or NoCertificate."""

    rail: str

    async def confirm_collect(self, reference: str, receipt: str | None) -> SeenCollect:
        """The collection ordered under ``reference``, whose receipt we were told is ``receipt``."""
        ...

    async def confirm_payout(self, reference: str) -> Outcome:
        """What became of the payout ordered under ``reference``."""
        ...

    async def float_balance(self) -> Money:
        """Our money there now, over the accounts that count."""
        ...
