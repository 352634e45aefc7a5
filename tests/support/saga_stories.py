"""Payments whose worker may die at any commit, each with what must be true at its end.

``begin`` starts a payment and gives its code and the check of its end; its number makes amounts differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from juapesa.money import KES, USDC, Money
from juapesa.payments.domain import Source, Summary
from support.payments_house import House

Begun = tuple[str, Callable[[], None]]
WALLET_SHILLINGS = 12_000


@dataclass(frozen=True)
class SagaStory:
    """``from_wallet``: the payer has a wallet with money in it. ``modes``: death after the commit, before it.

    ``kills_min``: how often the worker dies at least. ``always``: told on real sockets without --slow, too.
    ``refused``: the chain does not take what was collected.
    """

    begin: Callable[[House, str, int], Begun]
    kills_min: int
    modes: tuple[bool, ...] = (False,)
    country: str = "KE"
    from_wallet: bool = False
    always: bool = False
    refused: bool = False

    def refuses(self, orders: dict[str, Any]) -> bool:
        """Whether the chain refuses these orders."""
        return self.refused and orders["mint"] is not None and orders["mint"]["source"] == "collect"


def sent_across(house: House, payer: str, _: int) -> Begun:
    return _completed(house, payer, house.phone("NG"), 1_000)


def sent_from_a_wallet(house: House, payer: str, _: int) -> Begun:
    payee, before = house.phone("NG"), house.wallet(payer)
    summary = house.send(payer, payee, 300, Source.WALLET)

    def check() -> None:
        assert house.wallet(payer) == before - summary.paid
        assert house.moved(house.momo, "payout", payee) == [summary.receives.plain()]

    return summary.code, check


def filled(house: House, payer: str, _: int) -> Begun:
    summary = house.fill(payer, 500)

    def check() -> None:
        if house.never_asked(summary, payer):
            return
        assert house.wallet(payer) == Money.whole(500, KES)
        assert house.moved(house.mpesa, "collect", payer) == ["500.00"]

    return summary.code, check


def converted(house: House, payer: str, _: int) -> Begun:
    shillings, dollars = house.wallet(payer), house.wallet(payer, USDC)
    summary = house.convert(payer, 500)

    def check() -> None:
        assert house.wallet(payer) == shillings - summary.paid
        assert house.wallet(payer, USDC) == dollars + summary.receives

    return summary.code, check


def payout_refused(house: House, payer: str, _: int) -> Begun:
    payee = _refusing_payee(house)
    summary = house.send(payer, payee, 1_000)

    def check() -> None:
        if house.never_asked(summary, payer):
            return
        _given_back(house, summary, payer)
        assert house.moved(house.momo, "payout", payee) == []

    return summary.code, check


def payout_from_a_wallet_refused(house: House, payer: str, _: int) -> Begun:
    payee, before = _refusing_payee(house), house.wallet(payer)
    summary = house.send(payer, payee, 300, Source.WALLET)

    def check() -> None:
        assert house.status(summary.code) == "refunded"
        assert house.wallet(payer) == before

    return summary.code, check


def collected_badly(house: House, payer: str, number: int, *, fault: str) -> Begun:
    on = "collect" if fault == "timeout-after-accept" else "callback"
    seconds = {"timeout-after-accept": 1.0}.get(fault, 0.1)
    house.mpesa.fault(on, fault, phone=payer.removeprefix("+"), count=1, seconds=seconds)
    return _completed(house, payer, house.phone("NG"), 1_000 + number)


def swap_refused(house: House, payer: str, _: int) -> Begun:
    payee = house.phone("NG")
    summary = house.send(payer, payee, 1_000)

    def check() -> None:
        if house.never_asked(summary, payer):
            return
        _given_back(house, summary, payer)
        assert house.moved(house.momo, "payout", payee) == []

    return summary.code, check


def sent_home(house: House, payer: str, _: int) -> Begun:
    payee = house.phone()
    summary = house.send_home(payer, payee)

    def check() -> None:
        if house.many_die and house.never_asked(summary, payer, house.momo):
            return
        assert house.status(summary.code) == "completed"
        assert house.moved(house.momo, "collect", payer) == [summary.paid.plain()]
        assert house.moved(house.mpesa, "payout", payee) == [summary.receives.plain()]

    return summary.code, check


def sent_within_kenya(house: House, payer: str, _: int) -> Begun:
    return _completed(house, payer, house.phone(), 1_000, at_home=True)


def refund_refused(house: House, payer: str, _: int) -> Begun:
    payee = _refusing_payee(house)
    house.mpesa.fault("payout", "reject", phone=payer.removeprefix("+"))
    summary = house.send(payer, payee, 1_000)

    def check() -> None:
        if house.never_asked(summary, payer):
            return
        assert house.status(summary.code) == "refunded"
        assert house.moved(house.mpesa, "collect", payer) == [summary.paid.plain()]
        assert house.moved(house.mpesa, "payout", payer) == []
        assert house.wallet(payer) == summary.paid

    return summary.code, check


def _completed(house: House, payer: str, payee: str, shillings: int, *, at_home: bool = False) -> Begun:
    summary = house.send(payer, payee, shillings)
    operator = house.mpesa if at_home else house.momo

    def check() -> None:
        if house.never_asked(summary, payer):
            return
        assert house.status(summary.code) == "completed"
        assert house.moved(house.mpesa, "collect", payer) == [summary.paid.plain()]
        assert house.moved(operator, "payout", payee) == [summary.receives.plain()]

    return summary.code, check


def _given_back(house: House, summary: Summary, payer: str) -> None:
    assert house.status(summary.code) == "refunded"
    assert house.moved(house.mpesa, "collect", payer) == [summary.paid.plain()]
    assert house.moved(house.mpesa, "payout", payer) == [summary.paid.plain()]


def _refusing_payee(house: House) -> str:
    payee = house.phone("NG")
    house.momo.fault("payout", "reject", phone=payee.removeprefix("+"))
    return payee


BOTH = (True, False)
STORIES = {
    "a send is collected once and paid once": SagaStory(sent_across, 10, BOTH, always=True),
    "a send from a wallet is debited once and paid once": SagaStory(
        sent_from_a_wallet, 2, BOTH, from_wallet=True
    ),
    "a wallet is filled once": SagaStory(filled, 1, BOTH),
    "a conversion happens once": SagaStory(converted, 1, BOTH, from_wallet=True),
    "a refused payout gives the payer everything back once": SagaStory(payout_refused, 5),
    "a refused payout from a wallet goes back into it once": SagaStory(
        payout_from_a_wallet_refused, 2, (True,), from_wallet=True
    ),
    "a collection answered too late is taken once": SagaStory(
        partial(collected_badly, fault="timeout-after-accept"), 2
    ),
    "a collection called back twice is taken once": SagaStory(partial(collected_badly, fault="duplicate"), 2),
    "a collection never called back is taken once": SagaStory(partial(collected_badly, fault="lost"), 2),
    "a swap that the chain refuses is refunded once": SagaStory(swap_refused, 2, refused=True),
    "a send to M-Pesa, of which only a callback tells, is paid once": SagaStory(
        sent_home, 6, BOTH, country="NG"
    ),
    "a send within Kenya is collected once and paid once": SagaStory(sent_within_kenya, 6, BOTH),
    "a refused refund goes into the payer's wallet once": SagaStory(refund_refused, 3),
}
