"""A key is known for good, whatever of it is in memory, and while another batch is on its way."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from juapesa.clock import SystemClock
from juapesa.db import Database
from juapesa.ledger.engine import storage as storage_module
from juapesa.ledger.engine.books import Books
from juapesa.ledger.engine.exclusive import Exclusive
from juapesa.ledger.engine.lookup import questions_of
from juapesa.ledger.engine.orders import REUSED, Answer, Done, Order
from juapesa.ledger.engine.recent import Recent
from juapesa.ledger.engine.rows import key_digests
from juapesa.ledger.engine.session import Session
from juapesa.ledger.engine.storage import Storage
from juapesa.ledger.engine.verify import verify
from support.engine_books import EngineByHand, Opened, send, take_fence
from support.postgres import PostgresForTests

ROLE = "juapesa_writer"
ROWS = 81


@dataclass
class Back:
    """A writer's back with both its sessions, and nothing around it."""

    url: str
    opened: Opened
    books: Books = field(init=False)
    settled: int = 0

    def __post_init__(self) -> None:
        self.session, self.reader = Session(self.url, role=ROLE), Session(self.url, role=ROLE)
        storage = Storage(self.session, reader=self.reader)
        take_fence(storage)
        self.clock = SystemClock()
        self.books = storage.load(self.clock.now())
        self.back = Exclusive(storage, self.books, self.clock)

    def pay(self, key: str, amount: int = 1) -> Order:
        return send(key, self.opened.anna, self.opened.capital, amount)

    async def settle(self) -> None:
        self.settled += 1

    async def answer(self, order: Order) -> Answer:
        store = await self.back.plan([order], self.settle)
        [answer] = await store(lambda: None)
        return answer

    async def learn_all(self) -> int:
        """In how many steps the filter has learnt the keys from before the start."""
        steps = 0
        while self.books.recent.filtered:
            assert not await self.back.keep_house(self.clock.now())
            steps += 1
        return steps

    def close(self) -> None:
        self.session.close()
        self.reader.close()


@pytest.fixture
def back(postgres: PostgresForTests, monkeypatch: pytest.MonkeyPatch) -> Iterator[Back]:
    """Books with a past of 81 keys, of which a start has ten in memory and learns seven at a time."""
    monkeypatch.setattr(storage_module, "RECENT_LOADED", 10)
    monkeypatch.setattr(storage_module, "OLDER_LEARNED", 7)
    with postgres.fresh() as url:
        database = Database.connect(url, connections_max=1)
        opened = Opened.new(database)
        database.close()
        engine = EngineByHand(url)
        engine.apply([send("fund", opened.capital, opened.anna, 10_000)])
        engine.apply([send(f"old-{number}", opened.anna, opened.capital, 1) for number in range(ROWS - 1)])
        engine.close()
        made = Back(url, opened)
        yield made
        made.close()
        assert verify(url).ok


def test_an_old_key_is_known_before_and_after_the_filter_has_learnt_it(back: Back) -> None:
    async def run() -> None:
        for _ in range(2):
            for number in (0, 3, 79):
                again = await back.answer(back.pay(f"old-{number}"))
                assert isinstance(again, Done)
                assert again.repeated
                assert await back.answer(back.pay(f"old-{number}", 2)) == REUSED
            assert await back.learn_all() in {12, 0}  # 81 in sevens
        assert back.settled > 0, "what is recent may be on its way"

    asyncio.run(run())


def test_of_a_new_key_nothing_is_asked_once_the_filter_knows_all(back: Back) -> None:
    new = [back.pay(f"new-{number}") for number in range(200)]
    assert len(questions_of(back.books, new).keys) == len(new)
    asyncio.run(back.learn_all())
    assert len(questions_of(back.books, new).keys) < 5
    old = [back.pay(f"old-{number}") for number in range(ROWS - 1)]
    assert len(questions_of(back.books, old).keys) == len(old)


def test_what_is_booked_since_the_start_is_known_when_newer_keys_have_taken_its_room(back: Back) -> None:
    async def run() -> None:
        back.books.recent = recent = Recent(
            since=back.books.recent.since, filtered=back.books.recent.filtered, keys_max=3
        )
        for number in range(20):
            first = await back.answer(back.pay(f"new-{number}"))
            assert isinstance(first, Done)
            assert not first.repeated
        await back.learn_all()
        assert [each for each in key_digests([back.pay("new-0")]) if each in recent] == []
        again = await back.answer(back.pay("new-0"))
        assert isinstance(again, Done)
        assert again.repeated

    asyncio.run(run())


def test_a_batch_under_way_is_waited_for_only_by_who_asks_for_it(back: Back) -> None:
    async def run() -> None:
        first = await back.back.plan([back.pay("on its way")], back.settle)
        await back.back.plan([back.pay("old-5"), back.pay("quite new")], back.settle)
        assert back.settled == 0

        async def settle() -> None:
            back.settled += 1
            await first(lambda: None)

        store = await back.back.plan([back.pay("on its way")], settle)
        [again] = await store(lambda: None)
        assert back.settled == 1
        assert isinstance(again, Done)
        assert again.repeated

    asyncio.run(run())
