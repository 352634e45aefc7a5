"""Payments that stand still are seen and released; one that breaks at every touch stops no other."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from juapesa.db import Database
from juapesa.errors import InvalidInput, JuaError
from juapesa.payments.callbacks import TRIES_MAX
from juapesa.payments.decisions import Decision
from juapesa.payments.errors import UnknownPayment
from juapesa.payments.operator_errors import NotSafe, NotStuck, TokenNeeded
from juapesa.payments.saga import ANOTHER_AMOUNT, CallOperator, LegKind
from juapesa.payments.stumbles import STUMBLES_MAX
from support.books import assert_books_verify
from support.payments_house import House, payments_house
from support.stuck_payments import POISON, history, release, stand_still, stuck, stuck_leg, work_until


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


def test_a_payment_that_breaks_every_time_is_parked_and_the_others_go_on(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    payer, cursed, blessed = house.phone(), house.phone("NG"), house.phone("NG")
    poison = house.send(payer, cursed, 700).code
    work_until(
        house, lambda: history(house, poison).count("payout stumbled") == STUMBLES_MAX, frozenset({cursed})
    )
    others = [house.send(house.phone(), blessed, 500 + each).code for each in range(3)]
    work_until(house, lambda: all(house.status(each) == "completed" for each in others), frozenset({cursed}))
    [found] = stuck(house)
    assert (found.code, found.kind, found.next_at) == (poison, LegKind.PAYOUT, None)
    assert found.last_word == "bug-KeyError"
    assert found.reason == f"parked: its payout stumbled {STUMBLES_MAX} times, last over bug-KeyError"
    assert history(house, poison).count("payout stumbled") == STUMBLES_MAX
    assert "bug-KeyError at stuck_payments.py" in caplog.text
    assert cursed[1:] not in caplog.text  # what was raised held the number
    release(house, poison, found.seq)
    work_until(house, lambda: house.status(poison) == "completed")
    assert stuck(house) == []
    assert len(house.moved(house.momo, "payout", cursed)) == 1
    house.assert_square()


def test_a_callback_that_breaks_every_time_is_given_up_and_the_others_go_on(house: House) -> None:
    reference = str(uuid.uuid4())
    with house.db.unit_of_work() as uow:
        house.parts().inbox.record(uow, "momo-ng", "collect", reference, POISON)

    def poison() -> dict[str, Any]:
        with house.db.unit_of_work() as uow:
            [row] = uow.all(
                "SELECT state, attempts, why FROM rails.callback WHERE reference = %s", (reference,)
            )
        return row

    code = house.send(house.phone(), house.phone("NG"), 500).code
    work_until(house, lambda: house.status(code) == "completed" and poison()["state"] != "new")
    assert poison() == {
        "state": "given-up",
        "attempts": TRIES_MAX,
        "why": f"stumbled {TRIES_MAX} times: bug-KeyError",
    }
    house.assert_square()


def test_a_silent_payout_is_never_given_up_on_and_is_asked_about_at_once_when_released(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "late", phone=payee[1:], count=1, seconds=3)
    code = house.send(payer, payee, 1_000).code
    house.live_until(code, "pending")
    stand_still(house)
    found = stuck_leg(house, code)
    assert found is not None
    assert found.choices == (Decision.TRY_AGAIN, Decision.PAID, Decision.NOT_PAID)
    with pytest.raises(NotSafe, match="try-again"):
        release(house, code, found.seq, Decision.GIVE_UP)
    with house.db.unit_of_work() as uow:
        uow.execute("UPDATE payments.leg SET next_at = now() + interval '1 hour' WHERE kind = 'payout'")
    release(house, code, found.seq)
    found = stuck_leg(house, code)
    assert found is not None
    assert found.next_at is not None
    assert found.next_at <= house.parts().clock.now() + timedelta(seconds=1)
    house.live(code)
    assert house.status(code) == "completed"
    assert len(house.moved(house.momo, "payout", payee)) == 1
    house.assert_square()


def test_a_payout_that_the_operator_keeps_refusing_to_take_can_be_given_up_and_is_paid_back(
    house: House,
) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "rate-limit", phone=payee[1:])
    code = house.send(payer, payee, 1_000).code
    work_until(house, lambda: "payout put off" in history(house, code))
    stand_still(house)
    found = stuck_leg(house, code)
    assert found is not None
    assert found.choices == (Decision.TRY_AGAIN, Decision.GIVE_UP)
    release(house, code, found.seq, Decision.GIVE_UP, "their service is closed for today")
    house.live(code)
    assert house.status(code) == "refunded"
    assert house.moved(house.momo, "payout", payee) == []
    assert house.moved(house.mpesa, "payout", payer) == house.moved(house.mpesa, "collect", payer)
    assert stuck_leg(house, code) is None
    house.assert_square()


@pytest.mark.parametrize(("decision", "end"), [(Decision.PAID, "completed"), (Decision.NOT_PAID, "refunded")])
def test_what_an_operator_states_counts_when_two_people_say_so(
    house: House, decision: Decision, end: str
) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "late", phone=payee[1:], seconds=60)
    code = house.send(payer, payee, 1_000).code
    house.live_until(code, "pending")
    stand_still(house)
    found = stuck_leg(house, code)
    assert found is not None
    with pytest.raises(TokenNeeded):
        release(house, code, found.seq, decision, "their letter 17", by="Amina", proven=False)
    first = release(house, code, found.seq, decision, "their letter 17", by="Amina")
    assert not first.acted
    assert release(house, code, found.seq, decision, "their letter 17", by="Amina") == first
    assert not release(house, code, found.seq, decision, "I am sure", by="Amina").acted  # still one person
    assert house.status(code) == "pending"
    other = Decision.NOT_PAID if decision is Decision.PAID else Decision.PAID
    assert not release(house, code, found.seq, other, "their letter 17", by="Baraka").acted  # not the same
    assert not release(house, code, found.seq, decision, "their letter 17", by="Amina").acted
    assert release(house, code, found.seq, decision, "their letter 17", by="Baraka").acted
    house.live(code)
    assert house.status(code) == end
    assert "release wanted" in history(house, code)
    assert stuck(house) == []
    assert_books_verify(house.db)


def test_a_collection_given_up_by_a_person_is_paid_back_when_it_succeeds_after_all(house: House) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "late", phone=payer[1:], count=1, seconds=2)
    code = house.fill(payer, 500).code
    work_until(house, lambda: "collect pending" in history(house, code))
    stand_still(house)
    found = stuck_leg(house, code)
    assert found is not None
    release(house, code, found.seq, Decision.GIVE_UP, "the customer asks for it")
    assert house.status(code) == "failed"
    with house.db.unit_of_work() as uow:
        uow.execute("UPDATE payments.leg SET next_at = now() + interval '2 seconds' WHERE state = 'failed'")
    work_until(house, lambda: house.status(code) == "refunded")
    assert house.wallet(payer).minor == 0
    house.assert_square()


def later(house: House, *, days: int, due: int = 0) -> None:
    """As if so many days had gone by, and it had been time to ask ``due`` days ago."""
    with house.db.unit_of_work() as uow:
        uow.execute(
            "UPDATE payments.leg SET asked_at = asked_at - %(gone)s, given_up_at = given_up_at - %(gone)s,"
            " next_at = now() - %(due)s WHERE kind = 'collect'",
            {"gone": timedelta(days=days), "due": timedelta(days=due)},
        )


def next_question(house: House) -> timedelta | None:
    """How long until the operator is asked about the only collection; None: never."""
    with house.db.unit_of_work() as uow:
        [row] = uow.all("SELECT next_at - now() AS wait FROM payments.leg WHERE kind = 'collect'")
    wait: timedelta | None = row["wait"]
    return wait


def is_asked_about_tomorrow(house: House) -> bool:
    wait = next_question(house)
    return wait is not None and timedelta(hours=23) < wait <= timedelta(days=1)


def silent_collection(house: House) -> str:
    """The code of a payment whose collection an operator has taken and does not speak of."""
    payer = house.phone()
    house.mpesa.fault("collect", "silent", phone=payer[1:], count=1)
    code = house.fill(payer, 500).code
    work_until(house, lambda: "collect pending" in history(house, code))
    return code


def test_a_collection_given_up_after_a_standstill_is_asked_about_daily_for_two_days(house: House) -> None:
    code = silent_collection(house)
    later(house, days=3)
    work_until(house, lambda: house.status(code) == "failed")
    found = stuck_leg(house, code)
    assert found is not None
    assert (found.choices, found.reason[:32]) == ((Decision.TRY_AGAIN,), "given up on after a standstill; ")
    assert is_asked_about_tomorrow(house)
    release(house, code, found.seq)
    work_until(house, lambda: is_asked_about_tomorrow(house))
    later(house, days=2)
    work_until(house, lambda: next_question(house) is None)
    assert stuck(house) == []
    assert_books_verify(house.db)


def test_a_standstill_after_giving_up_on_a_collection_does_not_count_into_the_two_days(house: House) -> None:
    code = silent_collection(house)
    work_until(house, lambda: house.status(code) == "failed")
    later(house, days=3, due=3)
    work_until(house, lambda: is_asked_about_tomorrow(house))
    assert stuck_leg(house, code) is not None
    later(house, days=1)
    work_until(house, lambda: is_asked_about_tomorrow(house))
    later(house, days=1)
    work_until(house, lambda: next_question(house) is None)
    assert stuck(house) == []
    assert_books_verify(house.db)


def test_what_the_chain_refused_too_often_is_tried_once_more_when_released(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "reject", phone=payee[1:], count=1)
    house.refuse_chain = lambda orders: (
        orders["mint"] is not None and orders["mint"]["source"] == "payout_failed"
    )
    code = house.send(payer, payee, 1_000).code
    work_until(house, lambda: stuck_leg(house, code))
    found = stuck_leg(house, code)
    assert found is not None
    assert found.reason == "the chain refused the unwind 5 times"
    assert found.choices == (Decision.TRY_AGAIN,)
    house.refuse_chain = lambda _: False
    first = release(house, code, found.seq)
    assert release(house, code, found.seq) == first  # said twice, done once
    house.live(code)
    assert house.status(code) == "refunded"
    assert history(house, code).count("unwind started") == 6
    assert history(house, code).count("released") == 1
    house.assert_square()


def test_a_call_that_no_rule_would_repeat_stays_until_what_was_tried_again_has_ended(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "late", phone=payee[1:], count=1, seconds=2)
    code = house.send(payer, payee, 1_000).code
    house.live_until(code, "pending")
    with house.db.unit_of_work() as uow:
        [row] = uow.all("SELECT payment_id, seq FROM payments.leg WHERE kind = 'payout'")
        call = [CallOperator(ANOTHER_AMOUNT)]
        house.parts().work.execution.run(uow, row["payment_id"], row["seq"], call)
    release(house, code, row["seq"])
    found = stuck_leg(house, code)
    assert found is not None
    assert found.reason == ANOTHER_AMOUNT
    house.live(code)
    assert house.status(code) == "completed"
    assert stuck(house) == []
    house.assert_square()


def test_another_amount_stays_called_out_after_its_collection_was_given_up(house: House) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "late", phone=payer[1:], seconds=60)
    code = house.fill(payer, 500).code
    work_until(house, lambda: "collect pending" in history(house, code))
    with house.db.unit_of_work() as uow:
        [row] = uow.all("SELECT payment_id FROM payments.leg WHERE kind = 'collect'")
        call = [CallOperator(ANOTHER_AMOUNT)]
        house.parts().work.execution.run(uow, row["payment_id"], 0, call)
    stand_still(house)
    release(house, code, 0)  # asked about once more: from now on the call would end with the leg
    release(house, code, 0, Decision.GIVE_UP, "it is being sorted out by hand")
    assert house.status(code) == "failed"
    found = stuck_leg(house, code)
    assert found is not None
    assert (found.reason, found.choices) == (ANOTHER_AMOUNT, (Decision.NOTED,))
    release(house, code, 0, Decision.NOTED, "paid back by hand")
    assert stuck(house) == []


def test_a_report_that_contradicts_an_end_is_called_out_until_somebody_has_dealt_with_it(
    house: House,
) -> None:
    code = house.fill(house.phone(), 500).code
    house.live(code)
    assert stuck(house) == []
    with house.db.unit_of_work() as uow:
        [row] = uow.all("SELECT payment_id FROM payments.leg WHERE kind = 'collect'")
        call = [CallOperator("a collect that ended done is now reported failed")]
        house.parts().work.execution.run(uow, row["payment_id"], 0, call)
    found = stuck_leg(house, code)
    assert found is not None
    assert (found.seq, found.choices) == (0, (Decision.NOTED,))
    with pytest.raises(NotSafe):
        release(house, code, 0)
    release(house, code, 0, Decision.NOTED, "their mistake, see their letter of today")
    assert stuck(house) == []
    house.assert_square()


@pytest.mark.parametrize(
    ("seq", "because", "refusal"),
    [
        (0, "no reason", NotStuck),
        (7, "no reason", NotStuck),
        (0, "call +254 713 000 001", InvalidInput),
        (0, "  ", InvalidInput),
        (0, "x" * 301, InvalidInput),
    ],
)
def test_what_is_not_stuck_or_not_said_well_is_refused(
    house: House, seq: int, because: str, refusal: type[JuaError]
) -> None:
    code = house.fill(house.phone(), 500).code
    with pytest.raises(refusal):
        release(house, code, seq, because=because)
    with pytest.raises(UnknownPayment):
        release(house, "0000000000", seq)
    assert "released" not in history(house, code)


def test_what_was_decided_stays_on_record(house: House) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "late", phone=payer[1:], seconds=30)
    code = house.fill(payer, 500).code
    work_until(house, lambda: "collect pending" in history(house, code))
    stand_still(house)
    release(house, code, 0, because="asked by  support")
    with house.db.unit_of_work() as uow:
        [row] = uow.all("SELECT decision, by, because, acted FROM payments.release")
    assert tuple(row.values()) == ("try-again", "operations", "asked by support", True)
    with pytest.raises(psycopg.Error, match="append-only"), house.db.unit_of_work() as uow:
        uow.execute("DELETE FROM payments.release")
