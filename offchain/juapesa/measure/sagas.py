"""``jua pay bench``: what a payment costs ourselves. The chain, and at will the operators, answer at once.

Payments from M-Pesa to MTN MoMo on a PostgreSQL of their own with fsync on: quoted and confirmed one by
one, as a channel does, and then carried to their end, messages included, by settlers in processes of their
own, which are up and warm before the clock runs. Every round is timed on its own; reported are medians with
the lowest and the highest round. Processor time counts as much as the clock does: on a machine that is busy
otherwise only the former means something.

All payments of a round are confirmed before its clock runs. ``end``: seconds from then to the end of a
payment, most of it waiting for its turn; ``under_way``: from its own first order to its end.
"""

import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from juapesa.assembly import Parts
from juapesa.config.settings import PortSettings
from juapesa.db import Database, EmbeddedPostgres
from juapesa.db.migrate import upgrade
from juapesa.ledger.engine.trials.processes import cpu_seconds
from juapesa.ledger.engine.verify import examine
from juapesa.measure.bench_child import Call, Spent, begin
from juapesa.measure.immediate import AMOUNT, PAYEE, CountedDatabase, furnished, open_capital
from juapesa.measure.wire import free_doors, wire
from juapesa.payments.domain import Kind, Order

DATABASE = "saga_bench"
CHILD = "juapesa.measure.bench_child"


class Crew:
    """Settlers in processes of their own, all on the same payments."""

    def __init__(self, url: str, folder: Path, settlers: int, doors: PortSettings | None) -> None:
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([CHILD, "juapesa_agents.settler"])
        pipes = [forks.Pipe() for _ in range(settlers)]
        self._lines = [ours for ours, _ in pipes]
        self._processes = [
            forks.Process(target=begin, args=(url, folder, doors, theirs)) for _, theirs in pipes
        ]
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
def _crew(url: str, folder: Path, settlers: int, doors: PortSettings | None) -> Iterator[Crew]:
    crew = Crew(url, folder, settlers, doors)
    try:
        yield crew
    finally:
        crew.dismiss()


class Operators(StrEnum):
    """Who collects and pays out."""

    IMMEDIATE = "immediate"  # nobody: the adapters answer by themselves
    HTTP = "http"  # the sandboxes, by requests, and callbacks to our API


@dataclass
class SagaBench:
    """One run in ``folder``, which it leaves without its server. ``say`` gets progress."""

    folder: Path
    say: Callable[[str], None]
    payments: int = 400
    rounds: int = 5
    settlers: int = 1
    operators: Operators = Operators.IMMEDIATE
    _figures: dict[str, list[float]] = field(default_factory=dict)
    _meters: dict[str, Callable[[], float]] = field(default_factory=dict)  # others' processor time, seconds

    def run(self) -> dict[str, Any]:
        """Measure, check the books, and give the report; its figures add up all settlers."""
        server = EmbeddedPostgres(self.folder)
        server.start()
        try:
            server.drop_database(DATABASE)
            server.create_database(DATABASE)
            upgrade(server.url(DATABASE))
            self._meters = {"postgres_ms": partial(cpu_seconds, server.pid or 0, children=True)}
            callbacks = self._on(server.url(DATABASE))
        finally:
            server.stop()
        asked = {"payments": self.payments, "rounds": self.rounds, "settlers": self.settlers}
        spread = {name: _spread(values) for name, values in self._figures.items()}
        return {**asked, "operators": self.operators.value, **spread, **callbacks}

    def _on(self, url: str) -> dict[str, Any]:
        """With the operators that are asked for; what became of their callbacks."""
        if self.operators is Operators.IMMEDIATE:
            self._with(url, None)
            return {}
        doors = free_doors()
        with wire(self.folder, url, doors) as world:
            self._meters |= {"api_ms": world.api_seconds, "operators_ms": world.operators_seconds}
            self._with(url, doors)
            return {"callbacks": world.callbacks()}

    def _with(self, url: str, doors: PortSettings | None) -> None:
        inner = Database.connect(url, connections_max=6, name="saga-bench")
        with contextlib.closing(inner):
            db = CountedDatabase(inner)
            parts = furnished(db, self.folder)
            open_capital(parts)
            with _crew(url, self.folder, self.settlers, doors) as crew:
                for number in range(self.rounds + 1):  # the first warms up and does not count
                    self._round(parts, db, crew, number)
            with db.snapshot() as uow:
                verdict = examine(uow)
                ends = uow.tuples("SELECT DISTINCT status FROM payments.payment")
            assert verdict.ok, verdict.first_fault
            assert ends == [("completed",)], ends

    def _round(self, parts: Parts, db: CountedDatabase, crew: Crew, number: int) -> None:
        began = parts.clock.now()
        self._measure("confirm", lambda: self._confirm(parts, db, number))
        confirmed = parts.clock.now()
        self._measure("saga", crew.work)
        self._time(db, began, confirmed)
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
        began, before = time.monotonic(), {each: read() for each, read in self._meters.items()}
        spent = work()
        wall, each = time.monotonic() - began, self.payments
        used = {meter: 1_000 * (read() - before[meter]) / each for meter, read in self._meters.items()}
        for figure, value in {
            "a_second": each / wall,
            "python_ms": 1_000 * sum(one.cpu_seconds for one in spent) / each,
            **used,
            "units_of_work": sum(one.units for one in spent) / each,
            "statements": sum(one.statements for one in spent) / each,
        }.items():
            self._note(f"{name}_{figure}", value)

    def _time(self, db: CountedDatabase, began: datetime, confirmed: datetime) -> None:
        """How long the payments of this round took to their ends."""
        with db.snapshot() as uow:
            rows = uow.tuples(
                "SELECT p.ended_at, (SELECT min(asked_at) FROM payments.leg l WHERE l.payment_id = p.id)"
                " FROM payments.payment p WHERE p.created_at >= %s",
                (began,),
            )
        assert len(rows) == self.payments, "every payment of the round has its row"
        for name, waits in (
            ("end", sorted((ended - confirmed).total_seconds() for ended, _ in rows)),
            ("under_way", sorted((ended - asked).total_seconds() for ended, asked in rows)),
        ):
            self._note(f"{name}_p50_seconds", statistics.median(waits))
            self._note(f"{name}_p95_seconds", waits[(len(waits) - 1) * 95 // 100])

    def _note(self, figure: str, value: float) -> None:
        self._figures.setdefault(figure, []).append(value)


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2),
        "min": round(min(values), 2),
        "max": round(max(values), 2),
    }
