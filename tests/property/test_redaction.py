"""Nothing private survives in a log event, wherever it hides."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from juapesa.observability import redact, redact_text
from juapesa.observability.redaction import MASK, is_sensitive

PRIVATE_FIELDS = [
    "pin", "PIN", "new_pin", "newPin", "pin_code", "token", "quote_token", "accessToken", "secret", "text",
    "consumer_secret", "password", "InitiatorPassword", "passkey", "Authorization", "X-Api-Key", "apikey",
    "private_key", "phone", "phoneNumber", "PhoneNumber", "phone_number", "msisdn", "partyIdMSISDN",
    "cookie", "otp", "Signature",
]  # fmt: skip
OPEN_FIELDS = [
    "pinned",
    "spinning",
    "code",
    "amount",
    "leg",
    "opinion",
    "receipt",
    "person_id",
    "address",
    "currency",
]

SUBSCRIBERS = st.integers(700_000_000, 799_999_999).map(str) | st.integers(110_000_000, 115_999_999).map(str)
PHONES = st.one_of(
    SUBSCRIBERS.map(lambda s: "+254" + s),
    SUBSCRIBERS.map(lambda s: "254" + s),
    SUBSCRIBERS.map(lambda s: "0" + s),
    SUBSCRIBERS.map(lambda s: f"+254 {s[:3]} {s[3:6]} {s[6:]}"),
    SUBSCRIBERS.map(lambda s: f"0{s[:3]}-{s[3:6]}-{s[6:]}"),
    SUBSCRIBERS.map(lambda s: f"(+254) {s}"),
    st.integers(7_000_000_000, 9_199_999_999).map(lambda s: f"+234{s}"),
    st.integers(7_000_000_000, 9_199_999_999).map(lambda s: f"0{s}"),
)
NOISE = st.text(st.characters(exclude_categories=["N", "C"], exclude_characters="0123456789"), max_size=20)
SECRETS = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGHJK23456789_-.", min_size=12, max_size=40)


def digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The leaf somewhere deep in lists and objects."""
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=2)
            | st.dictionaries(st.sampled_from(OPEN_FIELDS), inner, min_size=1, max_size=2)
        ),
        max_leaves=5,
    )


@given(phone=PHONES, before=NOISE, after=NOISE)
def test_a_phone_number_inside_any_text_is_masked(phone: str, before: str, after: str) -> None:
    shown = redact_text(before + phone + after)
    assert phone not in shown
    assert digits(phone)[-9:] not in digits(shown)


@given(data=st.data(), phone=PHONES)
def test_a_phone_number_anywhere_in_an_event_is_masked(data: st.DataObject, phone: str) -> None:
    event = data.draw(nested(st.just(phone) | st.just(f"to {phone}.") | st.just(int(digits(phone)))))
    assert digits(phone).lstrip("0")[-9:] not in json.dumps(redact(event))


@given(phone=PHONES)
def test_a_phone_number_as_a_key_is_masked(phone: str) -> None:
    assert phone not in json.dumps(redact({phone: 1}))


@pytest.mark.parametrize("name", PRIVATE_FIELDS)
def test_private_fields_are_masked_whatever_they_hold(name: str) -> None:
    for value in ("2580", 2580, ["2580"], {"deep": "2580"}, b"2580"):
        assert redact({"outer": [{name: value}]}) == {"outer": [{name: MASK}]}


@pytest.mark.parametrize("name", OPEN_FIELDS)
def test_other_fields_are_shown(name: str) -> None:
    assert not is_sensitive(name)
    assert redact({name: "JP7K2M"}) == {name: "JP7K2M"}


@given(secret=SECRETS, before=NOISE)
@pytest.mark.parametrize(
    "form",
    [
        "Authorization: Bearer {}",
        "authorization=Basic {}",
        "Bearer {}",
        '{{"access_token": "{}"}}',
        "https://api/x?token={}&amount=5",
        "consumer_secret={}",
        "postgresql://juapesa:{}@db/juapesa",
        "POST /callbacks/mpesa-ke/collect/{} 200",
        "{{'pin': '{}'}}",
        "X-Api-Key: {}",
    ],
)
def test_secrets_inside_texts_are_masked(form: str, secret: str, before: str) -> None:
    assume(secret not in before)
    assert secret not in redact_text(before + " " + form.format(secret))


@given(pin=st.from_regex(r"[0-9]{4}", fullmatch=True))
def test_a_pin_in_what_was_dialled_or_beside_its_name_is_masked(pin: str) -> None:
    for text in (f"1*2*{pin}", f"*789*1*{pin}#", f"pin={pin}", f"'new_pin': '{pin}'", f"PIN: {pin}"):
        shown = redact_text(text)
        assert pin not in shown.replace("789", ""), shown


@pytest.mark.parametrize(
    "harmless",
    [
        "6f1a3c0e-52a5-4c3b-9d1e-6a4b2f1c0001",
        "12345678-1234-1234-1234-123456789012",
        "0x" + "12" * 32,
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "2026-11-21T04:00:00.123456+00:00",
        "1,000,000.00 KES",
        "payment-completed in 1234 ms",
        "JP7K2M",
    ],
)
def test_what_a_reader_needs_stays(harmless: str) -> None:
    assert redact_text(harmless) == harmless


LEAVES = st.none() | st.integers() | st.text() | st.binary() | st.floats(allow_nan=False)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_any_event_can_be_masked_and_masking_twice_changes_nothing(event: Any) -> None:
    once = redact(event)
    json.dumps(once)
    assert redact(once) == once


def test_endless_and_huge_values_are_cut() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert len(json.dumps(redact(loop))) < 100
    assert len(redact_text("a" * 10_000)) < 4_200
    assert "712345678" not in redact_text("a" * 3_995 + "+254712345678")


PROGRAM = """
import logging
from juapesa.observability import configure_logging, get_logger
configure_logging("INFO", service="demo")
log = get_logger("demo.part")
log.info("sent", to="+254712345678", code="JP7K2M", amount=1000)
log.debug("quiet")
logging.getLogger("library").warning("GET %s", "https://x/callbacks/mpesa-ke/collect/abcdef")
try:
    raise RuntimeError("no route to 0712345678")
except RuntimeError:
    log.exception("failed", pin="2580")
"""


def test_a_process_logs_json_lines_to_standard_error_with_everything_masked() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.stdout == ""
    assert [line["event"] for line in lines] == [
        "sent",
        f"GET https://x/callbacks/mpesa-ke/collect/{MASK}",
        "failed",
    ]
    assert (lines[0]["to"], lines[0]["code"], lines[0]["amount"]) == (MASK, "JP7K2M", 1000)
    assert (lines[0]["service"], lines[0]["level"], lines[0]["logger"]) == ("demo", "info", "demo.part")
    assert lines[0]["timestamp"].startswith("20")
    assert "RuntimeError" in lines[2]["exception"]
    assert "712345678" not in done.stderr
    assert "2580" not in json.dumps([{**line, "timestamp": ""} for line in lines])
