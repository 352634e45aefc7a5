"""Money: what is read, what is refused, and which way each rounding goes."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from juapesa.money import (
    CKES,
    CURRENCIES,
    KES,
    NGN,
    USDC,
    Currency,
    Money,
    NotMoney,
    UnknownCurrency,
    currency,
    local_currency_of,
    token_of,
)
from juapesa.money.amounts import MINOR_UNITS_MAX
from juapesa.money.currencies import UGX

UNITS = st.sampled_from(list(CURRENCIES.values()))
MINOR = st.integers(-MINOR_UNITS_MAX, MINOR_UNITS_MAX)
SMALL = st.integers(-(10**12), 10**12)
GARBAGE = [
    "", " ", " 1", "1 ", "1\n", "\n1", "+1", "-1", "--1", "1e9", "1E9", "1_000", "1,000", "1.000,00", "0x10",
    "1.", ".5", "1..2", "1.2.3", "00", "01", "007", "١٢", "१२", "１２", "²", "½", "💰", "1💰", "NaN", "inf",
    "Infinity", "1/2", "1*2", "#", "null", "None", "1;DROP", "1" * 10_000, "9" * 20, "1." + "0" * 19,
    "a" * 10_000, "1\u0000", "1\u200b", "\u202e1",
]  # fmt: skip


@given(minor=st.integers(0, MINOR_UNITS_MAX), unit=UNITS)
def test_what_is_written_plainly_reads_back_the_same(minor: int, unit: Currency) -> None:
    money = Money(minor, unit)
    assert Money.parse(money.plain(), unit) == money


@given(text=st.from_regex(r"(0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?", fullmatch=True), unit=UNITS)
def test_a_plain_decimal_reads_exactly_or_not_at_all(text: str, unit: Currency) -> None:
    exact = Fraction(text) * unit.scale
    if exact.denominator == 1:
        assert Money.parse(text, unit).minor == exact
    else:
        with pytest.raises(NotMoney):
            Money.parse(text, unit)


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_refused_and_not_repeated(text: str) -> None:
    for unit in CURRENCIES.values():
        with pytest.raises(NotMoney) as refusal:
            Money.parse(text, unit)
        assert len(refusal.value.detail) < 80


@given(text=st.text(max_size=40), unit=UNITS)
def test_any_text_is_read_or_refused_and_nothing_else(text: str, unit: Currency) -> None:
    try:
        money = Money.parse(text, unit)
    except NotMoney:
        return
    assert text.isascii()
    assert money.minor >= 0
    assert Fraction(text) == Fraction(money.minor, unit.scale)


@pytest.mark.parametrize(("text", "unit"), [("1.001", KES), ("0.0000001", USDC), ("1.5", UGX)])
def test_more_decimals_than_the_currency_has_are_refused(text: str, unit: Currency) -> None:
    with pytest.raises(NotMoney, match="decimals"):
        Money.parse(text, unit)


def test_trailing_zeros_cost_nothing() -> None:
    assert Money.parse("1.000", KES) == Money.parse("1", KES) == Money(100, KES)
    assert Money.parse("5.0", UGX) == Money(5, UGX)


@given(a=MINOR, b=MINOR)
def test_sums_are_exact_or_refused_never_wrapped(a: int, b: int) -> None:
    left, right = Money(a, KES), Money(b, KES)
    operations: list[tuple[Callable[[], Money], int]] = [
        (lambda: left + right, a + b),
        (lambda: left - right, a - b),
    ]
    for operation, expected in operations:
        if abs(expected) <= MINOR_UNITS_MAX:
            assert operation() == Money(expected, KES)
        else:
            with pytest.raises(NotMoney):
                operation()


def test_too_large_an_amount_is_refused_however_it_is_made() -> None:
    makers: list[Callable[[], Money]] = [
        lambda: Money(MINOR_UNITS_MAX + 1, KES),
        lambda: Money.parse("99999999999999999", USDC),
        lambda: Money.whole(10**18, KES),
        lambda: Money(MINOR_UNITS_MAX, KES).rescaled_down(CKES),
        lambda: Money(MINOR_UNITS_MAX, KES).ppm_up(2_000_000),
    ]
    for make in makers:
        with pytest.raises(NotMoney, match="too large"):
            make()


@pytest.mark.parametrize("minor", [1.0, "1", True, None])
def test_only_an_int_makes_money(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, KES)  # type: ignore[arg-type]


@given(a=SMALL, b=SMALL)
def test_two_currencies_never_mix(a: int, b: int) -> None:
    left, right = Money(a, KES), Money(b, NGN)
    assert left != right
    for operation in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__, Money.__gt__, Money.__ge__):
        with pytest.raises(TypeError):
            operation(left, right)


@given(a=SMALL, b=SMALL)
def test_order_is_that_of_the_numbers(a: int, b: int) -> None:
    left, right = Money(a, KES), Money(b, KES)
    assert (left < right, left <= right, left > right, left >= right, left == right) == (
        a < b, a <= b, a > b, a >= b, a == b,
    )  # fmt: skip
    assert -left == Money(-a, KES)


@given(minor=SMALL, ppm=st.integers(0, 2_000_000))
def test_a_fee_is_never_rounded_below_its_share_and_by_less_than_one_unit(minor: int, ppm: int) -> None:
    exact = Fraction(minor * ppm, 1_000_000)
    fee = Money(minor, KES).ppm_up(ppm).minor
    assert abs(exact) <= abs(fee) < abs(exact) + 1
    assert fee * minor >= 0


@given(minor=SMALL, unit=UNITS, to=UNITS)
def test_rescaling_down_and_up_enclose_the_exact_value(minor: int, unit: Currency, to: Currency) -> None:
    exact = Fraction(minor, unit.scale) * to.scale
    down, up = Money(minor, unit).rescaled_down(to), Money(minor, unit).rescaled_up(to)
    assert down.currency == up.currency == to
    assert down.minor <= exact <= up.minor
    assert up.minor - down.minor == (0 if exact.denominator == 1 else 1)


@given(minor=st.integers(0, 10**12))
def test_a_currency_to_its_token_and_back_loses_nothing(minor: int) -> None:
    money = Money(minor, KES)
    assert money.rescaled_down(token_of(KES)).rescaled_down(KES) == money


@given(minor=SMALL, step=st.integers(1, 10_000))
def test_flooring_to_a_step_takes_less_than_a_step(minor: int, step: int) -> None:
    floored = Money(minor, KES).floored_to(step)
    assert floored.minor % step == 0
    assert 0 <= minor - floored.minor < step


@given(minor=MINOR, unit=UNITS)
def test_what_people_read_says_the_same_number(minor: int, unit: Currency) -> None:
    money = Money(minor, unit)
    number, code = str(money).split(" ")
    assert code == unit.code
    assert Fraction(number.replace(",", "")) == Fraction(money.plain()) == Fraction(minor, unit.scale)


@given(code=st.text(max_size=300))
def test_an_unknown_currency_is_refused_in_few_words(code: str) -> None:
    assume(code not in CURRENCIES)
    with pytest.raises(UnknownCurrency) as refusal:
        currency(code)
    assert len(refusal.value.detail) < 250


def test_tokens_and_their_currencies_belong_together() -> None:
    for local in (KES, NGN, USDC):
        assert local_currency_of(token_of(local)) == local
    with pytest.raises(UnknownCurrency):
        token_of(UGX)
    with pytest.raises(UnknownCurrency):
        local_currency_of(UGX)
