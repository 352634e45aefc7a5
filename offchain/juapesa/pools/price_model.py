"""What prices become on chain: contracts/oracle/PriceOracle.sol and Medians.sol, exact to the unit."""

from collections.abc import Sequence
from dataclasses import dataclass

from juapesa.pools.exact_model import PPM, Price

AGE_SECONDS_MAX = 60
DOUBT_PPM_MAX = 2**24 - 1


@dataclass(frozen=True, slots=True)
class KeptPrice:
    """The price kept on chain for a token, and how far one update may move it."""

    mid_e18: int
    doubt_ppm: int
    observed_at: int
    max_step_ppm: int
    sources_min: int

    def price(self) -> Price:
        """As a pool trades at it."""
        return Price(self.mid_e18, self.doubt_ppm, self.observed_at)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What publishers say together: the median, the median distance from it, their oldest moment."""

    mid_e18: int
    spread_ppm: int
    observed_at: int
    sources: int


def agreed(mids_e18: Sequence[int], observed_at: int) -> Agreed:
    """What prices (one at least) agree on; ``observed_at`` is the oldest one's, unix seconds."""
    mid, distance = median_and_distance(mids_e18)
    return Agreed(mid, (distance * PPM + mid - 1) // mid, observed_at, len(mids_e18))


def updated(kept: KeptPrice, found: Agreed | None, now: int) -> Price:
    """The price that a pool would trade at in a block at ``now`` that carries these prices.

    Where the contract would leave the kept price (none, too few, too old, not newer), that one.
    """
    if found is None or found.sources < kept.sources_min or found.observed_at <= kept.observed_at:
        return kept.price()
    if now - found.observed_at > AGE_SECONDS_MAX:
        return kept.price()
    mid, excess = _stepped(kept, found.mid_e18)
    return Price(mid, min(found.spread_ppm + excess, DOUBT_PPM_MAX), found.observed_at)


def median_and_distance(values: Sequence[int]) -> tuple[int, int]:
    """The median (of an even count the middle two's mean, rounded down), and the median distance from it."""
    ordered, middle = sorted(values), len(values) // 2
    even = len(values) % 2 == 0
    median = (ordered[middle - 1] + ordered[middle]) // 2 if even else ordered[middle]
    return median, sorted(abs(value - median) for value in values)[middle]


def _stepped(kept: KeptPrice, mid: int) -> tuple[int, int]:
    """As far towards ``mid`` as one update may go, and what is left of the way in ppm, rounded up."""
    if kept.observed_at == 0:
        return mid, 0
    step = max(kept.mid_e18 * kept.max_step_ppm // PPM, 1)
    if abs(mid - kept.mid_e18) <= step:
        return mid, 0
    reached = kept.mid_e18 + step if mid > kept.mid_e18 else kept.mid_e18 - step
    left = abs(mid - reached)
    return reached, (left * PPM + reached - 1) // reached
