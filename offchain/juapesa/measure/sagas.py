"""``jua pay bench``: what a payment costs ourselves, with operators and a chain that answer at once.

Payments from M-Pesa to MTN MoMo on a PostgreSQL of their own with fsync on: quoted and confirmed one by
one, as a channel does, and then carried to their end, messages included, by settlers in processes of their
own, which are up and warm before the clock runs. Every round is timed on its own; reported are medians with
the lowest and the highest round. Processor time counts as much as the clock does: on a machine that is busy
otherwise only the former means something.
"""

import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juapesa.assembly import Parts
from juapesa.db import Database, EmbeddedPostgres
from juapesa.db.migrate import upgrade
from juapesa.ledger.engine.trials.processes import cpu_seconds
from juapesa.ledger.engine.verify import examine
from juapesa.measure.bench_child import Call, Spent, begin
from juapesa.measure.immediate import AMOUNT, PAYEE, CountedDatabase, furnished, open_capital
from juapesa.payments.domain import Kind, Order

DATABASE = "saga_bench"
CHILD = "juapesa.measure.bench_child"


class Crew:
    """Settlers in processes of their own, all on the same payments."""

    def __init__(self, url: str, folder: Path, settlers: int) -> None:
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([CHILD, "juapesa_agents.settler"])
        pipes = [forks.Pipe() for _ in range(settlers)]
        self._lines = [ours for ours, _ in pipes]
        self._processes = [forks.Process(target=begin, args=(url, folder, theirs)) for _, theirs in pipes]
        for process, (_, theirs) in zip(self._processes, pipes, strict=True):
            process.start()
            theirs.close()
        for line in self._lines:
            line.recv()

    def work(self) -> list[Spent]:
        """Let all of them work until every payment has come to its end; what each spent on it."""
        for line in self._lines:
            line.send(Call.GO)
        return [line.recv() for line in self._lines]

    def dismiss(self) -> None:
        """Kill whoever does not go home by itself."""
        for line in self._lines:
            with contextlib.suppress(OSError):  # it has gone before
                line.send(Call.GO_HOME)
        for process in self._processes:
            process.join(5.0)
            process.kill()
            process.join()


@contextlib.contextmanager
def _crew(url: str, folder: Path, settlers: int) -> Iterator[Crew]:
    crew = Crew(url, folder, settlers)
    try:
        yield crew
    finally:
        crew.dismiss()


@dataclass
class SagaBench:
    """One run in ``folder``, which it leaves without its server. ``say`` gets progress."""

    folder: Path
    say: Callable[[str], None]
    payments: int = 400
    rounds: int = 5
    settlers: int = 1
    _figures: dict[str, list[float]] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """Measure, check the books, and give the report; its figures add up all settlers."""
        server = EmbeddedPostgres(self.folder)
        server.start()
        try:
            server.drop_database(DATABASE)
            server.create_database(DATABASE)
            upgrade(server.url(DATABASE))
            self._with(server)
        finally:
            server.stop()
        spread = {name: _spread(values) for name, values in self._figures.items()}
        return {"payments": self.payments, "rounds": self.rounds, "settlers": self.settlers, **spread}

    def _with(self, server: EmbeddedPostgres) -> None:
        self._postmaster, url = server.pid or 0, server.url(DATABASE)
        inner = Database.connect(url, connections_max=6, name="saga-bench")
        with contextlib.closing(inner):
            db = CountedDatabase(inner)
            parts = furnished(db, self.folder)
            open_capital(parts)
            with _crew(url, self.folder, self.settlers) as crew:
                for number in range(self.rounds + 1):  # the first warms up and does not count
                    self._round(parts, db, crew, number)
            with db.snapshot() as uow:
                verdict = examine(uow)
                ends = uow.tuples("SELECT DISTINCT status FROM payments.payment")
            assert verdict.ok, verdict.first_fault
            assert ends == [("completed",)], ends

    def _round(self, parts: Parts, db: CountedDatabase, crew: Crew, number: int) -> None:
        self._measure("confirm", lambda: self._confirm(parts, db, number))
        self._measure("saga", crew.work)
        if number == 0:
            self._figures.clear()
        else:
            self.say(f"round {number} of {self.rounds}: {self._figures['saga_a_second'][-1]:.0f} a second")

    def _confirm(self, parts: Parts, db: CountedDatabase, number: int) -> list[Spent]:
        cpu, units, statements = time.process_time(), db.counts.units, db.counts.statements
        for each in range(self.payments):
            with parts.db.unit_of_work() as uow:
                person = parts.people.enroll(uow, f"+2547{number:02d}{each:06d}")
                quote = parts.payments.quote(uow, person.id, Order(Kind.SEND, AMOUNT, to_phone=PAYEE))
            with parts.db.unit_of_work() as uow:
                parts.payments.confirm(uow, person.id, quote.token)
        counts = db.counts
        return [Spent(time.process_time() - cpu, counts.units - units, counts.statements - statements)]

    def _measure(self, name: str, work: Callable[[], list[Spent]]) -> None:
        began, postgres = time.monotonic(), cpu_seconds(self._postmaster, children=True)
        spent = work()
        wall, postgres = time.monotonic() - began, cpu_seconds(self._postmaster, children=True) - postgres
        each = self.payments
        for figure, value in (
            ("a_second", each / wall),
            ("python_ms", 1_000 * sum(one.cpu_seconds for one in spent) / each),
            ("postgres_ms", 1_000 * postgres / each),
            ("units_of_work", sum(one.units for one in spent) / each),
            ("statements", sum(one.statements for one in spent) / each),
        ):
            self._figures.setdefault(f"{name}_{figure}", []).append(value)


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2),
        "min": round(min(values), 2),
        "max": round(max(values), 2),
    }
