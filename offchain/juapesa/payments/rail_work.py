"""Rail legs at work: intend, ask, record. Three commits a leg, and the world between them.

1. *Intend*: under a lease the leg becomes ASKING and, for a payout, the float is reserved.
2. *Ask*: the operator hears the order, with our reference.
3. *Record*: its answer is a fact for the saga.

A worker that dies between 1 and 3 leaves an ASKING leg behind; whoever takes it over asks what
became of the reference and never orders under a new one. Silence is asked about in the same way.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from juapesa.clock import Clock
from juapesa.config import WaitSettings
from juapesa.crypto import Sealer
from juapesa.db import Database, UnitOfWork, retried
from juapesa.ledger import LimitExceeded
from juapesa.payments import bookings, store
from juapesa.payments.domain import Status
from juapesa.payments.execution import PHONE_CONTEXT, Execution, parties
from juapesa.payments.ports import CallbackUrls, ChainState, Rails
from juapesa.payments.saga import (
    CHAIN_LEGS,
    ENDED,
    RAIL_LEGS,
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
from juapesa.payments.store import LegRow, Loaded
from juapesa.payments.stumbles import EVERYBODYS, Stumbles, backoff
from juapesa.rails.ports import CollectOrder, Outcome, PayoutOrder, Rail, RailAnswer, Reason

Answer = TypeVar("Answer")

LEGS_AT_ONCE = 16
LATE_SUCCESS_MAX = timedelta(days=2)  # as far as operators' statements reach back
CHAIN_LEG_PATIENCE = timedelta(seconds=5)  # what has ended is taken up before that

_UNDECIDED = frozenset({Outcome.PENDING, Outcome.UNKNOWN, Outcome.ABSENT})
_NOT_ASKED = frozenset({LegState.WAITING, LegState.DUE})
# The operator refused to take the order at all; the same order may be put again later.
_TRY_AGAIN = frozenset({Reason.RATE_LIMITED, Reason.OPERATOR_DOWN})


@dataclass(frozen=True)
class RailWork:
    """Carries out and follows up every leg that is due. Any number of these may run at once."""

    db: Database
    execution: Execution
    rails: Rails
    urls: CallbackUrls
    sealer: Sealer
    clock: Clock
    waits: WaitSettings

    @property
    def _stumbles(self) -> Stumbles:
        return Stumbles(self.db, self.execution, self.clock, self.waits)

    async def tick(self) -> int:
        """Do what is due and wait for all of it; the number of legs that were worked on."""
        legs = await self.claim(LEGS_AT_ONCE)
        await asyncio.gather(*(self.work(leg) for leg in legs))
        return len(legs)

    async def claim(self, limit: int) -> list[LegRow]:
        """Up to ``limit`` rail legs and as many chain legs whose time has come, leased to the caller."""
        return await asyncio.to_thread(self._claim, limit)

    async def work(self, leg: LegRow) -> None:
        """Carry one claimed leg on by a step. May take as long as an operator takes to answer.

        What the step raises is kept with the leg, which is tried again later or parked: the others go on.
        """
        try:
            await self._step(leg)
        except EVERYBODYS:
            raise
        except Exception as raised:  # noqa: BLE001 - it is logged, kept, and shown to a person
            await self._commit(self._stumbles.note, leg, raised)
        else:
            if leg.stumbles:
                await self._commit(self._stumbles.forget, leg)

    async def _step(self, leg: LegRow) -> None:
        if leg.kind in CHAIN_LEGS:
            await self._commit(self._follow_chain, leg)
            return
        if leg.state is LegState.DUE:
            loaded = await self._commit(self._intend, leg)
            if loaded is not None:
                answer = await self._order(loaded, leg)
                await self._commit(self._record_order, leg, answer)
            return
        loaded = await asyncio.to_thread(self._load, leg)
        answer = await self._find(loaded, leg)
        await self._commit(self._record_found, leg, answer)

    async def ask_about(self, reference: str, hint: RailAnswer, *, conclusive: bool) -> bool:
        """A callback spoke of the leg with this reference; False when there is no such leg.

        ``hint`` is what it said. Unless ``conclusive``, the operator is asked before anything
        is believed; what only callbacks carry (receipt, amount) is then taken from the hint.
        """
        found = await self._commit(self._open_leg, reference, hint)
        if found is None:
            return False
        loaded, leg = found
        answer = hint if conclusive else _with_details(await self._find(loaded, leg), hint)
        await self._commit(self._record, leg, answer)
        return True

    # --- one leg ---------------------------------------------------------------------------

    async def _commit(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        """Database work beside the event loop, again when another transaction had to go first."""
        return await asyncio.to_thread(retried, partial(work, *arguments))

    def _claim(self, limit: int) -> list[LegRow]:
        now = self.clock.now()
        lease = now + timedelta(seconds=self.waits.lease_seconds)
        with self.db.unit_of_work() as uow:
            waiting = store.waiting_legs(uow, sorted(CHAIN_LEGS), now)
            store.make_due(uow, self.execution.chain.ended(uow, waiting), now)
            legs = store.claim_legs(uow, sorted(RAIL_LEGS), now, lease, limit)
            return legs + store.claim_legs(uow, sorted(CHAIN_LEGS), now, lease, limit)

    def _intend(self, leg: LegRow) -> Loaded | None:
        """First commit: the intent. None when the leg has to wait, or is no longer due."""
        now = self.clock.now()
        with self.db.unit_of_work() as uow:
            loaded = store.load(uow, leg.payment_id)
            if loaded.leg(leg.seq).state is not LegState.DUE:
                return None
            if not self._reserve(uow, loaded, leg, now):
                return None
            store.set_leg(
                uow,
                leg.payment_id,
                leg.seq,
                state=LegState.ASKING,
                asked_at=leg.asked_at or now,
                attempts=leg.attempts + 1,
            )
            return loaded

    def _reserve(self, uow: UnitOfWork, loaded: Loaded, leg: LegRow, now: datetime) -> bool:
        """Reserve the float that a payout will use; False when there is too little of it now."""
        if leg.kind is LegKind.COLLECT or leg.hold_id is not None:
            return True
        entry_of = bookings.payout_hold if leg.kind is LegKind.PAYOUT else bookings.refund_hold
        key = bookings.hold_key(leg.payment_id, leg.seq)
        try:
            hold = self.execution.hold(uow, key, entry_of(loaded.saga, parties(loaded)))
        except LimitExceeded:
            self._wait_for_float(uow, leg, now)
            return False
        store.set_leg(uow, leg.payment_id, leg.seq, hold_id=hold.id)
        return True

    def _wait_for_float(self, uow: UnitOfWork, leg: LegRow, now: datetime) -> None:
        since = leg.asked_at or now
        too_long = (now - since).total_seconds() >= self.waits.payout_float_seconds
        if too_long and leg.kind is LegKind.PAYOUT:
            self.execution.record(uow, leg.payment_id, leg.seq, GaveUp(Reason.FLOAT_EMPTY))
            return
        if too_long:
            self._call_operator(uow, leg, "there has been no float for this refund for long")
        later = now + backoff(self.waits, leg.attempts + 1)
        store.add_event(uow, leg.payment_id, now, "waits for float", seq=leg.seq)
        store.set_leg(
            uow,
            leg.payment_id,
            leg.seq,
            asked_at=since,
            attempts=leg.attempts + 1,
            next_at=later,
            lease_until=None,
        )

    async def _order(self, loaded: Loaded, leg: LegRow) -> RailAnswer:
        rail, saga = self._rail(loaded, leg), loaded.saga
        if leg.kind is LegKind.COLLECT:
            url = self.urls.make(rail.name, "collect", leg.reference)
            phone = await asyncio.to_thread(self._payer_phone, loaded)
            return await rail.collect(CollectOrder(leg.reference, phone, saga.total, loaded.code, url))
        phone = await asyncio.to_thread(self._payee_phone, loaded, leg)
        amount = saga.receives if leg.kind is LegKind.PAYOUT else saga.total
        url = self.urls.make(rail.name, "payout", leg.reference)
        return await rail.payout(PayoutOrder(leg.reference, phone, amount, loaded.code, url))

    async def _find(self, loaded: Loaded, leg: LegRow) -> RailAnswer:
        rail = self._rail(loaded, leg)
        if leg.kind is LegKind.COLLECT:
            return await rail.find_collect(leg.reference, leg.handle)
        url = self.urls.make(rail.name, "status", leg.reference)
        return await rail.find_payout(leg.reference, leg.handle, url)

    # --- recording -------------------------------------------------------------------------

    def _record_order(self, leg: LegRow, answer: RailAnswer) -> None:
        """Third commit: the answer to an order. Its handle is the true one, whatever callbacks said."""
        with self.db.unit_of_work() as uow:
            if answer.handle is not None:
                store.set_leg(uow, leg.payment_id, leg.seq, handle=answer.handle)
            current = store.load(uow, leg.payment_id).leg(leg.seq)
            self._take(uow, current, answer, ask_again=self._wait_after_order(leg))

    def _record(self, leg: LegRow, answer: RailAnswer) -> None:
        """Third commit: the answer to a question that a callback caused."""
        with self.db.unit_of_work() as uow:
            current = store.load(uow, leg.payment_id).leg(leg.seq)
            if current.state in _NOT_ASKED and answer.outcome in _UNDECIDED:
                return  # it will be ordered, whatever a callback out of turn made us ask
            self._take(uow, current, answer, ask_again=self._wait_after_order(leg))

    def _record_found(self, leg: LegRow, answer: RailAnswer) -> None:
        """The answer to our own question: silence may now be too long."""
        now = self.clock.now()
        with self.db.unit_of_work() as uow:
            current = store.load(uow, leg.payment_id).leg(leg.seq)
            if current.state in ENDED:
                self._take_late(uow, current, answer, now)
                return
            undecided = answer.outcome in _UNDECIDED
            given_up = undecided and self._patience_is_over(current, now)
            if given_up and current.kind is LegKind.COLLECT:
                self.give_up_collecting(uow, current, answer.code)
                return
            if given_up:
                self._call_operator(
                    uow, current, f"the outcome of this {current.kind} has been unknown for long"
                )
            if undecided and answer.outcome is not Outcome.ABSENT:
                self._show_pending(uow, current)
            self._take(uow, current, answer, ask_again=self._poll(current))

    def give_up_collecting(self, uow: UnitOfWork, leg: LegRow, code: str) -> None:
        """End a collection that nobody speaks of; its success may yet come to light (RAIL-3).

        ``code`` is the operator's last word.
        """
        now = self.clock.now()
        store.add_event(uow, leg.payment_id, now, "gave up asking", code[:60], leg.seq)
        self.execution.record(uow, leg.payment_id, leg.seq, GaveUp(Reason.EXPIRED))
        if leg.asked_at is not None:
            self._ask_ever_more_rarely(uow, leg, leg.asked_at, now)

    def _take_late(self, uow: UnitOfWork, leg: LegRow, answer: RailAnswer, now: datetime) -> None:
        """An answer about a leg that has ended: a success of a collection given up on is paid back."""
        store.set_leg(uow, leg.payment_id, leg.seq, next_at=None)
        self._take(uow, leg, answer, ask_again=self._poll(leg))
        if leg.state is LegState.FAILED and answer.outcome in _UNDECIDED:
            assert leg.asked_at is not None, "it has been asked about"
            self._ask_ever_more_rarely(uow, leg, leg.asked_at, now)

    def _ask_ever_more_rarely(self, uow: UnitOfWork, leg: LegRow, asked_at: datetime, now: datetime) -> None:
        """Ask again after as long as it has taken so far; after two days, never."""
        waited = now - asked_at
        if waited < LATE_SUCCESS_MAX:
            store.set_leg(uow, leg.payment_id, leg.seq, next_at=now + waited, lease_until=None)

    def _call_operator(self, uow: UnitOfWork, leg: LegRow, why: str) -> None:
        """Call a person, unless one is called already: the first reason is the one to look at."""
        if store.needs_operator(uow, leg.payment_id) is None:
            self.execution.run(uow, leg.payment_id, leg.seq, [CallOperator(why, leg.seq)])

    def _take(self, uow: UnitOfWork, leg: LegRow, answer: RailAnswer, *, ask_again: timedelta) -> None:
        now = self.clock.now()
        details = {
            name: value
            for name, value, known in (
                ("handle", answer.handle, leg.handle),
                ("receipt", answer.receipt, None),
            )
            if value is not None and known is None
        }
        store.set_leg(uow, leg.payment_id, leg.seq, code=answer.code[:60], lease_until=None, **details)
        if self._is_worth_another_try(leg, answer, now):
            store.add_event(uow, leg.payment_id, now, f"{leg.kind} put off", answer.code[:60], leg.seq)
            if self._patience_is_over(leg, now):
                self._call_operator(uow, leg, f"the operator has been putting off this {leg.kind} for long")
            store.set_leg(
                uow,
                leg.payment_id,
                leg.seq,
                state=LegState.DUE,
                next_at=now + backoff(self.waits, leg.attempts),
            )
            return
        if answer.outcome is Outcome.FAILED:
            store.add_event(
                uow,
                leg.payment_id,
                now,
                f"{leg.kind} refused",
                f"{answer.reason} {answer.code[:60]}",
                leg.seq,
            )
        self.execution.record(uow, leg.payment_id, leg.seq, Answered(answer))
        after = store.load(uow, leg.payment_id).leg(leg.seq)
        if after.state in {LegState.PENDING, LegState.UNKNOWN}:
            store.set_leg(uow, leg.payment_id, leg.seq, next_at=now + ask_again)
        if after.state is LegState.DUE:
            store.set_leg(uow, leg.payment_id, leg.seq, next_at=now + backoff(self.waits, leg.attempts))

    def _show_pending(self, uow: UnitOfWork, leg: LegRow) -> None:
        saga = store.load(uow, leg.payment_id).saga
        if saga.status is Status.PROCESSING:
            shown: list[Command] = [SetStatus(Status.PENDING), Tell(Message.PENDING)]
            self.execution.run(uow, leg.payment_id, leg.seq, shown)

    def _follow_chain(self, leg: LegRow) -> None:
        now = self.clock.now()
        with self.db.unit_of_work() as uow:
            if store.load(uow, leg.payment_id).leg(leg.seq).state in ENDED:
                return
            outcome = self.execution.chain.outcome(uow, leg.reference)
            facts: dict[ChainState, Callable[[], Fact]] = {
                ChainState.SETTLED: ItemSettled,
                ChainState.FAILED: lambda: ItemFailed(outcome.reason),
            }
            store.set_leg(uow, leg.payment_id, leg.seq, next_at=now + CHAIN_LEG_PATIENCE, lease_until=None)
            if outcome.state is ChainState.FAILED:
                store.add_event(uow, leg.payment_id, now, "chain refused", outcome.reason[:200], leg.seq)
            if outcome.state in facts:
                self.execution.record(uow, leg.payment_id, leg.seq, facts[outcome.state]())

    # --- look-ups --------------------------------------------------------------------------

    def _load(self, leg: LegRow) -> Loaded:
        with self.db.unit_of_work() as uow:
            return store.load(uow, leg.payment_id)

    def _open_leg(self, reference: str, hint: RailAnswer) -> tuple[Loaded, LegRow] | None:
        """The leg that a callback speaks of, with the handle that the callback brought.

        That handle counts only while the operator's answer to our order is missing, and only when no
        other order of ours has it: a stranger could name another payment's.
        """
        with self.db.unit_of_work() as uow:
            found = store.find_leg(uow, reference)
            if found is None:
                return None
            loaded = store.load(uow, found[0])
            leg = loaded.leg(found[1])
            unanswered = leg.handle is None or leg.state is LegState.ASKING
            if hint.handle is not None and unanswered and not store.is_handle_known(uow, hint.handle):
                store.set_leg(uow, leg.payment_id, leg.seq, handle=hint.handle)
                leg = replace(leg, handle=hint.handle)
            return loaded, leg

    def _rail(self, loaded: Loaded, leg: LegRow) -> Rail:
        name = loaded.to_rail if leg.kind is LegKind.PAYOUT else loaded.from_rail
        assert name is not None
        return self.rails[name]

    def _payer_phone(self, loaded: Loaded) -> str:
        with self.db.unit_of_work() as uow:
            return self.execution.people.phone_of(uow, loaded.person_id)

    def _payee_phone(self, loaded: Loaded, leg: LegRow) -> str:
        if leg.kind is LegKind.REFUND:
            return self._payer_phone(loaded)
        assert loaded.to_phone_sealed is not None
        return self.sealer.open(loaded.to_phone_sealed, PHONE_CONTEXT).decode()

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

    def _poll(self, leg: LegRow) -> timedelta:
        """When to ask again: at a steady pace, later after an eighth of the time it has taken so far."""
        assert leg.asked_at is not None, "it has been asked about"
        collecting = leg.kind is LegKind.COLLECT
        pace = timedelta(
            seconds=self.waits.collect_poll_seconds if collecting else self.waits.payout_poll_seconds
        )
        return max(pace, (self.clock.now() - leg.asked_at) / 8)


def patience(waits: WaitSettings) -> timedelta:
    """How long a leg may be under way before somebody has to look, or to give up."""
    return timedelta(seconds=waits.collect_give_up_seconds)


def _with_details(answer: RailAnswer, hint: RailAnswer) -> RailAnswer:
    """The operator's answer, with the receipt and amount that only its callback carries."""
    if answer.outcome is not Outcome.SUCCESS or hint.outcome is not Outcome.SUCCESS:
        return answer
    return replace(
        answer,
        receipt=answer.receipt or hint.receipt,
        amount=answer.amount or hint.amount,
    )
