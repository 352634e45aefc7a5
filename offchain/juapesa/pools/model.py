"""The pool's arithmetic, exact to the unit. Formula by formula as in contracts/spot/SpotPools.sol.

``bid = mid × (10^6 − spread) / 10^6`` rounded down, ``ask = mid × (10^6 + spread) / 10^6`` rounded up;
token → USDC pays ``amount × bid / 10^18``, USDC → token ``amount × 10^18 / ask``, both rounded down.
Amounts are token units (six decimals on both sides), prices USDC per token × 10^18.
"""

from dataclasses import dataclass

PPM = 1_000_000
E18 = 10**18
INT64_MAX = 2**63 - 1


class Refused(Exception):
    """The contract would revert; ``why`` is its error's name."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class PoolState:
    """Everything that a quote depends on."""

    mid_e18: int
    observed_at: int
    reserve_token: int
    reserve_usdc: int
    spread_ppm: int
    max_share_ppm: int
    max_age_seconds: int
    sells_paused: bool = False
    buys_paused: bool = False


def quote_exact_in(state: PoolState, amount_in: int, *, sell: bool, now: int) -> int:
    """What ``amount_in`` buys: USDC for the token (``sell``) or the token for USDC. Raises Refused."""
    if state.sells_paused if sell else state.buys_paused:
        raise Refused("DirectionPaused")
    if not state.mid_e18 or state.observed_at + state.max_age_seconds < now:
        raise Refused("StalePrice")
    out = _usdc_for_token_down(state, amount_in) if sell else _token_for_usdc_down(state, amount_in)
    if out <= 0 or amount_in > INT64_MAX:
        raise Refused("BadAmount")
    reserve = state.reserve_usdc if sell else state.reserve_token
    if out > reserve * state.max_share_ppm // PPM:
        raise Refused("TradeTooLarge")
    return out


def least_in_for_out(state: PoolState, amount_out: int, *, sell: bool, now: int) -> int:
    """The smallest amount in that pays at least ``amount_out``. Raises Refused as the quote of it does."""
    bid, ask = _bid(state), _ask(state)
    if amount_out <= 0 or bid == 0:
        raise Refused("BadAmount" if state.mid_e18 else "StalePrice")
    amount_in = -(-amount_out * E18 // bid) if sell else -(-amount_out * ask // E18)
    quote_exact_in(state, amount_in, sell=sell, now=now)
    return amount_in


def _usdc_for_token_down(state: PoolState, amount_in: int) -> int:
    return amount_in * _bid(state) // E18


def _token_for_usdc_down(state: PoolState, amount_in: int) -> int:
    return amount_in * E18 // _ask(state)


def _bid(state: PoolState) -> int:
    return state.mid_e18 * (PPM - state.spread_ppm) // PPM


def _ask(state: PoolState) -> int:
    return -(-state.mid_e18 * (PPM + state.spread_ppm) // PPM)
