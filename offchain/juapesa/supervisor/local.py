"""One machine from nothing to ready: database, chain, contracts, outside world, API and agents."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from juapesa.config import Settings, topic_of
from juapesa.config.settings import OWN_NETWORKS, SANDBOX_NETWORK
from juapesa.db import Database, EmbeddedPostgres
from juapesa.issuance.landed import newest_transactions
from juapesa.supervisor import folder
from juapesa.supervisor.chain_state import (
    SAVE_SECONDS_MIN,
    SAVE_SHARE_MAX,
    LocalChain,
    OwnChain,
    SandboxChain,
)
from juapesa.supervisor.errors import NotOurNetwork, ProcessFailed
from juapesa.supervisor.forks import Forks
from juapesa.supervisor.last_will import LastWill
from juapesa.supervisor.plan import (
    COMMON_MODULES,
    LOOPBACK,
    Process,
    chain_process,
    environment,
    ports_needed,
    processes,
)
from juapesa.supervisor.run import Report, Supervisor

PREDECESSOR_SECONDS = 8.0  # how long one that was killed may take to be cleaned away


@dataclass(frozen=True, slots=True)
class LocalRun:
    """What is asked of one `jua up`."""

    settings: Settings
    report: Report
    fresh: bool = False
    without: Sequence[str] = ()
    rows: Callable[[Settings, Path], list[Process]] = field(default=processes)

    @property
    def data_dir(self) -> Path:
        return self.settings.data_dir.absolute()

    @property
    def dump(self) -> Path:
        """Where the chain is kept between runs."""
        return self.data_dir / "chain" / "state.json"

    def run(self) -> None:
        """Bring everything up and keep it until SIGINT or SIGTERM.

        Raises NotOurNetwork, AlreadyRunning, PortTaken, ProcessFailed, ChainLost, DatabaseUnavailable,
        ToolMissing.
        """
        if self.settings.chain.network not in OWN_NETWORKS:
            raise NotOurNetwork(
                f"`jua up` starts a chain of its own: {' or '.join(OWN_NETWORKS)}."
                " On other networks run the processes by themselves (`jua api`, `jua agent NAME`)."
            )
        with folder.held(self.data_dir, PREDECESSOR_SECONDS):
            folder.forget_processes(self.data_dir)
            if self.fresh:
                folder.empty(self.data_dir)
                folder.forget_processes(self.data_dir)
            folder.keep_network(self.data_dir, self.settings.chain.network)
            folder.require_free_ports(ports_needed(self.settings))
            embedded = self.settings.database_url is None
            will = LastWill(self.data_dir, with_database=embedded)
            try:
                with self._database() as url:
                    asyncio.run(self._run(url))
            finally:
                will.revoke()

    @contextlib.contextmanager
    def _database(self) -> Iterator[str]:
        """The database's URL while it is needed; the embedded server is stopped at the end."""
        if self.settings.database_url is not None:
            yield self.settings.database_url.get_secret_value()
            return
        began = time.monotonic()
        server = EmbeddedPostgres(self.data_dir)
        try:
            server.start()
            self.report(f"  {'postgres':<14}{time.monotonic() - began:5.1f} s")
            yield server.url()
        finally:
            server.stop()

    async def _run(self, database_url: str) -> None:
        stop = asyncio.Event()
        supervisor: Supervisor | None = None

        def asked_to_stop() -> None:
            if stop.is_set() and supervisor is not None:
                supervisor.kill()  # asked twice: at once
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked_to_stop)
        chain = self._chain()
        supervisor = self._supervisor(database_url, chain)
        try:
            await _until(stop, self._live(supervisor, chain))
        finally:
            self.report("Stopping ...")
            await supervisor.down()  # the chain last: it then writes itself down
        self.report("Stopped.")

    def _chain(self) -> OwnChain:
        chain = self.settings.chain
        url = f"{LOOPBACK}:{self.settings.ports.chain}"
        deployment = chain.deployments_dir.absolute() / f"{chain.network}.json"
        if chain.network == SANDBOX_NETWORK:
            return SandboxChain(url, deployment)
        return LocalChain(url, self.dump, deployment)

    def _supervisor(self, database_url: str, chain: OwnChain) -> Supervisor:
        rows = [row for row in self.rows(self.settings, self.dump) if row.name not in self.without]

        def next_chain() -> Process:
            chain.inherit()
            return chain_process(self.settings, self.dump)

        async def chain_ready() -> None:
            if await chain.deployed():
                await chain.require_known(await asyncio.to_thread(_on_record, database_url))
                await chain.mine_by_time(self.settings.chain.block_seconds)

        async def has_topic() -> bool:
            return topic_of(self.settings) is not None

        async def contracts_ready() -> None:
            await chain.finish_deployment()
            await chain.mine_by_time(self.settings.chain.block_seconds)

        env = environment(self.settings, database_url)
        return Supervisor(
            rows,
            self.data_dir,
            env,
            self.report,
            forks=Forks(COMMON_MODULES, self.data_dir, env) if sys.platform == "linux" else None,
            before={"chain": next_chain},
            once_ready={"chain": chain_ready, "deploy": contracts_ready, "topic": chain.save},
            unneeded={"deploy": chain.deployed, "topic": has_topic},
        )

    async def _live(self, supervisor: Supervisor, chain: OwnChain) -> None:
        began = time.monotonic()
        await supervisor.up()
        self.report(f"Ready in {time.monotonic() - began:.1f} s.")
        for label, url in urls(self.settings):
            self.report(f"  {label:<10}{url}")
        self.report("Ctrl-C stops everything.")
        saving = None if chain.keeps_itself else asyncio.create_task(_save_often(chain))
        try:
            await supervisor.keep()
        finally:
            if saving is not None:
                saving.cancel()


def urls(settings: Settings) -> list[tuple[str, str]]:
    """What a person opens."""
    ports = settings.ports
    return [
        ("Phone", f"{LOOPBACK}:{ports.ussd}/phone"),
        ("Receipts", f"{LOOPBACK}:{ports.api}/p/CODE"),
        ("API", f"{LOOPBACK}:{ports.api}/"),
    ]


def _on_record(database_url: str) -> list[str]:
    """Transactions that the database knows as mined."""
    db = Database.connect(database_url, connections_max=1, name="supervisor")
    try:
        return newest_transactions(db)
    finally:
        db.close()


async def _save_often(chain: OwnChain) -> None:
    """Keep the dump fresh, spending little of the time on it."""
    pause = SAVE_SECONDS_MIN
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        try:
            await chain.save()
        except ProcessFailed:
            continue  # it is being restarted; the next round will do
        pause = max(SAVE_SECONDS_MIN, (time.monotonic() - began) / SAVE_SHARE_MAX)


async def _until(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do the work until it fails or we are asked to stop."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
