"""The bonding pools' arithmetic, exact to the unit. Function by function as in contracts/bonding/.

A currency with supply S, reserve R and target reserve ratio trr: a purchase leaves the supply
``S × (R'/R)^trr`` rounded down, a sale keeps the reserve ``R × (S'/S)^(1/trr)`` rounded up (Bancor's
formulas). Ratios of one whole, a half, a third (written 333,333) and a quarter are computed exactly; every
other one as the contract does, through solady's ``powWad`` (wad.py) less a margin. Amounts are base units,
six decimals on both sides, prices reserve units per token unit × 10^18; nothing here is a float.
"""

from dataclasses import dataclass, replace
from math import isqrt

from juapesa.pools.wad import WAD, pow_wad

PPM = 10**6
INT64_MAX = 2**63 - 1
LOCKED = 1_000_000
EXACT_DEGREES = {1_000_000: 1, 500_000: 2, 333_333: 3, 250_000: 4}


class Refused(Exception):
    """The contract would revert; ``why`` is its error's name."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class BondingState:
    """A pool as the contract stores it; ``as_of`` brings it to a moment.

    ``bucket_level`` is in reserve units × seconds; ``pot`` holds the fees of the second ``pot_at``.
    """

    supply: int
    reserve: int
    trr_ppm: int
    fee_ppm: int
    exit_ppm: int
    bucket_ppm: int
    bucket_seconds: int
    pot: int = 0
    pot_at: int = 0
    bucket_level: int = 0
    bucket_at: int = 0
    buying_paused: bool = False


@dataclass(frozen=True, slots=True)
class Trade:
    """What a trade pays, the fee it leaves with the holders, and the pool after it."""

    amount_out: int
    fee: int
    after: BondingState


def as_of(state: BondingState, now: int) -> BondingState:
    """The pool at ``now``: older fees have joined the reserve, the bucket has leaked."""
    if state.pot_at != now:
        state = replace(state, reserve=state.reserve + state.pot, pot=0, pot_at=now)
    leaked = share_up(state.reserve, state.bucket_ppm) * (now - state.bucket_at)
    return replace(state, bucket_level=max(0, state.bucket_level - leaked), bucket_at=now)


def buy(state: BondingState, reserve_in: int, *, now: int) -> Trade:
    """Reserve in, currency out. Raises Refused with the contract's error."""
    state = as_of(state, now)
    if state.buying_paused:
        raise Refused("BuyingPaused")
    fee = share_up(reserve_in, state.fee_ppm)
    if fee == reserve_in or state.reserve + state.pot + reserve_in > INT64_MAX:
        raise Refused("BadAmount")
    reserve = state.reserve + reserve_in - fee
    supply = supply_after_down(state.supply, state.reserve, reserve, state.trr_ppm)
    if supply == state.supply or supply > INT64_MAX:
        raise Refused("BadAmount")
    after = replace(state, supply=supply, reserve=reserve, pot=state.pot + fee)
    return Trade(supply - state.supply, fee, after)


def sell(state: BondingState, token_in: int, *, now: int) -> Trade:
    """Currency in, reserve out. Raises Refused with the contract's error."""
    state = as_of(state, now)
    if token_in > state.supply - LOCKED:
        raise Refused("BadAmount")
    supply = state.supply - token_in
    reserve = reserve_after_up(state.supply, state.reserve, supply, state.trr_ppm)
    fee = share_up(state.reserve - reserve, state.fee_ppm)
    out = state.reserve - reserve - fee
    if out == 0:
        raise Refused("BadAmount")
    if out > share_up(state.reserve, state.exit_ppm):
        raise Refused("ExitTooLarge")
    if out > bucket_room(state):
        raise Refused("ExitLimit")
    level = state.bucket_level + out * state.bucket_seconds
    after = replace(state, supply=supply, reserve=reserve, pot=state.pot + fee, bucket_level=level)
    return Trade(out, fee, after)


def bucket_room(state: BondingState) -> int:
    """What sales may still pay; ``state`` is as of the moment asked about."""
    full = share_up(state.reserve, state.bucket_ppm) * state.bucket_seconds
    return max(0, full - state.bucket_level) // state.bucket_seconds


def exit_room(state: BondingState, *, now: int) -> int:
    """The most that one sale could pay."""
    state = as_of(state, now)
    return min(share_up(state.reserve, state.exit_ppm), bucket_room(state))


def spot_price_e18_down(state: BondingState, *, now: int) -> int:
    """Reserve units per token unit × 10^18."""
    state = as_of(state, now)
    degree = EXACT_DEGREES.get(state.trr_ppm)
    if degree:
        return state.reserve * WAD * degree // state.supply
    return state.reserve * WAD * PPM // (state.supply * state.trr_ppm)


def supply_after_down(supply: int, reserve: int, reserve_after: int, trr_ppm: int) -> int:
    """supply × (reserve_after / reserve)^trr, rounded down; never less than ``supply``."""
    degree = EXACT_DEGREES.get(trr_ppm)
    if degree:
        return root_down(supply**degree * reserve_after // reserve, degree)
    power = pow_wad(reserve_after * WAD // reserve, trr_ppm * 10**12)
    growth = max(0, power - margin(power, trr_ppm * 10**12))
    return max(supply, supply * growth // WAD)


def reserve_after_up(supply: int, reserve: int, supply_after: int, trr_ppm: int) -> int:
    """reserve × (supply_after / supply)^(1/trr), rounded up; never more than ``reserve``."""
    degree = EXACT_DEGREES.get(trr_ppm)
    if degree:
        return ceil_div(reserve * supply_after**degree, supply**degree)
    exponent = WAD * PPM // trr_ppm
    power = pow_wad(ceil_div(supply_after * WAD, supply), exponent)
    return min(reserve, ceil_div(reserve * (power + margin(power, exponent)), WAD))


def margin(power: int, exponent: int) -> int:
    """More than ``powWad`` can be wrong, in units of 10^-18."""
    return (2 * ceil_div(exponent, WAD) + 4) * (power // WAD + 1)


def root_down(radicand: int, degree: int) -> int:
    """The largest integer whose ``degree``-th power is at most ``radicand``; degree 1, 2, 3 or 4."""
    if degree == 3:
        return _cube_root_down(radicand)
    for _ in range(degree.bit_length() - 1):
        radicand = isqrt(radicand)
    return radicand


def share_up(amount: int, ppm: int) -> int:
    """amount × ppm ÷ 10^6, rounded up."""
    return ceil_div(amount * ppm, PPM)


def ceil_div(numerator: int, denominator: int) -> int:
    """numerator ÷ denominator, rounded up; neither negative."""
    return -(-numerator // denominator)


def _cube_root_down(radicand: int) -> int:
    # Newton from above: falls until it would rise again, and then it is the floor.
    guess = 1 << -(-radicand.bit_length() // 3)
    while (lower := (2 * guess + radicand // (guess * guess)) // 3) < guess:
        guess = lower
    return guess
