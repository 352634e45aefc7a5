"""What holds for every deposit and withdrawal of the providers' model at one price."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from juapesa.pools import exact_model as model
from juapesa.pools import shares
from juapesa.pools.exact_model import E18, Levels, Pool, Price, Refused, Reserves, Settings
from juapesa.pools.shares import VIRTUAL, Deposited

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
    buffer_ppm=st.integers(0, 500_000),
)
AMOUNTS = st.integers(1, 10**13)


@st.composite
def pools(draw: st.DrawFn) -> tuple[Pool, int]:
    """A pool of any tilt, and its shares: about a dollar each, or dearer."""
    mid = draw(st.integers(10**14, 10**20))
    usdc = draw(st.integers(10**6, 10**14))
    token = usdc * draw(st.integers(1, 1000)) * 10**16 // mid
    pool = model.pool_at(
        NOW, draw(SETTINGS), Price(mid, 0, NOW), Reserves(token, usdc), Levels(touched_at=NOW)
    )
    return pool, max(pool.balance()[0] * 100 // draw(st.integers(100, 400)), 1)


def worth(pool: Pool, token: int, usdc: int) -> int:
    return token * pool.mid_e18 // E18 + usdc


def with_deposit(pool: Pool, made: Deposited) -> Reserves:
    held = pool.reserves
    return Reserves(held.token + made.token, held.usdc + made.usdc)


@given(drawn=pools(), token=AMOUNTS, usdc=AMOUNTS, part=st.integers(1, 1_000_000))
def test_putting_in_both_sides_and_leaving_gains_nothing(
    drawn: tuple[Pool, int], token: int, usdc: int, part: int
) -> None:
    pool, all_shares = drawn
    try:
        made = shares.deposit(pool, all_shares, token, usdc)
    except Refused:
        assume(False)
    assert made.token <= token
    assert made.usdc <= usdc
    held, now_all = with_deposit(pool, made), all_shares + made.shares
    first = max(made.shares * part // 1_000_000, 1)
    one = shares.withdrawal(held, now_all, first)
    left = Reserves(held.token - one[0], held.usdc - one[1])
    two = shares.withdrawal(left, now_all - first, made.shares - first)
    assert one[0] + two[0] <= made.token
    assert one[1] + two[1] <= made.usdc


@given(drawn=pools(), amount=AMOUNTS, is_usdc=st.booleans())
def test_putting_in_one_side_and_leaving_never_gains_at_mid(
    drawn: tuple[Pool, int], amount: int, is_usdc: bool
) -> None:
    pool, all_shares = drawn
    try:
        made = shares.deposit_one_side(pool, all_shares, amount, is_usdc=is_usdc)
    except Refused:
        assume(False)
    out = shares.withdrawal(with_deposit(pool, made), all_shares + made.shares, made.shares)
    assert worth(pool, *out) <= worth(pool, made.token, made.usdc)


@given(
    level=st.integers(0, 2**48 - 1),
    all_shares=st.integers(0, 10**18),
    more=st.integers(1, 10**18),
)
def test_a_limits_level_that_grows_with_the_pool_and_shrinks_again_is_no_lower(
    level: int, all_shares: int, more: int
) -> None:
    levels = Levels(level, level, level, level, NOW)
    grown = shares.scaled_levels(levels, all_shares, all_shares + more)
    assume(grown.sell_hour < 2**48 - 1)
    back = shares.scaled_levels(grown, all_shares + more, all_shares)
    assert level <= back.sell_hour <= level + 2
    assert back == replace(back, sell_day=back.sell_hour, buy_hour=back.sell_hour, buy_day=back.sell_hour)


@given(drawn=pools(), token=AMOUNTS, usdc=AMOUNTS)
def test_those_who_stay_lose_no_side_by_others_coming(drawn: tuple[Pool, int], token: int, usdc: int) -> None:
    pool, all_shares = drawn
    try:
        made = shares.deposit(pool, all_shares, token, usdc)
    except Refused:
        assume(False)
    before, after = pool.reserves, with_deposit(pool, made)
    grown = all_shares + made.shares + VIRTUAL
    assert after.token * (all_shares + VIRTUAL) >= before.token * grown
    assert after.usdc * (all_shares + VIRTUAL) >= before.usdc * grown


@given(
    fees=st.integers(0, 10**15),
    buffer_ppm=st.integers(0, 500_000),
    held=st.lists(st.tuples(st.integers(1, 10**15), st.integers(0, 3)), min_size=1, max_size=6),
)
def test_no_more_fees_are_earned_than_were_paid(
    fees: int, buffer_ppm: int, held: list[tuple[int, int]]
) -> None:
    weight = sum(units * shares.weight_percent(term) for units, term in held)
    shared, kept, grown = shares.share_out(fees, buffer_ppm, weight)
    assert shared + kept <= fees
    assert sum(sum(shares.earned(units, term, grown)) for units, term in held) <= shared


@given(uplift=st.integers(0, 10**15), held=st.integers(2, 10**15), part=st.integers(1, 999_999))
def test_leaving_in_parts_forfeits_no_less_than_leaving_at_once(uplift: int, held: int, part: int) -> None:
    first = max(held * part // 1_000_000, 1)
    lost = shares.forfeited_up(uplift, first, held)
    assert lost + shares.forfeited_up(uplift - lost, held - first, held - first) == uplift
