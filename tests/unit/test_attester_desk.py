"""The desk knows its attesters by their signatures, and both sides survive nonsense."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juapesa.errors import JuaError, NotAllowed
from juapesa.issuance import desk
from juapesa.issuance.domain import Mint, Source
from juapesa.issuance.statements import Entry, Statement, StatementRequest
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
    entries = tuple(Entry(number, mint.amount.minor, bytes([number] * 32)) for number in (3, 5))
    statement = Statement(address, address, entries, 7, NOW, NOW + 60)
    return StatementRequest(12, CKES, (mint, mint), statement)


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


STATED = ("statement", "token", "tokenAddress", "to", "reserves", "observedAt", "expiresAt", "entries")
ENTERED = ("number", "amount", "receiptHash", "source", "rail", "reference", "receipt")


def survives(travelled: object) -> None:
    """Read, and digested, or turned away."""
    try:
        found = desk.read_request(travelled)
    except JuaError:
        return
    found.statement.digest(298, "0x" + "1" * 40)


@given(st.sampled_from(STATED), JUNK)
def test_nonsense_from_the_desk_never_ends_an_attester(name: str, junk: object) -> None:
    survives(desk.request_json(asked()) | {name: junk})


@given(st.sampled_from(ENTERED), JUNK)
def test_nonsense_within_an_entry_never_ends_an_attester(name: str, junk: object) -> None:
    travelled = desk.request_json(asked())
    travelled["entries"][1] |= {name: junk}
    survives(travelled)


@given(JUNK)
def test_nonsense_instead_of_an_entry_never_ends_an_attester(junk: object) -> None:
    survives(desk.request_json(asked()) | {"entries": [junk]})


def test_more_than_a_token_can_hold_is_turned_away() -> None:
    travelled = desk.request_json(asked())
    for each in travelled["entries"]:
        each["amount"] = 2**63
    with pytest.raises(JuaError):
        desk.read_request(travelled)
