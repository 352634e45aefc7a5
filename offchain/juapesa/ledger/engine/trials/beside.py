"""A load that books with ``book.apply_all`` in transactions of its own, as payments do, beside a writer."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from juapesa.ledger.engine.function import answers_of, as_json
from juapesa.ledger.engine.orders import Done, Line, Order, Post

PAYERS = 3
PAUSE_SECONDS = 0.05  # while the database is down


@dataclass
class Beside:
    """Threads that repeat each list with its keys until it is answered. ``note`` gets every answer.

    They book on the same accounts, each in lists of one to four orders.
    """

    url: str
    seed: int
    house: int
    wallets: Sequence[int]
    note: Callable[[Post, Done], None]
    booked: int = 0
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Let them begin."""
        self._threads = [threading.Thread(target=self._pay, args=(number,)) for number in range(PAYERS)]
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Wait until each has its last answer."""
        self._stop.set()
        for each in self._threads:
            each.join()

    def _pay(self, payer: int) -> None:
        rng, number = random.Random(f"{self.seed}-beside-{payer}"), 0  # noqa: S311
        while not self._stop.is_set():
            number += 1
            orders = [
                self._draw(rng, f"{self.seed}-beside-{payer}-{number}-{place}")
                for place in range(rng.randint(1, 4))
            ]
            answer = self._insist(orders)
            with self._lock:
                if answer.startswith("{"):  # all or none, and this is why
                    self.refused += 1
                    continue
                for order, done in zip(orders, answers_of(answer), strict=True):
                    assert isinstance(done, Done)
                    self.note(order, done)
                    self.booked += 1

    def _draw(self, rng: random.Random, key: str) -> Post:
        one, other = rng.sample(self.wallets, 2)
        lines = (
            Line(self.house, one, 500, "KES", "fund"),
            Line(one, other, rng.randint(1, 700), "KES", "send"),
        )
        return Post(key, lines)

    def _insist(self, orders: Sequence[Order]) -> str:
        while True:
            try:
                with psycopg.connect(self.url, connect_timeout=5) as connection:
                    sql = "SELECT book.apply_all(%s::jsonb)::text"
                    row = connection.execute(sql, (as_json(orders),)).fetchone()
                assert row is not None
                return str(row[0])  # and it is committed
            except psycopg.OperationalError:  # the database is down, or this was the victim of a deadlock
                time.sleep(PAUSE_SECONDS)
