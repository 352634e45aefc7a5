"""Operators that answer late, never, twice or nonsense: money is neither lost from sight nor doubled.

RAIL-3: a success that arrives after we gave up is honoured or paid back, never lost.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from juapesa.assembly import build_parts
from juapesa.db import Database
from juapesa.ledger import AccountKind, Transfer
from juapesa.money import KES, Money
from juapesa.payments.domain import Source
from juapesa.payments.saga import Answered, CallOperator, LegKind
from juapesa.rails.ports import Outcome, RailAnswer, Reason
from juapesa_agents.common.options import Options
from juapesa_agents.settler import Settler
from support.payments_house import DEPLOYMENT, House, payments_house

SECONDS_MAX = 15.0


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


def digits(phone: str) -> str:
    return phone.removeprefix("+")


def work_until(house: House, true: Callable[[], object], *, at_least: float = 0.0) -> None:
    """A settler that works until this holds, and for some seconds at least."""

    async def work() -> None:
        parts = build_parts(house.settings, "", house.db, DEPLOYMENT)
        settler = Settler(parts, house.texts, Options(once=True, dry_run=False, number=1))
        begun = time.monotonic()
        try:
            async with asyncio.timeout(SECONDS_MAX):
                while time.monotonic() < begun + at_least or not true():
                    await settler.tick()
                    house.play_chain()
                    await asyncio.sleep(0.01)
        finally:
            await parts.rails.close()

    asyncio.run(work())


def events(house: House, code: str, name: str) -> list[str]:
    with house.db.unit_of_work() as uow:
        return [each.detail for each in house.parts().receipts.trace(uow, code) if each.name == name]


def operator_called(house: House, code: str) -> str | None:
    with house.db.unit_of_work() as uow:
        row = uow.one("SELECT needs_operator FROM payments.payment WHERE code = %s", (code,))
    assert row is not None
    return None if row["needs_operator"] is None else str(row["needs_operator"])


def leg(house: House, code: str, kind: LegKind) -> dict[str, Any]:
    with house.db.unit_of_work() as uow:
        row = uow.one(
            "SELECT leg.* FROM payments.leg JOIN payments.payment ON id = payment_id"
            " WHERE payment.code = %s AND leg.kind = %s",
            (code, kind),
        )
    assert row is not None
    return dict(row)


def callback(house: House, rail: str, kind: str, reference: str, body: bytes) -> None:
    with house.db.unit_of_work() as uow:
        house.parts().inbox.record(uow, rail, kind, reference, body)


def test_a_late_collection_whose_callback_is_lost_too_is_found_and_paid_back(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.mpesa.fault("collect", "late", phone=digits(payer), count=1, seconds=3)
    house.mpesa.fault("callback", "lost", phone=digits(payer), count=1)
    code = house.send(payer, payee, 1_000).code
    house.live(code)
    assert house.status(code) == "failed"
    house.live_until(code, "refunded")
    assert house.moved(house.mpesa, "collect", payer) == house.moved(house.mpesa, "payout", payer)
    assert len(house.moved(house.mpesa, "collect", payer)) == 1
    assert house.moved(house.momo, "payout", payee) == []
    house.assert_square()


def test_a_collection_given_up_on_is_asked_about_ever_more_rarely_and_in_the_end_no_more(
    house: House,
) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "late", phone=digits(payer), seconds=60)
    code = house.fill(payer, 500).code
    house.live(code)
    given_up = leg(house, code, LegKind.COLLECT)
    assert given_up["state"] == "failed"
    first_wait = given_up["next_at"] - given_up["asked_at"]
    work_until(house, lambda: leg(house, code, LegKind.COLLECT)["next_at"] > given_up["next_at"])
    assert leg(house, code, LegKind.COLLECT)["next_at"] - given_up["asked_at"] >= 1.9 * first_wait
    with house.db.unit_of_work() as uow:
        uow.execute(
            "UPDATE payments.leg SET asked_at = asked_at - interval '3 days',"
            " given_up_at = given_up_at - interval '3 days', next_at = now()"
        )
    work_until(house, lambda: leg(house, code, LegKind.COLLECT)["next_at"] is None)
    assert house.status(code) == "failed"


def test_a_payout_of_unknown_outcome_is_asked_about_ever_more_rarely(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "late", phone=digits(payee), seconds=60)
    code = house.send(payer, payee, 1_000).code
    house.live_until(code, "pending")
    with house.db.unit_of_work() as uow:
        uow.execute(
            "UPDATE payments.leg SET asked_at = now() - interval '8 hours', next_at = now()"
            " WHERE kind = 'payout'"
        )
    asked = leg(house, code, LegKind.PAYOUT)["next_at"]
    work_until(house, lambda: leg(house, code, LegKind.PAYOUT)["next_at"] > asked)
    later = leg(house, code, LegKind.PAYOUT)["next_at"] - asked
    assert 3_500 < later.total_seconds() < 3_700
    assert operator_called(house, code) is not None


def test_money_stays_held_for_a_payment_however_long_it_takes(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.live(house.fill(payer, 1_000).code)
    before, sent = house.wallet(payer), house.send(payer, payee, 300, Source.WALLET)
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        parts.ledger.expire_holds(uow, parts.clock.now() + timedelta(days=400))
    house.live(sent.code)
    assert house.wallet(payer) == before - sent.paid
    house.assert_square()


def test_a_refused_collection_is_asked_about_no_more(house: House) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "reject", phone=digits(payer), count=1)
    code = house.fill(payer, 500).code
    house.live(code)
    assert house.status(code) == "failed"
    assert leg(house, code, LegKind.COLLECT)["next_at"] is None


def test_a_collection_that_momo_never_takes_ends_and_prompts_nobody_later(house: House) -> None:
    payer, payee = house.phone("NG"), house.phone()
    house.momo.fault("collect", "outage", phone=digits(payer))  # and its status says 404 meanwhile
    code = house.send_home(payer, payee).code
    work_until(house, lambda: house.status(code) == "failed")
    house.momo.clear()
    work_until(house, lambda: True, at_least=2.0)
    assert house.moved(house.momo, "collect", payer) == []
    assert house.status(code) == "failed"
    house.assert_square()


def test_a_payout_the_operator_never_takes_calls_a_person_once_and_is_paid_once_in_the_end(
    house: House,
) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "outage", phone=digits(payee))
    summary = house.send(payer, payee, 1_000)
    work_until(house, lambda: operator_called(house, summary.code), at_least=2.5)
    assert house.status(summary.code) in {"processing", "pending"}
    assert len(events(house, summary.code, "needs an operator")) == 1
    house.momo.clear()
    house.live(summary.code)
    assert house.status(summary.code) == "completed"
    assert house.moved(house.momo, "payout", payee) == [summary.receives.plain()]
    house.assert_square()


def test_a_refund_without_float_calls_a_person_and_is_paid_when_there_is_float(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.refuse_chain = lambda orders: orders["mint"] is not None and orders["mint"]["source"] == "collect"
    summary = house.send(payer, payee, 1_000)
    work_until(house, lambda: leg(house, summary.code, LegKind.COLLECT)["state"] == "done")
    taken = _drain(house)
    work_until(house, lambda: operator_called(house, summary.code))
    assert "float" in str(operator_called(house, summary.code))
    assert house.moved(house.mpesa, "payout", payer) == []
    _refill(house, taken)
    house.live(summary.code)
    assert house.status(summary.code) == "refunded"
    assert house.moved(house.mpesa, "payout", payer) == [summary.paid.plain()]
    house.assert_square()


def _drain(house: House) -> Money:
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        custody = parts.ledger.account(uow, AccountKind.FLOAT, "mpesa-ke", KES)
        capital = parts.ledger.account(uow, AccountKind.CAPITAL, "", KES)
        taken: Money = parts.ledger.balance(uow, custody).available
        parts.ledger.post(uow, "drain", [Transfer(capital, custody, taken, "drain")])
    return taken


def _refill(house: House, taken: Money) -> None:
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        custody = parts.ledger.account(uow, AccountKind.FLOAT, "mpesa-ke", KES)
        capital = parts.ledger.account(uow, AccountKind.CAPITAL, "", KES)
        parts.ledger.post(uow, "refill", [Transfer(custody, capital, taken, "refill")])


def test_an_amount_that_stays_wrong_calls_a_person_once(house: House) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "silent", phone=digits(payer))
    code = house.fill(payer, 500).code
    work_until(house, lambda: leg(house, code, LegKind.COLLECT)["state"] == "pending")
    wrong = Answered(RailAnswer(Outcome.SUCCESS, Reason.NONE, "0", amount=Money.whole(499, KES)))
    row = leg(house, code, LegKind.COLLECT)
    execution = house.parts().work.execution
    for _ in range(3):
        with house.db.unit_of_work() as uow:
            execution.record(uow, row["payment_id"], row["seq"], wrong)
    assert len(events(house, code, "needs an operator")) == 1
    assert house.wallet(payer) == Money.whole(0, KES)
    with house.db.unit_of_work() as uow:  # another reason is another call
        execution.run(uow, row["payment_id"], row["seq"], [CallOperator("something else")])
    assert len(events(house, code, "needs an operator")) == 2


def stk_result(code: int, amount: int = 500, receipt: str = "TFORGED001") -> bytes:
    items = (
        f'{{"Item": [{{"Name": "Amount", "Value": {amount}}},'
        f' {{"Name": "MpesaReceiptNumber", "Value": "{receipt}"}}]}}'
    )
    return (
        f'{{"Body": {{"stkCallback": {{"MerchantRequestID": "1-1-1", "CheckoutRequestID": "ws_CO_forged",'
        f' "ResultCode": {code}, "ResultDesc": "x", "CallbackMetadata": {items}}}}}}}'
    ).encode()


FORGERIES = [
    pytest.param(stk_result(0), id="a success that never was"),
    pytest.param(stk_result(1032), id="a failure that never was"),
    pytest.param(stk_result(0, amount=1), id="another amount"),
]


@pytest.mark.parametrize("body", FORGERIES)
@pytest.mark.parametrize("times", [1, 3])
def test_a_forged_callback_changes_nothing(house: House, body: bytes, times: int) -> None:
    payer = house.phone()
    summary = house.fill(payer, 500)
    reference = str(leg(house, summary.code, LegKind.COLLECT)["reference"])
    for _ in range(times):
        callback(house, "mpesa-ke", "collect", reference, body)
    house.live(summary.code)
    assert house.status(summary.code) == "completed", house.story(summary.code)
    assert house.moved(house.mpesa, "collect", payer) == ["500.00"]
    assert house.wallet(payer) == Money.whole(500, KES)
    house.assert_square()


@pytest.mark.parametrize("body", FORGERIES)
def test_a_forged_callback_about_a_collection_nobody_made_moves_nothing(house: House, body: bytes) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "late", phone=digits(payer), seconds=60)
    summary = house.fill(payer, 500)
    reference = str(leg(house, summary.code, LegKind.COLLECT)["reference"])
    callback(house, "mpesa-ke", "collect", reference, body)
    house.live(summary.code)
    assert house.status(summary.code) == "failed"
    callback(house, "mpesa-ke", "collect", reference, body)
    work_until(house, lambda: True, at_least=0.5)
    assert house.status(summary.code) == "failed"
    assert house.wallet(payer) == Money.whole(0, KES)
    house.assert_square()


@pytest.mark.parametrize("fault", ["duplicate", "reorder", "late"])
@pytest.mark.parametrize("operator", ["mpesa", "momo"])
def test_odd_callbacks_pay_once(house: House, fault: str, operator: str) -> None:
    kenyan, nigerian = house.phone(), house.phone("NG")
    for each, phone in ((house.mpesa, kenyan), (house.momo, nigerian)):
        each.fault("callback", fault, phone=digits(phone), seconds=0.3)
    from_kenya = operator == "mpesa"
    summary = house.send(kenyan, nigerian, 1_000) if from_kenya else house.send_home(nigerian, kenyan)
    house.live(summary.code)
    work_until(house, lambda: True, at_least=0.6)  # the rest of the callbacks come in
    assert house.status(summary.code) == "completed"
    first, second = (house.mpesa, house.momo) if from_kenya else (house.momo, house.mpesa)
    payer, payee = (kenyan, nigerian) if from_kenya else (nigerian, kenyan)
    assert house.moved(first, "collect", payer) == [summary.paid.plain()]
    assert house.moved(second, "payout", payee) == [summary.receives.plain()]
    house.assert_square()


def test_a_late_success_after_the_refund_is_paid_back_no_second_time(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.mpesa.fault("collect", "late", phone=digits(payer), count=1, seconds=3)
    code = house.send(payer, payee, 1_000).code
    house.live(code)
    house.live_until(code, "refunded")
    reference = str(leg(house, code, LegKind.COLLECT)["reference"])
    for _ in range(2):
        callback(house, "mpesa-ke", "collect", reference, stk_result(0, amount=1_000))
    work_until(house, lambda: True, at_least=0.5)
    assert house.status(code) == "refunded"
    assert len(house.moved(house.mpesa, "payout", payer)) == 1
    house.assert_square()
