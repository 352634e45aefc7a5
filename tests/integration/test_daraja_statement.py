"""What the M-Pesa adapter finds in the operator's statement, page by page."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from juapesa.money import KES, Money
from juapesa.rails.daraja import client, orders
from juapesa.rails.ports import Outcome, Rail
from support.clocks import HandClock
from support.daraja_rail import (
    HANDLE,
    REFERENCE,
    ask,
    find_collect,
    find_lost_collect,
    settings_for,
)
from support.operators import Operator, operator


@pytest.fixture
def daraja() -> Iterator[Operator]:
    with operator() as told:
        yield told


def line_of(reference: str, receipt: str = "NLJ7RT61SV") -> dict[str, str]:
    """How the statement shows an order."""
    account = orders.account_reference(reference)
    return {"transactionId": receipt, "billreference": account, "amount": "1000"}


def test_a_paid_prompt_is_looked_up_in_the_statement_for_its_receipt(daraja: Operator) -> None:
    daraja.say(client.STK_QUERY, (200, {"ResponseCode": "0", "ResultCode": "0", "ResultDesc": "Done"}))
    [bare] = ask(daraja.url, find_collect)
    assert (bare.outcome, bare.receipt) == (Outcome.SUCCESS, None)
    line = {
        "transactionId": "NLJ7RT61SV",
        "billreference": orders.account_reference(REFERENCE),
        "amount": 1000.00,
        "msisdn": "2547*****149",
    }
    daraja.say(client.PULL, (200, {"ResponseCode": "1000", "Response": [[line]]}))
    for answer in ask(daraja.url, find_collect, find_lost_collect):
        assert answer.outcome is Outcome.SUCCESS
        assert (answer.receipt, answer.amount) == ("NLJ7RT61SV", Money.whole(1000, KES))


def test_a_prompt_that_the_query_knows_nothing_of_is_looked_up_in_the_statement(daraja: Operator) -> None:
    """Its handle may be a stranger's, from a forged callback; the statement goes by our own reference."""
    daraja.say(
        client.STK_QUERY, (500, {"errorCode": "500.003.1001", "errorMessage": "Internal Server Error"})
    )
    daraja.say(client.PULL, (200, {"ResponseCode": "1000", "Response": [[line_of(REFERENCE)]]}))
    [answer] = ask(daraja.url, find_collect)
    assert (answer.outcome, answer.receipt) == (Outcome.SUCCESS, "NLJ7RT61SV")


@pytest.mark.parametrize(
    "said", [(200, {"ResponseCode": "1001", "Response": []}), (404, {}), (200, {"Response": None}), 5]
)
def test_a_prompt_without_a_handle_that_no_statement_shows_stays_unknown(daraja: Operator, said: Any) -> None:
    daraja.say(client.PULL, said)
    [answer] = ask(daraja.url, find_lost_collect)
    assert answer.outcome is Outcome.UNKNOWN


def test_a_statement_is_read_page_by_page(daraja: Operator) -> None:
    line = {"transactionId": "X", "billreference": "OTHER", "amount": "5"}
    ours = line | {
        "transactionId": "NLJ7RT61SV",
        "billreference": orders.account_reference(REFERENCE).lower(),
    }
    daraja.say(client.PULL, (200, {"Response": [line] * 100}), (200, {"Response": [line, ours]}))
    [answer] = ask(daraja.url, find_lost_collect)
    assert answer.receipt == "NLJ7RT61SV"
    assert [json.loads(seen.body)["OffSetValue"] for seen in daraja.requests(client.PULL)] == ["0", "100"]


def test_a_lost_prompt_is_looked_for_among_lines_that_were_read_before(daraja: Operator) -> None:
    """Its line may have appeared late among older ones, where the reading does not come by again."""
    nothing: dict[str, Any] = {"Response": []}
    daraja.say(client.PULL, *[(200, nothing)] * 3, (200, {"Response": [line_of(REFERENCE)]}))
    before, answer = ask(daraja.url, find_lost_collect, find_lost_collect)
    assert (before.outcome, answer.receipt) == (Outcome.UNKNOWN, "NLJ7RT61SV")


def test_the_first_reading_of_the_statement_goes_hours_back_and_the_next_hour_s_does_not(
    daraja: Operator,
) -> None:
    """A success that comes to light just after a start has its amount looked at, too."""
    daraja.say(client.STK_QUERY, (200, {"ResponseCode": "0", "ResultCode": "0", "ResultDesc": "Done."}))
    daraja.say(client.PULL, (200, {"Response": []}))
    clock = HandClock()

    def an_hour_later(rail: Rail) -> Any:
        clock.pass_seconds(61 * 60)
        return rail.find_collect(REFERENCE, HANDLE)

    ask(daraja.url, find_collect, an_hour_later, clock=clock)
    pulled = [json.loads(seen.body) for seen in daraja.requests(client.PULL)]
    first, second = (_minutes(each["EndDate"]) - _minutes(each["StartDate"]) for each in pulled)
    assert (first, second) == (361, 6)


def _minutes(written: str) -> int:
    at = datetime.fromisoformat(written)
    return (at.day * 24 + at.hour) * 60 + at.minute


def test_the_statement_is_read_on_where_it_ended_and_once_for_all_who_ask(daraja: Operator) -> None:
    references = [f"0f0f2f64-3ad5-4c54-9ff5-5a25a0f1c{number:03d}" for number in range(120)]
    lines = [line_of(each, f"R{number}") for number, each in enumerate(references)]
    daraja.say(client.STK_QUERY, (200, {"ResponseCode": "0", "ResultCode": "0", "ResultDesc": "Done."}))
    daraja.say(
        client.PULL,
        (200, {"Response": lines[:100]}),
        (200, {"Response": lines[100:119]}),
        (200, {"Response": lines[119:]}),
    )

    def first(rail: Rail) -> Any:
        return asyncio.gather(*(rail.find_collect(each, HANDLE) for each in references[:119]))

    def last(rail: Rail) -> Any:
        return rail.find_collect(references[119], HANDLE)

    answers, late = ask(daraja.url, first, last, settings=settings_for(daraja.url, timeout_seconds=10))
    assert [answer.receipt for answer in answers] == [f"R{number}" for number in range(119)]
    assert late.receipt == "R119"
    offsets = [json.loads(seen.body)["OffSetValue"] for seen in daraja.requests(client.PULL)]
    assert offsets[:2] == ["0", "100"]
    assert offsets[-1] == "119"
    assert len(offsets) <= 4, "who asks while a reading is under way shares the next"


def test_the_statement_is_opened_once_for_the_short_code(daraja: Operator) -> None:
    daraja.say(
        client.PULL_REGISTER,
        (200, {"ResponseStatus": "1000", "ShortCode": "174379"}),
        (200, {"ResponseStatus": 1001}),
        (400, {"errorCode": "400.002.02"}),
    )

    def register(rail: Any) -> Any:
        return rail.open_statement("+254700000000", "http://127.0.0.1:1/pull")

    assert ask(daraja.url, register, register, register) == [True, True, False]
    body = json.loads(daraja.requests(client.PULL_REGISTER)[0].body)
    assert body["NominatedNumber"] == "254700000000"
    assert set(body) == {"ShortCode", "RequestType", "NominatedNumber", "CallBackURL"}
