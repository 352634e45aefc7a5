"""What is due is claimed and moved on: one commit for all of it."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from juapesa.db import UnitOfWork
from juapesa.ledger import AccountName, LimitExceeded
from juapesa.money import Money
from juapesa.payments import bookings, sheet_store
from juapesa.payments.asking import Ask, Floats, Question
from juapesa.payments.leg_steps import LegSteps
from juapesa.payments.ports import ChainOutcome
from juapesa.payments.saga import CHAIN_LEGS, RAIL_LEGS, LegKind, LegState
from juapesa.payments.sheet import Sheet
from juapesa.payments.sheet_store import Claimed
from juapesa.payments.stumbles import EVERYBODYS, slug_of
from juapesa.payments.together import Sheets, Together

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """What the steps of a batch need beside their sheets, read once for all of them."""

    outcomes: Mapping[str, ChainOutcome]
    floats: Floats
    phones: Mapping[int, str]


@dataclass(frozen=True)
class TakingUp:
    """Claims legs, follows those of the chain, and intends those of operators."""

    together: Together
    steps: LegSteps
    worker: int | None = None  # in whose name; None: in nobody's, so that claims only run out

    def take_up(self, limit: int) -> list[Ask]:
        """Up to ``limit`` rail legs and as many chain legs; what operators are now to be asked.

        When the writing fails, the legs are claimed first and then begun one at a time.
        """
        try:
            with self.together.db.unit_of_work() as uow:
                claimed, sheets = self._claim(uow, limit)
                asks = self._begin(uow, sheets, claimed)
                self.together.execution.write(uow, sheets.values())
        except EVERYBODYS:
            raise
        except Exception as raised:  # noqa: BLE001 - whose it is shows when they are begun one by one
            log.warning("a batch of legs cannot be begun together: %s", slug_of(raised))
            return self._take_up_singly(limit)
        return asks

    def _take_up_singly(self, limit: int) -> list[Ask]:
        with self.together.db.unit_of_work() as uow:
            claimed, sheets = self._claim(uow, limit)
            leases = {each: sheets[each[0]].leg(each[1]).leases for each in claimed}
            self.together.execution.write(uow, sheets.values())
        asks: list[Ask] = []
        for each in claimed:
            asks += self.together.alone(*each, partial(self._begin_alone, each, leases[each])) or []
        return asks

    def _begin_alone(self, claimed: Claimed, leases: int) -> list[Ask]:
        """The step of a leg under a lease of ours; without float when somebody was faster to reserve it."""
        try:
            return self._begin_one(claimed, leases, reckon=True)
        except LimitExceeded:
            return self._begin_one(claimed, leases, reckon=False)

    def _begin_one(self, claimed: Claimed, leases: int, *, reckon: bool) -> list[Ask]:
        payment_id, seq = claimed
        with self.together.db.unit_of_work() as uow:
            sheets = sheet_store.open_sheets(uow, [payment_id])
            if sheets[payment_id].leg(seq).leases != leases:
                return []
            asks = self._begin(uow, sheets, [claimed], reckon=reckon)
            self.together.execution.write(uow, sheets.values())
        return asks

    def _claim(self, uow: UnitOfWork, limit: int) -> tuple[list[Claimed], Sheets]:
        """Legs whose time has come or whose chain order has ended, leased, with their payments' sheets."""
        now = self.together.clock.now()
        claimed = sheet_store.claim_due(uow, RAIL_LEGS, now, limit)
        claimed += sheet_store.claim_due(uow, CHAIN_LEGS, now, limit)
        waiting = sheet_store.waiting_references(uow, CHAIN_LEGS, now)
        if waiting and (ended := self.together.execution.chain.ended(uow, waiting)):
            claimed += sheet_store.claim_named(uow, CHAIN_LEGS, ended, now, limit)
        sheets = sheet_store.open_sheets(uow, {payment_id for payment_id, _ in claimed}) if claimed else {}
        for payment_id, seq in claimed:
            self.steps.lease(sheets[payment_id], seq, now, self.worker)
        return claimed, sheets

    def _begin(
        self, uow: UnitOfWork, sheets: Sheets, claimed: Sequence[Claimed], *, reckon: bool = True
    ) -> list[Ask]:
        """The next step of each of these legs; ``reckon``: with the float that there seems to be."""
        known = self._known(uow, sheets, claimed, reckon=reckon) if claimed else None
        asks = [self._begin_leg(sheets, each, known) for each in claimed if known is not None]
        return [each for each in asks if each is not None]

    def _begin_leg(self, sheets: Sheets, claimed: Claimed, known: Known) -> Ask | None:
        payment_id, seq = claimed
        leg, now = sheets[payment_id].leg(seq), self.together.clock.now()
        if leg.kind not in CHAIN_LEGS:
            begin = partial(self._begin_rail, seq=seq, known=known, now=now)
            return self.together.guarded(sheets, payment_id, seq, begin)
        follow = partial(self.steps.follow_chain, seq=seq, outcome=known.outcomes[leg.reference], now=now)
        self.together.guarded(sheets, payment_id, seq, follow)
        return self._pay_out_at_once(sheets, (payment_id, seq + 1), known, now)

    def _begin_rail(self, sheet: Sheet, seq: int, known: Known, now: datetime) -> Ask | None:
        """Intend a leg that is due; ask about one that is under way."""
        question = Question.POLL
        if sheet.leg(seq).state is LegState.DUE:
            if not self.steps.intend(sheet, seq, known.floats, now):
                return None
            question = Question.ORDER
        phone = known.phones.get(sheet.frame.person_id)
        return Ask(question, sheet.frame, sheet.terms, sheet.leg(seq), phone)

    def _pay_out_at_once(self, sheets: Sheets, payout: Claimed, known: Known, now: datetime) -> Ask | None:
        """The payout that the end of a chain leg has just made due is intended in the same commit."""
        payment_id, seq = payout
        sheet = sheets[payment_id]
        leg = sheet.legs.get(seq)
        if leg is None or leg.kind is not LegKind.PAYOUT or leg.state is not LegState.DUE or not sheet.wakes:
            return None
        self.steps.lease(sheet, seq, now, self.worker)
        sheet.wakes = False
        begin = partial(self._begin_rail, seq=seq, known=known, now=now)
        return self.together.guarded(sheets, payment_id, seq, begin)

    def _known(self, uow: UnitOfWork, sheets: Sheets, claimed: Sequence[Claimed], *, reckon: bool) -> Known:
        execution = self.together.execution
        legs = [sheets[payment_id].leg(seq) for payment_id, seq in claimed]
        chain = [each.reference for each in legs if each.kind in CHAIN_LEGS]
        due = [each for each in legs if each.state is LegState.DUE]
        payers = {sheets[each.payment_id].frame.person_id for each in due if each.kind is not LegKind.PAYOUT}
        paying = chain or any(each.kind is not LegKind.COLLECT for each in due)
        return Known(
            execution.chain.outcomes(uow, chain) if chain else {},
            Floats(self._floats(uow, sheets.values()) if paying and reckon else {}),
            execution.people.phones_of(uow, payers) if payers else {},
        )

    def _floats(self, uow: UnitOfWork, sheets: Collection[Sheet]) -> Mapping[AccountName, Money]:
        """What the floats at both ends of these payments hold."""
        places = {bookings.float_at(each.frame.from_rail, each.terms.from_currency) for each in sheets}
        for each in sheets:
            if each.frame.to_rail is not None:
                places.add(bookings.float_at(each.frame.to_rail, each.terms.to_currency))
        return self.together.execution.available(uow, places)
