"""The payments desk: what it refuses, what it does once, what it gives back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from juapesa.db import Database
from juapesa.errors import NotAllowed
from juapesa.ledger import AccountKind, Transfer
from juapesa.money import KES, NGN, USDC, Money
from juapesa.payments.domain import Kind, Order, Source
from juapesa.payments.errors import (
    InsufficientFunds,
    PriceUnavailable,
    QuoteExpired,
    SameParty,
    UnknownDestination,
    UnknownPayment,
)
from support.payments_house import House, payments_house


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


def a_send(to: str, shillings: int = 1_000, source: Source = Source.RAIL) -> Order:
    return Order(Kind.SEND, Money.whole(shillings, KES), source, to_phone=to)


def quoted(house: House, payer: str, order: Order) -> tuple[int, str]:
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        person = parts.people.enroll(uow, payer)
        return person.id, parts.payments.quote(uow, person.id, order).token


def confirmed(house: House, person_id: int, token: str) -> str:
    with house.db.unit_of_work() as uow:
        return house.parts().payments.confirm(uow, person_id, token).code


def payments(house: House) -> int:
    with house.db.unit_of_work() as uow:
        row = uow.one("SELECT count(*) AS made FROM payments.payment")
        assert row is not None
        return int(row["made"])


def test_an_expired_quote_is_refused_and_pays_nothing(house: House) -> None:
    person, token = quoted(house, house.phone(), a_send(house.phone("NG")))
    with house.db.unit_of_work() as uow:
        uow.execute("UPDATE payments.quote SET expires_at = now() - interval '1 second'")
    with pytest.raises(QuoteExpired):
        confirmed(house, person, token)
    assert payments(house) == 0


def test_somebody_elses_quote_and_an_invented_one_are_refused(house: House) -> None:
    _, token = quoted(house, house.phone(), a_send(house.phone("NG")))
    stranger, _ = quoted(house, house.phone(), a_send(house.phone("NG")))
    with pytest.raises(NotAllowed):
        confirmed(house, stranger, token)
    with pytest.raises(UnknownPayment):
        confirmed(house, stranger, "0" * 64)
    assert payments(house) == 0


def test_twin_confirmations_make_one_payment_and_both_hear_of_it(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    person, token = quoted(house, payer, a_send(payee))
    with ThreadPoolExecutor(6) as pool:
        codes = set(pool.map(lambda _: confirmed(house, person, token), range(6)))
    assert len(codes) == 1
    assert payments(house) == 1
    house.live(codes.pop())
    assert len(house.moved(house.mpesa, "collect", payer)) == 1
    assert len(house.moved(house.momo, "payout", payee)) == 1
    house.assert_square()


def test_orders_that_cannot_be_are_refused_with_their_reason(house: House) -> None:
    payer = house.phone()
    with pytest.raises(SameParty):
        quoted(house, payer, a_send(payer))
    with pytest.raises(UnknownDestination):
        quoted(house, payer, a_send("+12025550123"))
    with pytest.raises(UnknownDestination):
        quoted(house, payer, a_send("🌞" * 20))
    with pytest.raises(UnknownDestination):
        quoted(house, payer, Order(Kind.RECEIVE, Money.whole(5_000, NGN)))
    with pytest.raises(InsufficientFunds):
        quoted(house, payer, a_send(house.phone("NG"), source=Source.WALLET))
    with pytest.raises(SameParty):
        quoted(house, payer, Order(Kind.CONVERT, Money.whole(500, KES), Source.WALLET, to_currency=KES))
    assert payments(house) == 0


def test_a_wallet_cannot_be_spent_twice_by_two_quotes(house: House) -> None:
    payer = house.phone()
    house.live(house.fill(payer, 1_000).code)
    orders = [a_send(house.phone("NG"), 700, Source.WALLET) for _ in range(2)]
    first, second = (quoted(house, payer, order) for order in orders)
    code = confirmed(house, *first)
    with pytest.raises(InsufficientFunds):
        confirmed(house, *second)
    house.live(code)
    house.assert_square()


def test_a_float_that_cannot_pay_is_refused_at_the_quote(house: House) -> None:
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        custody = parts.ledger.account(uow, AccountKind.FLOAT, "momo-ng", NGN)
        capital = parts.ledger.account(uow, AccountKind.CAPITAL, "", NGN)
        held = parts.ledger.balance(uow, custody).posted
        parts.ledger.post(uow, "drain", [Transfer(capital, custody, held, "drain")])
    with pytest.raises(PriceUnavailable):
        quoted(house, house.phone(), a_send(house.phone("NG")))


def test_a_collection_that_succeeds_after_we_gave_up_is_paid_back(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.mpesa.fault("collect", "late", phone=payer.removeprefix("+"), count=1, seconds=3)
    code = house.send(payer, payee, 1_000).code
    house.live(code)
    assert house.status(code) == "failed"
    house.live_until(code, "refunded")
    assert house.moved(house.mpesa, "collect", payer) == house.moved(house.mpesa, "payout", payer)
    assert house.moved(house.momo, "payout", payee) == []
    house.assert_square()


def test_two_workers_share_a_payment_without_doubling_it(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    code = house.send(payer, payee, 1_000).code
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: house.live(code), range(2)))
    assert len(house.moved(house.mpesa, "collect", payer)) == 1
    assert len(house.moved(house.momo, "payout", payee)) == 1
    house.assert_square()


def test_a_conversion_gives_exactly_what_was_quoted(house: House) -> None:
    payer = house.phone()
    house.live(house.fill(payer, 5_000).code)
    summary = house.convert(payer, 3_000)
    house.live(summary.code)
    assert house.wallet(payer, USDC) == summary.receives
    house.assert_square()


NONSENSE = [
    b"",
    b"[]",
    b'{"Body": {"stkCallback": {"ResultCode": 0, "ResultDesc": "\\u0000"}}}',
    b"9" * 5_000,
]


@pytest.mark.parametrize("body", NONSENSE)
def test_a_callback_that_means_nothing_moves_nothing_and_stops_nobody(house: House, body: bytes) -> None:
    payer = house.phone()
    code = house.fill(payer, 500).code
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        row = uow.one("SELECT reference FROM payments.leg ORDER BY payment_id DESC, seq LIMIT 1")
        assert row is not None
        parts.inbox.record(uow, "mpesa-ke", "collect", str(row["reference"]), body)
        parts.inbox.record(uow, "momo-ng", "payout", "nothing-of-ours", b'{"status": "SUCCESSFUL"}')
    house.live(code)
    assert house.moved(house.mpesa, "collect", payer) == ["500.00"]
    house.assert_square()
