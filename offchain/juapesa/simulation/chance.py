"""Everything a history draws comes from here, so that its seed replays it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

Choice = TypeVar("Choice")


class Trouble(StrEnum):
    """What can go wrong. A failing history is played again without each of these in turn."""

    DEATH = "a process dies"
    LOST_COMMIT = "the answer to a COMMIT is lost"
    BROKEN_LINE = "the database breaks a transaction off"
    CLOCK = "our clock jumps"
    SILENCE = "an operator's answer is lost"
    LOST_ORDER = "an order never arrives"
    OUTAGE = "an operator is down or limits our rate"
    REFUSAL = "an operator refuses"
    LATE = "an operator decides late"
    WRONG_AMOUNT = "an operator moves another amount"
    LOST_CALLBACK = "a callback is lost"
    DUPLICATE = "a callback comes twice"
    FORGERY = "a stranger posts a callback"
    CHAIN_REFUSAL = "the chain refuses"
    CHAIN_LATE = "the chain is late"
    SMS_DOWN = "the SMS gateway is down"


_RATES = (
    0.5,
    1.0,
    1.0,
    1.0,
    5.0,
)  # a history of its own has a few troubles often: some faults need one twice
_CHANCE_MAX = 0.7  # nothing goes wrong always


@dataclass
class Chance:
    """A seeded generator that knows which troubles are off. ``calm`` turns all of them off, for good.

    How often each trouble comes is drawn for the whole history.
    """

    seed: int
    without: frozenset[Trouble] = frozenset()
    calm: bool = False
    happened: set[Trouble] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 - a history to replay, not a secret
        self._rates = {trouble: self._rng.choice(_RATES) for trouble in Trouble}

    def strikes(self, trouble: Trouble, chance: float) -> bool:
        """Whether it happens now. The draw is made even when the answer can only be no."""
        drawn = self._rng.random() < min(chance * self._rates[trouble], max(chance, _CHANCE_MAX))
        if not drawn or self.calm or trouble in self.without:
            return False
        self.happened.add(trouble)
        return True

    def likely(self, chance: float) -> bool:
        """A coin."""
        return self._rng.random() < chance

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """One of them."""
        return self._rng.choice(choices)

    def weighted(self, choices: Mapping[Choice, int]) -> Choice:
        """One of them, each as often as its weight says."""
        return self._rng.choices(list(choices), list(choices.values()))[0]

    def whole(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        return self._rng.randint(least, most)

    def seconds(self, least: float, most: float) -> float:
        """A length of time."""
        return self._rng.uniform(least, most)
