"""Rail legs at work: intend, ask, record. The steps of many payments are one unit of work.

1. *Take up*: what is due is claimed under a lease; chain legs are followed; rail legs become ASKING and, for
   payouts, the float is reserved. One commit.
2. *Ask*: each operator hears its order, with our reference.
3. *Record*: the answers that have gathered are facts for their sagas. One commit.

A payment whose step raises is put aside and the others go on. When the writing itself fails, the batch is
done again one payment at a time, so that the failure meets only whom it is about.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from juapesa.clock import Clock
from juapesa.config import WaitSettings
from juapesa.crypto import Sealer
from juapesa.db import Database, retried
from juapesa.payments import sheet_store, stumbles
from juapesa.payments.asking import Ask, Question, Said
from juapesa.payments.execution import PHONE_CONTEXT, Execution
from juapesa.payments.leg_steps import LegSteps
from juapesa.payments.ports import CallbackUrls, Rails
from juapesa.payments.saga import LegKind, LegState
from juapesa.payments.stumbles import EVERYBODYS, slug_of
from juapesa.payments.taking_up import TakingUp, log
from juapesa.payments.together import Sheets, Together
from juapesa.rails.ports import CollectOrder, Outcome, PayoutOrder, RailAnswer

Answer = TypeVar("Answer")


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
    def steps(self) -> LegSteps:
        """What happens to one leg."""
        return LegSteps(self.waits)

    async def take_up(self, limit: int, worker: int | None = None) -> list[Ask]:
        """Claim up to ``limit`` rail legs, and as many of the chain, whose time has come; begin what is next.

        What operators are now to be asked: hand each to ``ask``, and what that gives to ``record``. Claims
        in the name of a ``worker`` can be freed when it dies; others only run out.
        """
        return await _commit(TakingUp(self._together, self.steps, worker).take_up, limit)

    async def ask(self, ask: Ask) -> Said:
        """Ask an operator; takes as long as it takes to answer. What the adapter raises is kept as well."""
        try:
            answer = await (self._order(ask) if ask.question is Question.ORDER else self._find(ask))
        except EVERYBODYS:
            raise
        except Exception as raised:  # noqa: BLE001 - it is logged, kept, and shown to a person
            return Said(ask, raised=raised)
        return Said(ask, answer if ask.hint is None else _with_details(answer, ask.hint))

    async def record(self, said: Sequence[Said]) -> None:
        """Record what operators said, all in one commit. Harmless when repeated."""
        await _commit(self._record, said)

    async def ask_about(self, reference: str, hint: RailAnswer, *, conclusive: bool) -> Said | None:
        """A callback spoke of the leg with this reference; None when there is no such leg.

        ``hint`` is what it said. Unless ``conclusive``, the operator is asked before anything
        is believed; what only callbacks carry (receipt, amount) is then taken from the hint. What comes of
        it is to be recorded. Raises what the adapter raises.
        """
        ask = await _commit(self._open_leg, reference, hint)
        if ask is None:
            return None
        said = Said(ask, hint) if conclusive else await self.ask(ask)
        if said.raised is not None:
            raise said.raised
        return said

    @property
    def _together(self) -> Together:
        return Together(self.db, self.execution, self.clock, self.waits)

    # --- asking ----------------------------------------------------------------------------

    async def _order(self, ask: Ask) -> RailAnswer:
        rail, leg, terms, code = self.rails[ask.rail], ask.leg, ask.terms, ask.frame.code
        if leg.kind is LegKind.COLLECT:
            url = self.urls.make(rail.name, "collect", leg.reference)
            assert ask.phone is not None, "who is to pay is known"
            return await rail.collect(CollectOrder(leg.reference, ask.phone, terms.total, code, url))
        amount = terms.receives if leg.kind is LegKind.PAYOUT else terms.total
        url = self.urls.make(rail.name, "payout", leg.reference)
        return await rail.payout(PayoutOrder(leg.reference, self._payee_phone(ask), amount, code, url))

    async def _find(self, ask: Ask) -> RailAnswer:
        rail, leg = self.rails[ask.rail], ask.leg
        if leg.kind is LegKind.COLLECT:
            return await rail.find_collect(leg.reference, leg.handle)
        url = self.urls.make(rail.name, "status", leg.reference)
        return await rail.find_payout(leg.reference, leg.handle, url)

    def _payee_phone(self, ask: Ask) -> str:
        if ask.leg.kind is LegKind.REFUND:
            assert ask.phone is not None, "whom to pay back is known"
            return ask.phone
        assert ask.frame.to_phone_sealed is not None
        return self.sealer.open(ask.frame.to_phone_sealed, PHONE_CONTEXT).decode()

    # --- recording -------------------------------------------------------------------------

    def _record(self, said: Sequence[Said]) -> None:
        try:
            self._record_together(said)
        except EVERYBODYS:
            raise
        except Exception as raised:  # noqa: BLE001 - whose it is shows when they are recorded one by one
            log.warning("a batch of answers cannot be recorded together: %s", slug_of(raised))
            for each in said:
                leg, news = each.ask.leg, each.ask.question is Question.NEWS
                work = partial(self._record_together, [each])
                self._together.alone(leg.payment_id, leg.seq, work, kept=not news)

    def _record_together(self, said: Sequence[Said]) -> None:
        with self.db.unit_of_work() as uow:
            sheets = sheet_store.open_sheets(uow, [each.ask.leg.payment_id for each in said])
            for each in said:
                self._take_in(sheets, each)
            self.execution.write(uow, sheets.values())

    def _take_in(self, sheets: Sheets, said: Said) -> None:
        now, leg = self.clock.now(), said.ask.leg
        if said.raised is None:
            take_in = partial(self.steps.record, said=said, now=now)
            kept = said.ask.question is not Question.NEWS  # it is only news: we ask about the leg ourselves
            self._together.guarded(sheets, leg.payment_id, leg.seq, take_in, kept=kept)
        elif said.counts(sheets[leg.payment_id]):
            stumbles.tell(sheets[leg.payment_id], leg.seq, said.raised)
            stumbles.note(sheets[leg.payment_id], leg.seq, said.raised, self.waits, now)

    def _open_leg(self, reference: str, hint: RailAnswer) -> Ask | None:
        """The leg that a callback speaks of, with the handle that the callback brought.

        That handle counts only while the operator's answer to our order is missing, and only when no
        other order of ours has it: a stranger could name another payment's.
        """
        with self.db.unit_of_work() as uow:
            found = sheet_store.find_leg(uow, reference)
            if found is None:
                return None
            payment_id, seq = found
            sheet = self.execution.open(uow, payment_id)
            leg = sheet.leg(seq)
            unanswered = leg.handle is None or leg.state is LegState.ASKING
            if hint.handle is not None and unanswered and not sheet_store.is_handle_known(uow, hint.handle):
                sheet.set_leg(seq, handle=hint.handle)
                self.execution.write(uow, [sheet])
            return Ask(Question.NEWS, sheet.frame, sheet.terms, sheet.leg(seq), hint=hint)


async def _commit(work: Callable[..., Answer], *arguments: Any) -> Answer:
    """Database work beside the event loop, again when another transaction had to go first."""
    return await asyncio.to_thread(retried, partial(work, *arguments))


def _with_details(answer: RailAnswer, hint: RailAnswer) -> RailAnswer:
    """The operator's answer, with the receipt and amount that only its callback carries."""
    if answer.outcome is not Outcome.SUCCESS or hint.outcome is not Outcome.SUCCESS:
        return answer
    return replace(
        answer,
        receipt=answer.receipt or hint.receipt,
        amount=answer.amount or hint.amount,
    )
