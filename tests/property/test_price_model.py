"""What holds for prices however publishers behave."""

from statistics import median_low

from hypothesis import assume, given
from hypothesis import strategies as st

from juapesa.pools.exact_model import PPM
from juapesa.pools.price_model import KeptPrice, agreed, median_and_distance, updated

NOW = 1_790_000_000
MIDS = st.integers(10**6, 10**24)
KEPT = st.builds(
    KeptPrice,
    mid_e18=MIDS,
    doubt_ppm=st.integers(0, 100_000),
    observed_at=st.integers(NOW - 3_600, NOW),
    max_step_ppm=st.integers(1, 200_000),
    sources_min=st.just(3),
)


@given(st.lists(MIDS, min_size=1, max_size=16))
def test_the_median_is_in_the_middle_and_half_are_no_further_than_the_distance(mids: list[int]) -> None:
    median, distance = median_and_distance(mids)
    assert median_low(mids) <= median <= sorted(mids)[len(mids) // 2]
    near = [mid for mid in mids if abs(mid - median) <= distance]
    assert len(near) * 2 > len(mids)


@given(first=MIDS, second=MIDS, lie=st.integers(0, 10**30))
def test_one_liar_of_three_stays_between_the_honest_two_and_adds_no_doubt(
    first: int, second: int, lie: int
) -> None:
    low, high = sorted((first, second))
    median, distance = median_and_distance([first, lie, second])
    assert low <= median <= high
    assert distance <= high - low


@given(kept=KEPT, mid=MIDS, at=st.integers(NOW - 60, NOW))
def test_an_update_goes_one_step_at_most_and_doubts_the_rest(kept: KeptPrice, mid: int, at: int) -> None:
    assume(at > kept.observed_at)
    price = updated(kept, agreed([mid] * 3, at), NOW)
    step = max(kept.mid_e18 * kept.max_step_ppm // PPM, 1)
    assert abs(price.mid_e18 - kept.mid_e18) <= step
    assert abs(mid - price.mid_e18) <= abs(mid - kept.mid_e18)
    assert (price.doubt_ppm == 0) == (price.mid_e18 == mid)


@given(kept=KEPT, mid=MIDS, at=st.integers(NOW - 3_600, NOW), sources=st.integers(1, 5))
def test_what_the_contract_would_not_take_changes_nothing(
    kept: KeptPrice, mid: int, at: int, sources: int
) -> None:
    assume(at <= kept.observed_at or at < NOW - 60 or sources < 3)
    assert updated(kept, agreed([mid] * sources, at), NOW) == kept.price()
    assert updated(kept, None, NOW) == kept.price()


@given(mid=st.integers(10**15, 10**18), factor=st.integers(50, 200))
def test_a_true_jump_is_reached_in_several_updates(mid: int, factor: int) -> None:
    wanted, kept = mid * factor // 100, KeptPrice(mid, 0, NOW - 100, 20_000, 3)
    for second in range(40):
        price = updated(kept, agreed([wanted] * 3, NOW + second), NOW + second)
        kept = KeptPrice(price.mid_e18, price.doubt_ppm, price.observed_at, 20_000, 3)
    assert (kept.mid_e18, kept.doubt_ppm) == (wanted, 0)
