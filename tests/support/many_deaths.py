"""Tellings of a payment in which worker after worker dies, and how often one has died where.

A **commit point** is what a commit has recorded: whose it was, and the payment's status and legs as it left
them. At each one life may end just before the commit, or just after. Which, is drawn from a seed: nearly
always where fewer have died than wanted, else as often as this telling is deadly. The draws see
nothing but the points, so the same seed tells the same story again.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from juapesa.db import Database, UnitOfWork
from juapesa.rails.token_table import TableTokens
from support.payments_house import End, MortalDatabase, quote_prices
from support.saga_stories import WALLET_SHILLINGS, SagaStory
from support.still_house import StillHouse

WANTED_ODDS = 0.85  # of a death where more are wanted
DEADLY = (0.0, 0.0, 0.0, 0.05, 0.2)  # odds elsewhere, one for a whole telling
REST_SECONDS = (0.5, 31.0)  # a supervisor starts the next at once, or when the dead one's leases are over
QUIET_SECONDS = 4_000.0  # between two tellings: tokens run out
_RECORDED = """
SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NOT NULL THEN
  (SELECT status || coalesce((SELECT string_agg(' ' || kind || '=' || state, '' ORDER BY seq)
                                FROM payments.leg WHERE payment_id = p.id), '')
     FROM payments.payment p WHERE code = %s)
       END AS found
"""

Choose = Callable[[str], End | None]
Side = tuple[str, End]


@dataclass
class Deaths:
    """How often workers have committed and died at each point of a story."""

    wanted: int
    chance: random.Random
    usual: frozenset[str] = frozenset()  # the points of a telling in which nobody dies
    passed: Counter[str] = field(default_factory=Counter)
    died: Counter[Side] = field(default_factory=Counter)
    tellings: int = 0
    _odds: float = 0.0

    def tell(self, house: StillHouse, story: SagaStory, payer: str) -> None:
        """One payment from its beginning until nothing is left to do; its own check and the books at the end.

        Nobody dies in the first.
        """
        self._odds = self.chance.choice(DEADLY)
        quote_prices(house)
        code, check = story.begin(house, payer, self.tellings)
        choose = self._choose if self.usual else self._pass
        house.live_on(
            code, lambda about: _Pointed(house.db, about, choose), lambda: self.chance.choice(REST_SECONDS)
        )
        check()
        house.assert_square()
        house.loop.pass_seconds(QUIET_SECONDS)
        self.tellings += 1
        self.usual = self.usual or frozenset(self.passed)

    def lacking(self, points: Iterable[str]) -> list[Side]:
        """Where, of these points, fewer have died than wanted."""
        return [(point, end) for point in points for end in End if self.died[point, end] < self.wanted]

    def report(self) -> str:
        """What was told, and where fewer have died than wanted."""
        rare = sorted(
            f"{self.died[point, end]} {end.value} {point}" for point, end in self.lacking(self.passed)
        )
        return "\n  ".join(
            [
                f"{self.tellings} tellings, {self.died.total()} deaths; at each side of "
                f"{len(self.usual)} usual points at least {self._least(self.usual)}, "
                f"of all {len(self.passed)} at least {self._least(self.passed)}",
                *rare,
            ]
        )

    def _least(self, points: Iterable[str]) -> int:
        return min(self.died[point, end] for point in points for end in End)

    def _pass(self, point: str) -> None:
        self.passed[point] += 1

    def _choose(self, point: str) -> End | None:
        """Whether and how life ends here."""
        self.passed[point] += 1
        end = self.chance.choice(tuple(End))
        lacking = [each for _, each in self.lacking([point])]
        if lacking and end not in lacking:
            [end] = lacking
        if self.chance.random() >= (WANTED_ODDS if lacking else self._odds):
            return None
        self.died[point, end] += 1
        return end


class _Pointed(MortalDatabase):
    """Asks at each commit what becomes of the worker there."""

    def __init__(self, inner: Database, code: str, choose: Choose) -> None:
        super().__init__(inner, None, after=True)
        self._code = code
        self._choose = choose

    def recorded(self, uow: UnitOfWork) -> str | None:
        row = uow.one(_RECORDED, (self._code,))
        assert row is not None
        found: str | None = row["found"]
        return found

    def end(self, whose: str, recorded: str) -> End | None:
        is_token = whose.startswith(
            TableTokens.__name__
        )  # it is every payment's, and records nothing of this
        return self._choose(whose if is_token else f"{whose}: {recorded}")


def payer_of(house: StillHouse, story: SagaStory) -> Callable[[], str]:
    """Who pays in a story: always the same wallet, which is filled here, or somebody new each time."""
    if not story.from_wallet:
        return lambda: house.phone(story.country)
    wallet = house.phone()
    house.end(house.fill(wallet, WALLET_SHILLINGS).code)
    return lambda: wallet
