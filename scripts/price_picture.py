"""Draw docs/pool-price.svg: what a trade of 100 dollars gets in a pool, by how the pool is tilted.

``PYTHONPATH=offchain python scripts/price_picture.py`` writes it from the exact model; a test compares.
"""

from collections.abc import Iterator
from pathlib import Path

from juapesa.pools import exact_model as model
from juapesa.pools.exact_model import E18, Levels, Pool, Price, Reserves, Settings

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pool-price.svg"
POOL_USDC, TRADE_USDC, POT_USDC = 200_000 * 10**6, 100 * 10**6, 1_000 * 10**6
SETTINGS = Settings(
    spread_ppm=800,
    age_ppm_per_minute=100,
    fresh_seconds=60,
    max_age_seconds=900,
    max_doubt_ppm=20_000,
    skew_ppm=20_000,
    heal_ppm=900_000,
    target_ppm=500_000,
    hour_ppm=1_000_000,
    day_ppm=1_000_000,
    buffer_ppm=100_000,
)
SHARES_PERCENT = range(10, 91, 2)
LEFT, RIGHT, TOP, BOTTOM = 64, 616, 56, 300
LOW_PPM, HIGH_PPM = -10_000, 10_000

FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" role="img"
     aria-label="What a trade of 100 dollars gets, against the mid price, by the token's share of the pool">
<style>
  text {{ font: 13px sans-serif; fill: #1c2733; }}
  .axis {{ stroke: #9aa7b4; fill: none; }}
  .sell {{ stroke: #b3421b; fill: none; stroke-width: 2.5; }}
  .buy {{ stroke: #0b6fa4; fill: none; stroke-width: 2.5; stroke-dasharray: 7 4; }}
  .sold {{ fill: #b3421b; }}
  .bought {{ fill: #0b6fa4; }}
  .end {{ text-anchor: end; }}
  .middle {{ text-anchor: middle; }}
  @media (prefers-color-scheme: dark) {{
    text {{ fill: #dce4ec; }}
    .sell {{ stroke: #ff9a70; }}
    .buy {{ stroke: #6cc4f5; }}
    .sold {{ fill: #ff9a70; }}
    .bought {{ fill: #6cc4f5; }}
  }}
</style>
<text x="{left}" y="20">What 100 dollars get, against the mid price</text>
<text x="{left}" y="42" class="sold">selling the token (line)</text>
<text x="250" y="42" class="bought">buying the token (dashes)</text>
{axes}
<polyline class="sell" points="{sell}"/>
<polyline class="buy" points="{buy}"/>
<text x="340" y="350" class="middle">the token's share of the pool's worth</text>
</svg>
"""


def tilted(share_percent: int) -> Pool:
    """A pool of 200,000 dollars with so much of its worth in the token, and a thousand in the pot."""
    mid = 7_720_000_000_000_000
    token_usdc = POOL_USDC * share_percent // 100
    reserves = Reserves(token_usdc * E18 // mid, POOL_USDC - token_usdc, POT_USDC)
    return model.pool_at(1_000_000, SETTINGS, Price(mid, 0, 1_000_000), reserves, Levels())


def gains_ppm(*, sell: bool) -> Iterator[tuple[int, int]]:
    """For each share: how far above (or below) the mid price a trade of 100 dollars comes out."""
    for share in SHARES_PERCENT:
        pool = tilted(share)
        if sell:
            got = model.sell_exact_in(pool, TRADE_USDC * E18 // pool.mid_e18).amount_out
        else:
            got = model.buy_exact_in(pool, TRADE_USDC).amount_out * pool.mid_e18 // E18
        yield share, (got - TRADE_USDC) * 10**6 // TRADE_USDC


def x_of(share: int) -> int:
    """Pixels."""
    return LEFT + (RIGHT - LEFT) * share // 100


def y_of(gain_ppm: int) -> str:
    """Pixels, downwards, to a tenth."""
    tenths = TOP * 10 + (BOTTOM - TOP) * 10 * (HIGH_PPM - gain_ppm) // (HIGH_PPM - LOW_PPM)
    return f"{tenths // 10}.{tenths % 10}"


def axes() -> Iterator[str]:
    """Lines and figures."""
    for ppm in range(LOW_PPM, HIGH_PPM + 1, 5_000):
        sign = "+" if ppm > 0 else "−" if ppm < 0 else ""
        label = f"{sign}{abs(ppm) // 10_000}.{abs(ppm) // 1_000 % 10} %"
        yield f'<path class="axis" d="M{LEFT} {y_of(ppm)}H{RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y_of(ppm)}" dy="4" class="end">{label}</text>'
    for share in range(0, 101, 25):
        yield f'<text x="{x_of(share)}" y="{BOTTOM + 20}" class="middle">{share} %</text>'


def drawn() -> str:
    """The picture."""

    def points(*, sell: bool) -> str:
        return " ".join(f"{x_of(share)},{y_of(gain)}" for share, gain in gains_ppm(sell=sell))

    figures = "\n".join(axes())
    return FRAME.format(left=LEFT, axes=figures, sell=points(sell=True), buy=points(sell=False))


if __name__ == "__main__":
    PICTURE.write_text(drawn())
