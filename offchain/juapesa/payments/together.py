"""Steps of several payments in one unit of work, none of which can sink the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from juapesa.clock import Clock
from juapesa.config import WaitSettings
from juapesa.db import Database, retried
from juapesa.payments import stumbles
from juapesa.payments.execution import Execution
from juapesa.payments.sheet import Sheet
from juapesa.payments.stumbles import EVERYBODYS

Answer = TypeVar("Answer")
Sheets = dict[int, Sheet]  # by payment


@dataclass(frozen=True)
class Together:
    """What a failing step leaves behind: its payment's trouble, kept with its leg."""

    db: Database
    execution: Execution
    clock: Clock
    waits: WaitSettings

    def guarded(
        self,
        sheets: Sheets,
        payment_id: int,
        seq: int,
        step: Callable[[Sheet], Answer],
        *,
        kept: bool = True,
    ) -> Answer | None:
        """Take a step on a sheet; of one that raises nothing is left on it but, if ``kept``, that it did."""
        before = sheets[payment_id].copy()
        try:
            return step(sheets[payment_id])
        except EVERYBODYS:
            raise
        except Exception as raised:  # noqa: BLE001 - it is logged, kept, and shown to a person
            sheets[payment_id] = before
            stumbles.tell(before, seq, raised)
            if kept:
                stumbles.note(before, seq, raised, self.waits, self.clock.now())
            return None

    def alone(
        self, payment_id: int, seq: int, work: Callable[[], Answer], *, kept: bool = True
    ) -> Answer | None:
        """A unit of work about one payment; that one has failed is kept with its leg, unless not ``kept``."""
        try:
            return retried(work)
        except EVERYBODYS:
            raise
        except Exception as raised:  # noqa: BLE001 - it is logged, kept, and shown to a person
            with self.db.unit_of_work() as uow:
                sheet = self.execution.open(uow, payment_id)
                stumbles.tell(sheet, seq, raised)
                if kept:
                    stumbles.note(sheet, seq, raised, self.waits, self.clock.now())
                self.execution.write(uow, [sheet])
            return None
