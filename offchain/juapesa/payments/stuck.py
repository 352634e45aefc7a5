"""Payments that a person should look at, and what that person may safely decide.

A leg is stuck when a rule has called a person about it, when its step was parked because it kept raising, or
when it has been under way longer than we are patient. What may be decided never skips the saga: a leg is
asked about at once, or it gets the fact that ends it, and everything else follows as it always does.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from juapesa.clock import Clock
from juapesa.db import UnitOfWork
from juapesa.errors import InvalidInput
from juapesa.payments import commands, stuck_store
from juapesa.payments.codes import read_code
from juapesa.payments.decisions import TWO_PEOPLE, Decider, Decision, choices, stated
from juapesa.payments.domain import Kind, Status
from juapesa.payments.errors import UnknownPayment
from juapesa.payments.leg_steps import patience
from juapesa.payments.operator_errors import NotSafe, NotStuck, TokenNeeded
from juapesa.payments.rail_work import RailWork
from juapesa.payments.saga import (
    ANOTHER_AMOUNT,
    ENDED,
    GaveUp,
    LegKind,
    LegState,
    TriedAgain,
    is_given_up_by_the_chain,
)
from juapesa.payments.sheet import Sheet
from juapesa.payments.stuck_store import Release
from juapesa.payments.stumbles import parked_because
from juapesa.rails.ports import Reason

BECAUSE_CHARACTERS_MAX = 300
BY_CHARACTERS_MAX = 80
SECOND_WORD_WITHIN = timedelta(days=1)
_NUMBER = re.compile(r"(?:\d[ .-]?){7,}")  # as long as a phone number


@dataclass(frozen=True, slots=True)
class StuckLeg:
    """A leg that a person should look at. Holds no phone number and no name."""

    code: str
    payment: Kind
    status: Status
    seq: int
    kind: LegKind
    state: LegState
    since: datetime
    attempts: int
    reason: str
    last_word: str  # of the operator's, or of what was raised
    next_at: datetime | None  # when it is tried again by itself; None: never
    choices: tuple[Decision, ...]


@dataclass(frozen=True)
class StuckDesk:
    """Shows stuck payments and releases them."""

    work: RailWork
    clock: Clock

    def stuck(self, uow: UnitOfWork) -> list[StuckLeg]:
        """What is stuck now, oldest first, 500 at most."""
        return [_shown(row) for row in stuck_store.legs(uow, self._before())]

    def release(
        self, uow: UnitOfWork, code: str, seq: int, decision: Decision, *, by: Decider, because: str
    ) -> Release:
        """Decide about a leg; on record with who and why. The same decision again changes nothing.

        What an operator has stated takes effect (``acted``) when a second person says the same within a day;
        both have proven who they are. Raises UnknownPayment, TokenNeeded, NotStuck, NotSafe, InvalidInput.
        """
        read = read_code(code)
        payment_id = stuck_store.payment_of(uow, read) if read else None
        if payment_id is None:
            raise UnknownPayment("No payment has this code. Check it and try again.")
        if decision in TWO_PEOPLE and not by.proven:
            raise TokenNeeded("This takes two people: show the token of an operator's client of your own.")
        why, now = _said(because), self.clock.now()
        who, where = _said(by.name, BY_CHARACTERS_MAX), _said(by.machine_user, BY_CHARACTERS_MAX)
        sheet = self.work.execution.open(uow, payment_id)  # decisions about one payment come one by one
        row = stuck_store.leg(uow, payment_id, seq, self._before())
        last = stuck_store.last_release(uow, payment_id, seq)
        acted = _is_enough(last, decision, who, now)
        asked = Release(seq, decision, who, why, now, acted, by.proven, where)
        if row is None or (last is not None and not last.acted and _is_same(last, asked)):
            return _repeated(last, asked)
        safe = _shown(row).choices
        if decision not in safe:
            raise NotSafe(f"This {row['kind']} is {row['state']}. What may be decided: {', '.join(safe)}.")
        stuck_store.insert_release(uow, payment_id, asked)
        sheet.add_event(now, "released" if asked.acted else "release wanted", decision, seq)
        if asked.acted:
            self._answer_call(sheet, row, decision)
            self._act(sheet, seq, decision, now)
        self.work.execution.write(uow, [sheet])
        return asked

    def _answer_call(self, sheet: Sheet, row: dict[str, Any], decision: Decision) -> None:
        """The call, if there is one, ends; one that no rule would repeat stays until its leg has ended.

        Money that an operator says it has moved stays called out beyond that, until somebody notes what
        became of it.
        """
        if row["called_for"] is None:
            return
        if decision is Decision.GIVE_UP and row["called_for"] == ANOTHER_AMOUNT:
            sheet.call_operator(ANOTHER_AMOUNT)
            return
        stays = row["call_ends_with"] is None and LegState(row["state"]) not in ENDED
        if decision is Decision.TRY_AGAIN and stays:
            sheet.call_operator(row["called_for"], until_end_of=row["seq"])
        else:
            sheet.call_operator(None)

    def _act(self, sheet: Sheet, seq: int, decision: Decision, now: datetime) -> None:
        leg, saga = sheet.leg(seq), sheet.saga
        match decision:
            case Decision.TRY_AGAIN if is_given_up_by_the_chain(saga, saga.leg(seq)):
                commands.record(sheet, seq, TriedAgain(), now)
            case Decision.TRY_AGAIN:
                sheet.set_leg(seq, next_at=now, stumbles=0, stumbled_on=None)
                sheet.wakes = True
            case Decision.GIVE_UP if leg.kind is LegKind.COLLECT:
                self.work.steps.give_up_collecting(sheet, leg, "released by a person", now)
            case Decision.GIVE_UP:
                reason = Reason.FLOAT_EMPTY if leg.hold_id is None else Reason.OPERATOR_DOWN
                commands.record(sheet, seq, GaveUp(reason), now)
            case Decision.PAID | Decision.NOT_PAID:
                commands.record(sheet, seq, stated(decision), now)
            case Decision.NOTED:
                sheet.set_leg(seq, stumbles=0, stumbled_on=None)

    def _before(self) -> datetime:
        return self.clock.now() - patience(self.work.waits)


def _shown(row: dict[str, Any]) -> StuckLeg:
    kind, state = LegKind(row["kind"]), LegState(row["state"])
    undoing = kind in {LegKind.UNWIND, LegKind.RESTORE}
    failed = state is LegState.FAILED
    return StuckLeg(
        code=row["code"],
        payment=Kind(row["payment_kind"]),
        status=Status(row["status"]),
        seq=row["seq"],
        kind=kind,
        state=state,
        since=row["since"],
        attempts=row["attempts"],
        reason=_reason(row),
        last_word=row["stumbled_on"] or row["last_word"],
        next_at=row["next_at"],
        choices=choices(
            kind,
            state,
            was_taken=row["was_taken"],
            given_up=undoing and failed and row["is_last"],
            still_asked=failed and row["next_at"] is not None and row["called_for"] is None,
        ),
    )


def _reason(row: dict[str, Any]) -> str:
    if row["stumbles"] and row["next_at"] is None:
        return parked_because(LegKind(row["kind"]), row["stumbles"], row["stumbled_on"])
    if row["called_for"]:
        return str(row["called_for"])
    if row["given_up_at"] is not None:
        return "given up on after a standstill; the operator is still asked whether it was paid after all"
    return f"{row['state']} for longer than we are patient"


def _is_enough(last: Release | None, decision: Decision, who: str, now: datetime) -> bool:
    """Whether this decision takes effect now: some do when another person has just said the same."""
    if decision not in TWO_PEOPLE:
        return True
    if last is None or last.acted or not last.proven:
        return False
    return last.decision == decision and last.by != who and now - last.at <= SECOND_WORD_WITHIN


def _is_same(last: Release, asked: Release) -> bool:
    """The same person says the same again."""
    told = [(each.decision, each.by, each.proven, each.because) for each in (last, asked)]
    return told[0] == told[1]


def _repeated(last: Release | None, asked: Release) -> Release:
    """The first answer to the same decision. Raises NotStuck."""
    if last is not None and _is_same(last, asked):
        return last
    raise NotStuck("This leg is not stuck: it has ended, or is still within its time.")


def _said(text: str, most: int = BECAUSE_CHARACTERS_MAX) -> str:
    """Words of a person for the record. Raises InvalidInput."""
    words = " ".join(text.split())
    if not 0 < len(words) <= most:
        raise InvalidInput(f"Who and why are 1 to {most} characters.")
    if _NUMBER.search(words):
        raise InvalidInput("Leave phone numbers out: this goes on record for good.")
    return words
