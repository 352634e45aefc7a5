"""A whole house for acceptance tests: `jua up` as a child, reached only through its ports and commands."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from juapesa.config.settings import LOCAL_NETWORK, SANDBOX_NETWORK
from juapesa.db import EmbeddedPostgres
from juapesa.demo.stories import Teller
from juapesa.demo.world import PORT_NAMES, WAITS, World

START_SECONDS_MAX = 150.0
STOP_SECONDS_MAX = 40.0
COMMAND_SECONDS_MAX = 60.0
PORTS_FROM, PORTS_TO = 23_000 + os.getpid() % 5_000, 32_000  # runs side by side look elsewhere first
PORTS_EACH = len(PORT_NAMES) + 3  # three attesters follow

T = TypeVar("T")


def _free_ports() -> dict[str, int]:
    """Ports in a row that nobody listens on; the last of the names is the first attester's."""
    for first in range(PORTS_FROM, PORTS_TO - PORTS_EACH, PORTS_EACH):
        row = list(range(first, first + PORTS_EACH))
        if all(map(_is_free, row)):
            return dict(zip((*PORT_NAMES, "ATTESTER_FIRST"), row, strict=False))
    raise AssertionError(f"no free ports from {PORTS_FROM} to {PORTS_TO}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@dataclass
class House:
    """One data folder with free ports of its own, on which `jua up` is started and ended."""

    folder: Path
    ports: dict[str, int] = field(default_factory=_free_ports)
    process: subprocess.Popen[bytes] | None = None
    network: str = LOCAL_NETWORK

    @property
    def data_dir(self) -> Path:
        return self.folder / "house"

    @property
    def env(self) -> dict[str, str]:
        """What every command of this house is told."""
        found = {**os.environ, **WAITS, "JUA_DATA_DIR": str(self.data_dir)}
        found |= {f"JUA_PORTS__{name}": str(port) for name, port in self.ports.items()}
        found["JUA_CHAIN__NETWORK"] = self.network
        return found | {"PYTHONPATH": os.pathsep.join(sys.path), "JUA_CONFIG": str(self.folder / "none.toml")}

    def up(self) -> None:
        """Start it and wait until it is open: the pools hold attested money, a phone can be dialled.

        From then on a strict network has its bad days.
        """
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "juapesa.cli", "up"], env=self.env, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._is_open():
            assert self.process.poll() is None, "`jua up` ended: " + self.said()
            assert time.monotonic() < deadline, "the house did not open in time: " + self.said()
            time.sleep(0.3)
        self._with_world(World.trouble)

    def down(self) -> int:
        """End it as a person does with Ctrl-C or an init system with SIGTERM; the exit status."""
        assert self.process is not None, "it was never started"
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS_MAX)

    def clean_up(self) -> None:
        """Whatever happened before: nothing of it runs any more."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.down()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        EmbeddedPostgres(self.data_dir).stop()

    def said(self) -> str:
        """The end of what `jua up` printed."""
        return self._log.read_text()[-2_000:]

    def pids(self) -> list[int]:
        """Every process of the house but the supervisor."""
        found = [int(file.read_text()) for file in (self.data_dir / "run").glob("*.pid")]
        return [*found, int((self.data_dir / "pg" / "postmaster.pid").read_text().split()[0])]

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def get(self, name: str, path: str) -> Any:
        """A JSON answer of a port."""
        answer = httpx.get(self.url(name, path), timeout=15, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def command(self, *arguments: str, stdin: str = "", module: str = "juapesa.cli") -> "Ran":
        """Run `jua …` in this house to its end."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def play(self, scene: Callable[[Teller], Awaitable[T]], first_phone: int = 0) -> T:
        """Let somebody with phones do something; phones are numbered from ``first_phone``."""
        return self._with_world(lambda world: scene(Teller(world, first_phone)))

    def settle_down(self) -> None:
        """Wait until the watcher has seen what the mirror showed last."""
        time.sleep(12 if self.network == SANDBOX_NETWORK else 3)

    def _with_world(self, act: Callable[[World], Awaitable[T]]) -> T:
        async def acted() -> T:
            async with httpx.AsyncClient(timeout=15, trust_env=False) as http:
                return await act(World(http, self.data_dir, self.ports, self.network))

        return asyncio.run(acted())

    @property
    def _log(self) -> Path:
        return self.folder / "up.log"

    def _is_open(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            figures = httpx.get(self.url("API", "/api/transparency"), trust_env=False)
            phone = httpx.get(self.url("USSD", "/health"), trust_env=False)
            if not (figures.is_success and phone.is_success):
                return False
            return sum(1 for each in figures.json()["tokens"] if each["in_pools"].strip("0.")) >= 2
        return False


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    status: int
    out: str
    err: str
    seconds: float
