"""The bookkeeper: seals, expires holds, makes months ahead, checks the books, states what is owed.

Any number may run; one leads (an advisory lock) and only it has a scheduler. Each job starts from what
is on record and is harmless when repeated.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from juapesa.assembly import Parts, assemble
from juapesa.ledger.engine.checks import record_verdict
from juapesa.ledger.engine.months import keep
from juapesa.ledger.engine.sealer import Sealer
from juapesa.observability import get_logger
from juapesa.transparency import liabilities
from juapesa_agents.common.base import Agent
from juapesa_agents.common.database import PASSING
from juapesa_agents.common.leader import Leader
from juapesa_agents.common.options import Options, run_agent

PACE_SECONDS = 1.0
LEADERSHIP = 6
STATEMENT_EVERY = timedelta(days=1)
LATE_SECONDS_MAX = 60  # a job that could not start for so long waits for its next turn


@dataclass(frozen=True, slots=True)
class Job:
    """Work that comes round; ``run`` says how much it did."""

    name: str
    every: timedelta
    run: Callable[[], int]


@dataclass
class Bookkeeper:
    """One cycle: lead if nobody does, and tell what the jobs did meanwhile."""

    parts: Parts
    options: Options
    leader: Leader
    scheduler: AsyncIOScheduler | None = None
    _done: int = 0
    _failures: list[BaseException] = field(default_factory=list)

    async def tick(self) -> int:
        if self.options.dry_run:
            return int(await asyncio.to_thread(Sealer(self.parts.db).waiting))
        if self.options.once:
            return sum([await asyncio.to_thread(job.run) for job in self.jobs()])
        try:
            leads = await asyncio.to_thread(self.leader.holds)
        except PASSING:
            self.stop()
            raise
        if leads and self.scheduler is None:
            self._start()
        if self._failures:
            raise self._failures.pop(0)
        done, self._done = self._done, 0
        return done

    def jobs(self) -> list[Job]:
        """Everything that comes round."""
        return [
            Job("seal", timedelta(seconds=1), Sealer(self.parts.db).run),
            Job("expire holds", timedelta(seconds=1), self._expire),
            Job("months", timedelta(hours=1), self._months),
            Job("check", timedelta(hours=1), self._check),
            Job("liabilities", timedelta(minutes=1), self._liabilities),
        ]

    def stop(self) -> None:
        """Start no more jobs."""
        if self.scheduler is not None:
            self.scheduler.shutdown(wait=False)
            self.scheduler = None

    def _start(self) -> None:
        get_logger("bookkeeper").info("leads")
        self.scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": LATE_SECONDS_MAX},
        )
        self.scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        for job in self.jobs():
            self.scheduler.add_job(
                self._run,
                "interval",
                args=[job],
                id=job.name,
                seconds=job.every.total_seconds(),
                next_run_time=self.parts.clock.now(),
            )
        self.scheduler.start()

    async def _run(self, job: Job) -> None:
        self._done += await asyncio.to_thread(job.run)

    def _failed(self, event: JobExecutionEvent) -> None:
        """The next cycle raises it: a passing failure is counted, a bug ends the process."""
        self._failures.append(event.exception)

    def _expire(self) -> int:
        with self.parts.db.unit_of_work() as uow:
            return self.parts.ledger.expire_holds(uow, self.parts.clock.now())

    def _months(self) -> int:
        return len(keep(self.parts.database_url, self.parts.clock.now()))

    def _check(self) -> int:
        """Recompute the whole books; a fault is on record and in the log until somebody looks."""
        verdict = record_verdict(self.parts.db, self.parts.clock.now())
        if not verdict.ok:
            get_logger("bookkeeper").error("the books do not verify", fault=verdict.first_fault)
        return 0

    def _liabilities(self) -> int:
        """State once a day what is owed to customers; the first time as soon as there is one."""
        now = self.parts.clock.now()
        with self.parts.db.unit_of_work() as uow:
            last = liabilities.statements(uow, 1)
        if last and now - last[0].at < STATEMENT_EVERY:
            return 0
        bound = Sealer(self.parts.db).settle()
        if bound is None:
            return 0
        with self.parts.db.unit_of_work() as uow:
            try:
                made = liabilities.make(uow, bound, self.parts.keystore.secret(liabilities.KEY_NAME))
            except liabilities.NobodyToCount:
                return 0
        if not made.covered:
            get_logger("bookkeeper").error("more is owed than held", statement=made.number)
        return 1


async def run(options: Options) -> int:
    """Run the agent; its exit code."""
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # else two lines for every job, every second
    with assemble(name="bookkeeper") as parts:
        leader = Leader(parts.database_url, LEADERSHIP)
        bookkeeper = Bookkeeper(parts, options, leader)
        try:
            agent = Agent("bookkeeper", bookkeeper.tick, PACE_SECONDS, passing=PASSING)
            return await agent.run(once=options.once)
        finally:
            bookkeeper.stop()
            leader.resign()


if __name__ == "__main__":
    run_agent("bookkeeper", run)
