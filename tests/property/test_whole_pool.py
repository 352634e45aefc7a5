"""What holds for a pool and its providers through any history of the exact model.

The loss theorem in words: with the oracle wrong by a share e of the true price, whoever trades against the
pool takes from it, in any window, at most e × the value that crossed one way, net of what crossed back; and
the leaky buckets let at most C × (1 + window / period) cross. Fees and the potential only lessen it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from juapesa.pools.exact_model import DAY_SECONDS, E18, HOUR_SECONDS, PPM, Levels, Price, Refused, Settings
from juapesa.pools.shares import VIRTUAL
from juapesa.pools.whole_pool import PositionShort, WholePool

NOW = 1_790_000_000
unhurried = hypothesis_settings(deadline=None)  # a busy machine is no failure
MID = 7_720_000_000_000_000
SETTINGS = Settings(
    spread_ppm=500,
    age_ppm_per_minute=0,
    fresh_seconds=60,
    max_age_seconds=86_400,
    max_doubt_ppm=20_000,
    skew_ppm=20_000,
    heal_ppm=900_000,
    target_ppm=500_000,
    hour_ppm=1_000_000,
    day_ppm=1_000_000,
    buffer_ppm=100_000,
)
DOLLARS = st.one_of(st.integers(1, 100), st.integers(1, 10**11))
TILTS = st.integers(100, 900)


def a_pool(tilt: int = 500, **changes: int) -> WholePool:
    """A hundred thousand dollars, ``tilt`` thousandths of it on the token side, all the house's."""
    settings = replace(SETTINGS, hour_ppm=PPM, day_ppm=PPM)
    pool = WholePool(settings, Price(MID, 0, NOW), levels=Levels(touched_at=NOW))
    pool.add(NOW, "house", 0, tilt * 10**8 * E18 // MID, (1_000 - tilt) * 10**8)
    pool.settings = replace(settings, **changes)
    return pool


def worth(token: int, usdc: int, mid_e18: int = MID) -> int:
    return token * mid_e18 // E18 + usdc


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["sell", "buy", "add", "token", "usdc", "remove", "claim", "release"]),
        st.sampled_from(["house", "ann", "bob"]),
        st.integers(0, 3),
        DOLLARS,
        st.integers(0, 40 * DAY_SECONDS),
    ),
    max_size=25,
)


def done(step: Callable[[], Any]) -> Any:
    try:
        return step()
    except (Refused, PositionShort):
        return None


def taken(pool: WholePool, now: int, step: tuple[str, str, int, int, int]) -> tuple[int, int]:
    """One step; how much token and USDC came into the pool's books."""
    what, owner, term, dollars, _ = step
    tokens = dollars * E18 // MID
    if what == "sell":
        fill = done(lambda: pool.sell(now, tokens))
        return (fill.amount_in, -fill.amount_out) if fill else (0, 0)
    if what == "buy":
        fill = done(lambda: pool.buy(now, dollars))
        return (-fill.amount_out, fill.amount_in) if fill else (0, 0)
    if what == "claim":
        return 0, -pool.claim(now, owner, term)
    if what == "release":
        done(lambda: pool.release_pot(dollars))
        return 0, 0
    if what == "remove":
        held = pool.position(owner, term).shares
        out = done(lambda: pool.remove(now, owner, term, min(dollars, held)))
        return (-out[0], -out[1]) if out else (0, 0)
    if what == "add":
        made = done(lambda: pool.add(now, owner, term, tokens, dollars))
    else:
        amount = tokens if what == "token" else dollars
        made = done(lambda: pool.add_one_side(now, owner, term, amount, is_usdc=what == "usdc"))
    return (made.token, made.usdc) if made else (0, 0)


@unhurried
@given(tilt=TILTS, steps=STEPS)
def test_the_books_balance_and_everyone_can_leave_after_any_history(
    tilt: int, steps: list[tuple[str, str, int, int, int]]
) -> None:
    pool, now = a_pool(tilt), NOW
    token, usdc = pool.reserves.token, pool.held_usdc
    for step in steps:
        now += step[4]
        pool.price = Price(MID, 0, now)
        before = pool.reserves
        more = taken(pool, now, step)
        token, usdc = token + more[0], usdc + more[1]
        kept = pool.reserves
        assert (kept.token, pool.held_usdc) == (token, usdc)
        assert min(kept.token, kept.usdc, kept.pot_usdc, kept.fees_usdc, pool.owed_usdc) >= 0, before
        claims = [pool.position(*key) for key in pool.positions]
        assert sum(each.owed_usdc + each.uplift_usdc for each in claims) <= pool.owed_usdc
        assert sum(each.shares for each in claims) == pool.shares
    pool.price = Price(MID, 999_999, 1)  # old and doubtful: no exit asks for it
    for owner, term in list(pool.positions):
        if held := pool.position(owner, term).shares:
            pool.remove(now, owner, term, held)
        pool.claim(now, owner, term)
    assert pool.shares == pool.weight == 0


@unhurried
@given(tilt=TILTS, token=DOLLARS, usdc=DOLLARS, term=st.integers(0, 3))
def test_in_and_out_in_proportion_never_gains(tilt: int, token: int, usdc: int, term: int) -> None:
    pool = a_pool(tilt)
    made = done(lambda: pool.add(NOW, "ann", term, token * E18 // MID, usdc))
    assume(made)
    out = pool.remove(NOW, "ann", term, made.shares)
    assert out[0] <= made.token
    assert out[1] <= made.usdc


@unhurried
@given(tilt=TILTS, dollars=DOLLARS, is_usdc=st.booleans())
def test_one_side_in_and_both_out_never_gains_at_the_fair_price(
    tilt: int, dollars: int, is_usdc: bool
) -> None:
    pool = a_pool(tilt)
    amount = dollars if is_usdc else dollars * E18 // MID
    made = done(lambda: pool.add_one_side(NOW, "ann", 0, amount, is_usdc=is_usdc))
    assume(made)
    assert worth(*pool.remove(NOW, "ann", 0, made.shares)) <= worth(made.token, made.usdc)


@unhurried
@given(tilt=TILTS, first=DOLLARS, second=DOLLARS, is_usdc=st.booleans())
def test_a_deposit_of_one_side_in_pieces_never_gains_and_saves_next_to_nothing(
    tilt: int, first: int, second: int, is_usdc: bool
) -> None:
    """Compared is what leaving at once pays. A second piece meets a pool grown by the first, whose potential
    is flatter: pieces as large as the pool save up to 3 bps of what they pay for being one-sided."""

    def value_of(pieces: list[int]) -> int:
        pool, shares = a_pool(tilt), 0
        for dollars in pieces:
            amount = dollars if is_usdc else dollars * E18 // MID
            made = done(lambda a=amount: pool.add_one_side(NOW, "ann", 0, a, is_usdc=is_usdc))  # type: ignore[misc]
            shares += made.shares if made else 0
        return worth(*pool.remove(NOW, "ann", 0, shares)) if shares else 0

    whole = value_of([first + second])
    assume(whole)
    pieces = value_of([first, second])
    assert pieces <= first + second
    assert pieces <= whole + (first + second) * 300 // PPM + 4


@unhurried
@given(
    dust=st.integers(2, 10**6),
    trades=st.lists(st.tuples(st.booleans(), st.integers(1, 1_000)), max_size=20),
    second=st.integers(10**4, 10**11),
)
def test_the_first_provider_cannot_rob_the_second(
    dust: int, trades: list[tuple[bool, int]], second: int
) -> None:
    """A first deposit of dust, then trades to tilt it: the second loses at most the virtual shares' part."""
    pool = WholePool(SETTINGS, Price(MID, 0, NOW), levels=Levels(touched_at=NOW))
    pool.add(NOW, "thief", 0, dust * E18 // MID, dust)
    for sell, share in trades:
        amount = max(dust * share // 1_000, 1)
        done(lambda s=sell, a=amount: pool.sell(NOW, a * E18 // MID) if s else pool.buy(NOW, a))  # type: ignore[misc]
    made = done(lambda: pool.add(NOW, "victim", 0, second * E18 // MID, second))
    assume(made)
    token, usdc = pool.remove(NOW, "victim", 0, made.shares)
    lost = worth(made.token, made.usdc) - worth(token, usdc)
    assert lost <= worth(made.token, made.usdc) * VIRTUAL // (VIRTUAL + made.shares) + 4


@unhurried
@given(tilt=TILTS, count=st.integers(1, 60), sell=st.booleans())
def test_a_loop_of_single_units_never_gains(tilt: int, count: int, sell: bool) -> None:
    pool = a_pool(tilt, spread_ppm=0)
    put = got = 0
    for _ in range(count):
        fill = done(lambda: pool.sell(NOW, 130) if sell else pool.buy(NOW, 1))
        if fill:
            put += worth(fill.amount_in, 0) if sell else fill.amount_in
            got += fill.amount_out if sell else worth(fill.amount_out, 0)
    made = [done(lambda: pool.add(NOW, "ann", 0, 130, 1)) for _ in range(count)]
    shares = sum(each.shares for each in made if each)
    if shares:
        token, usdc = pool.remove(NOW, "ann", 0, shares)
        assert token <= sum(each.token for each in made if each)
        assert usdc <= sum(each.usdc for each in made if each)
    assert got <= put + (0 if sell else count)  # a healing trade's drop is the pot's, which is empty


@unhurried
@given(tilt=TILTS, dollars=DOLLARS, sell=st.booleans(), term=st.integers(0, 3))
def test_a_provider_in_for_one_trade_takes_no_more_than_its_fee(
    tilt: int, dollars: int, sell: bool, term: int
) -> None:
    pool = a_pool(tilt)
    made = done(lambda: pool.add(NOW, "ann", term, 10**10 * E18 // MID, 10**10))
    assume(made)
    fill = done(lambda: pool.sell(NOW, dollars * E18 // MID) if sell else pool.buy(NOW, dollars))
    assume(fill)
    token, usdc = pool.remove(NOW, "ann", term, made.shares)
    fees = pool.claim(NOW, "ann", term)
    assert fees <= fill.fee_usdc
    assert worth(token, usdc) <= worth(made.token, made.usdc) + 1


WRONG = st.lists(
    st.tuples(st.booleans(), st.integers(1, 10**11), st.integers(0, 1_800)), min_size=1, max_size=40
)


@unhurried
@given(
    tilt=TILTS,
    error_ppm=st.integers(-500_000, 500_000),
    hour_ppm=st.integers(1_000, 200_000),
    day_ppm=st.integers(1_000, 400_000),
    trades=WRONG,
)
def test_the_loss_from_a_wrong_price_is_at_most_the_bucket_times_the_error(
    tilt: int, error_ppm: int, hour_ppm: int, day_ppm: int, trades: list[tuple[bool, int, int]]
) -> None:
    """The true price is the oracle's × (1 + error); everything the pool owns counts, at the true price."""
    pool = a_pool(tilt, hour_ppm=hour_ppm, day_ppm=day_ppm)
    true = MID * (PPM + error_ppm) // PPM
    began = worth(pool.reserves.token, pool.held_usdc, true)
    cap_hour = cap_day = elapsed = 0
    for sell, dollars, wait in trades:
        elapsed += wait
        at = pool.at(NOW + elapsed)
        cap_hour, cap_day = max(cap_hour, at.hour_cap), max(cap_day, at.day_cap)
        done(
            lambda s=sell, d=dollars, t=NOW + elapsed: (  # type: ignore[misc]
                pool.sell(t, d * E18 // MID) if s else pool.buy(t, d)
            )
        )
        lost = began - worth(pool.reserves.token, pool.held_usdc, true)
        crossed = min(
            cap_hour + -(-cap_hour * elapsed // HOUR_SECONDS),
            cap_day + -(-cap_day * elapsed // DAY_SECONDS),
        )
        roundings = 2 * len(trades) + 2
        assert lost <= crossed * abs(error_ppm) // PPM + roundings
