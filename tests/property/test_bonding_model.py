"""What holds for every bonding pool, and how far its integers are from the true formula."""

from dataclasses import replace
from decimal import Decimal, localcontext

from hypothesis import assume, example, given
from hypothesis import strategies as st

from juapesa.pools import bonding_model as model
from juapesa.pools.bonding_model import INT64_MAX, BondingState, Refused
from juapesa.pools.wad import WAD, exp_wad, ln_wad

NOW = 1_790_000_000
DIGITS = 60
EXACT = sorted(model.EXACT_DEGREES)
ODD_RATIOS = st.integers(100_000, 999_999).filter(lambda trr: trr not in model.EXACT_DEGREES)
UNITS = st.integers(1, 63).flatmap(lambda bits: st.integers(1, 2**bits - 1))
STATES = st.builds(
    BondingState,
    supply=st.integers(2 * model.LOCKED, 10**17),
    reserve=st.integers(10**6, 10**17),
    trr_ppm=st.sampled_from(EXACT) | ODD_RATIOS,
    fee_ppm=st.integers(0, 50_000),
    exit_ppm=st.just(500_000),
    bucket_ppm=st.just(500_000),
    bucket_seconds=st.integers(3_600, 604_800),
    pot_at=st.just(NOW),
    bucket_at=st.just(NOW),
)
PARTS = st.integers(1, 10**6)


def share(whole: int, ppm: int) -> int:
    return max(1, whole * ppm // 10**6)


def bought(state: BondingState, amount: int) -> tuple[int, BondingState]:
    try:
        trade = model.buy(state, amount, now=NOW)
    except Refused:
        return 0, state
    return trade.amount_out, trade.after


def sold(state: BondingState, amount: int) -> tuple[int, BondingState]:
    try:
        trade = model.sell(state, amount, now=NOW)
    except Refused:
        return 0, state
    return trade.amount_out, trade.after


@given(state=STATES, part=PARTS)
def test_there_and_back_never_gains(state: BondingState, part: int) -> None:
    amount = share(state.reserve, part)
    minted, after = bought(state, amount)
    assume(minted)
    assert sold(after, minted)[0] <= amount


@given(state=STATES, first=PARTS, second=PARTS)
def test_pieces_of_a_purchase_never_get_more(state: BondingState, first: int, second: int) -> None:
    first, second = share(state.reserve, first), share(state.reserve, second)
    whole, after_whole = bought(state, first + second)
    assume(whole)
    one, after = bought(state, first)
    other, _ = bought(after, second)
    assert one + other <= whole + slack(state, after_whole.supply)


@given(state=STATES, first=PARTS, second=PARTS)
def test_pieces_of_a_sale_never_get_more(state: BondingState, first: int, second: int) -> None:
    first, second = share(state.supply, first // 4), share(state.supply, second // 4)
    whole, _ = sold(state, first + second)
    assume(whole)
    one, after = sold(state, first)
    other, _ = sold(after, second)
    assert one + other <= whole + slack(state, state.reserve)


def slack(state: BondingState, amount: int) -> int:
    """What powWad's margin leaves between pieces and a whole; nothing for an exact ratio."""
    return 0 if state.trr_ppm in model.EXACT_DEGREES else amount * 20 // WAD + 1


@given(state=STATES, part=PARTS, later=st.integers(1, 10**6))
def test_a_fee_is_in_the_price_from_the_next_second_on(state: BondingState, part: int, later: int) -> None:
    amount = share(state.reserve, part)
    minted, after = bought(state, amount)
    assume(minted)
    assert after.reserve + after.pot == state.reserve + amount
    joined = model.as_of(after, NOW + later)
    assert (joined.reserve, joined.pot) == (state.reserve + amount, 0)


@given(state=STATES, parts=st.lists(st.tuples(PARTS, st.integers(0, 200_000)), min_size=1, max_size=12))
def test_sales_fit_the_bucket_in_every_window(state: BondingState, parts: list[tuple[int, int]]) -> None:
    now, exits = NOW, []
    for part, wait in parts:
        now += wait
        try:
            trade = model.sell(state, share(state.supply, part // 8), now=now)
        except Refused:
            continue
        exits.append((now, trade.amount_out, model.as_of(state, now).reserve))
        state = trade.after
    for i, (began, _, _) in enumerate(exits):
        for j in range(i, len(exits)):
            window = exits[i : j + 1]
            full = model.share_up(max(reserve for _, _, reserve in window), state.bucket_ppm)
            paid = sum(out for _, out, _ in window)
            span = exits[j][0] - began
            assert paid * state.bucket_seconds <= full * (state.bucket_seconds + span)


@given(supply=UNITS, reserve=UNITS, grown=UNITS, trr=st.sampled_from(EXACT))
def test_a_root_is_the_floor_of_the_true_one(supply: int, reserve: int, grown: int, trr: int) -> None:
    reserve, grown = sorted((reserve, grown))
    degree = model.EXACT_DEGREES[trr]
    root = model.supply_after_down(supply, reserve, grown, trr)
    assert root**degree * reserve <= supply**degree * grown < (root + 1) ** degree * reserve


@given(supply=UNITS, reserve=UNITS, left=UNITS, trr=st.sampled_from(EXACT))
def test_what_is_kept_is_the_ceiling_of_the_true_rest(supply: int, reserve: int, left: int, trr: int) -> None:
    left, supply = sorted((left, supply))
    degree = model.EXACT_DEGREES[trr]
    kept = model.reserve_after_up(supply, reserve, left, trr)
    assert (kept - 1) * supply**degree < reserve * left**degree <= kept * supply**degree


@given(supply=UNITS, reserve=UNITS, grown=UNITS, trr=ODD_RATIOS)
@example(supply=INT64_MAX, reserve=10**6, grown=INT64_MAX, trr=999_999)
def test_an_odd_purchase_is_below_the_true_one_by_little(
    supply: int, reserve: int, grown: int, trr: int
) -> None:
    reserve, grown = sorted((reserve, grown))
    after = model.supply_after_down(supply, reserve, grown, trr)
    with localcontext(prec=DIGITS):
        true = supply * (Decimal(grown) / reserve) ** (Decimal(trr) / 10**6)
        assert after <= max(true, supply)
        assert true - after <= 1 + true * 20 / WAD


@given(supply=UNITS, reserve=UNITS, left=UNITS, trr=ODD_RATIOS)
def test_an_odd_sale_keeps_the_true_rest_and_little_more(
    supply: int, reserve: int, left: int, trr: int
) -> None:
    left, supply = sorted((left, supply))
    kept = model.reserve_after_up(supply, reserve, left, trr)
    with localcontext(prec=DIGITS):
        true = reserve * (Decimal(left) / supply) ** (10**6 / Decimal(trr))
        assert true <= kept <= reserve
        assert kept - true <= 1 + Decimal(reserve) * 48 / WAD


@given(x=st.integers(1, 10**38))
def test_logarithms_are_within_two_units(x: int) -> None:
    with localcontext(prec=DIGITS):
        assert abs(ln_wad(x) - (Decimal(x) / WAD).ln() * WAD) < 2


@given(x=st.integers(-42 * WAD, 44 * WAD))
def test_exponentials_are_within_a_unit_and_one_part_in_ten_to_the_eighteen(x: int) -> None:
    with localcontext(prec=DIGITS):
        true = (Decimal(x) / WAD).exp() * WAD
        assert abs(exp_wad(x) - true) < 1 + true / WAD


@given(state=STATES, supply=st.integers(10**14, 10**17), reserve=st.integers(10**14, 10**17))
def test_the_spot_price_is_what_a_small_trade_pays(state: BondingState, supply: int, reserve: int) -> None:
    state = replace(state, supply=supply, reserve=reserve, fee_ppm=0)
    amount = share(reserve, 1)
    minted, _ = bought(state, amount)
    paid = Decimal(amount) / minted
    assert abs(paid * WAD / model.spot_price_e18_down(state, now=NOW) - 1) < Decimal("0.00001")
