"""The venues of the economic simulation keep their books."""

from juapesa.pools.economics.compare import DEFAULT
from juapesa.pools.economics.month import START
from juapesa.pools.economics.venues import ConstantProduct, ConstantSum, OurPool, Venue
from juapesa.pools.exact_model import E18

MID = 7_720_000_000_000_000
USDC = 25_000_000_000
TOKEN = USDC * E18 // MID


def venues() -> list[Venue]:
    return [
        OurPool(DEFAULT, TOKEN, USDC, START, MID),
        ConstantSum(DEFAULT.spread_ppm, TOKEN, USDC, MID),
        ConstantProduct(TOKEN, USDC),
    ]


def test_every_venue_takes_what_is_brought_and_pays_what_it_says() -> None:
    for venue in venues():
        for sell, amount in ((True, TOKEN // 100), (False, USDC // 70), (True, 10 * TOKEN)):
            token, usdc = venue.owns()
            asked = venue.quote(START, amount, sell=sell)
            paid = venue.trade(START, amount, sell=sell)
            assert paid == asked
            moved = (amount, -(paid or 0)) if sell else (-(paid or 0), amount)
            token_after, usdc_after = venue.owns()
            assert (token_after - token, usdc_after - usdc) == (moved if paid else (0, 0)), venue.name
