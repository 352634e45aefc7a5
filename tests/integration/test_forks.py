"""Processes that are forked from one interpreter behave as those that are started each by itself."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from juapesa.supervisor.forks import Forked, Forks
from juapesa.supervisor.plan import Process, python

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

TESTS = Path(__file__).parents[1]
SECONDS_MAX = 20.0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Bench:
    """A fork server of one's own and the logs of what it became."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "logs").mkdir()
        (folder / "run").mkdir()
        env = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
        self.forks = Forks(("json",), folder, env)

    async def fork(self, how: str, name: str = "one") -> Forked:
        (self.folder / "logs" / name).touch()
        row = Process(name, python("support.forked", how), env={"FORKED_WORD": f"word-of-{name}"})
        return await self.forks.fork(row, self.folder / "logs" / name)

    def said(self, name: str = "one") -> str:
        return (self.folder / "logs" / name).read_text()

    async def until_said(self, name: str = "one") -> str:
        deadline = time.monotonic() + SECONDS_MAX
        while not self.said(name):
            assert time.monotonic() < deadline, "it says nothing"
            await asyncio.sleep(0.05)
        return self.said(name)

    @property
    def server(self) -> int:
        return int((self.folder / "run" / "fork_server.pid").read_text())


def play(folder: Path, scene: Callable[[Bench], Awaitable[None]]) -> None:
    async def played() -> None:
        bench = Bench(folder)
        try:
            async with asyncio.timeout(60):
                await scene(bench)
        finally:
            bench.forks.kill()
            await bench.forks.stop()

    asyncio.run(played())


def test_it_gets_its_arguments_environment_and_log_and_gives_its_status(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        failed, crashed = await bench.fork("fail"), await bench.fork("crash", "two")
        assert await failed.wait() == 3
        assert await crashed.wait() == 1
        assert bench.said() == f"fail word-of-one child of {bench.server}\n"
        assert bench.said("two").startswith("crash word-of-two")
        assert "the reason is written here" in bench.said("two")

    play(tmp_path, scene)


def test_it_is_ended_alone_by_a_signal_to_its_group(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        first, second = await bench.fork("stay"), await bench.fork("stay", "two")
        await bench.until_said()
        os.killpg(first.pid, signal.SIGKILL)
        assert await first.wait() == -signal.SIGKILL
        assert second.returncode is None
        assert alive(second.pid)

    play(tmp_path, scene)


def test_what_was_forked_ends_with_the_server_and_the_next_comes_from_a_new_one(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        first = await bench.fork("stay")
        await bench.until_said()
        before = bench.server
        os.kill(before, signal.SIGKILL)
        assert await first.wait() == -signal.SIGTERM
        assert not alive(first.pid)
        await bench.fork("stay", "two")
        assert bench.server != before
        assert f"child of {bench.server}" in await bench.until_said("two")

    play(tmp_path, scene)


def test_a_server_that_cannot_start_is_said(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        bench.forks = Forks(("no_such_module",), tmp_path, os.environ)
        with pytest.raises(Exception, match="fork server ended") as caught:
            await bench.fork("stay")
        assert getattr(caught.value, "slug", "") == "process-failed"
        assert "no_such_module" in (tmp_path / "logs" / "fork_server.log").read_text()

    play(tmp_path, scene)
