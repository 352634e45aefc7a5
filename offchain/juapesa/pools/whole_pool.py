"""One pool with its providers through time, exact to the unit, as Liquidity.sol and Swaps.sol keep it.

Where ``exact_model`` answers for one trade and ``shares`` for one formula, this keeps the books between
them: reserves, levels, pot, fees, every position and lock. Property tests, the parity test and the economic
simulation run on it. Amounts are base units; times unix seconds, never going back.
"""

from dataclasses import dataclass, field, replace

from juapesa.pools import exact_model, shares
from juapesa.pools.exact_model import Fill, Levels, Pool, Price, Refusal, Refused, Reserves, Settings
from juapesa.pools.shares import Deposited


class PositionShort(Exception):
    """The position has not that many shares, or none were named."""


@dataclass(slots=True)
class Position:
    """What one owner has at one term; the uplift waits until ``unlock_at``."""

    shares: int = 0
    index_x48: int = 0
    owed_usdc: int = 0
    unlock_at: int = 0
    uplift_usdc: int = 0


@dataclass(slots=True)
class WholePool:
    """A pool's storage. A call that raises Refused has changed nothing."""

    settings: Settings
    price: Price
    reserves: Reserves = field(default_factory=lambda: Reserves(0, 0))
    levels: Levels = field(default_factory=Levels)
    shares: int = 0
    weight: int = 0
    index_x48: int = 0
    owed_usdc: int = 0
    positions: dict[tuple[str, int], Position] = field(default_factory=dict)

    @property
    def held_usdc(self) -> int:
        """All dollars in the pool's books: reserve, pot, fees, and fees shared out but not yet claimed."""
        kept = self.reserves
        return kept.usdc + kept.pot_usdc + kept.fees_usdc + self.owed_usdc

    def at(self, now: int) -> Pool:
        """The pool as it trades at ``now``."""
        return exact_model.pool_at(now, self.settings, self.price, self.reserves, self.levels)

    def sell(self, now: int, token_in: int) -> Fill:
        """The token for USDC. Raises Refused."""
        return self._apply(pool := self.at(now), exact_model.sell_exact_in(pool, token_in))

    def buy(self, now: int, usdc_in: int) -> Fill:
        """USDC for the token. Raises Refused."""
        return self._apply(pool := self.at(now), exact_model.buy_exact_in(pool, usdc_in))

    def add(self, now: int, owner: str, term: int, token_max: int, usdc_max: int) -> Deposited:
        """Both sides, in proportion. Raises Refused."""
        made = shares.deposit(self.at(now), self.shares, token_max, usdc_max)
        self.levels = shares.scaled_levels(self.levels, self.shares, self.shares + made.shares)
        self._enter(now, owner, term, made)
        return made

    def add_one_side(self, now: int, owner: str, term: int, amount: int, *, is_usdc: bool) -> Deposited:
        """One side, which counts against the limits. Raises Refused."""
        pool = self.at(now)
        made = shares.deposit_one_side(pool, self.shares, amount, is_usdc=is_usdc)
        levels, value = pool.levels, amount if is_usdc else amount * pool.mid_e18 // exact_model.E18
        if is_usdc:
            levels = replace(levels, buy_hour=levels.buy_hour + value, buy_day=levels.buy_day + value)
        else:
            levels = replace(levels, sell_hour=levels.sell_hour + value, sell_day=levels.sell_day + value)
        self.levels = levels
        self._enter(now, owner, term, made)
        return made

    def remove(self, now: int, owner: str, term: int, wanted: int) -> tuple[int, int]:
        """Shares' part of both sides, token and USDC; needs no price. Raises PositionShort."""
        if not 0 < wanted <= self.position(owner, term).shares:
            raise PositionShort
        held = self._counted(owner, term)
        token, usdc = shares.withdrawal(self.reserves, self.shares, wanted)
        self.levels = shares.scaled_levels(self.levels, self.shares, self.shares - wanted)
        if term and now >= held.unlock_at:
            held.owed_usdc, held.uplift_usdc = held.owed_usdc + held.uplift_usdc, 0
        elif term:
            forfeited = shares.forfeited_up(held.uplift_usdc, wanted, held.shares)
            held.uplift_usdc -= forfeited
            self.owed_usdc -= forfeited
            self.reserves = replace(self.reserves, fees_usdc=self.reserves.fees_usdc + forfeited)
        self._hold(held, term, -wanted, -token, -usdc)
        return token, usdc

    def claim(self, now: int, owner: str, term: int) -> int:
        """The owner's fees; those for locking once the term is over, which starts it anew."""
        held = self._counted(owner, term)
        if term and now >= held.unlock_at:
            held.owed_usdc, held.uplift_usdc = held.owed_usdc + held.uplift_usdc, 0
            held.unlock_at = now + shares.term_seconds(term)
        paid, held.owed_usdc = held.owed_usdc, 0
        self.owed_usdc -= paid
        return paid

    def release_pot(self, amount: int) -> None:
        """Gives USDC of the pot to the providers' fees. Raises Refused when the pot has less."""
        kept = self.reserves
        if amount > kept.pot_usdc:
            raise Refused(Refusal.RESERVE_SHORT)
        self.reserves = replace(kept, pot_usdc=kept.pot_usdc - amount, fees_usdc=kept.fees_usdc + amount)

    def position(self, owner: str, term: int) -> Position:
        """A position with the fees that were shared out, as the contract's view tells it."""
        held = replace(self.positions.get((owner, term), Position()))
        self._count(held, term)
        return held

    def _apply(self, pool: Pool, fill: Fill) -> Fill:
        after = exact_model.applied(pool, fill)
        self.reserves, self.levels = after.reserves, after.levels
        return fill

    def _enter(self, now: int, owner: str, term: int, made: Deposited) -> None:
        held = self._counted(owner, term)
        self._hold(held, term, made.shares, made.token, made.usdc)
        if term:
            held.unlock_at = now + shares.term_seconds(term)

    def _hold(self, held: Position, term: int, more_shares: int, token: int, usdc: int) -> None:
        kept = self.reserves
        self.reserves = replace(kept, token=kept.token + token, usdc=kept.usdc + usdc)
        held.shares += more_shares
        self.shares += more_shares
        self.weight += more_shares * shares.weight_percent(term)

    def _counted(self, owner: str, term: int) -> Position:
        """The position after the pool's fees were shared out."""
        kept = self.reserves
        if kept.fees_usdc and self.weight:
            shared, pot, grown = shares.share_out(kept.fees_usdc, self.settings.buffer_ppm, self.weight)
            self.reserves = replace(
                kept, fees_usdc=kept.fees_usdc - shared - pot, pot_usdc=kept.pot_usdc + pot
            )
            self.index_x48 += grown
            self.owed_usdc += shared
        held = self.positions.setdefault((owner, term), Position())
        self._count(held, term)
        return held

    def _count(self, held: Position, term: int) -> None:
        base, uplift = shares.earned(held.shares, term, self.index_x48 - held.index_x48)
        held.index_x48 = self.index_x48
        held.owed_usdc += base
        held.uplift_usdc += uplift
