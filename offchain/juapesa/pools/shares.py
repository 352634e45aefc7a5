"""The providers' arithmetic, exact to the unit: contracts/pools/LiquidityMath.sol and Liquidity.sol.

Shares are of a pool's reserves; in the first deposit a dollar at mid less the spread is a share. A
million virtual shares hold a little of every pool. All roundings are for those who stay. Amounts are base
units (six decimals on both sides), fees USDC, an index USDC per unit of weight × 2^48.
"""

from dataclasses import dataclass, replace

from juapesa.pools.exact_model import (
    E18,
    INT64_MAX,
    LEVEL_MAX,
    PPM,
    Levels,
    Pool,
    Refusal,
    Refused,
    Reserves,
    rise_up,
)

VIRTUAL = 10**6
SHARES_MAX = (2**80 - 1) >> 8
GROWTH_MAX = 1 << 80  # an index grows by at most this at once; fees beyond it wait
DAY_SECONDS = 86_400
WEIGHTS_PERCENT = (100, 110, 125, 150)
TERM_DAYS = (0, 30, 90, 180)


def weight_percent(term: int) -> int:
    """How a term's shares count when fees are shared out."""
    return WEIGHTS_PERCENT[term]


def term_seconds(term: int) -> int:
    """How long a term is; nothing for term 0."""
    return TERM_DAYS[term] * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Deposited:
    """What a deposit makes, and what it takes of each side."""

    shares: int
    token: int
    usdc: int


def deposit(pool: Pool, all_shares: int, token_max: int, usdc_max: int) -> Deposited:
    """Both sides in the pool's proportion, at most these amounts; into an empty pool exactly these.

    Raises Refused where the contract reverts, with BAD_AMOUNT for no shares at all.
    """
    held = pool.reserves
    if held.token == 0 and held.usdc == 0:
        made = Deposited(first_shares_down(pool, token_max, usdc_max), token_max, usdc_max)
    else:
        shares = proportional_shares_down(held, all_shares, token_max, usdc_max)
        sides = (side_up(side, all_shares, shares) for side in (held.token, held.usdc))
        made = Deposited(shares, *sides)
    return _entered(pool, made)


def deposit_one_side(pool: Pool, all_shares: int, amount: int, *, is_usdc: bool) -> Deposited:
    """One side, valued to its disadvantage and counted against the limits. Raises Refused."""
    why = pool.buys if is_usdc else pool.sells
    if why:
        raise Refused(why)
    value = amount if is_usdc else amount * pool.mid_e18 // E18
    levels = pool.levels
    hour, day = (levels.buy_hour, levels.buy_day) if is_usdc else (levels.sell_hour, levels.sell_day)
    if hour + value > pool.hour_cap or day + value > pool.day_cap:
        raise Refused(Refusal.LIMIT)
    shares = one_side_shares_down(pool, all_shares, value, is_usdc=is_usdc)
    return _entered(pool, Deposited(shares, 0 if is_usdc else amount, amount if is_usdc else 0))


def withdrawal(held: Reserves, all_shares: int, shares: int) -> tuple[int, int]:
    """What shares are paid of the token and of USDC. Needs no price."""
    return side_down(held.token, all_shares, shares), side_down(held.usdc, all_shares, shares)


def first_shares_down(pool: Pool, token: int, usdc: int) -> int:
    """The first provider's: a dollar at mid less the spread is a share. Raises Refused without a price."""
    if pool.sells:
        raise Refused(pool.sells)
    return usdc + less_up(token * pool.mid_e18 // E18, pool.spread_ppm)


def proportional_shares_down(held: Reserves, all_shares: int, token: int, usdc: int) -> int:
    """The most shares that the two sides, in the pool's proportion, pay for."""
    by_token = SHARES_MAX if held.token == 0 else token * (all_shares + VIRTUAL) // held.token
    by_usdc = SHARES_MAX if held.usdc == 0 else usdc * (all_shares + VIRTUAL) // held.usdc
    return min(by_token, by_usdc, SHARES_MAX)


def side_up(reserve: int, all_shares: int, shares: int) -> int:
    """What shares cost of a side."""
    return _div_up(reserve * shares, all_shares + VIRTUAL)


def side_down(reserve: int, all_shares: int, shares: int) -> int:
    """What shares are paid of a side."""
    return reserve * shares // (all_shares + VIRTUAL)


def one_side_shares_down(pool: Pool, all_shares: int, value: int, *, is_usdc: bool) -> int:
    """Shares for one side worth ``value`` at mid: the token less the spread, the pool at mid plus the spread,
    less what it adds to Φ (whose target moves with the pool's size)."""
    target = pool.settings.target_ppm
    delta = _div_up(value * (target if is_usdc else PPM - target), PPM)
    worth, excess_e6 = pool.balance()
    charge = rise_up(pool.settings.skew_ppm, worth, excess_e6, -delta if is_usdc else delta)
    credit = value if is_usdc else less_up(value, pool.spread_ppm)
    if credit <= charge:
        return 0
    token_usdc = pool.reserves.token * pool.mid_e18 // E18
    at_ask = worth + _div_up(token_usdc * pool.spread_ppm, PPM) + VIRTUAL
    shares = (credit - charge) * (all_shares + VIRTUAL) // at_ask
    return shares if shares <= SHARES_MAX else 0


def scaled_levels(levels: Levels, all_shares: int, after: int) -> Levels:
    """The limits' levels when liquidity comes or goes: each keeps its part of the pool, rounded up."""

    def scaled(level: int) -> int:
        return min(_div_up(level * (after + VIRTUAL), all_shares + VIRTUAL), LEVEL_MAX)

    hours = {"sell_hour": scaled(levels.sell_hour), "buy_hour": scaled(levels.buy_hour)}
    return replace(levels, **hours, sell_day=scaled(levels.sell_day), buy_day=scaled(levels.buy_day))


def share_out(fees_usdc: int, buffer_ppm: int, total_weight: int) -> tuple[int, int, int]:
    """How much of the fees goes to the providers, how much to the pot, and what that adds to the index."""
    fees = min(fees_usdc, GROWTH_MAX * total_weight >> 48)
    kept = fees * buffer_ppm // PPM
    shared = fees - kept
    return shared, kept, (shared << 48) // total_weight


def earned(shares: int, term: int, grown_x48: int) -> tuple[int, int]:
    """A position's fees while the index grew by that: those at weight 1, and those for its term."""
    base = shares * 100 * grown_x48 >> 48
    return base, shares * (weight_percent(term) - 100) * grown_x48 >> 48


def forfeited_up(uplift_usdc: int, shares: int, held_shares: int) -> int:
    """What leaving a term early with these shares costs of the fees for it."""
    return _div_up(uplift_usdc * shares, held_shares)


def less_up(value: int, ppm: int) -> int:
    """A value less a share of it, the share rounded up."""
    return value - _div_up(value * ppm, PPM)


def _entered(pool: Pool, made: Deposited) -> Deposited:
    held = pool.reserves
    fits = max(held.token + made.token, held.usdc + made.usdc) <= INT64_MAX
    if made.shares == 0 or not fits:
        raise Refused(Refusal.BAD_AMOUNT)
    return made


def _div_up(a: int, b: int) -> int:
    return (a + b - 1) // b
