"""One child process: started in a group of its own, logged, watched until ready, ended for sure."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import httpx

from juapesa.supervisor.errors import ProcessFailed
from juapesa.supervisor.forks import Forks, Running
from juapesa.supervisor.kin import die_with_parent
from juapesa.supervisor.plan import Process, working_directory

SETTLE_SECONDS = 0.3  # a process without a ready URL has to live this long
POLL_SECONDS = 0.1
LOG_BYTES_MAX = 5_000_000
LOG_TAIL_LINES = 12


class Child:
    """A process of the plan, while it runs."""

    def __init__(
        self, process: Process, data_dir: Path, env: Mapping[str, str], forks: Forks | None = None
    ) -> None:
        self.process = process
        self.log = data_dir / "logs" / f"{process.name}.log"
        self._pid_file = data_dir / "run" / f"{process.name}.pid"
        self._env = {**env, **process.env}
        self._forks = forks if process.is_ours else None
        self._running: Running | None = None

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""
        alive = self._running is not None and self._running.returncode is None
        return self._running.pid if alive and self._running is not None else None

    async def start(self) -> None:
        """Fork or spawn it. Raises ProcessFailed when the program cannot be run at all."""
        with self._open_log() as log:
            self._running = (
                await self._forks.fork(self.process, self.log) if self._forks else await self._spawn(log)
            )
        self._pid_file.write_text(f"{self._running.pid}\n")

    async def _spawn(self, log: IO[bytes]) -> Running:
        try:
            return await asyncio.create_subprocess_exec(
                *self.process.command,
                cwd=working_directory(),
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        except OSError as problem:
            raise ProcessFailed(f"{self.process.name} cannot be started: {problem}.") from problem

    async def ended(self) -> int:
        """Wait for its end; the exit status (negative: the signal)."""
        assert self._running is not None, "not started"
        status = await self._running.wait()
        self._pid_file.unlink(missing_ok=True)
        return status

    async def ready(self) -> None:
        """Wait until it can be used. Raises ProcessFailed when it ends first or takes too long."""
        deadline = time.monotonic() + self.process.ready_seconds_max
        settled = time.monotonic() + SETTLE_SECONDS
        socket = self.process.ready_socket
        door = None if socket is None else httpx.AsyncHTTPTransport(uds=str(socket))
        async with httpx.AsyncClient(timeout=2.0, trust_env=False, transport=door) as client:
            while not (await self._answers(client) if self.process.ready_url else time.monotonic() > settled):
                self.require_alive()
                if time.monotonic() > deadline:
                    seconds = self.process.ready_seconds_max
                    raise ProcessFailed(
                        f"{self.process.name} was not ready within {seconds:.0f} s.{self.tail()}"
                    )
                await asyncio.sleep(POLL_SECONDS)
        self.require_alive()

    def require_alive(self) -> None:
        """Raise ProcessFailed when it has ended."""
        if self.pid is None:
            code = self._running.returncode if self._running else None
            raise ProcessFailed(f"{self.process.name} ended with status {code}.{self.tail()}")

    async def stop(self) -> None:
        """Ask it to end, then make it; the whole group, so that its own children go too."""
        if self.pid is None:
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), self.process.stop_seconds_max)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.ended()

    def kill(self) -> None:
        """End it at once, or as soon as it has written down what would be lost."""
        self._signal(signal.SIGTERM if self.process.writes_at_end else signal.SIGKILL)

    def tail(self) -> str:
        """The end of its log, for a message."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        except OSError:
            lines = []
        return "\n".join([f" Its log, {self.log}, ends with:", *(f"    {line}" for line in lines)])

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        assert self.process.ready_url is not None
        try:
            answer = await client.get(self.process.ready_url)
        except httpx.HTTPError:
            return False
        return answer.status_code < 500

    def _signal(self, number: int) -> None:
        pid = self.pid
        if pid is not None:
            try:
                os.killpg(pid, number)
            except ProcessLookupError:
                return  # it ended in this very moment

    def _open_log(self) -> IO[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("ab")
