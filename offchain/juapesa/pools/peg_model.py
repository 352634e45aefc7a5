"""Two tokens of one currency, one for one, exact to the unit: contracts/pools/Pegs.sol.

Amounts are base units; the most of a side whole tokens, as governance sets it.
"""

from dataclasses import dataclass, replace

from juapesa.pools.exact_model import INT64_MAX, PPM

LOW_HALTED, HIGH_HALTED = 2, 4


class PegClosed(Exception):
    """The peg is not open, or halted in this direction."""


class PegShort(Exception):
    """It would hold more of the token than it may, or pay more than it has, or pay nothing."""


@dataclass(frozen=True, slots=True)
class Peg:
    """A peg's word. ``flags``: 1 open, 2 low → high halted, 4 high → low halted."""

    reserve_low: int
    reserve_high: int
    fee_ppm: int
    flags: int
    max_low: int
    max_high: int


def converted(peg: Peg, amount_in: int, *, low_in: bool) -> tuple[int, Peg]:
    """What a conversion pays, and the peg after it. Raises PegClosed, PegShort."""
    if peg.flags & (1 | (LOW_HALTED if low_in else HIGH_HALTED)) != 1:
        raise PegClosed
    out = amount_in - (amount_in * peg.fee_ppm + PPM - 1) // PPM
    into, out_of = (peg.reserve_low, peg.reserve_high) if low_in else (peg.reserve_high, peg.reserve_low)
    most = (peg.max_low if low_in else peg.max_high) * PPM
    if into + amount_in > min(most, INT64_MAX) or not 0 < out <= out_of:
        raise PegShort
    into, out_of = into + amount_in, out_of - out
    low, high = (into, out_of) if low_in else (out_of, into)
    return out, replace(peg, reserve_low=low, reserve_high=high)
