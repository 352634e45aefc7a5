"""The steps of a leg, on its payment's sheet: intend, follow the chain, take in an answer, lose patience.

A leg is claimed under a lease. A worker that dies between intending and recording leaves an ASKING leg
behind; whoever takes it over asks what became of the reference and never orders under a new one. Silence is
asked about in the same way. No database and no waiting here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from juapesa.config import WaitSettings
from juapesa.payments import bookings, commands
from juapesa.payments.asking import Floats, Question, Said
from juapesa.payments.domain import Status
from juapesa.payments.ports import ChainOutcome, ChainState
from juapesa.payments.saga import (
    ENDED,
    Answered,
    CallOperator,
    Command,
    Fact,
    GaveUp,
    ItemFailed,
    ItemSettled,
    LegKind,
    LegState,
    Message,
    SetStatus,
    Tell,
)
from juapesa.payments.sheet import LegRow, Reservation, Sheet
from juapesa.payments.stumbles import backoff
from juapesa.rails.ports import Outcome, RailAnswer, Reason

LATE_SUCCESS_MAX = timedelta(days=2)  # as far as operators' statements reach back
LATE_PACE_MAX = timedelta(days=1)
POLL_PACE_MAX = timedelta(hours=2)  # also after weeks in which nobody asked: an answer may be lost again
CHAIN_LEG_PATIENCE = timedelta(seconds=5)  # what has ended is taken up before that

_UNDECIDED = frozenset({Outcome.PENDING, Outcome.UNKNOWN, Outcome.ABSENT})
_NOT_ASKED = frozenset({LegState.WAITING, LegState.DUE})
# The operator refused to take the order at all; the same order may be put again later.
_TRY_AGAIN = frozenset({Reason.RATE_LIMITED, Reason.OPERATOR_DOWN})


@dataclass(frozen=True)
class LegSteps:
    """What happens to one leg. Every method changes the sheet and nothing else."""

    waits: WaitSettings

    def lease(self, sheet: Sheet, seq: int, now: datetime, worker: int | None) -> None:
        """The worker has this leg now, until it says otherwise, or dies, or the lease runs out."""
        until = now + timedelta(seconds=self.waits.lease_seconds)
        sheet.set_leg(seq, lease_until=until, lease_by=worker, leases=sheet.leg(seq).leases + 1)

    def intend(self, sheet: Sheet, seq: int, floats: Floats, now: datetime) -> bool:
        """Write the intent to order a due leg; False when it has to wait for float."""
        leg = sheet.leg(seq)
        if not self._reserve(sheet, leg, floats):
            self._wait_for_float(sheet, leg, now)
            return False
        sheet.set_leg(seq, state=LegState.ASKING, asked_at=leg.asked_at or now, attempts=leg.attempts + 1)
        return True

    def follow_chain(self, sheet: Sheet, seq: int, outcome: ChainOutcome, now: datetime) -> None:
        """Take in what became of a chain leg's order."""
        facts: dict[ChainState, Callable[[], Fact]] = {
            ChainState.SETTLED: ItemSettled,
            ChainState.FAILED: lambda: ItemFailed(outcome.reason),
        }
        sheet.set_leg(seq, next_at=now + CHAIN_LEG_PATIENCE, lease_until=None)
        if outcome.state is ChainState.FAILED:
            sheet.add_event(now, "chain refused", outcome.reason[:200], seq)
        if outcome.state in facts:
            commands.record(sheet, seq, facts[outcome.state](), now)
        self._forget_stumbles(sheet, seq)

    def record(self, sheet: Sheet, said: Said, now: datetime) -> None:
        """Take in what an operator answered."""
        assert said.answer is not None
        leg, answer = sheet.leg(said.ask.leg.seq), said.answer
        if not said.counts(sheet):
            # The handle of an order is the operator's own name for it, however late we hear of it.
            if said.ask.question is Question.ORDER and leg.handle is None and answer.handle is not None:
                sheet.set_leg(leg.seq, handle=answer.handle)
            return
        match said.ask.question:
            case Question.ORDER:
                self._record_order(sheet, leg, answer, now)
            case Question.POLL:
                self._record_found(sheet, leg, answer, now)
            case Question.NEWS:
                self.record_news(sheet, leg, answer, now)
                return
        self._forget_stumbles(sheet, leg.seq)

    def record_news(self, sheet: Sheet, leg: LegRow, answer: RailAnswer, now: datetime) -> None:
        """The answer to a question that a callback caused, or the callback itself. No lease ends."""
        if leg.state in _NOT_ASKED and answer.outcome in _UNDECIDED:
            return  # it will be ordered, whatever a callback out of turn made us ask
        self._take(sheet, leg, answer, now, ask_again=self._wait_after_order(leg))

    def give_up_collecting(self, sheet: Sheet, leg: LegRow, code: str, now: datetime) -> None:
        """End a collection that nobody speaks of; its success may yet come to light (RAIL-3).

        ``code`` is the operator's last word.
        """
        sheet.add_event(now, "gave up asking", code[:60], leg.seq)
        commands.record(sheet, leg.seq, GaveUp(Reason.EXPIRED), now)
        sheet.set_leg(leg.seq, given_up_at=now)
        if leg.asked_at is not None:
            self._ask_ever_more_rarely(sheet, sheet.leg(leg.seq), leg.asked_at, now)

    # --- intending -------------------------------------------------------------------------

    def _reserve(self, sheet: Sheet, leg: LegRow, floats: Floats) -> bool:
        """Reserve the float that a payout will use; False when there is too little of it now."""
        if leg.kind is LegKind.COLLECT or leg.hold_id is not None:
            return True
        entry_of = bookings.payout_hold if leg.kind is LegKind.PAYOUT else bookings.refund_hold
        entry = entry_of(sheet.terms, sheet.frame.parties)
        if not floats.reserve(entry.credit, entry.amount):
            return False
        sheet.bookings.append(Reservation(bookings.hold_key(sheet.payment_id, leg.seq), leg.seq, entry))
        return True

    def _wait_for_float(self, sheet: Sheet, leg: LegRow, now: datetime) -> None:
        since = leg.asked_at or now
        too_long = (now - since).total_seconds() >= self.waits.payout_float_seconds
        if too_long and leg.kind is LegKind.PAYOUT:
            commands.record(sheet, leg.seq, GaveUp(Reason.FLOAT_EMPTY), now)
            return
        if too_long:
            self._call_operator(sheet, leg, "there has been no float for this refund for long", now)
        sheet.add_event(now, "waits for float", seq=leg.seq)
        sheet.set_leg(
            leg.seq,
            asked_at=since,
            attempts=leg.attempts + 1,
            next_at=now + backoff(self.waits, leg.attempts + 1),
            lease_until=None,
        )

    # --- recording -------------------------------------------------------------------------

    def _record_order(self, sheet: Sheet, leg: LegRow, answer: RailAnswer, now: datetime) -> None:
        """The answer to an order. Its handle is the true one, whatever callbacks said."""
        sheet.set_leg(leg.seq, lease_until=None)
        if answer.handle is not None:
            sheet.set_leg(leg.seq, handle=answer.handle)
        self._take(sheet, sheet.leg(leg.seq), answer, now, ask_again=self._wait_after_order(leg))

    def _record_found(self, sheet: Sheet, leg: LegRow, answer: RailAnswer, now: datetime) -> None:
        """The answer to our own question: silence may now be too long."""
        sheet.set_leg(leg.seq, lease_until=None)
        if leg.state in ENDED:
            self._take_late(sheet, leg, answer, now)
            return
        undecided = answer.outcome in _UNDECIDED
        given_up = undecided and self._patience_is_over(leg, now)
        if given_up and leg.kind is LegKind.COLLECT:
            self.give_up_collecting(sheet, leg, answer.code, now)
            return
        if given_up:
            why = f"the outcome of this {leg.kind} has been unknown for long"
            self._call_operator(sheet, leg, why, now)
        if undecided and answer.outcome is not Outcome.ABSENT and sheet.status is Status.PROCESSING:
            shown: list[Command] = [SetStatus(Status.PENDING), Tell(Message.PENDING)]
            commands.run(sheet, leg.seq, shown, now)
        self._take(sheet, leg, answer, now, ask_again=self._poll(leg, now))

    def _take_late(self, sheet: Sheet, leg: LegRow, answer: RailAnswer, now: datetime) -> None:
        """An answer about a leg that has ended: a success of a collection given up on is paid back."""
        sheet.set_leg(leg.seq, next_at=None)
        self._take(sheet, leg, answer, now, ask_again=self._poll(leg, now))
        given_up = leg.kind is LegKind.COLLECT and leg.state is LegState.FAILED
        if given_up and answer.outcome in _UNDECIDED:
            assert leg.asked_at is not None, "it has been asked about"
            self._ask_ever_more_rarely(sheet, leg, leg.asked_at, now)

    def _ask_ever_more_rarely(self, sheet: Sheet, leg: LegRow, asked_at: datetime, now: datetime) -> None:
        """Ask again after as long as it has taken so far, a day at most; never two days after giving up.

        Days in which nobody could look do not count, be it between order and giving up, or when a question
        was due for a day and longer: it is given up on anew.
        """
        stood_still = leg.next_at is not None and now - leg.next_at >= LATE_PACE_MAX
        given_up_at = now if stood_still else leg.given_up_at
        if now - (given_up_at or asked_at) < LATE_SUCCESS_MAX:
            later = now + min(now - asked_at, LATE_PACE_MAX)
            sheet.set_leg(leg.seq, next_at=later, lease_until=None, given_up_at=given_up_at)

    def _call_operator(self, sheet: Sheet, leg: LegRow, why: str, now: datetime) -> None:
        """Call a person, unless one is called already: the first reason is the one to look at."""
        if sheet.needs_operator is None:
            commands.run(sheet, leg.seq, [CallOperator(why, leg.seq)], now)

    def _take(
        self, sheet: Sheet, leg: LegRow, answer: RailAnswer, now: datetime, *, ask_again: timedelta
    ) -> None:
        sheet.set_leg(
            leg.seq,
            code=answer.code[:60],
            handle=leg.handle if leg.handle is not None else answer.handle,
            receipt=leg.receipt if answer.receipt is None else answer.receipt,
        )
        if self._is_worth_another_try(leg, answer, now):
            sheet.add_event(now, f"{leg.kind} put off", answer.code[:60], leg.seq)
            if self._patience_is_over(leg, now):
                why = f"the operator has been putting off this {leg.kind} for long"
                self._call_operator(sheet, leg, why, now)
            later = now + backoff(self.waits, leg.attempts)
            sheet.set_leg(leg.seq, state=LegState.DUE, next_at=later)
            return
        if answer.outcome is Outcome.FAILED:
            said = f"{answer.reason} {answer.code[:60]}"
            sheet.add_event(now, f"{leg.kind} refused", said, leg.seq)
        commands.record(sheet, leg.seq, Answered(answer), now)
        after = sheet.leg(leg.seq)
        if after.state in {LegState.PENDING, LegState.UNKNOWN}:
            sheet.set_leg(leg.seq, next_at=now + ask_again)
        if after.state is LegState.DUE:
            sheet.set_leg(leg.seq, next_at=now + self._wait_before_ordering_again(leg))

    def _forget_stumbles(self, sheet: Sheet, seq: int) -> None:
        """A step went well. Hearing that an order never arrived is not yet a way past what raised."""
        leg = sheet.leg(seq)
        if leg.stumbles and leg.state not in {LegState.DUE, LegState.ASKING}:
            sheet.set_leg(seq, stumbles=0, stumbled_on=None)

    # --- patience --------------------------------------------------------------------------

    def _is_worth_another_try(self, leg: LegRow, answer: RailAnswer, now: datetime) -> bool:
        refused = answer.outcome is Outcome.FAILED and answer.reason in _TRY_AGAIN
        return (
            refused
            and leg.state is LegState.ASKING
            and not (leg.kind is LegKind.COLLECT and self._patience_is_over(leg, now))
        )

    def _patience_is_over(self, leg: LegRow, now: datetime) -> bool:
        return leg.asked_at is not None and now >= leg.asked_at + patience(self.waits)

    def _wait_after_order(self, leg: LegRow) -> timedelta:
        collecting = leg.kind is LegKind.COLLECT
        return timedelta(
            seconds=self.waits.collect_callback_seconds if collecting else self.waits.payout_callback_seconds
        )

    def _wait_before_ordering_again(self, leg: LegRow) -> timedelta:
        """Who ordered an ASKING leg died before it heard an answer: that order may still be on its way."""
        on_its_way = self.waits.lease_seconds if leg.state is LegState.ASKING else 0.0
        return max(backoff(self.waits, leg.attempts), timedelta(seconds=on_its_way))

    def _poll(self, leg: LegRow, now: datetime) -> timedelta:
        """When to ask again: at a steady pace, later an eighth of the time so far, two hours at most."""
        assert leg.asked_at is not None, "it has been asked about"
        collecting = leg.kind is LegKind.COLLECT
        pace = timedelta(
            seconds=self.waits.collect_poll_seconds if collecting else self.waits.payout_poll_seconds
        )
        return max(pace, min((now - leg.asked_at) / 8, POLL_PACE_MAX))


def patience(waits: WaitSettings) -> timedelta:
    """How long a leg may be under way before somebody has to look, or to give up."""
    return timedelta(seconds=waits.collect_give_up_seconds)
