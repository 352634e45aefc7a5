"""Workers die one after the other at every commit point of a payment: it still ends as it must, once.

Without --slow one dies at least just before and just after each commit that a payment makes when nobody
dies. ``--slow --deaths N [--deaths-seed S] -s``: N at each side of each of them, and wherever else a commit
was seen, with a report each 20 tellings. Nothing waits (support/still_house.py): a life costs milliseconds.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from juapesa.sandbox.engine import Delay
from support.many_deaths import Deaths, payer_of
from support.postgres import PostgresForTests
from support.saga_stories import STORIES, SagaStory
from support.still_house import StillHouse, still_house

DELAY = Delay(1.0, 3.0)
TELLINGS_OF_A_HOUSE = 20  # its wallet lasts for so many; and books that grow take longer to examine
RARE_TELLINGS_MAX = 1.5  # for each death wanted: some points are seen once in hundreds

Open = Callable[[], AbstractContextManager[StillHouse]]


@pytest.fixture(scope="module")
def opened(postgres: PostgresForTests, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Opens a house with books of its own."""
    folder: Path = tmp_path_factory.mktemp("still")

    @contextmanager
    def opening() -> Iterator[StillHouse]:
        with postgres.connected() as db, still_house(db, folder, DELAY) as house:
            yield house

    return opening


@pytest.fixture(scope="module")
def house(opened: Open) -> Iterator[StillHouse]:
    with opened() as made:
        yield made


def tell_until(deaths: Deaths, house: StillHouse, story: SagaStory, enough: Callable[[], bool]) -> None:
    """Tell a story in this house until enough have died, or the house is old."""
    house.refuse_chain = story.refuses
    payer = payer_of(house, story)
    for _ in range(TELLINGS_OF_A_HOUSE):
        deaths.tell(house, story, payer())
        if enough():
            return


@pytest.mark.parametrize("name", STORIES)
def test_at_each_usual_commit(house: StillHouse, name: str) -> None:
    deaths = Deaths(1, random.Random(name))
    tell_until(deaths, house, STORIES[name], lambda: not deaths.lacking(deaths.usual))
    assert deaths.lacking(deaths.usual) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", STORIES)
def test_many_times_at_each_commit_ever_seen(opened: Open, name: str, request: pytest.FixtureRequest) -> None:
    wanted, seed = request.config.getoption("--deaths") or 3, request.config.getoption("--deaths-seed")
    deaths = Deaths(wanted, random.Random(f"{seed}/{name}"))

    def enough() -> bool:
        rare_over = deaths.tellings >= RARE_TELLINGS_MAX * wanted and not deaths.lacking(deaths.usual)
        return rare_over or not deaths.lacking(deaths.passed)

    while not deaths.tellings or not enough():
        with opened() as made:
            tell_until(deaths, made, STORIES[name], enough)
        print(f"{name} (seed {seed}): {deaths.report()}", flush=True)


def test_the_same_seed_dies_the_same_deaths(opened: Open) -> None:
    told: list[Deaths] = []
    for _ in range(2):
        told.append(Deaths(1, random.Random(7)))
        with opened() as made:
            for _ in range(3):
                told[-1].tell(made, STORIES["a send is collected once and paid once"], made.phone())
    assert told[0].died.total() > 10
    assert (told[0].died, told[0].passed) == (told[1].died, told[1].passed)
