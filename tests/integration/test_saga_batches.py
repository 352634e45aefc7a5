"""Steps of many payments in one commit: none sinks the others, and no late word undoes what came after."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from juapesa.assembly import Parts, build_parts
from juapesa.db import Database, UnitOfWork
from juapesa.ledger import AccountKind, Ledger, LedgerOrder, LimitExceeded, Transfer
from juapesa.money import NGN, Money
from juapesa.payments import sheet_store
from juapesa.payments.asking import Ask, Question, Said
from juapesa.payments.saga import Answered, LegKind
from juapesa.rails.ports import Outcome, RailAnswer, Reason
from support.books import assert_books_verify
from support.payments_house import DEPLOYMENT, House, payments_house

WORKER = 17


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


class CountedDatabase(Database):
    """How many units of work there were."""

    def __init__(self, inner: Database) -> None:
        super().__init__(inner._pool)
        self.units = 0

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        self.units += 1
        with super().unit_of_work() as uow:
            yield uow


def done(ask: Ask) -> Said:
    """The operator has moved the money."""
    amount = ask.terms.receives if ask.leg.kind is LegKind.PAYOUT else ask.terms.total
    return Said(ask, RailAnswer(Outcome.SUCCESS, handle=f"h-{ask.leg.reference}", amount=amount))


def patient(house: House, **waits: float) -> Parts:
    """Parts whose leases do not run out meanwhile."""
    settings = house.settings.model_copy(
        update={"waits": house.settings.waits.model_copy(update={"lease_seconds": 60.0, **waits})}
    )
    return build_parts(settings, "", CountedDatabase(house.db), DEPLOYMENT)


def sends(house: House, how_many: int) -> list[str]:
    payee = house.phone("NG")
    return [house.send(house.phone(), payee, 500 + each).code for each in range(how_many)]


def take_up(parts: Parts, limit: int = 64) -> list[Ask]:
    return asyncio.run(parts.work.take_up(limit, WORKER))


def record(parts: Parts, said: Sequence[Said]) -> None:
    asyncio.run(parts.work.record(said))


def legs(house: House, kind: LegKind) -> list[dict[str, Any]]:
    sql = "SELECT * FROM payments.leg WHERE kind = %s ORDER BY payment_id"
    with house.db.unit_of_work() as uow:
        rows: list[dict[str, Any]] = uow.all(sql, (kind,))
    return rows


def to_payouts(house: House, parts: Parts, how_many: int) -> list[Ask]:
    """So many payments whose payout is about to be ordered."""
    sends(house, how_many)
    record(parts, [done(each) for each in take_up(parts)])
    house.play_chain()
    return take_up(parts)


def test_many_payments_take_as_many_commits_as_one(house: House) -> None:
    used = []
    for how_many in (1, 12):
        parts = patient(house)
        asks = to_payouts(house, parts, how_many)
        assert [each.leg.kind for each in asks] == [LegKind.PAYOUT] * how_many
        record(parts, [done(each) for each in asks])
        assert isinstance(parts.db, CountedDatabase)
        used.append(parts.db.units)
    assert used == [4, 4]
    assert {row["state"] for row in legs(house, LegKind.PAYOUT)} == {"done"}
    assert_books_verify(house.db)


def test_an_answer_that_breaks_its_saga_is_put_aside_and_the_others_are_recorded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = patient(house)
    sends(house, 3)
    asks = take_up(parts)
    poison = asks[1].leg.payment_id
    take_in = type(parts.work.steps).record

    def breaking(self: Any, sheet: Any, said: Said, now: Any) -> None:
        take_in(self, sheet, said, now)
        if sheet.payment_id == poison:
            raise ZeroDivisionError

    monkeypatch.setattr(type(parts.work.steps), "record", breaking)
    record(parts, [done(each) for each in asks])
    seen = {row["payment_id"]: (row["state"], row["stumbles"]) for row in legs(house, LegKind.COLLECT)}
    assert seen.pop(poison) == ("asking", 1)
    assert set(seen.values()) == {("done", 0)}
    monkeypatch.undo()
    assert_books_verify(house.db)


def test_a_booking_that_the_ledger_refuses_is_put_aside_and_the_others_are_booked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = patient(house)
    sends(house, 3)
    asks = take_up(parts)
    poison = f"payment/{asks[1].leg.payment_id}/"
    book = Ledger.book_quietly

    def refusing(self: Ledger, uow: UnitOfWork, orders: Sequence[LedgerOrder]) -> list[int]:
        if any(each.key.startswith(poison) for each in orders):
            raise LimitExceeded("The account does not allow that.")
        return book(self, uow, orders)

    monkeypatch.setattr(Ledger, "book_quietly", refusing)
    record(parts, [done(each) for each in asks])
    monkeypatch.undo()
    seen = [(row["state"], row["stumbled_on"]) for row in legs(house, LegKind.COLLECT)]
    assert seen == [("done", None), ("asking", "limit-exceeded"), ("done", None)]
    assert_books_verify(house.db)


def test_payouts_beyond_the_float_wait_and_the_others_go_on(house: House) -> None:
    parts = patient(house)
    sends(house, 3)
    record(parts, [done(each) for each in take_up(parts)])
    house.play_chain()
    _leave_in_float(house, Money.whole(13_000, NGN))  # two of some 5,700 naira
    asks = take_up(parts)
    assert len(asks) == 2
    assert [row["state"] for row in legs(house, LegKind.PAYOUT)] == ["asking", "asking", "due"]
    assert_books_verify(house.db)


def test_a_float_that_somebody_else_has_just_reserved_is_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = patient(house)
    sends(house, 3)
    record(parts, [done(each) for each in take_up(parts)])
    house.play_chain()
    _leave_in_float(house, Money.whole(13_000, NGN))
    rich = Money.whole(10**6, NGN)
    monkeypatch.setattr(
        type(parts.work.execution), "available", lambda _self, _uow, names: dict.fromkeys(names, rich)
    )
    asks = take_up(parts)
    assert len(asks) == 2
    waiting = [row for row in legs(house, LegKind.PAYOUT) if row["state"] == "due"]
    assert [(row["stumbles"], row["hold_id"]) for row in waiting] == [(0, None)]
    monkeypatch.undo()
    assert_books_verify(house.db)


def _leave_in_float(house: House, left: Money) -> None:
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        custody = parts.ledger.account(uow, AccountKind.FLOAT, "momo-ng", NGN)
        capital = parts.ledger.account(uow, AccountKind.CAPITAL, "", NGN)
        taken = parts.ledger.balance(uow, custody).available - left
        parts.ledger.post(uow, "drain", [Transfer(capital, custody, taken, "drain")])


# --- leases -------------------------------------------------------------------------------------------


def late(ask: Ask, outcome: Outcome, reason: Reason = Reason.NONE) -> Said:
    return Said(ask, RailAnswer(outcome, reason, "late", handle="late"))


def test_a_refusal_told_by_a_worker_that_stood_still_does_not_undo_a_payout_ordered_since(
    house: House,
) -> None:
    frozen = patient(house, retry_seconds=0.0)
    [order] = to_payouts(house, frozen, 1)
    _run_out(house)
    [poll] = take_up(frozen)
    record(frozen, [Said(poll, RailAnswer(Outcome.ABSENT))])  # it never arrived, says the operator
    _let_time_pass(house)
    [again] = take_up(frozen)
    assert again.question is Question.ORDER
    record(frozen, [late(order, Outcome.FAILED, Reason.OPERATOR_DOWN), late(poll, Outcome.FAILED)])
    [row] = legs(house, LegKind.PAYOUT)
    assert (row["state"], row["attempts"]) == ("asking", 2)
    record(frozen, [done(again)])
    assert legs(house, LegKind.PAYOUT)[0]["state"] == "done"
    assert_books_verify(house.db)


def test_a_success_told_late_is_believed(house: House) -> None:
    frozen = patient(house)
    [order] = to_payouts(house, frozen, 1)
    _run_out(house)
    [_] = take_up(frozen)
    record(frozen, [done(order)])
    assert legs(house, LegKind.PAYOUT)[0]["state"] == "done"
    assert_books_verify(house.db)


def test_a_payout_that_was_refused_meanwhile_is_asked_about_no_more(house: House) -> None:
    parts = patient(house)
    [order] = to_payouts(house, parts, 1)
    _run_out(house)
    [poll] = take_up(parts)
    with house.db.unit_of_work() as uow:
        refused = Answered(RailAnswer(Outcome.FAILED, Reason.PAYEE_LIMIT))
        parts.work.execution.record(uow, poll.leg.payment_id, poll.leg.seq, refused)
    record(parts, [late(poll, Outcome.PENDING)])
    [row] = legs(house, LegKind.PAYOUT)
    assert (row["state"], row["next_at"]) == ("failed", None)
    assert order.leg.reference == poll.leg.reference
    assert_books_verify(house.db)


def test_an_answer_recorded_twice_counts_once(house: House) -> None:
    parts = patient(house)
    [order] = to_payouts(house, parts, 1)
    refused = late(order, Outcome.FAILED, Reason.RATE_LIMITED)
    record(parts, [refused])
    record(parts, [refused])  # whoever cannot know whether a commit came through says it again
    assert legs(house, LegKind.PAYOUT)[0]["state"] == "due"
    assert [each["name"] for each in _events(house)].count("payout put off") == 1


def test_what_a_dead_worker_had_claimed_is_free_for_others_at_once(house: House) -> None:
    parts = patient(house)
    sends(house, 2)
    assert len(take_up(parts)) == 2
    assert take_up(parts) == []
    with house.db.unit_of_work() as uow:
        assert sheet_store.free_leases(uow, [WORKER + 1]) == 0
        assert sheet_store.free_leases(uow, [WORKER]) == 2
    assert [each.question for each in take_up(parts)] == [Question.POLL] * 2


def test_an_order_that_a_dead_worker_sent_has_time_to_arrive_before_it_is_ordered_again(
    house: House,
) -> None:
    parts = patient(house, retry_seconds=0.0)
    to_payouts(house, parts, 1)
    with house.db.unit_of_work() as uow:
        sheet_store.free_leases(uow, [WORKER])
    [poll] = take_up(parts)
    record(parts, [Said(poll, RailAnswer(Outcome.ABSENT))])
    assert take_up(parts) == []
    [row] = legs(house, LegKind.PAYOUT)
    waits = (row["next_at"] - parts.clock.now()).total_seconds()
    assert row["state"] == "due"
    assert 50 < waits <= 60
    _let_time_pass(house)
    assert [each.question for each in take_up(parts)] == [Question.ORDER]


def test_callbacks_and_messages_of_a_dead_worker_are_free_at_once(house: House) -> None:
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        parts.inbox.record(uow, "momo-ng", "collect", "a", b"x")
        parts.outbox.enqueue(uow, "one", "+254713000001", "hello")
    for shelf in (parts.inbox, parts.outbox):
        with house.db.unit_of_work() as uow:
            assert len(shelf.claim(uow, 9, 60.0, WORKER)) == 1
            assert shelf.claim(uow, 9, 60.0, WORKER + 1) == []
            assert shelf.free(uow, [WORKER + 1]) == 0
            assert shelf.free(uow, [WORKER]) == 1
            assert len(shelf.claim(uow, 9, 60.0, WORKER + 1)) == 1


def _let_time_pass(house: House) -> None:
    """A leg that waits has waited."""
    with house.db.unit_of_work() as uow:
        uow.execute("UPDATE payments.leg SET next_at = now() WHERE next_at > now()")


def _run_out(house: House) -> None:
    with house.db.unit_of_work() as uow:
        uow.execute("UPDATE payments.leg SET lease_until = now(), next_at = now() WHERE lease_until > now()")


def _events(house: House) -> list[dict[str, Any]]:
    with house.db.unit_of_work() as uow:
        rows: list[dict[str, Any]] = uow.all("SELECT name FROM payments.event ORDER BY id")
    return rows


def test_a_stumble_of_one_leg_keeps_what_another_leg_of_the_payment_did(house: House) -> None:
    """The sheet goes back to where it was before the step, not to where it was when it was opened."""
    parts = patient(house)
    [order] = to_payouts(house, parts, 1)
    with house.db.unit_of_work() as uow:
        sheets = sheet_store.open_sheets(uow, [order.leg.payment_id])
        together = parts.work._together
        together.guarded(sheets, order.leg.payment_id, 0, lambda sheet: sheet.set_leg(0, code="kept"))

        def breaking(sheet: Any) -> None:
            sheet.set_leg(2, code="lost")
            raise ZeroDivisionError

        together.guarded(sheets, order.leg.payment_id, 2, breaking)
        parts.work.execution.write(uow, sheets.values())
    assert [legs(house, kind)[0]["code"] for kind in (LegKind.COLLECT, LegKind.PAYOUT)] == ["kept", ""]


def test_an_adapter_that_raises_is_noted_once_however_often_it_is_recorded(house: House) -> None:
    parts = patient(house)
    sends(house, 1)
    [ask] = take_up(parts)
    broken = Said(ask, raised=KeyError("x"))
    record(parts, [broken])
    record(parts, [replace(broken)])
    assert legs(house, LegKind.COLLECT)[0]["stumbles"] == 1
