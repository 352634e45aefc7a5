"""What an order costs and yields. Pure: amounts in, a price out.

Rounding is for the house and the pool everywhere: fees up, what arrives down.
"""

from collections.abc import Callable
from dataclasses import dataclass

from juapesa.config import FeeSettings
from juapesa.money import Currency, Money, token_of
from juapesa.payments.domain import Fee, Kind, Order
from juapesa.payments.errors import AmountNotWhole, AmountTooLarge, AmountTooSmall
from juapesa.rails.ports import Capabilities

# Exact-in quote of the pools: (amount of a token, wanted token) → amount of the wanted token.
PoolQuote = Callable[[Money, Currency], Money]

RATE_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Price:
    """The outcome of pricing: the person pays ``total``, the other side gets ``receives``."""

    fees: tuple[Fee, ...]
    total: Money
    receives: Money
    rate: str


def price(
    order: Order,
    *,
    to: Currency,
    fees: FeeSettings,
    pool_quote: PoolQuote,
    collect: Capabilities | None,
    payout: Capabilities | None,
    payout_rail: str | None,
) -> Price:
    """Price an order whose other side is in currency ``to``.

    ``collect`` are the limits of the rail that the money comes from (None: a wallet),
    ``payout`` those of the rail it goes to (None: a wallet).
    Raises AmountTooSmall, AmountTooLarge, AmountNotWhole.
    """
    check_amount(order.amount, fees)
    _check_step(order.amount, collect)
    gross = convert(order.amount, to, fees, pool_quote)
    receives = gross.floored_to(payout.amount_step_minor) if payout else gross
    if receives.minor <= 0:
        raise AmountTooSmall("The amount is too small to send. Enter a larger amount.")
    charged = _fees(order, receives, fees, payout_rail, collect)
    total = order.amount
    for fee in charged:
        total += fee.amount
    _check_rail(total, collect, "collect")
    _check_rail(receives, payout, "payout")
    return Price(charged, total, receives, rate_text(order.amount, receives))


def check_amount(amount: Money, fees: FeeSettings) -> None:
    """Refuse amounts outside the limits of their currency."""
    code = amount.currency.code
    least = Money(fees.amount_min_minor[code], amount.currency)
    most = Money(fees.amount_max_minor[code], amount.currency)
    if amount < least:
        raise AmountTooSmall(f"The least you can enter is {least}.")
    if amount > most:
        raise AmountTooLarge(f"The most you can enter is {most}.")


def _check_step(amount: Money, collect: Capabilities | None) -> None:
    if collect is not None and amount.minor % collect.amount_step_minor:
        raise AmountNotWhole(f"Enter whole {amount.currency.code}, without decimals.")


def convert(amount: Money, to: Currency, fees: FeeSettings, pool_quote: PoolQuote) -> Money:
    """What ``amount`` yields in ``to``, through the pool, less the margin that keeps a quote true."""
    if amount.currency == to:
        return amount
    token_in, token_out = token_of(amount.currency), token_of(to)
    out = pool_quote(amount.rescaled_down(token_in), token_out)
    return (out - out.ppm_up(fees.quote_margin_ppm)).rescaled_down(to)


def rate_text(paid: Money, receives: Money) -> str:
    """``1 KES = 11.2345 NGN``, in the direction whose number is at least one; "" for one currency."""
    if paid.currency == receives.currency:
        return ""
    from_units = paid.minor * receives.currency.scale
    to_units = receives.minor * paid.currency.scale
    if to_units >= from_units:
        return f"1 {paid.currency} = {_ratio(to_units, from_units)} {receives.currency}"
    return f"1 {receives.currency} = {_ratio(from_units, to_units)} {paid.currency}"


def _ratio(numerator: int, denominator: int) -> str:
    scaled = numerator * 10**RATE_DECIMALS // denominator
    whole, fraction = divmod(scaled, 10**RATE_DECIMALS)
    return f"{whole}.{fraction:0{RATE_DECIMALS}d}"


def _fees(
    order: Order, receives: Money, fees: FeeSettings, payout_rail: str | None, collect: Capabilities | None
) -> tuple[Fee, ...]:
    if order.kind is Kind.RECEIVE:
        return ()
    step = collect.amount_step_minor if collect else 1
    least = Money(fees.service_min_minor[order.amount.currency.code], order.amount.currency)
    service = order.amount.ppm_up(fees.service_ppm)
    charged = [Fee("service", _ceiled(max(service, least), step))]
    if payout_rail is not None:
        operator = _operator_fee(order.amount, receives, fees.payout_bands_minor[payout_rail])
        charged.append(Fee("operator", _ceiled(operator, step)))
    return tuple(fee for fee in charged if fee.amount.minor)


def _operator_fee(amount: Money, receives: Money, bands: list[tuple[int, int]]) -> Money:
    """The operator's tariff for paying out ``receives``, in the payer's currency at the quoted rate."""
    for ceiling, fee in bands:
        if receives.minor <= ceiling:
            return Money(-(-fee * amount.minor // receives.minor), amount.currency)
    raise AmountTooLarge("That is more than the other operator pays out at once. Enter a smaller amount.")


def _ceiled(amount: Money, step_minor: int) -> Money:
    return Money(-(-amount.minor // step_minor) * step_minor, amount.currency)


def _check_rail(amount: Money, rail: Capabilities | None, side: str) -> None:
    if rail is None:
        return
    least, most = (
        (rail.collect_min, rail.collect_max) if side == "collect" else (rail.payout_min, rail.payout_max)
    )
    if amount < least:
        raise AmountTooSmall(f"The operator moves {least} at least. Enter a larger amount.")
    if amount > most:
        raise AmountTooLarge(f"The operator moves {most} at most. Enter a smaller amount.")
