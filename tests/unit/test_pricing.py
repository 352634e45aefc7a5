"""What an order costs: rounding for the house, limits, whole units where the operator wants them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juapesa.config import FeeSettings
from juapesa.money import CKES, CNGN, KES, NGN, USDC, Currency, Money
from juapesa.payments.domain import Kind, Order, Source
from juapesa.payments.errors import AmountNotWhole, AmountTooLarge, AmountTooSmall
from juapesa.payments.pricing import Price, price, rate_text
from juapesa.rails.ports import Capabilities

FEES = FeeSettings()


def rail(currency: Currency, step: int, most: int) -> Capabilities:
    least, top = Money(step, currency), Money(most, currency)
    return Capabilities(currency, "KE", step, least, top, least, top, collect_is_idempotent=False)


MPESA = rail(KES, 100, 25_000_000)
MOMO = rail(NGN, 1, 500_000_000)


def pool(amount: Money, to: Currency) -> Money:
    """Eleven naira a shilling, 130 shillings a dollar; rounded down."""
    rates = {(CKES, CNGN): (11, 1), (CKES, USDC): (1, 130), (USDC, CKES): (129, 1)}
    numerator, denominator = rates[amount.currency, to]
    return Money(amount.minor * numerator // denominator, to)


def send(amount: Money, *, payout: Capabilities = MOMO, payout_rail: str = "momo-ng") -> Price:
    order = Order(Kind.SEND, amount, to_phone="+2348031234567")
    return price(
        order,
        to=payout.currency,
        fees=FEES,
        pool_quote=pool,
        collect=MPESA,
        payout=payout,
        payout_rail=payout_rail,
    )


@given(st.integers(min_value=50, max_value=12_000))
def test_a_payer_pays_whole_shillings_and_the_fees_add_up(shillings: int) -> None:
    priced = send(Money.whole(shillings, KES))
    assert priced.total.minor % 100 == 0
    fees = sum(fee.amount.minor for fee in priced.fees)
    assert priced.total.minor == shillings * 100 + fees
    assert all(fee.amount.minor > 0 for fee in priced.fees)


@given(st.integers(min_value=50, max_value=12_000))
def test_what_arrives_is_never_more_than_the_pool_pays(shillings: int) -> None:
    priced = send(Money.whole(shillings, KES))
    assert priced.receives <= Money.whole(shillings * 11, NGN)
    least = shillings * 1_100 * (1_000_000 - FEES.quote_margin_ppm) // 1_000_000 - 1
    assert priced.receives.minor >= least


def test_one_currency_is_not_converted_and_has_no_rate() -> None:
    priced = send(Money.whole(1_000, KES), payout=MPESA, payout_rail="mpesa-ke")
    assert priced.receives == Money.whole(1_000, KES)
    assert priced.rate == ""


def test_cents_are_refused_where_the_operator_moves_whole_shillings() -> None:
    with pytest.raises(AmountNotWhole, match="whole KES"):
        send(Money(1_250, KES))


def test_amounts_outside_the_limits_are_refused_with_the_limit() -> None:
    with pytest.raises(AmountTooSmall, match=r"10\.00 KES"):
        send(Money(900, KES))
    with pytest.raises(AmountTooLarge, match=r"13,000\.00 KES"):
        send(Money.whole(13_001, KES))


def test_a_payout_above_the_operators_highest_band_is_refused() -> None:
    with pytest.raises(AmountTooLarge):
        send(Money.whole(12_000, KES), payout=rail(NGN, 1, 1_000_000))


def test_filling_a_wallet_costs_nothing() -> None:
    order = Order(Kind.RECEIVE, Money.whole(5_000, KES))
    priced = price(order, to=KES, fees=FEES, pool_quote=pool, collect=MPESA, payout=None, payout_rail=None)
    assert (priced.total, priced.receives, priced.fees) == (order.amount, order.amount, ())


def test_a_wallet_may_convert_cents() -> None:
    order = Order(Kind.CONVERT, Money(250_050, KES), Source.WALLET, to_currency=USDC)
    priced = price(order, to=USDC, fees=FEES, pool_quote=pool, collect=None, payout=None, payout_rail=None)
    assert priced.receives < Money.parse("19.24", USDC)
    assert priced.rate.startswith("1 USDC = 130.")


def test_a_rate_is_told_in_the_direction_whose_number_is_at_least_one() -> None:
    assert rate_text(Money.whole(1_000, KES), Money.whole(11_340, NGN)) == "1 KES = 11.3400 NGN"
    assert rate_text(Money.whole(1_300, KES), Money.whole(10, USDC)) == "1 USDC = 130.0000 KES"
