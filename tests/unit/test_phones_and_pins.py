"""Phone numbers as typed, and which PINs are accepted."""

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juapesa.wallet import Phone, PinPolicy, UnknownNumber, WeakPin, parse_phone
from juapesa.wallet.pins import PinHasher, require_strong

KENYAN = Phone("+254712345678", "KE")
NIGERIAN = Phone("+2348031234567", "NG")


@pytest.mark.parametrize(
    ("typed", "home", "expected"),
    [
        ("0712345678", "KE", KENYAN),
        ("712345678", "KE", KENYAN),
        ("0712 345-678", "KE", KENYAN),
        ("254712345678", "KE", KENYAN),
        ("254712345678", "NG", KENYAN),
        ("254712345678", None, KENYAN),
        ("+254712345678", None, KENYAN),
        ("00254712345678", "NG", KENYAN),
        ("0112345678", "KE", Phone("+254112345678", "KE")),
        ("08031234567", "NG", NIGERIAN),
        ("2348031234567", "KE", NIGERIAN),
        ("+2348031234567", "KE", NIGERIAN),
    ],
)
def test_a_number_is_understood_however_it_is_typed(typed: str, home: str | None, expected: Phone) -> None:
    assert parse_phone(typed, home) == expected


@pytest.mark.parametrize(
    "typed",
    ["", " ", "12", "071234567", "0712345678a", "+447911123456", "0202345678", "٠٧١٢٣٤٥٦٧٨", "📞", "1e9",
     "+254712345678;drop", "0712345678\n", "7" * 10_000, "+" * 9, "+254712345678 ext 5"],
)  # fmt: skip
def test_anything_else_is_refused_and_not_repeated(typed: str) -> None:
    with pytest.raises(UnknownNumber) as refusal:
        parse_phone(typed, "KE")
    assert len(refusal.value.detail) < 120


def test_a_national_number_needs_a_home() -> None:
    with pytest.raises(UnknownNumber):
        parse_phone("0712345678", None)


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        phone = parse_phone(text, "KE")
    except UnknownNumber:
        return
    assert parse_phone(phone.e164, None) == phone


def test_a_phone_does_not_show_itself() -> None:
    assert "712345678" not in repr(KENYAN)


@pytest.mark.parametrize(
    "pin", ["0000", "1111", "1234", "4321", "7890", "0987", "123", "12345", "12a4", "١٢٣٥", ""]
)
def test_pins_that_anybody_would_guess_are_refused(pin: str) -> None:
    with pytest.raises(WeakPin) as refusal:
        require_strong(pin)
    assert not pin or pin not in refusal.value.detail


def test_other_pins_are_accepted() -> None:
    for pin in ("1357", "2580", "9021", "1123"):
        require_strong(pin)


def test_a_pin_is_bound_to_person_and_key_and_is_quick_to_check() -> None:
    hasher = PinHasher(bytes(32))
    stored = hasher.hash(7, "2580")
    assert stored.startswith("$argon2id$")
    assert stored != hasher.hash(7, "2580")
    assert hasher.matches(stored, 7, "2580")
    assert not hasher.matches(stored, 8, "2580")
    assert not PinHasher(bytes(31) + b"x").matches(stored, 7, "2580")
    before = time.process_time()  # not what other processes do meanwhile
    hasher.matches(stored, 7, "2581")
    assert time.process_time() - before < 0.1


def test_locks_grow_up_to_a_maximum() -> None:
    policy = PinPolicy(lock_seconds=60, lock_seconds_max=200)
    assert [policy.lock_time(n) / timedelta(seconds=1) for n in (0, 1, 2, 50)] == [60, 120, 200, 200]
