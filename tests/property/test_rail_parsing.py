"""Whatever an operator or a forger posts, parsing answers or refuses, and never guesses success."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from juapesa.money import KES, NGN, Money
from juapesa.rails import wire
from juapesa.rails.daraja import callbacks as daraja
from juapesa.rails.daraja import mapping, orders
from juapesa.rails.momo import callbacks as momo
from juapesa.rails.momo.mapping import Product
from juapesa.rails.ports import CallbackNews, Outcome

PARSERS = (
    daraja.collect,
    daraja.payout,
    daraja.status,
    daraja.timeout,
    daraja.balance,
    lambda body: momo.callback(Product.COLLECTION, NGN, body),
)

# The names that the parsers look for, so that random bodies get past the first check.
NAMES = st.sampled_from(
    [
        *("Body", "stkCallback", "Result", "ResultCode", "CheckoutRequestID", "CallbackMetadata", "Item"),
        *("Name", "Value", "Key", "ResultParameters", "ResultParameter", "Amount", "TransactionStatus"),
        *("AccountBalance", "status", "reason", "code", "amount", "currency", "externalId"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
THINGS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)


def read(parse: Any, body: bytes) -> CallbackNews | None:
    try:
        news = parse(body)
    except wire.NotTheirFormat:
        return None
    assert isinstance(news, CallbackNews)
    return news


@given(THINGS)
@settings(max_examples=300, deadline=None)
def test_any_json_is_answered_or_refused(thing: Any) -> None:
    for parse in PARSERS:
        read(parse, json.dumps(thing).encode())


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_answered_or_refused(body: bytes) -> None:
    for parse in PARSERS:
        read(parse, body)


@given(st.text(max_size=12))
def test_no_code_means_success_but_zero(code: str) -> None:
    normal = code.strip().upper().removesuffix(".0")
    zero = normal.isdecimal() and not normal.strip("0")
    for verdict in (mapping.stk_result(code), mapping.b2c_result(code)):
        assert (verdict[0] is Outcome.SUCCESS) == zero


@given(
    minor=st.integers(0, 10**15), as_text=st.booleans(), unknown=st.dictionaries(st.text(max_size=8), SCALARS)
)
def test_an_amount_is_read_to_the_cent_in_any_writing(
    minor: int, *, as_text: bool, unknown: dict[str, Any]
) -> None:
    money = Money(minor, KES)
    value = json.dumps(money.plain()) if as_text else money.plain()
    body = (
        '{"Body":{"stkCallback":{"ResultCode":"0","CheckoutRequestID":"ws","extra":'
        + json.dumps(unknown)
        + ',"CallbackMetadata":{"Item":[{"Name":"Balance"},{"Name":"Amount","Value":'
        + value
        + "}]}}}}"
    )
    assert daraja.collect(body.encode()).answer.amount == money


@given(st.uuids(), st.uuids())
def test_account_references_are_short_plain_and_distinct(one: Any, other: Any) -> None:
    first, second = orders.account_reference(str(one)), orders.account_reference(str(other))
    assert len(first) == 12
    assert first.isalnum()
    assert first.isascii()
    assert (first == second) == (one == other)
