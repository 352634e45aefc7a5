"""``jua ledger simulate``: the engine's core in a world that crashes, without a database or a clock.

One seed is one history. Clients repeat orders until they are answered, deliveries are doubled and
answers lost, the writer dies before and after its commit, a replaced writer goes on as a zombie, and
the clock jumps both ways. After every step the stored rows must explain every balance, keep every
limit and hold every answer that was given, exactly once. A failure names its seed; the same seed
fails again the same way.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from juapesa.ledger.domain import AMOUNT_MINOR_MAX
from juapesa.ledger.engine.accounts import Account, OpenHold
from juapesa.ledger.engine.books import Batch, Books, Facts
from juapesa.ledger.engine.ids import BORN, booked_at, first_id_at
from juapesa.ledger.engine.orders import (
    MOVING,
    Capture,
    Done,
    Kind,
    Line,
    Order,
    PlaceHold,
    Post,
    Release,
    Reverse,
    micros,
)
from juapesa.ledger.engine.recent import Recent
from juapesa.ledger.engine.rows import Row, key_digests
from juapesa.ledger.engine.tree import GENESIS, leaves_of, link, root_of

STEPS = 80
CLIENTS = 5
PLACES = ((1, "KES", -1, None), (2, "KES", -1, 0), (3, "KES", -1, 0), (4, "KES", 1, 0), (5, "NGN", -1, 0))

PAIRS = ((1, 2), (1, 3), (2, 3), (3, 2), (2, 1), (4, 1), (1, 4), (2, 4), (5, 1))
AMOUNTS = (1, 5, 20, 20, 40, 40, 90, 0, AMOUNT_MINOR_MAX)


class Broken(Exception):
    """An invariant does not hold."""


@dataclass
class Disk:
    """What survives a crash. ``epoch`` is the fence: only the newest writer may commit."""

    rows: list[Row] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    chain: bytes = GENESIS
    batches: int = 0
    epoch: int = 0

    def commit(self, epoch: int, batch: Batch) -> bool:
        """All of a batch or nothing."""
        if epoch != self.epoch:
            return False
        self.batches += 1
        self.rows += batch.rows
        self.codes.update({code: number for number, code in batch.codes})
        root = root_of(leaves_of(repr(row).encode() for row in batch.rows))
        self.chain = link(self.chain, self.batches, len(batch.rows), root)
        return True

    def restore(self) -> Books:
        """The books that the rows say, added up from nothing."""
        accounts = {n: Account(n, unit, side, floor, None) for n, unit, side, floor in PLACES}
        books = Books(accounts.values(), last_id=self.rows[-1].id if self.rows else 0)
        books.codes = dict(self.codes)
        books.recent = Recent()
        for row in self.rows:
            _replay(books, row)
        return books

    def facts(self, orders: list[Order]) -> Facts:
        """What the writer would look up."""
        by_key: dict[bytes, list[Row]] = {}
        for place, row in enumerate(self.rows):
            if row.line == 0:
                by_key[row.key] = self.rows[place : place + row.lines]
        wanted = set(key_digests(orders))
        return Facts(
            {digest: rows for digest, rows in by_key.items() if digest in wanted},
            {row.id: row for row in self.rows},
            frozenset(row.detail for row in self.rows if row.kind == Kind.REVERSAL),
        )


def _replay(books: Books, row: Row) -> None:
    debit, credit = books.accounts[row.debit], books.accounts[row.credit]
    if row.kind in MOVING:
        debit.posted += debit.side * row.amount
        credit.posted -= credit.side * row.amount
    freed = 0
    if row.kind == Kind.HOLD:
        books.holds[row.id] = OpenHold(row.id, row.debit, row.credit, row.amount, row.code, row.detail)
        fits = debit.reserved(debit.side * row.amount) and credit.reserved(-credit.side * row.amount)
        if not fits:
            raise Broken(f"hold {row.id} passes a limit")
    elif row.detail in books.holds and row.kind not in {Kind.TRANSFER, Kind.REVERSAL}:
        hold = books.holds[row.detail]
        freed = row.amount if row.kind == Kind.CAPTURE else hold.left
        hold.left -= freed
        if not hold.left:
            del books.holds[hold.id]
    if freed:
        debit.give_back(debit.side * freed)
        credit.give_back(-credit.side * freed)
    for account in (debit, credit):
        account.last = row.id
        account.entries += 1
    if row.line == 0:
        books.recent.add((row.key,), row.id)


@dataclass
class Client:
    """Has one order under way and repeats it until it is answered."""

    order: Order
    deliveries: int = 0


@dataclass
class World:
    """One history."""

    seed: int
    disk: Disk = field(default_factory=Disk)
    answered: dict[str, Done] = field(default_factory=dict)
    orders_made: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - a history to replay, not a secret
        self.now = BORN + timedelta(days=40)
        self.books = self.disk.restore()
        self.epoch = self.disk.epoch
        self.zombies: list[tuple[int, Books]] = []
        self.queue: list[tuple[Client, Order]] = []
        self.clients = [Client(self._order()) for _ in range(CLIENTS)]

    def run(self) -> int:
        """Play, checking after every step; how many rows were booked. Raises Broken."""
        steps: list[Callable[[], None]] = [
            self._deliver, self._deliver, self._deliver, self._deliver, self._write, self._write, self._write,
            self._crash, self._replace, self._zombie_writes, self._jump, self._expire,
        ]  # fmt: skip
        for _ in range(STEPS):
            self.rng.choice(steps)()
            self._check()
        self._drain()
        self._check()
        return len(self.disk.rows)

    def _deliver(self) -> None:
        client = self.rng.choice(self.clients)
        client.deliveries += 1
        self.queue.append((client, client.order))

    def _write(self) -> None:
        """A batch with one of its ends: answered, answers lost, dead after the commit, dead before it."""
        taken, self.queue = self.queue, []
        orders = [order for _, order in taken]
        batch = self.books.apply(orders, self.disk.facts(orders), first_id_at(self.now))
        end = self.rng.choice(["answered", "answered", "answered", "lost", "after", "before"])
        if end == "before":
            self._restart()
            return
        if batch.rows and not self.disk.commit(self.epoch, batch):
            raise Broken("the only writer was refused")
        if end == "after":
            self._restart()
        elif end == "answered":
            for (client, order), answer in zip(taken, batch.answers, strict=True):
                self._answered(client, order, answer)

    def _answered(self, client: Client, order: Order, answer: object) -> None:
        if isinstance(answer, Done):
            before = self.answered.setdefault(order.key, answer)
            if before.rows != answer.rows:
                raise Broken(f"{order.key} was answered in two ways")
        if client.order is order:
            client.order, client.deliveries = self._order(), 0

    def _crash(self) -> None:
        self.queue = []
        self._restart()

    def _restart(self) -> None:
        self.disk.epoch += 1
        self.epoch = self.disk.epoch
        self.books = self.disk.restore()

    def _replace(self) -> None:
        """Another writer takes the fence while this one only sleeps."""
        self.zombies.append((self.epoch, self.books))
        self._restart()

    def _zombie_writes(self) -> None:
        if not self.zombies:
            return
        epoch, books = self.zombies.pop()
        # What it knew when it fell asleep: it cannot look up what others booked since.
        line = Line(1, 2, 7, "KES", "zombie")
        batch = books.apply([Post(f"zombie-{epoch}", (line,))], Facts(), first_id_at(self.now))
        if self.disk.commit(epoch, batch):
            raise Broken("a zombie wrote")

    def _jump(self) -> None:
        self.now = max(BORN, self.now + timedelta(seconds=self.rng.uniform(-7200, 7300)))

    def _expire(self) -> None:
        orders: list[Order] = list(self.books.due(micros(self.now), 10))
        if not orders:
            return
        batch = self.books.apply(orders, self.disk.facts(orders), first_id_at(self.now))
        self.disk.commit(self.epoch, batch)

    def _drain(self) -> None:
        for client in self.clients:
            batch = self.books.apply([client.order], self.disk.facts([client.order]), first_id_at(self.now))
            if batch.rows:
                self.disk.commit(self.epoch, batch)
            self._answered(client, client.order, batch.answers[0])

    def _order(self) -> Order:
        rng = self.rng
        self.orders_made += 1
        key = f"{self.orders_made}" if rng.random() < 0.95 else f"{rng.randint(1, self.orders_made)}"
        rows = self.disk.rows
        some = rng.choice(rows).id if rows else 99
        debit, credit = rng.choice(PAIRS)
        amount, choice = rng.choice(AMOUNTS), rng.random()
        if choice < 0.45:
            lines = [Line(1, 2, 100, "KES", "fund"), Line(debit, credit, amount, "KES", "send")]
            return Post(key, tuple(rng.choices(lines, k=rng.randint(1, 3))))
        if choice < 0.65:
            expires = self.now + timedelta(seconds=rng.uniform(-10, 5000))
            return PlaceHold(key, debit, credit, amount, "KES", "hold", expires)
        if choice < 0.8:
            return Capture(key, some, rng.choice([None, 1, amount]), rng.random() < 0.5)
        return Release(key, some) if choice < 0.9 else Reverse(key, some)

    def _check(self) -> None:
        """Every invariant, from the stored rows alone and against the books in memory."""
        rows = self.disk.rows
        last: dict[int, int] = {}
        for place, row in enumerate(rows):
            if place and row.id <= rows[place - 1].id:
                raise Broken(f"row {row.id} is out of order")
            if (last.get(row.debit, 0), last.get(row.credit, 0)) != (row.debit_before, row.credit_before):
                raise Broken(f"row {row.id} ({booked_at(row.id)}) does not follow its accounts' rows")
            last[row.debit] = last[row.credit] = row.id
        if len({row.key for row in rows}) != len(rows):
            raise Broken("a key was booked twice")
        by_id = {row.id: row for row in rows}
        for key, done in self.answered.items():
            for moved in done.rows:
                found = by_id.get(moved.id)
                if found is None or (found.debit_after, found.credit_after) != (
                    moved.debit_after,
                    moved.credit_after,
                ):
                    raise Broken(f"the answer to {key} is not in the books")
        self._check_balances()

    def _check_balances(self) -> None:
        said = self.disk.restore()
        sums: dict[str, int] = {}
        for number, account in said.accounts.items():
            here = self.books.accounts[number]
            for name in ("posted", "held", "incoming", "last", "entries"):
                if getattr(account, name) != getattr(here, name):
                    raise Broken(f"account {number}: {name} in memory is not what the rows say")
            if account.posted - account.held < account.floor or min(account.held, account.incoming) < 0:
                raise Broken(f"account {number} is outside its limits")
            sums[account.currency] = sums.get(account.currency, 0) + account.side * account.posted
        if any(sums.values()):
            raise Broken(f"the books do not balance: {sums}")
        if said.holds != self.books.holds:
            raise Broken("the open holds in memory are not what the rows say")


@dataclass(frozen=True, slots=True)
class Simulated:
    """``failed_seed`` None: every history held."""

    seeds: int
    rows: int
    failed_seed: int | None
    fault: str | None


def simulate(seeds: int, first: int, say: Callable[[str], None]) -> Simulated:
    """Play histories ``first`` to ``first + seeds - 1``; stops at the first that breaks."""
    rows = 0
    for count, seed in enumerate(range(first, first + seeds), 1):
        try:
            rows += World(seed).run()
        except (Broken, AssertionError) as fault:
            return Simulated(count, rows, seed, str(fault))
        if count % 1000 == 0:
            say(f"{count} of {seeds} histories")
    return Simulated(seeds, rows, None, None)
