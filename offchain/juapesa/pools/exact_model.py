"""The pools' arithmetic, exact to the unit: contracts/pools/PoolMath.sol, line by line.

A trade crosses the reserves at the oracle's mid, so that the pool's value T does not change. What it costs
is beside that, all of it in USDC: a fee (the half-spread of the value) and the change of the potential
``Φ = s × G² / (2 T)``, where G is how far the token side's value is above its target. A trade that raises
Φ pays the rise into the pot; one that lowers it is paid the drop × heal out of the pot, never more than is
in it. All roundings are for the pool. Amounts are base units (six decimals on both sides), prices USDC
per token × 10^18, shares and spreads millionths (ppm).
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from math import isqrt

PPM = 10**6
E18 = 10**18
INT64_MAX = 2**63 - 1
LEVEL_MAX = 2**48 - 1
SPREAD_PPM_MAX = 500_000
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
Q = 1 << 72
ROOT_ERROR_MAX = 4


class Refusal(IntEnum):
    """Why a trade is refused, as the contract numbers it."""

    NONE = 0
    UNKNOWN_POOL = 1
    PAUSED = 2
    STALE_PRICE = 3
    DOUBTFUL_PRICE = 4
    BAD_AMOUNT = 5
    RESERVE_SHORT = 6
    LIMIT = 7
    MIN_OUT = 8


class Refused(Exception):
    """The contract would refuse the trade."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why.name)
        self.why = why


@dataclass(frozen=True, slots=True)
class Settings:
    """What governance set for a pool; the fields of PoolTypes.sol."""

    spread_ppm: int
    age_ppm_per_minute: int
    fresh_seconds: int
    max_age_seconds: int
    max_doubt_ppm: int
    skew_ppm: int
    heal_ppm: int
    target_ppm: int
    hour_ppm: int
    day_ppm: int
    buffer_ppm: int
    open: bool = True
    sells_paused: bool = False
    buys_paused: bool = False


@dataclass(frozen=True, slots=True)
class Price:
    """The price kept on chain."""

    mid_e18: int
    doubt_ppm: int
    observed_at: int


@dataclass(frozen=True, slots=True)
class Levels:
    """What was sold and bought, in USDC, against an hour's and a day's limit."""

    sell_hour: int = 0
    sell_day: int = 0
    buy_hour: int = 0
    buy_day: int = 0
    touched_at: int = 0


@dataclass(frozen=True, slots=True)
class Reserves:
    """What a pool holds."""

    token: int
    usdc: int
    pot_usdc: int = 0
    fees_usdc: int = 0


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool at a moment, ready to trade: what the contract's ``_load`` makes."""

    reserves: Reserves
    levels: Levels
    settings: Settings
    mid_e18: int
    spread_ppm: int
    hour_cap: int
    day_cap: int
    sells: Refusal
    buys: Refusal

    def balance(self) -> tuple[int, int]:
        """The pool at mid in USDC, and how far the token side is over its target, × 10^6."""
        token_usdc = self.reserves.token * self.mid_e18 // E18
        value = token_usdc + self.reserves.usdc
        return value, token_usdc * PPM - value * self.settings.target_ppm


SELL, BUY = True, False  # the token for USDC, USDC for the token


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade that a pool would make; ``value_usdc`` is what crosses the reserves at mid."""

    sell: bool
    amount_in: int
    amount_out: int
    value_usdc: int
    fee_usdc: int
    pot_usdc: int


def pool_at(now: int, settings: Settings, price: Price, reserves: Reserves, levels: Levels) -> Pool:
    """The pool as it trades at ``now`` (unix seconds): spread, limits and leaked levels of that moment."""
    age = max(now - price.observed_at, 0)
    spread = settings.spread_ppm + price.doubt_ppm
    if age > settings.fresh_seconds:
        spread += ((age - settings.fresh_seconds) * settings.age_ppm_per_minute + 59) // 60
    priced = _priced(settings, price, age)
    value = reserves.token * price.mid_e18 // E18 + reserves.usdc
    hour_cap = min(value * settings.hour_ppm // PPM, LEVEL_MAX)
    day_cap = min(value * settings.day_ppm // PPM, LEVEL_MAX)
    elapsed = now - levels.touched_at
    leaked = Levels(
        sell_hour=max(levels.sell_hour - hour_cap * elapsed // HOUR_SECONDS, 0),
        sell_day=max(levels.sell_day - day_cap * elapsed // DAY_SECONDS, 0),
        buy_hour=max(levels.buy_hour - hour_cap * elapsed // HOUR_SECONDS, 0),
        buy_day=max(levels.buy_day - day_cap * elapsed // DAY_SECONDS, 0),
        touched_at=now,
    )
    return Pool(
        reserves=reserves,
        levels=leaked,
        settings=settings,
        mid_e18=price.mid_e18,
        spread_ppm=min(spread, SPREAD_PPM_MAX),
        hour_cap=hour_cap,
        day_cap=day_cap,
        sells=Refusal.PAUSED if settings.open and settings.sells_paused else priced,
        buys=Refusal.PAUSED if settings.open and settings.buys_paused else priced,
    )


def _priced(settings: Settings, price: Price, age: int) -> Refusal:
    if not settings.open:
        return Refusal.UNKNOWN_POOL
    if price.observed_at == 0 or age > settings.max_age_seconds:
        return Refusal.STALE_PRICE
    return Refusal.DOUBTFUL_PRICE if price.doubt_ppm > settings.max_doubt_ppm else Refusal.NONE


def sell_exact_in(pool: Pool, token_in: int) -> Fill:
    """Token → USDC, exact token in. Raises Refused."""
    if token_in > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    value = token_in * pool.mid_e18 // E18
    if pool.sells:
        raise Refused(pool.sells)
    if pool.reserves.token + token_in > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    if value > pool.reserves.usdc:
        raise Refused(Refusal.RESERVE_SHORT)
    if pool.levels.sell_hour + value > pool.hour_cap or pool.levels.sell_day + value > pool.day_cap:
        raise Refused(Refusal.LIMIT)
    charge, pot = _charged(pool, value)
    fee = _div_up(value * pool.spread_ppm, PPM)
    if fee + charge >= value:
        raise Refused(Refusal.BAD_AMOUNT)
    return _fitting(pool, Fill(SELL, token_in, value + pool.reserves.pot_usdc - fee - pot, value, fee, pot))


def buy_exact_in(pool: Pool, usdc_in: int) -> Fill:
    """USDC → token, exact USDC in. Raises Refused."""
    if pool.buys:
        raise Refused(pool.buys)
    if usdc_in > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    fee = _div_up(usdc_in * pool.spread_ppm, PPM + pool.spread_ppm)
    net = usdc_in - fee
    value = _bought_value_down(pool, net)
    pot = pool.reserves.pot_usdc + net - value
    return _bought(pool, Fill(BUY, usdc_in, value * E18 // pool.mid_e18, value, fee, pot))


def sell_exact_out(pool: Pool, usdc_out: int) -> Fill:
    """Token → USDC, exact USDC out, within a few units of value of the least token. Raises Refused."""
    if pool.sells:
        raise Refused(pool.sells)
    if usdc_out == 0 or usdc_out > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    if usdc_out > pool.reserves.usdc + pool.reserves.pot_usdc:
        raise Refused(Refusal.RESERVE_SHORT)
    value = _sold_value_up(pool, usdc_out)
    why = Refusal.RESERVE_SHORT
    for more in range(ROOT_ERROR_MAX + 1):
        try:
            fill = sell_exact_in(pool, _div_up((value + more) * E18, pool.mid_e18))
            why = Refusal.RESERVE_SHORT
        except Refused as refused:
            why = refused.why
            continue
        if fill.amount_out >= usdc_out:
            pot = fill.pot_usdc + fill.amount_out - usdc_out
            return _fitting(pool, replace(fill, amount_out=usdc_out, pot_usdc=pot))
    raise Refused(why)


def buy_exact_out(pool: Pool, token_out: int) -> Fill:
    """USDC → token, exact token out. Raises Refused."""
    if pool.buys:
        raise Refused(pool.buys)
    if token_out > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    value = _div_up(token_out * pool.mid_e18, E18)
    if value > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    _, pot = _charged(pool, -value)
    net = value + pot - pool.reserves.pot_usdc
    amount_in = net + _div_up(net * pool.spread_ppm, PPM)
    if amount_in > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    return _bought(pool, Fill(BUY, amount_in, token_out, value, amount_in - net, pot))


def applied(pool: Pool, fill: Fill) -> Pool:
    """The pool after an accepted trade."""
    held, levels, value = pool.reserves, pool.levels, fill.value_usdc
    if fill.sell:
        token, usdc = held.token + fill.amount_in, held.usdc - value
        levels = replace(
            levels,
            sell_hour=levels.sell_hour + value,
            sell_day=levels.sell_day + value,
            buy_hour=max(levels.buy_hour - value, 0),
            buy_day=max(levels.buy_day - value, 0),
        )
    else:
        token, usdc = held.token - fill.amount_out, held.usdc + value
        levels = replace(
            levels,
            buy_hour=levels.buy_hour + value,
            buy_day=levels.buy_day + value,
            sell_hour=max(levels.sell_hour - value, 0),
            sell_day=max(levels.sell_day - value, 0),
        )
    reserves = Reserves(token, usdc, fill.pot_usdc, held.fees_usdc + fill.fee_usdc)
    return replace(pool, reserves=reserves, levels=levels)


def rise_up(skew_ppm: int, pool_usdc: int, excess_e6: int, delta_usdc: int) -> int:
    """What a move of value into the token side adds to Φ, rounded up; zero when it adds nothing."""
    change = _squares_e12(excess_e6, delta_usdc)
    if change <= 0 or pool_usdc == 0:
        return 0
    return _div_up(skew_ppm * change, pool_usdc * 2 * E18)


def _bought(pool: Pool, fill: Fill) -> Fill:
    if fill.amount_out == 0:
        raise Refused(Refusal.BAD_AMOUNT)
    if fill.amount_out > pool.reserves.token:
        raise Refused(Refusal.RESERVE_SHORT)
    if pool.reserves.usdc + fill.value_usdc > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    levels = pool.levels
    hour, day = levels.buy_hour + fill.value_usdc, levels.buy_day + fill.value_usdc
    if hour > pool.hour_cap or day > pool.day_cap:
        raise Refused(Refusal.LIMIT)
    return _fitting(pool, fill)


def _fitting(pool: Pool, fill: Fill) -> Fill:
    if fill.pot_usdc > INT64_MAX or pool.reserves.fees_usdc + fill.fee_usdc > INT64_MAX:
        raise Refused(Refusal.BAD_AMOUNT)
    return fill


def _charged(pool: Pool, delta_usdc: int) -> tuple[int, int]:
    """The charge of a move of value (rounded up), and the pot after it or after its reward."""
    pool_usdc, excess_e6 = pool.balance()
    change, pot = _squares_e12(excess_e6, delta_usdc), pool.reserves.pot_usdc
    settings = pool.settings
    if pool_usdc == 0:
        return 0, pot
    if change > 0:
        charge = _div_up(settings.skew_ppm * change, pool_usdc * 2 * E18)
        return charge, pot + charge
    reward = settings.skew_ppm * settings.heal_ppm * -change // (pool_usdc * 2 * PPM * E18)
    return 0, max(pot - reward, 0)


def _squares_e12(excess_e6: int, delta_usdc: int) -> int:
    delta = delta_usdc * PPM
    return delta * (2 * excess_e6 + delta)


def _bought_value_down(pool: Pool, net: int) -> int:
    """The largest v with v + Φ's change ≤ net (where Φ falls, its share, and at most net + pot)."""
    pool_usdc, excess_e6 = pool.balance()
    skew, pot = pool.settings.skew_ppm, pool.reserves.pot_usdc
    if pool_usdc == 0 or skew == 0:
        return net
    heals = excess_e6 > 0 and net * PPM < 2 * excess_e6
    slope = skew * (pool.settings.heal_ppm if heals else PPM)
    b = Q - Q * slope * excess_e6 // (pool_usdc * E18)
    square = b * b + _div_up(Q * Q * 2 * slope * net, pool_usdc * PPM * PPM)
    value = 2 * net * Q // (b + _sqrt_up(square))
    if heals:
        return min(max(value, net), net + pot)
    if value < net and value + 1 + rise_up(skew, pool_usdc, excess_e6, -(value + 1)) <= net:
        value += 1
    return value


def _sold_value_up(pool: Pool, usdc_out: int) -> int:
    """About the least v with v − fee − Φ's change ≥ usdc_out."""
    pool_usdc, excess_e6 = pool.balance()
    skew, pot = pool.settings.skew_ppm, pool.reserves.pot_usdc
    kept = PPM - pool.spread_ppm
    plain = _div_up(usdc_out * PPM, kept)
    if pool_usdc == 0 or skew == 0:
        return plain
    heals = excess_e6 < 0 and usdc_out * PPM * PPM < kept * 2 * -excess_e6
    slope = skew * (pool.settings.heal_ppm if heals else PPM)
    b = Q * kept // PPM - Q * slope * excess_e6 // (pool_usdc * E18)
    off = Q * Q * 2 * slope * usdc_out // (pool_usdc * PPM * PPM)
    if b <= 0 or off > b * b:
        return plain
    value = 2 * usdc_out * Q // (b + isqrt(b * b - off))
    capped = _div_up((usdc_out - pot) * PPM, kept) if usdc_out > pot else 0
    return max(value, capped) if heals else value


def _div_up(a: int, b: int) -> int:
    return (a + b - 1) // b


def _sqrt_up(a: int) -> int:
    root = isqrt(a)
    return root + (root * root < a)
