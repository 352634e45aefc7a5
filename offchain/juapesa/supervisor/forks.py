"""The supervisor's side of the fork server: processes that are forked instead of started."""

import asyncio
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from juapesa.supervisor.errors import ProcessFailed
from juapesa.supervisor.kin import die_with_parent
from juapesa.supervisor.plan import Process, working_directory

NAME = "fork_server"
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 5.0


class Running(Protocol):
    """What is needed of a process that was started, in whatever way."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    async def wait(self) -> int: ...


@dataclass
class Forked:
    """A process that the fork server became."""

    pid: int
    returncode: int | None = None
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> int:
        """Its exit status; negative: the signal."""
        await self._over.wait()
        assert self.returncode is not None
        return self.returncode

    def end(self, status: int) -> None:
        """It has ended."""
        self.returncode = status
        self._over.set()


class Forks:
    """Starts the fork server when it is first needed, and again should it have died."""

    def __init__(self, modules: Sequence[str], data_dir: Path, env: Mapping[str, str]) -> None:
        self._modules = modules
        self._log = data_dir / "logs" / f"{NAME}.log"
        self._pid_file = data_dir / "run" / f"{NAME}.pid"
        self._env = env
        self._server: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ordered: dict[int, asyncio.Future[Forked]] = {}
        self._forked: dict[int, Forked] = {}
        self._orders = 0
        self._starting = asyncio.Lock()

    async def fork(self, process: Process, log: Path) -> Forked:
        """Start a process that is a module of ours. Raises ProcessFailed when the server cannot do it."""
        async with self._starting:
            if self._reading is None or self._reading.done():
                await self._start()
        assert self._writer is not None
        self._orders += 1
        number, answer = self._orders, asyncio.get_running_loop().create_future()
        self._ordered[number] = answer
        _, _, module, *arguments = process.command
        order = {
            "order": number,
            "module": module,
            "arguments": arguments,
            "env": process.env,
            "log": str(log),
        }
        self._writer.write(json.dumps(order).encode() + b"\n")
        try:
            forked: Forked = await asyncio.wait_for(answer, START_SECONDS_MAX)
        except TimeoutError:
            raise ProcessFailed(f"{process.name} was not forked in time; see {self._log}.") from None
        finally:
            del self._ordered[number]
        return forked

    async def stop(self) -> None:
        """End the server; its processes, which have ended before, would end with it."""
        if self._server is None or self._writer is None or self._reading is None:
            return
        if self._server.returncode is None:
            self._server.terminate()
        try:
            await asyncio.wait_for(self._server.wait(), STOP_SECONDS_MAX)
        except TimeoutError:
            self._server.kill()
            await self._server.wait()
        await self._reading
        self._writer.close()

    def kill(self) -> None:
        """End the server at once."""
        if self._server is not None and self._server.returncode is None:
            self._server.kill()

    async def _start(self) -> None:
        ours, its = socket.socketpair()
        with its, self._log.open("ab") as log:
            self._server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "juapesa.supervisor.fork_server", str(its.fileno()), *self._modules),
                cwd=working_directory(),
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
                pass_fds=(its.fileno(),),
            )
        self._pid_file.write_text(f"{self._server.pid}\n")
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._reading = asyncio.create_task(self._read(reader, self._server))

    async def _read(self, reader: asyncio.StreamReader, server: asyncio.subprocess.Process) -> None:
        """Take in the server's answers until it is gone; then nothing that it forked stays."""
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        except ConnectionError:
            pass  # it was killed: the same as its end
        await server.wait()
        self._pid_file.unlink(missing_ok=True)
        for answer in self._ordered.values():
            if not answer.done():
                answer.set_exception(ProcessFailed(f"The fork server ended; see {self._log}."))
        for pid in list(self._forked):
            await asyncio.to_thread(_wait_until_gone, pid)
            self._forked.pop(pid).end(-signal.SIGTERM)  # sent by the kernel

    def _take(self, answer: dict[str, int]) -> None:
        pid = answer["pid"]
        if "status" in answer:
            self._forked.pop(pid).end(answer["status"])
            return
        forked = self._forked[pid] = Forked(pid)
        waiting = self._ordered.get(answer["order"])
        if waiting is not None and not waiting.done():
            waiting.set_result(forked)


def _wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is not our child; one that does not end by itself is made to."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], STOP_SECONDS_MAX)
        if not ended:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], STOP_SECONDS_MAX)
    finally:
        os.close(descriptor)
