"""Why there is no quote, and what a provider cannot do. What a quote raises fits one USSD screen."""

from juapesa.errors import Conflict, InvalidInput, JuaError, Unavailable
from juapesa.pools.exact_model import Refusal


class NoPrice(Unavailable):
    """The pool has not been seen yet, is closed, or has no fresh price."""

    slug = "no-price"


class PriceInDoubt(Unavailable):
    """The sources of the price differ, or it jumps, by more than the pool allows."""

    slug = "price-in-doubt"


class ExchangePaused(Unavailable):
    """The guardian has halted this direction."""

    slug = "exchange-paused"


class PoolShort(Unavailable):
    """The pool does not hold that much."""

    slug = "pool-short"


class ExchangeLimit(Unavailable):
    """The hour's or the day's limit of this direction."""

    slug = "exchange-limit"


class ExchangeTooSmall(Unavailable):
    """The amount buys nothing."""

    slug = "exchange-too-small"


class PositionShort(InvalidInput):
    """The position has not that many shares, or no fees to claim."""

    slug = "position-short"


class MoneyShort(InvalidInput):
    """The account does not hold what it wants to put in."""

    slug = "money-short"


class PoolMoved(Conflict):
    """Somebody else was quicker: the result would be less than what was insisted on."""

    slug = "pool-moved"


def refusal(why: Refusal) -> JuaError:
    """The contract's refusal as an expected failure."""
    kind, detail = _REFUSALS.get(why, (NoPrice, "There is no price now. Try again in a few minutes."))
    return kind(detail)


_REFUSALS: dict[Refusal, tuple[type[JuaError], str]] = {
    Refusal.PAUSED: (ExchangePaused, "Exchanging this way is paused. Try again later."),
    Refusal.DOUBTFUL_PRICE: (PriceInDoubt, "The price is moving too fast. Try again in a few minutes."),
    Refusal.BAD_AMOUNT: (ExchangeTooSmall, "The amount is too small to exchange. Enter a larger amount."),
    Refusal.RESERVE_SHORT: (PoolShort, "That is more than we can exchange now. Enter a smaller amount."),
    Refusal.LIMIT: (
        ExchangeLimit,
        "That is more than can be exchanged this hour. Enter less, or try again later.",
    ),
}
