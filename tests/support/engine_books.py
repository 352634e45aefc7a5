"""Builders for tests of the ledger engine: accounts, orders, and the engine driven without a process."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from juapesa.db import Database, UnitOfWork
from juapesa.ledger.engine.books import Batch, Books
from juapesa.ledger.engine.ids import first_id_at
from juapesa.ledger.engine.orders import Answer, Line, Order, PlaceHold, Post
from juapesa.ledger.engine.session import Session
from juapesa.ledger.engine.storage import ACCOUNTS_LOADED, Storage
from juapesa.ledger.errors import WriterRefused

FENCE_SECONDS_MAX = 20.0
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def open_account(
    uow: UnitOfWork,
    kind: str,
    owner: str,
    currency: str,
    floor: int | None = None,
    ceiling: int | None = None,
) -> int:
    """The account's id."""
    row = uow.one(
        "SELECT book.open_account(%s, %s, %s, %s, %s) AS id", (kind, owner, currency, floor, ceiling)
    )
    assert row is not None
    return int(row["id"])


def send(key: str, debit: int, credit: int, amount: int, currency: str = "KES", code: str = "send") -> Post:
    """One transfer."""
    return Post(key, (Line(debit, credit, amount, currency, code),))


def hold(key: str, debit: int, credit: int, amount: int, hours: float = 1) -> PlaceHold:
    """A hold in shillings that ends some hours after START."""
    return PlaceHold(key, debit, credit, amount, "KES", "hold", START + timedelta(hours=hours))


def take_fence(storage: Storage) -> None:
    """Become the only writer, though the server may still be ending the session of the one before."""
    deadline = time.monotonic() + FENCE_SECONDS_MAX
    while True:
        try:
            storage.take_fence()
        except WriterRefused:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


@dataclass
class EngineByHand:
    """The engine's core and storage with a clock of the test's, one batch at a time."""

    url: str
    role: str | None = "juapesa_writer"
    now: datetime = START
    accounts_loaded: int = ACCOUNTS_LOADED
    session: Session = field(init=False)
    storage: Storage = field(init=False)
    books: Books = field(init=False)

    def __post_init__(self) -> None:
        self.session = Session(self.url, role=self.role)
        self.storage = Storage(self.session, accounts_loaded=self.accounts_loaded)
        take_fence(self.storage)
        self.books = self.storage.load(self.now)

    def apply(self, orders: Sequence[Order]) -> Batch:
        """Book and store a batch."""
        facts = self.storage.facts_now(self.books, orders)
        batch = self.books.apply(orders, facts, first_id_at(self.now))
        if batch.rows:
            self.storage.commit_now(batch)
        return batch

    def answer(self, order: Order) -> Answer:
        """The answer to one order."""
        return self.apply([order]).answers[0]

    def close(self) -> None:
        self.session.close()


@dataclass(frozen=True)
class Opened:
    """A small house: two wallets, a float and capital in shillings, one wallet and capital in naira."""

    anna: int
    ben: int
    mpesa: int
    capital: int
    naira: int
    naira_capital: int

    @classmethod
    def new(cls, database: Database) -> "Opened":
        with database.unit_of_work() as uow:
            return cls(
                open_account(uow, "wallet", "1", "KES"),
                open_account(uow, "wallet", "2", "KES", ceiling=500),
                open_account(uow, "float", "mpesa-ke", "KES"),
                open_account(uow, "capital", "", "KES"),
                open_account(uow, "wallet", "1", "NGN"),
                open_account(uow, "capital", "", "NGN"),
            )

    def all(self) -> list[int]:
        return [self.anna, self.ben, self.mpesa, self.capital, self.naira, self.naira_capital]
