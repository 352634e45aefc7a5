"""Kill the worker at every commit of a payment: it still finishes or is refunded, once.

The chain is played here and answers at once; test_saga_kills_on_hedera.py has the real thing.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa.db import Database
from support.payments_house import House, payments_house
from support.saga_stories import STORIES, WALLET_SHILLINGS, SagaStory

KILLS_MAX = 64  # the longest story, with a refused payout and a refused refund, commits about 45 times


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


def killed_everywhere(house: House, story: SagaStory, every: int) -> int:
    """Tell the story once for each commit, with a worker that dies there; how often it died.

    ``every`` leaves commits out.
    """
    kills, wallet = 0, house.phone()
    if story.from_wallet:
        house.live(house.fill(wallet, WALLET_SHILLINGS).code)
    for dies_at in range(1, KILLS_MAX, every):
        for after in story.modes:
            payer = wallet if story.from_wallet else house.phone(story.country)
            code, check = story.begin(house, payer, dies_at)
            lived = house.live(code, dies_at, after=after)
            house.live(code)
            check()
            if lived < dies_at:
                house.assert_square()
                return kills
            kills += 1
    raise AssertionError("the payment commits without end")


@pytest.mark.parametrize(
    "name",
    [name if story.always else pytest.param(name, marks=pytest.mark.slow) for name, story in STORIES.items()],
)
def test_wherever_its_worker_dies(house: House, name: str, request: pytest.FixtureRequest) -> None:
    """One worker, on sockets and in real time; at every commit with --slow, else at every third.

    The others, and the side stories, are test_saga_deaths.py's then.
    """
    story = STORIES[name]
    house.refuse_chain = story.refuses
    every = 1 if request.config.getoption("--slow") else 3
    assert killed_everywhere(house, story, every) >= story.kills_min
