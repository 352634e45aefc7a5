"""What holds for every trade of the pool model at one price."""

from hypothesis import assume, given
from hypothesis import strategies as st

from juapesa.pools import exact_model as model
from juapesa.pools.exact_model import Fill, Levels, Pool, Price, Refusal, Refused, Reserves, Settings

NOW = 1_790_000_000
SETTINGS = st.builds(
    Settings,
    spread_ppm=st.integers(0, 50_000),
    age_ppm_per_minute=st.just(0),
    fresh_seconds=st.just(60),
    max_age_seconds=st.just(900),
    max_doubt_ppm=st.just(20_000),
    skew_ppm=st.integers(0, 500_000),
    heal_ppm=st.integers(0, 1_000_000),
    target_ppm=st.integers(100_000, 900_000),
    hour_ppm=st.just(1_000_000),
    day_ppm=st.just(1_000_000),
    buffer_ppm=st.just(0),
)
AMOUNTS = st.integers(1, 10**13)


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """A pool of any tilt, with any pot."""
    mid = draw(st.integers(10**14, 10**20))
    usdc = draw(st.integers(10**6, 10**14))
    token = usdc * draw(st.integers(1, 1000)) * 10**16 // mid
    reserves = Reserves(token, usdc, draw(st.integers(0, usdc // 10)))
    return model.pool_at(NOW, draw(SETTINGS), Price(mid, 0, NOW), reserves, Levels(touched_at=NOW))


def traded(pool: Pool, amount: int, *, sell: bool) -> tuple[int, Pool]:
    """What a trade pays (0: refused), and the pool after it."""
    try:
        fill: Fill = (model.sell_exact_in if sell else model.buy_exact_in)(pool, amount)
    except Refused:
        return 0, pool
    return fill.amount_out, model.applied(pool, fill)


@given(pool=pools(), amount=AMOUNTS, sell=st.booleans())
def test_a_round_trip_never_gains(pool: Pool, amount: int, sell: bool) -> None:
    there, after = traded(pool, amount, sell=sell)
    assume(there)
    assert traded(after, there, sell=not sell)[0] <= amount


@given(pool=pools(), first=AMOUNTS, second=AMOUNTS, sell=st.booleans())
def test_splitting_never_gains(pool: Pool, first: int, second: int, sell: bool) -> None:
    whole, _ = traded(pool, first + second, sell=sell)
    assume(whole)
    one, after = traded(pool, first, sell=sell)
    assert one + traded(after, second, sell=sell)[0] <= whole


@given(pool=pools(), amount=AMOUNTS, sell=st.booleans())
def test_a_trade_makes_and_loses_nothing(pool: Pool, amount: int, sell: bool) -> None:
    out, after = traded(pool, amount, sell=sell)
    assume(out)
    was, is_ = pool.reserves, after.reserves
    held = was.usdc + was.pot_usdc + was.fees_usdc
    holds = is_.usdc + is_.pot_usdc + is_.fees_usdc
    assert holds - held == (-out if sell else amount)
    assert is_.token - was.token == (amount if sell else -out)
    assert min(is_.usdc, is_.pot_usdc, is_.fees_usdc, is_.token) >= 0


@given(pool=pools(), wanted=AMOUNTS)
def test_what_exact_out_costs_pays_it(pool: Pool, wanted: int) -> None:
    for sell in (True, False):
        try:
            fill = (model.sell_exact_out if sell else model.buy_exact_out)(pool, wanted)
        except Refused as refused:
            assert refused.why is not Refusal.NONE  # noqa: PT017 - any refusal will do, but it has a reason
            continue
        assert fill.amount_out == wanted
        held, after = pool.reserves, model.applied(pool, fill).reserves
        moved = after.usdc + after.pot_usdc + after.fees_usdc - held.usdc - held.pot_usdc - held.fees_usdc
        assert moved == (-wanted if sell else fill.amount_in)
