"""What holds for every quote of the pool model, and for its inverse."""

from hypothesis import assume, given
from hypothesis import strategies as st

from juapesa.pools.model import PoolState, Refused, least_in_for_out, quote_exact_in

NOW = 1_790_000_000
STATES = st.builds(
    PoolState,
    mid_e18=st.integers(10**12, 10**21),
    observed_at=st.just(NOW),
    reserve_token=st.integers(10**6, 2**62),
    reserve_usdc=st.integers(10**6, 2**62),
    spread_ppm=st.integers(0, 50_000),
    max_share_ppm=st.just(1_000_000),
    max_age_seconds=st.just(60),
)
AMOUNTS = st.integers(1, 10**13)


def quoted(state: PoolState, amount: int, *, sell: bool) -> int:
    try:
        return quote_exact_in(state, amount, sell=sell, now=NOW)
    except Refused:
        return 0


@given(state=STATES, amount=AMOUNTS, sell=st.booleans())
def test_a_round_trip_never_gains(state: PoolState, amount: int, sell: bool) -> None:
    there = quoted(state, amount, sell=sell)
    assume(there)
    assert quoted(state, there, sell=not sell) <= amount


@given(state=STATES, first=AMOUNTS, second=AMOUNTS, sell=st.booleans())
def test_splitting_never_gains(state: PoolState, first: int, second: int, sell: bool) -> None:
    whole = quoted(state, first + second, sell=sell)
    assume(whole)
    assert quoted(state, first, sell=sell) + quoted(state, second, sell=sell) <= whole


@given(state=STATES, wanted=AMOUNTS, sell=st.booleans())
def test_the_inverse_is_the_least_amount_that_pays(state: PoolState, wanted: int, sell: bool) -> None:
    try:
        least = least_in_for_out(state, wanted, sell=sell, now=NOW)
    except Refused:
        assume(False)
        return
    assert quoted(state, least, sell=sell) >= wanted
    assert quoted(state, least - 1, sell=sell) < wanted
