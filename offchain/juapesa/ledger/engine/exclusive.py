"""The back of a writer that has the books to itself: balances in memory, rows by COPY, sealed at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from juapesa.clock import Clock
from juapesa.ledger.engine.accounts import Account
from juapesa.ledger.engine.books import Books
from juapesa.ledger.engine.ids import first_id_at, month_of
from juapesa.ledger.engine.lookup import questions_of
from juapesa.ledger.engine.orders import Answer, Order, micros
from juapesa.ledger.engine.storage import Storage
from juapesa.ledger.engine.writer import Rows, Sent, Settle, Store

ORDERS_MAX = 1_000  # with more, the database would wait for the next batch, and that one for it
EXPIRIES_MAX = 500  # in one batch, so that people's orders are not kept waiting


class Exclusive:
    """Owns the books and the storage, and with it the fence."""

    orders_max = ORDERS_MAX

    def __init__(self, storage: Storage, books: Books, clock: Clock) -> None:
        self._storage = storage
        self._books = books
        self._clock = clock
        self._month = month_of(clock.now())

    async def plan(self, orders: Sequence[Order], settle: Settle) -> Store:
        """Apply a batch in memory and make its message."""
        questions = questions_of(self._books, orders)
        if questions.wait():
            await settle()
        facts = await self._storage.facts(self._books, questions)
        batch = self._books.apply(orders, facts, first_id_at(self._clock.now()))
        prepared = self._storage.prepare(batch) if batch.rows else None

        async def store(sent: Sent) -> Sequence[Answer]:
            if prepared is not None:
                await self._storage.store(prepared, sent)
            return batch.answers

        return store

    async def asked(self, sql: str) -> Rows:
        """Run a statement on the session that has the fence."""
        return await self._storage.session.asked(sql)

    async def keep_house(self, now: datetime) -> Sequence[Order]:
        """Notice a session that is gone, learn old keys, have next month's table; the holds that are due."""
        for session in (self._storage.session, self._storage.reader):
            await session.asked("SELECT 1")  # a writer that lost its fence shall not linger
        await self._storage.learn_older_keys(self._books)
        month = month_of(now)
        if month != self._month:
            await self._storage.session.asked(self._storage.months_sql(now))
            self._month = month
        return self._books.due(micros(now), EXPIRIES_MAX)

    def account(self, number: int) -> Account | None:
        """An account that is in memory."""
        return self._books.accounts.get(number)

    def health(self) -> Mapping[str, int]:
        """How much is in memory."""
        return {"accounts": len(self._books.accounts), "holds": len(self._books.holds)}
