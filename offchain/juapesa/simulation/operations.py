"""A person of the house who looks at stuck payments and decides about them, safe or not: unsafe is refused.

There is one in every other history. Draws come from a generator of its own, so that a history in which
nothing is stuck is as it would be without.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from juapesa.errors import JuaError
from juapesa.payments.decisions import TWO_PEOPLE, Decider, Decision
from juapesa.simulation.house import House
from juapesa.simulation.truth import Broken

# What an operator states is not drawn: a person who says so has its word, and here nobody has.
_PERSON = Decider("a person", "the simulation", proven=True)
_OWN = [each for each in Decision if each not in TWO_PEOPLE]


@dataclass
class Operations:
    """``done`` counts what was decided, and refused."""

    house: House
    seed: int
    note: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._rng = random.Random(f"{self.seed} operations")  # noqa: S311 - a history to replay

    def act(self) -> None:
        """Decide about one stuck leg, if there is one. Raises what befalls the request."""
        if self.seed % 2:
            return
        desk = self.house.parts.stuck
        with self.house.db.unit_of_work() as uow:
            found = desk.stuck(uow)
        if not found:
            return
        leg, decision = self._rng.choice(found), self._rng.choice(_OWN)
        try:
            with self.house.db.unit_of_work() as uow:
                desk.release(uow, leg.code, leg.seq, decision, by=_PERSON, because="it seems best")
        except JuaError as refused:
            if decision in leg.choices:
                raise Broken(f"{decision} was offered, and is refused: {refused.slug}") from None
            self.done[f"{decision} refused"] += 1
            return
        self.done[str(decision)] += 1
        self.note(f"a person decides about a {leg.kind} that is {leg.state}: {decision}")
