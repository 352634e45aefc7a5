"""Kill the worker at every commit of a payment: it still finishes or is refunded, once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from juapesa.db import Database
from juapesa.money import KES, USDC, Money
from juapesa.payments.domain import Source
from support.payments_house import House, payments_house

KILLS_MAX = 64  # the longest story, with a refused payout and a refused refund, commits about 45 times


@pytest.fixture
def every(request: pytest.FixtureRequest) -> int:
    """The side stories die at every commit with --slow, else at every third."""
    return 1 if request.config.getoption("--slow") else 3


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


Tell = Callable[[int], Callable[[], None]]


def killed_everywhere(house: House, tell: Tell, *, modes: tuple[bool, ...], every: int = 1) -> int:
    """Tell the story once for each commit, with a worker that dies there; how often it died.

    ``tell(n)`` starts a payment and gives the check of its end. ``every`` leaves commits out.
    """
    kills = 0
    for dies_at in range(1, KILLS_MAX, every):
        for after in modes:
            check = tell(dies_at)
            code = LAST[-1]
            lived = house.live(code, dies_at, after=after)
            house.live(code)
            check()
            if lived < dies_at:
                house.assert_square()
                return kills
            kills += 1
    raise AssertionError("the payment commits without end")


LAST: list[str] = []


def sent_across(house: House) -> Callable[[int], Callable[[], None]]:
    def tell(_: int) -> Callable[[], None]:
        payer, payee = house.phone(), house.phone("NG")
        summary = house.send(payer, payee, 1_000)
        LAST.append(summary.code)

        def check() -> None:
            if house.never_asked(summary, payer):
                return
            assert house.status(summary.code) == "completed"
            assert house.moved(house.mpesa, "collect", payer) == [summary.paid.plain()]
            assert house.moved(house.momo, "payout", payee) == [summary.receives.plain()]

        return check

    return tell


def test_a_send_is_collected_once_and_paid_once(house: House) -> None:
    kills = killed_everywhere(house, sent_across(house), modes=(True, False))
    assert kills >= 10


def test_a_send_from_a_wallet_is_debited_once_and_paid_once(house: House, every: int) -> None:
    payer = house.phone()
    filled = house.fill(payer, 12_000)
    house.live(filled.code)

    def tell(_: int) -> Callable[[], None]:
        payee, before = house.phone("NG"), house.wallet(payer)
        summary = house.send(payer, payee, 300, Source.WALLET)
        LAST.append(summary.code)

        def check() -> None:
            assert house.wallet(payer) == before - summary.paid
            assert house.moved(house.momo, "payout", payee) == [summary.receives.plain()]

        return check

    assert killed_everywhere(house, tell, modes=(True, False), every=every) >= 2


def test_a_wallet_is_filled_once(house: House, every: int) -> None:
    def tell(_: int) -> Callable[[], None]:
        payer = house.phone()
        summary = house.fill(payer, 500)
        LAST.append(summary.code)

        def check() -> None:
            if house.never_asked(summary, payer):
                return
            assert house.wallet(payer) == Money.whole(500, KES)
            assert house.moved(house.mpesa, "collect", payer) == ["500.00"]

        return check

    assert killed_everywhere(house, tell, modes=(True, False), every=every) >= 1


def test_a_conversion_happens_once(house: House, every: int) -> None:
    payer = house.phone()
    house.live(house.fill(payer, 12_000).code)

    def tell(_: int) -> Callable[[], None]:
        shillings, dollars = house.wallet(payer), house.wallet(payer, USDC)
        summary = house.convert(payer, 500)
        LAST.append(summary.code)

        def check() -> None:
            assert house.wallet(payer) == shillings - summary.paid
            assert house.wallet(payer, USDC) == dollars + summary.receives

        return check

    assert killed_everywhere(house, tell, modes=(True, False), every=every) >= 1


def test_a_refused_payout_gives_the_payer_everything_back_once(house: House, every: int) -> None:
    def tell(_: int) -> Callable[[], None]:
        payer, payee = house.phone(), house.phone("NG")
        house.momo.fault("payout", "reject", phone=payee.removeprefix("+"))
        summary = house.send(payer, payee, 1_000)
        LAST.append(summary.code)

        def check() -> None:
            if house.never_asked(summary, payer):
                return
            assert house.status(summary.code) == "refunded"
            assert house.moved(house.mpesa, "collect", payer) == [summary.paid.plain()]
            assert house.moved(house.mpesa, "payout", payer) == [summary.paid.plain()]
            assert house.moved(house.momo, "payout", payee) == []

        return check

    assert killed_everywhere(house, tell, modes=(False,), every=every) >= 5


def test_a_refused_payout_from_a_wallet_goes_back_into_it_once(house: House, every: int) -> None:
    payer = house.phone()
    house.live(house.fill(payer, 12_000).code)

    def tell(_: int) -> Callable[[], None]:
        payee, before = house.phone("NG"), house.wallet(payer)
        house.momo.fault("payout", "reject", phone=payee.removeprefix("+"))
        summary = house.send(payer, payee, 300, Source.WALLET)
        LAST.append(summary.code)

        def check() -> None:
            assert house.status(summary.code) == "refunded"
            assert house.wallet(payer) == before

        return check

    assert killed_everywhere(house, tell, modes=(True,), every=every) >= 2


@pytest.mark.parametrize("fault", ["timeout-after-accept", "duplicate", "lost"])
def test_a_misbehaving_collection_is_still_taken_once(house: House, fault: str, every: int) -> None:
    on = "collect" if fault == "timeout-after-accept" else "callback"

    def tell(dies_at: int) -> Callable[[], None]:
        payer, payee = house.phone(), house.phone("NG")
        seconds = {"timeout-after-accept": 1.0}.get(fault, 0.1)
        house.mpesa.fault(on, fault, phone=payer.removeprefix("+"), count=1, seconds=seconds)
        summary = house.send(payer, payee, 1_000 + dies_at)
        LAST.append(summary.code)

        def check() -> None:
            if house.never_asked(summary, payer):
                return
            assert house.status(summary.code) == "completed"
            assert house.moved(house.mpesa, "collect", payer) == [summary.paid.plain()]
            assert house.moved(house.momo, "payout", payee) == [summary.receives.plain()]

        return check

    assert killed_everywhere(house, tell, modes=(False,), every=every) >= 2


def test_a_swap_that_the_chain_refuses_is_refunded_once(house: House, every: int) -> None:
    house.refuse_chain = lambda orders: orders["mint"] is not None and orders["mint"]["source"] == "collect"

    def tell(_: int) -> Callable[[], None]:
        payer, payee = house.phone(), house.phone("NG")
        summary = house.send(payer, payee, 1_000)
        LAST.append(summary.code)

        def check() -> None:
            if house.never_asked(summary, payer):
                return
            assert house.status(summary.code) == "refunded"
            assert house.moved(house.mpesa, "payout", payer) == [summary.paid.plain()]
            assert house.moved(house.momo, "payout", payee) == []

        return check

    assert killed_everywhere(house, tell, modes=(False,), every=every) >= 2


def test_a_send_to_mpesa_whose_outcome_only_a_callback_tells_is_paid_once(house: House, every: int) -> None:
    def tell(_: int) -> Callable[[], None]:
        payer, payee = house.phone("NG"), house.phone()
        summary = house.send_home(payer, payee)
        LAST.append(summary.code)

        def check() -> None:
            assert house.status(summary.code) == "completed"
            assert house.moved(house.momo, "collect", payer) == [summary.paid.plain()]
            assert house.moved(house.mpesa, "payout", payee) == [summary.receives.plain()]

        return check

    assert killed_everywhere(house, tell, modes=(True, False), every=every) >= 6


def test_a_send_within_kenya_is_collected_once_and_paid_once(house: House, every: int) -> None:
    def tell(_: int) -> Callable[[], None]:
        payer, payee = house.phone(), house.phone()
        summary = house.send(payer, payee, 1_000)
        LAST.append(summary.code)

        def check() -> None:
            if house.never_asked(summary, payer):
                return
            assert house.status(summary.code) == "completed"
            assert house.moved(house.mpesa, "collect", payer) == [summary.paid.plain()]
            assert house.moved(house.mpesa, "payout", payee) == [summary.receives.plain()]

        return check

    assert killed_everywhere(house, tell, modes=(True, False), every=every) >= 6


def test_a_refused_refund_goes_into_the_payers_wallet_once(house: House, every: int) -> None:
    def tell(_: int) -> Callable[[], None]:
        payer, payee = house.phone(), house.phone("NG")
        house.momo.fault("payout", "reject", phone=payee.removeprefix("+"))
        house.mpesa.fault("payout", "reject", phone=payer.removeprefix("+"))
        summary = house.send(payer, payee, 1_000)
        LAST.append(summary.code)

        def check() -> None:
            if house.never_asked(summary, payer):
                return
            assert house.status(summary.code) == "refunded"
            assert house.moved(house.mpesa, "collect", payer) == [summary.paid.plain()]
            assert house.moved(house.mpesa, "payout", payer) == []
            assert house.wallet(payer) == summary.paid

        return check

    assert killed_everywhere(house, tell, modes=(False,), every=every) >= 3
