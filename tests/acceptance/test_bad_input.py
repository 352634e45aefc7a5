"""What strangers, broken gateways and tired thumbs send: refused in words, and nothing moves."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from juapesa.demo.handset import Handset
from juapesa.demo.stories import Teller
from support.house import House

GATEWAY = "/ussd/africastalking/local-gateway"
KENYAN = "+254712660001"
FORM = {"sessionId": "ATUid_bad", "phoneNumber": KENYAN, "networkCode": "63902", "serviceCode": "*789#"}
TOO_LONG = b"x" * 70_000
INTERNALS = re.compile(r"Traceback|File \"|psycopg|starlette|juapesa\.|SELECT ", re.IGNORECASE)


def money_of(house: House) -> dict[str, Any]:
    """Everything that a payment would change: figures, floats and people's balances at the operators."""
    operators = {name: house.get(name, "/_sandbox/state") for name in ("DARAJA", "MOMO")}
    figures = house.get("API", "/api/transparency")
    return {
        "tokens": figures["tokens"],
        "floats": {name: state["float"] for name, state in operators.items()},
        "orders": {name: len(state["orders"]) for name, state in operators.items()},
        "people": {name: set(state["people"].items()) for name, state in operators.items()},
    }


@pytest.fixture(scope="module", autouse=True)
def _nothing_moves(house: House) -> Iterator[None]:
    """Before and after these tests there is the same money in the same places."""
    before = money_of(house)
    yield
    after = money_of(house)
    assert house.get("API", "/api/transparency")["books_balanced"] is True
    assert after == before


def refused_plainly(answer: httpx.Response, status: int) -> None:
    """The status, in words for people, with nothing of our insides."""
    assert answer.status_code == status, answer.text
    assert not INTERNALS.search(answer.text), answer.text
    assert 0 < len(answer.text) < 20_000


def hop(house: House, form: Any = None, **how: Any) -> httpx.Response:
    """One request to the gateway's port."""
    request = {"method": "POST", "url": house.url("USSD", GATEWAY), "data": form} | how
    return httpx.request(**request, timeout=15, trust_env=False)


@pytest.mark.parametrize("number", ["+14155550123", "+2541", "hello", "+٢٥٤٧١٢٣٤٥٦٧٨", "9" * 40])
def test_a_caller_whom_we_cannot_serve_is_told_so(house: House, number: str) -> None:
    answer = hop(house, FORM | {"phoneNumber": number, "sessionId": f"ATUid_{number[-6:]}", "text": ""})
    refused_plainly(answer, 200)
    assert answer.text.startswith("END ")
    assert "mobile numbers of Kenya and Nigeria" in answer.text
    assert number not in answer.text


@pytest.mark.parametrize("missing", ["sessionId", "phoneNumber"])
def test_a_form_without_what_it_must_have_is_refused(house: House, missing: str) -> None:
    form = {name: value for name, value in FORM.items() if name != missing}
    answer = hop(house, form | {"text": ""})
    refused_plainly(answer, 400)
    assert answer.text == f"END The form lacks {missing}."


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"method": "GET"}, 405),
        ({"method": "PUT"}, 405),
        ({"data": None, "json": FORM | {"text": ""}}, 400),
        ({"data": None, "content": b""}, 400),
        ({"data": None, "content": b"\xff\xfe\x00 not a form"}, 400),
        ({"data": None, "content": b"&".join(b"a%d=1" % n for n in range(500))}, 400),
        ({"data": None, "content": b"sessionId=" + TOO_LONG}, 413),
    ],
)
def test_a_request_that_is_no_hop_is_refused(house: House, how: dict[str, Any], status: int) -> None:
    refused_plainly(hop(house, **how), status)


@pytest.mark.parametrize("secret", ["wrong", "local-gatewa", "local-gateway2", "%00", "ü"])
def test_another_gateway_secret_opens_nothing(house: House, secret: str) -> None:
    answer = hop(house, FORM | {"text": ""}, url=house.url("USSD", f"/ussd/africastalking/{secret}"))
    refused_plainly(answer, 404)
    for given in ({}, {"Authorization": "Bearer wrong"}):
        again = hop(house, url=house.url("USSD", "/api/ussd/session"), data=None, json=FORM, headers=given)
        refused_plainly(again, 401)


# A lone 0 or 00 is an answer of its own: back, home.
AMOUNTS = [
    "0.00",
    "000",
    "-5",
    "1e9",
    "😀",
    "١٠٠",
    "99999999999999",
    "0.001",
    "1,0,0",
    "NaN",
    "",
    "5 000 KES" * 40,
]


def test_an_amount_that_is_none_is_asked_for_again(house: House) -> None:
    async def scene(teller: Teller) -> None:
        phone = teller.phone("KE")
        for amount in [*AMOUNTS, "7" * 10_000]:
            await phone.home()
            await phone.choose("Send")
            asked = phone.screen
            await phone.answer(amount)
            assert phone.open, f"{amount[:20]!r} ended the session"
            assert "KES" in phone.screen
            assert "phone number" not in phone.screen, f"{amount[:20]!r} was taken: {asked!r}"
            assert len(phone.screen) <= 160

    house.play(scene, first_phone=600)


@pytest.mark.parametrize(
    "number",
    ["12", "+14155550123", "😀😀😀", "٠٧١٢٣٤٥٦٧٨", pytest.param("0" * 3_000, id="3,000 digits")],
)
def test_a_receiver_whom_we_cannot_pay_is_asked_for_again(house: House, number: str) -> None:
    async def scene(teller: Teller) -> None:
        phone = teller.phone("KE")
        await phone.home()
        await phone.choose("Send")
        await phone.answer("500")
        await phone.answer(number)
        assert phone.open
        assert "total" not in phone.screen.lower()
        assert "number" in phone.screen.lower()

    house.play(scene, first_phone=610)


async def to_the_pin(phone: Handset) -> None:
    """A send of 500 KES up to the question for the PIN."""
    await phone.home()
    await phone.choose("Send")
    for answer in ("500", "+2348031660001", "1"):
        await phone.answer(answer)
    phone.expect("Enter your PIN")


def test_three_wrong_pins_lock_and_the_right_one_does_not_open(house: House) -> None:
    async def scene(teller: Teller) -> None:
        phone = teller.phone("KE")
        await to_the_pin(phone)
        for left in ("Tries left: 2", "Tries left: 1", "locked"):
            await phone.answer("1357")
            phone.expect(left)
        phone.expect("Nothing was paid")
        await to_the_pin(phone)
        await phone.answer(phone.pin)
        phone.expect("locked")

    house.play(scene, first_phone=620)


@pytest.mark.parametrize("rail", ["mpesa-ke", "momo-ng", "nobody"])
@pytest.mark.parametrize("kind", ["collect", "payout"])
@pytest.mark.parametrize("token", ["0" * 32, "x", "%2e%2e"])
def test_a_forged_callback_finds_nothing(house: House, rail: str, kind: str, token: str) -> None:
    body = {"Body": {"stkCallback": {"CheckoutRequestID": "ws_CO_1", "ResultCode": 0}}}
    for reference in ("unknown-reference", "1", "a" * 64):
        url = house.url("API", f"/callbacks/{rail}/{kind}/{reference}/{token}")
        refused_plainly(httpx.post(url, json=body, trust_env=False), 404)


def test_a_body_of_70_kilobytes_is_too_large(house: House) -> None:
    url = house.url("API", f"/callbacks/mpesa-ke/collect/1/{'0' * 32}")
    refused_plainly(httpx.post(url, content=TOO_LONG, trust_env=False), 413)
    chunks = iter([TOO_LONG[:40_000], TOO_LONG[40_000:]])
    refused_plainly(httpx.post(url, content=chunks, trust_env=False), 413)


@pytest.mark.parametrize(
    "code", ["0000000000", "abc", "..%2f..%2fetc", "%00", "'%20OR%201=1", "Ω", "9" * 900]
)
def test_a_receipt_code_of_nobody_shows_a_page_that_says_so(house: House, code: str) -> None:
    page = httpx.get(house.url("API", f"/p/{code}"), trust_env=False)
    refused_plainly(page, 404)
    data = httpx.get(house.url("API", f"/api/receipts/{code}"), trust_env=False)
    refused_plainly(data, 404)


@pytest.mark.parametrize(
    "path", ["/attesters", "/api", "/p/", "/callbacks", "/.env", "/api/receipts", "/docs"]
)
def test_no_address_shows_our_insides(house: House, path: str) -> None:
    answer = httpx.get(house.url("API", path), trust_env=False)
    assert answer.status_code in {200, 303, 307, 404, 405}
    assert not INTERNALS.search(answer.text)
