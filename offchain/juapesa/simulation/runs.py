"""Play many histories; stop at the first that breaks, and say what it needs to break."""

import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from juapesa.simulation.chance import Trouble
from juapesa.simulation.house import House
from juapesa.simulation.truth import Broken, Seen
from juapesa.simulation.world import World

TAIL_LINES = 40
PROGRESS_SEEDS = 100


@dataclass(frozen=True, slots=True)
class Failure:
    """A history that breaks. ``needs``: the troubles without which it does not."""

    seed: int
    why: str
    step: int
    needs: tuple[Trouble, ...]
    tail: tuple[str, ...]


@dataclass
class Played:
    """What was seen in all histories. ``failure`` None: every promise was kept."""

    seeds: int = 0
    steps: int = 0
    payments: Counter[str] = field(default_factory=Counter)
    called: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    failure: Failure | None = None


def play(house: House, seeds: int, first: int, say: Callable[[str], None], *, explain: bool = True) -> Played:
    """Play seeds ``first`` to ``first + seeds - 1``. ``explain`` a failure by playing it again and again."""
    played = Played()
    for seed in range(first, first + seeds):
        world = World(house, seed)
        failure = _broken(world)
        played.seeds += 1
        played.steps += world.steps
        played.troubles.update(trouble.value for trouble in world.chance.happened)
        if isinstance(failure, str):
            played.failure = _explained(house, world, failure) if explain else _failure(world, failure)
            return played
        played.payments.update(payment.status for payment in failure)
        played.called.update(payment.why for payment in failure if payment.why)
        if played.seeds % PROGRESS_SEEDS == 0:
            say(f"{played.seeds} of {seeds} histories of the whole house")
    return played


def _broken(world: World) -> str | list[Seen]:
    """How it broke, or the payments of a history that did not."""
    try:
        return world.run()
    except Broken as broken:
        return str(broken)
    except Exception as bug:  # noqa: BLE001 - whatever it is, it is what this history has found
        where = traceback.extract_tb(bug.__traceback__)[-1]
        return f"{type(bug).__name__}: {bug} ({Path(where.filename).name}, line {where.lineno})"


def _explained(house: House, world: World, why: str) -> Failure:
    """Play it again without each trouble in turn, leaving out every one that it can do without."""
    unneeded: frozenset[Trouble] = frozenset(Trouble) - world.chance.happened
    shortest = world
    for trouble in sorted(world.chance.happened):
        again = World(house, world.chance.seed, unneeded | {trouble})
        found = _broken(again)
        if isinstance(found, str):
            unneeded |= {trouble}
            shortest, why = again, found
    return _failure(shortest, why)


def _failure(world: World, why: str) -> Failure:
    needs = tuple(sorted(world.chance.happened))
    return Failure(world.chance.seed, why, world.steps, needs, tuple(world.lines[-TAIL_LINES:]))


def story(failure: Failure) -> str:
    """A failure for people: what broke, what it needs, the end of its history."""
    needs = ", ".join(failure.needs) or "no trouble at all"
    lines = (
        f"seed {failure.seed} breaks at step {failure.step}: {failure.why}",
        f"it needs: {needs}",
        *failure.tail,
        f"play it again: jua ledger simulate --seeds 1 --first {failure.seed}",
    )
    return "\n".join(lines)
