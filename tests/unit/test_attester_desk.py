"""The desk knows its attesters by their signatures, and both sides survive nonsense."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juapesa.errors import JuaError, NotAllowed
from juapesa.issuance import desk
from juapesa.issuance.domain import Mint, Source, Statement, StatementRequest
from juapesa.money import CKES, Money
from support.evm import play_key

NOW = 1_790_000_000
ME = play_key("attester 1")
PATH = "/attesters/requests"
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def asked() -> StatementRequest:
    mint = Mint(Money.whole(10, CKES), Source.COLLECT, "mpesa-ke", "ours", "RKTQDM7W6S")
    address = "0x" + "1" * 40
    statement = Statement(address, address, 3, mint.amount.minor, bytes(32), 7, NOW, NOW + 60)
    return StatementRequest(uuid.uuid4(), CKES, mint, statement)


def test_a_signed_request_is_known() -> None:
    header = desk.authorization(ME, "POST", PATH, b"{}", NOW)
    assert desk.authenticate(header, "POST", PATH, b"{}", NOW + 5) == ME.address.lower()


@pytest.mark.parametrize(
    ("method", "path", "body", "now"),
    [
        ("GET", PATH, b"{}", NOW),
        ("POST", PATH + "/x", b"{}", NOW),
        ("POST", PATH, b"{ }", NOW),
        ("POST", PATH, b"{}", NOW + desk.CLOCK_SKEW_SECONDS_MAX + 1),
        ("POST", PATH, b"{}", NOW - desk.CLOCK_SKEW_SECONDS_MAX - 1),
    ],
)
def test_a_captured_header_is_good_for_nothing_else(method: str, path: str, body: bytes, now: int) -> None:
    header = desk.authorization(ME, "POST", PATH, b"{}", NOW)
    with pytest.raises(NotAllowed):
        desk.authenticate(header, method, path, body, now)


def test_nobody_can_use_anothers_address() -> None:
    header = desk.authorization(ME, "GET", PATH, b"", NOW)
    stolen = header.replace(ME.address, play_key("attester 2").address)
    with pytest.raises(NotAllowed):
        desk.authenticate(stolen, "GET", PATH, b"", NOW)


@given(st.none() | st.text() | st.text().map(lambda each: f"Attester 0x1 {NOW} {each}"))
def test_a_header_of_nonsense_is_turned_away(header: str | None) -> None:
    with pytest.raises(NotAllowed):
        desk.authenticate(header, "GET", PATH, b"", NOW)


def test_a_request_travels_unchanged() -> None:
    request = asked()
    assert desk.read_request(json.loads(json.dumps(desk.request_json(request)))) == request


@given(st.sampled_from(("item", "token", "source", "rail", "reference", "receipt", "statement")), JUNK)
def test_nonsense_from_the_desk_never_ends_an_attester(name: str, junk: object) -> None:
    travelled = desk.request_json(asked()) | {name: junk}
    try:
        desk.read_request(travelled)
    except JuaError:
        return


@given(
    st.sampled_from(("token", "to", "amount", "receipt", "reserves", "observedAt", "expiresAt", "number")),
    JUNK,
)
def test_nonsense_within_a_statement_never_ends_an_attester(name: str, junk: object) -> None:
    travelled = desk.request_json(asked())
    travelled["statement"] = travelled["statement"] | {name: junk}
    try:
        found = desk.read_request(travelled)
    except JuaError:
        return
    try:
        found.statement.digest(298, "0x" + "1" * 40)
    except JuaError:
        return
