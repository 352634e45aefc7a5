"""The whole house in a world that does its worst, one seed after another; and the simulation's own eyes.

``jua ledger simulate --seeds N`` plays more. A planted fault (``MUTANTS``) must be seen within a few
seeds, or the simulation proves nothing.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from juapesa.ledger import Ledger, LedgerOrder
from juapesa.ledger.engine.orders import Post, Release
from juapesa.payments import leg_steps, saga, sheet_store
from juapesa.payments.asking import Ask, Said
from juapesa.payments.leg_steps import LegSteps
from juapesa.payments.rail_work import RailWork
from juapesa.payments.saga import AddLeg, Command, Leg, LegKind, Saga, SetLeg
from juapesa.payments.sheet import Sheet
from juapesa.payments.taking_up import TakingUp
from juapesa.rails import inbox
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.ports import Outcome, PayoutOrder, RailAnswer
from juapesa.simulation.house import KENYANS, House, open_house
from juapesa.simulation.runs import Played, play, story
from juapesa.simulation.world import World

FIRST, SEEDS = 95, 35
KINDS_OF_TROUBLE_MIN = 10
MUTANT_SEEDS = 40


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(Path(tmp_path_factory.mktemp("simulation"))) as made:
        yield made


def quiet(line: str) -> None:
    """Nobody reads the progress of a test."""


def test_every_history_keeps_every_promise(house: House) -> None:
    played = play(house, SEEDS, FIRST, quiet)
    assert played.failure is None, story(played.failure)
    assert {"completed", "failed", "refunded"} <= played.payments.keys()
    assert len(played.troubles) >= KINDS_OF_TROUBLE_MIN


@pytest.mark.parametrize("seed", [7, 20116])
def test_a_seed_replays_its_history_line_by_line(house: House, seed: int) -> None:
    told = []
    for _ in range(2):
        world = World(house, seed)
        world.run()
        told.append(world.lines)
    assert told[0] == told[1]
    assert len(told[0]) > 20


# --- planted faults -----------------------------------------------------------------------------------


Plant = Callable[[pytest.MonkeyPatch], None]


def payout_under_a_new_reference_each_time(patch: pytest.MonkeyPatch) -> None:
    order = RailWork._order

    async def forgetful(self: RailWork, ask: Ask) -> RailAnswer:
        if ask.leg.kind is LegKind.COLLECT:
            return await order(self, ask)
        rail = self.rails[ask.rail]
        amount = ask.terms.receives if ask.leg.kind is LegKind.PAYOUT else ask.terms.total
        url = self.urls.make(rail.name, "payout", ask.leg.reference)
        return await rail.payout(PayoutOrder(str(uuid.uuid4()), "+254713000001", amount, "", url))

    patch.setattr(RailWork, "_order", forgetful)


def any_callback_is_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CallbackUrls, "verify", lambda *_: True)


def a_late_success_is_paid_back_each_time_it_is_told(patch: pytest.MonkeyPatch) -> None:
    late = saga._late

    def again(payment: Saga, leg: Leg, answer: RailAnswer) -> list[Command]:
        refunded = any(other.kind is LegKind.REFUND for other in payment.legs)
        if leg.kind is LegKind.COLLECT and answer.outcome is Outcome.SUCCESS and refunded:
            return [AddLeg(LegKind.REFUND)]
        return late(payment, leg, answer)

    patch.setattr(saga, "_late", again)


def a_late_success_is_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(saga, "_late", lambda *_: [])


def silence_is_taken_for_a_refusal(patch: pytest.MonkeyPatch) -> None:
    answered = saga._answered

    def hasty(payment: Saga, leg: Leg, answer: RailAnswer) -> list[Command]:
        if answer.outcome is Outcome.UNKNOWN:
            answer = replace(answer, outcome=Outcome.FAILED)
        return answered(payment, leg, answer)

    patch.setattr(saga, "_answered", hasty)


def silence_is_answered_with_a_second_order(patch: pytest.MonkeyPatch) -> None:
    answered = saga._answered

    def hasty(payment: Saga, leg: Leg, answer: RailAnswer) -> list[Command]:
        if answer.outcome is Outcome.UNKNOWN and leg.state not in saga.ENDED:
            return [SetLeg(leg.seq, saga.LegState.DUE)]
        return answered(payment, leg, answer)

    patch.setattr(saga, "_answered", hasty)


def the_intent_is_written_after_the_asking(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LegSteps, "intend", lambda *_: True)


def holds_are_never_released(patch: pytest.MonkeyPatch) -> None:
    book = Ledger.book_quietly

    def keeping(self: Ledger, uow: Any, orders: Sequence[LedgerOrder]) -> list[int]:
        kept = [each for each in orders if not isinstance(each, Release)]
        made = dict(zip((each.key for each in kept), book(self, uow, kept), strict=True))
        return [made.get(each.key, 0) for each in orders]

    patch.setattr(Ledger, "book_quietly", keeping)


def leases_and_states_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    begin = TakingUp._begin_rail

    def greedy(uow: Any, kinds: Collection[LegKind], _: Any, limit: int) -> list[sheet_store.Claimed]:
        sql = "SELECT payment_id, seq FROM payments.leg WHERE state IN ('due', 'asking') AND kind = ANY(%s)"
        return [(number, seq) for number, seq in uow.tuples(f"{sql} LIMIT {limit}", (list(map(str, kinds)),))]

    def hasty(self: TakingUp, sheet: Sheet, seq: int, known: Any, now: Any) -> Ask | None:
        sheet.set_leg(seq, state=saga.LegState.DUE)
        ask = begin(self, sheet, seq, known, now)
        return replace(ask, phone=KENYANS[0]) if ask is not None and ask.phone is None else ask

    patch.setattr(sheet_store, "claim_due", greedy)
    patch.setattr(TakingUp, "_begin_rail", hasty)


def another_amount_is_taken_for_ours(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(saga, "_names_another_amount", lambda *_: False)


def a_payout_is_ordered_without_its_float(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LegSteps, "_reserve", lambda *_: True)


def postings_forget_their_key(patch: pytest.MonkeyPatch) -> None:
    book = Ledger.book_quietly

    def twice(self: Ledger, uow: Any, orders: Sequence[LedgerOrder]) -> list[int]:
        again = [
            msgspec.structs.replace(each, key=f"{each.key}/{uuid.uuid4()}")
            for each in orders
            if isinstance(each, Post)
        ]
        made = book(self, uow, orders)
        book(self, uow, again)
        return made

    patch.setattr(Ledger, "book_quietly", twice)


def a_collection_is_given_up_and_never_asked_about_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LegSteps, "_ask_ever_more_rarely", lambda *_: None)


def an_ended_leg_ends_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(saga, "ENDED", frozenset())
    patch.setattr(leg_steps, "ENDED", frozenset())


def a_success_is_dropped_when_somebody_else_has_the_leg(patch: pytest.MonkeyPatch) -> None:
    counts = Said.counts

    def jealous(self: Said, sheet: Sheet) -> bool:
        return sheet.leg(self.ask.leg.seq).leases == self.ask.leg.leases and counts(self, sheet)

    patch.setattr(Said, "counts", jealous)


def a_success_is_dropped_when_nobody_has_the_leg(patch: pytest.MonkeyPatch) -> None:
    counts = Said.counts

    def strict(self: Said, sheet: Sheet) -> bool:
        return sheet.leg(self.ask.leg.seq).lease_until is not None and counts(self, sheet)

    patch.setattr(Said, "counts", strict)


def an_answer_in_the_same_words_is_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inbox, "ANSWERS", ())


# Each with the seed at which it is seen when seeds are played from 1 on; what is drawn may change that.
def after_weeks_a_lost_answer_is_not_asked_for_within_days(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leg_steps, "POLL_PACE_MAX", timedelta.max)


MUTANTS: dict[Plant, int] = {
    payout_under_a_new_reference_each_time: 1,
    any_callback_is_believed: 1,
    a_late_success_is_paid_back_each_time_it_is_told: 7,
    a_late_success_is_not_looked_for: 7,
    silence_is_taken_for_a_refusal: 8,
    silence_is_answered_with_a_second_order: 8,
    the_intent_is_written_after_the_asking: 1,
    holds_are_never_released: 12,
    leases_and_states_are_not_looked_at: 1,
    another_amount_is_taken_for_ours: 8,
    a_payout_is_ordered_without_its_float: 1,
    postings_forget_their_key: 1,
    a_collection_is_given_up_and_never_asked_about_again: 7,
    an_ended_leg_ends_again: 6,
    a_success_is_dropped_when_somebody_else_has_the_leg: 28,
    a_success_is_dropped_when_nobody_has_the_leg: 1,
    an_answer_in_the_same_words_is_dropped: 11,
    after_weeks_a_lost_answer_is_not_asked_for_within_days: 81359,
}


@pytest.mark.parametrize("plant", MUTANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_seen(house: House, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    played: Played = play(house, MUTANT_SEEDS, MUTANTS[plant], quiet, explain=False)
    assert played.failure is not None, "nobody noticed"
