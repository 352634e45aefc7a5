"""``jua pay kill``: how long a leg waits for its next step when the settler that has it is killed.

Settlers in processes of their own work under load on a PostgreSQL with fsync on; one is killed with
SIGKILL again and again. Every leg that it had claimed is timed from the kill to its next claim or its end. In
turn another settler goes on (as where two are run), or the killed one was alone and is started again as the
supervisor does it: after half a second, forked from a process that has imported everything.
"""

import contextlib
import multiprocessing
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juapesa.assembly import Parts
from juapesa.db import Database, EmbeddedPostgres
from juapesa.db.migrate import upgrade
from juapesa.ledger.engine.verify import examine
from juapesa.measure.immediate import AMOUNT, PAYEE, furnished, open_capital
from juapesa.measure.settler_child import begin
from juapesa.payments.domain import Kind, Order

DATABASE = "saga_recovery"
CHILD = "juapesa.measure.settler_child"
LOOK_SECONDS = 0.01
RECOVERY_SECONDS_MAX = 60.0
LOAD_SECONDS = (0.5, 1.5)  # how long they work before the next kill
ALONE_SECONDS = 3.0
RESTART_SECONDS = 0.5  # the supervisor's
END_SECONDS_MAX = 120.0

Held = dict[tuple[int, int], int]  # (payment, leg): the number of its lease


class Settler:
    """One child; its number is known when it has enlisted."""

    def __init__(self, url: str, folder: Path) -> None:
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([CHILD, "juapesa_agents.settler"])
        self._told, telling = forks.Pipe(duplex=False)
        self._process = forks.Process(target=begin, args=(url, folder, telling))
        self._process.start()
        telling.close()
        self._number = 0

    @property
    def number(self) -> int:
        """Waits until it works."""
        if not self._number:
            self._number = self._told.recv()
        return self._number

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._told.close()


@dataclass
class Recovery:
    """One run in ``folder``, which it leaves without its server. ``say`` gets progress."""

    folder: Path
    say: Callable[[str], None]
    kills: int = 20
    load: int = 20  # payments confirmed a second
    _seconds: dict[str, list[float]] = field(default_factory=lambda: {"survivor": [], "restarted": []})

    def run(self) -> dict[str, Any]:
        """Kill, measure, let everything end, check the books, and give the report."""
        server = EmbeddedPostgres(self.folder)
        server.start()
        try:
            server.drop_database(DATABASE)
            server.create_database(DATABASE)
            self._url = server.url(DATABASE)
            upgrade(self._url)
            with contextlib.closing(Database.connect(self._url, connections_max=4)) as db:
                ended = self._with(db)
        finally:
            server.stop()
        return {"kills": self.kills, **{name: _spread(each) for name, each in self._seconds.items()}, **ended}

    def _with(self, db: Database) -> dict[str, int]:
        parts = furnished(db, self.folder)
        open_capital(parts)
        settlers = [Settler(self._url, self.folder) for _ in range(2)]
        try:
            assert all(each.number for each in settlers)
            with _confirming(parts, self.load):
                for number in range(self.kills):
                    settlers = self._kill(db, settlers, alone=number % 2 == 1)
                    self.say(f"kill {number + 1} of {self.kills}")
            self._wait_for_the_end(db)
        finally:
            for each in settlers:
                each.kill()
        with db.snapshot() as uow:
            verdict = examine(uow)
            rows = uow.tuples("SELECT status, count(*) FROM payments.payment GROUP BY status ORDER BY status")
        assert verdict.ok, verdict.first_fault
        return {str(status): count for status, count in rows}

    def _kill(self, db: Database, settlers: list[Settler], *, alone: bool) -> list[Settler]:
        """Kill one of two; if it is to be ``alone`` the other goes first, a while before."""
        if alone:
            settlers.pop().kill()
            time.sleep(ALONE_SECONDS)
        time.sleep(random.uniform(*LOAD_SECONDS))  # noqa: S311 - a moment nobody has chosen
        victim = settlers.pop(0)
        number = victim.number
        began = time.monotonic()
        victim.kill()
        if alone:
            time.sleep(RESTART_SECONDS)
            settlers.append(Settler(self._url, self.folder))
        self._watch(db, number, began, "restarted" if alone else "survivor")
        while len(settlers) < 2:
            settlers.append(Settler(self._url, self.folder))
        assert all(each.number for each in settlers)
        return settlers

    def _watch(self, db: Database, number: int, began: float, name: str) -> None:
        """Time every leg that the dead worker had until it is claimed again or has ended."""
        held = _held(db, number)
        while held:
            if time.monotonic() - began > RECOVERY_SECONDS_MAX:
                raise AssertionError(f"legs that nobody takes over: {held}")
            time.sleep(LOOK_SECONDS)
            waiting = _still(db, held)
            self._seconds[name] += [time.monotonic() - began] * (len(held) - len(waiting))
            held = waiting

    def _wait_for_the_end(self, db: Database) -> None:
        deadline = time.monotonic() + END_SECONDS_MAX
        while time.monotonic() < deadline:
            with db.unit_of_work() as uow:
                row = uow.one("SELECT count(*) AS legs FROM payments.leg WHERE next_at IS NOT NULL")
            if row is not None and row["legs"] == 0:
                return
            time.sleep(0.2)
        raise AssertionError("payments do not come to their end")


def _held(db: Database, number: int) -> Held:
    with db.unit_of_work() as uow:
        rows = uow.tuples(
            "SELECT payment_id, seq, leases FROM payments.leg"
            " WHERE lease_by = %s AND lease_until IS NOT NULL AND next_at IS NOT NULL",
            (number,),
        )
    return {(payment_id, seq): leases for payment_id, seq, leases in rows}


def _still(db: Database, held: Held) -> Held:
    """Those of these legs whose lease nobody has taken over and that have not ended."""
    with db.unit_of_work() as uow:
        rows = uow.tuples(
            "SELECT l.payment_id, l.seq, l.leases FROM payments.leg l"
            " JOIN unnest(%s::bigint[], %s::int[], %s::int[]) n (payment_id, seq, leases)"
            " USING (payment_id, seq, leases) WHERE l.next_at IS NOT NULL",
            ([each for each, _ in held], [seq for _, seq in held], list(held.values())),
        )
    return {(payment_id, seq): leases for payment_id, seq, leases in rows}


@contextmanager
def _confirming(parts: Parts, rate: int) -> Iterator[None]:
    """Payments come in at this rate, from a thread of their own."""
    over = threading.Event()

    def confirm() -> None:
        number = 0
        while not over.wait(1 / rate):
            number += 1
            with parts.db.unit_of_work() as uow:
                person = parts.people.enroll(uow, f"+2547{number:08d}")
                quote = parts.payments.quote(uow, person.id, Order(Kind.SEND, AMOUNT, to_phone=PAYEE))
                parts.payments.confirm(uow, person.id, quote.token)

    thread = threading.Thread(target=confirm)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _spread(seconds: list[float]) -> dict[str, float]:
    """Of all legs, in seconds."""
    if not seconds:
        return {"legs": 0}
    ordered = sorted(seconds)
    return {
        "legs": len(ordered),
        "p50": round(statistics.median(ordered), 3),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 3),
        "max": round(ordered[-1], 3),
    }
