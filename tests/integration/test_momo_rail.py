"""The MoMo adapter against an HTTP server that speaks as the Open API documents."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from juapesa.clock import SystemClock
from juapesa.config.settings import MomoSettings, Settings
from juapesa.money import KES, NGN, Money
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.ports import CollectOrder, Outcome, PayoutOrder, Rail, Reason
from juapesa.rails.routing import build_rails
from juapesa.rails.tokens import MemoryTokens
from juapesa.rails.wire import NotTheirFormat
from support.operators import Operator, operator, unused_url

REFERENCE = "0f0f2f64-3ad5-4c54-9ff5-5a25a0f1c001"
COLLECT = CollectOrder(
    REFERENCE, "+2348031234567", Money.whole(5000, NGN), "JP-7Q2F", "http://127.0.0.1:1/cb"
)
PAYOUT = PayoutOrder(REFERENCE, "+2348031234567", Money.whole(5000, NGN), "JP-7Q2F", "http://127.0.0.1:1/cb")
PAY, TRANSFER = "/collection/v1_0/requesttopay", "/disbursement/v1_0/transfer"
DONE = {"status": "SUCCESSFUL", "amount": "5000", "currency": "NGN", "financialTransactionId": "363440463"}
EXISTS = {"code": "RESOURCE_ALREADY_EXIST", "message": "Duplicated reference id."}


@pytest.fixture
def momo() -> Iterator[Operator]:
    with operator() as told:
        told.token_refusal = (401, {"code": "UNAUTHORIZED"})
        yield told


def ask(url: str, *questions: Any) -> list[Any]:
    async def run() -> list[Any]:
        everything = Settings(momo=MomoSettings(base_url=url, timeout_seconds=0.6))
        urls = CallbackUrls(b"k" * 32, "http://127.0.0.1:1")
        rails = build_rails(everything, MemoryTokens(SystemClock()), urls, SystemClock())
        try:
            return [await question(rails["momo-ng"]) for question in questions]
        finally:
            await rails.close()

    return asyncio.run(run())


def collect(rail: Rail) -> Any:
    return rail.collect(COLLECT)


def payout(rail: Rail) -> Any:
    return rail.payout(PAYOUT)


def find_collect(rail: Rail) -> Any:
    return rail.find_collect(REFERENCE, None)


def find_payout(rail: Rail) -> Any:
    return rail.find_payout(REFERENCE, None, "")


def test_an_accepted_order_is_pending_under_our_own_reference(momo: Operator) -> None:
    momo.say(PAY, (202, b""))
    [answer] = ask(momo.url, collect)
    assert (answer.outcome, answer.handle) == (Outcome.PENDING, REFERENCE)
    [seen] = momo.requests(PAY)
    assert seen.headers["x-reference-id"] == REFERENCE
    assert seen.headers["x-target-environment"] == "mtnnigeria"
    assert seen.headers["x-callback-url"] == COLLECT.callback_url
    assert seen.headers["ocp-apim-subscription-key"] == "sandbox-collection-key"
    assert json.loads(seen.body)["amount"] == "5000"


def test_each_product_has_a_token_and_a_key_of_its_own(momo: Operator) -> None:
    momo.say(PAY, (202, b""))
    momo.say(TRANSFER, (202, b""))
    # The test's server ends one product's token when it gives the other's: each is fetched again.
    answers = ask(momo.url, collect, payout, collect)
    assert [answer.outcome for answer in answers] == [Outcome.PENDING] * 3
    assert momo.requests(TRANSFER)[0].headers["ocp-apim-subscription-key"] == "sandbox-disbursement-key"
    assert momo.tokens_given == 3


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        ((200, DONE), Outcome.SUCCESS),
        ((200, {"status": "PENDING"}), Outcome.PENDING),
        ((200, {"status": "FAILED", "reason": "PAYEE_NOT_FOUND"}), Outcome.FAILED),
        ((500, {}), Outcome.PENDING),
        ((404, {"code": "RESOURCE_NOT_FOUND"}), Outcome.PENDING),
        (5, Outcome.PENDING),
    ],
)
def test_a_repeated_order_is_asked_about(momo: Operator, now: Any, outcome: Outcome) -> None:
    momo.say(TRANSFER, (409, EXISTS))
    momo.say(f"{TRANSFER}/{REFERENCE}", now)
    [answer] = ask(momo.url, payout)
    assert (answer.outcome, answer.handle or REFERENCE) == (outcome, REFERENCE)


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        ((200, DONE), Outcome.SUCCESS, Reason.NONE),
        ((200, {"status": "PENDING"}), Outcome.PENDING, Reason.NONE),
        ((200, {"status": "CREATED"}), Outcome.PENDING, Reason.NONE),
        ((200, {"status": "FAILED", "reason": "APPROVAL_REJECTED"}), Outcome.FAILED, Reason.PAYER_DECLINED),
        ((200, {"status": "FAILED", "reason": {"code": "EXPIRED"}}), Outcome.FAILED, Reason.EXPIRED),
        ((200, {"status": "FAILED"}), Outcome.FAILED, Reason.OTHER),
        ((200, {}), Outcome.UNKNOWN, Reason.NONE),
        ((200, b"<html>"), Outcome.UNKNOWN, Reason.NONE),
        ((404, {"code": "RESOURCE_NOT_FOUND"}), Outcome.ABSENT, Reason.NONE),
        ((404, b""), Outcome.ABSENT, Reason.NONE),
        ((500, {"code": "INTERNAL_PROCESSING_ERROR"}), Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
        ((429, {}), Outcome.UNKNOWN, Reason.RATE_LIMITED),
        (5, Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
    ],
)
def test_asking_about_an_order(momo: Operator, said: Any, outcome: Outcome, reason: Reason) -> None:
    momo.say(f"{PAY}/{REFERENCE}", said)
    momo.say(f"{TRANSFER}/{REFERENCE}", said)
    for answer in ask(momo.url, find_collect, find_payout):
        assert (answer.outcome, answer.reason) == (outcome, reason)
        if outcome is Outcome.SUCCESS:
            assert (answer.receipt, answer.amount) == ("363440463", Money.whole(5000, NGN))


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        ((400, {}), Outcome.FAILED, Reason.CONFIGURATION),
        ((500, {"code": "NOT_ENOUGH_FUNDS", "message": "x"}), Outcome.FAILED, Reason.FLOAT_EMPTY),
        ((500, {"code": "INTERNAL_PROCESSING_ERROR"}), Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
        ((503, b""), Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
        ((429, b""), Outcome.FAILED, Reason.RATE_LIMITED),
        (5, Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
    ],
)
def test_an_order_that_met_trouble(momo: Operator, said: Any, outcome: Outcome, reason: Reason) -> None:
    momo.say(TRANSFER, said)
    [answer] = ask(momo.url, payout)
    assert (answer.outcome, answer.reason) == (outcome, reason)


def test_nobody_there_is_unknown() -> None:
    answers = ask(unused_url(), collect, payout, find_collect, find_payout)
    assert [answer.outcome for answer in answers] == [Outcome.UNKNOWN] * 4


def test_a_balance_is_told_at_once(momo: Operator) -> None:
    momo.say(
        "/disbursement/v1_0/account/balance",
        (200, {"availableBalance": "15000.50", "currency": "NGN"}),
        (200, {"availableBalance": 15000, "currency": "EUR"}),
        (500, {}),
    )
    balances = ask(momo.url, *[lambda rail: rail.balance("")] * 3)
    assert balances == [Money.parse("15000.50", NGN), None, None]


def test_what_the_rail_cannot_carry_is_not_even_sent(momo: Operator) -> None:
    for order in (
        CollectOrder(REFERENCE, "08031234567", Money.whole(5000, NGN), "", ""),
        CollectOrder(REFERENCE, "+2348031234567", Money.whole(5000, KES), "", ""),
        CollectOrder(REFERENCE, "+2348031234567", Money.zero(NGN), "", ""),
    ):
        [answer] = ask(momo.url, lambda rail, order=order: rail.collect(order))
        assert answer.outcome is Outcome.FAILED
    assert not momo.seen


def test_a_callback_of_a_kind_they_do_not_make_is_refused(momo: Operator) -> None:
    async def parse(rail: Rail) -> None:
        for kind, body in (("balance", b"{}"), ("collect", b"{}")):
            with pytest.raises(NotTheirFormat):
                rail.parse_callback(kind, body)
        assert rail.callback_answer("collect")[0] == 200

    ask(momo.url, parse)
