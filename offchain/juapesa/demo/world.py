"""A whole house of its own for the stories: empty data folder, free ports, `jua up` as a child."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from juapesa.config.settings import LOCAL_NETWORK, SANDBOX_NETWORK
from juapesa.errors import Unavailable

START_SECONDS_MAX = 240.0
STOP_SECONDS_MAX = 30.0
LOOPBACK = "http://127.0.0.1"

# Shorter waits than in production, so that silence and re-asking fit into the stories. Only figures
# change, never what is done.
WAITS = {
    "JUA_WAITS__COLLECT_CALLBACK_SECONDS": "6",
    "JUA_WAITS__COLLECT_POLL_SECONDS": "2",
    "JUA_WAITS__COLLECT_GIVE_UP_SECONDS": "60",
    "JUA_WAITS__PAYOUT_CALLBACK_SECONDS": "6",
    "JUA_WAITS__PAYOUT_POLL_SECONDS": "3",
    "JUA_WAITS__LEASE_SECONDS": "5",
    "JUA_ANCHOR__EVERY_SECONDS": "15",
}
BAD_DAYS = {"lag_low_seconds": 2, "lag_high_seconds": 6, "fault_percent": 2}
PORT_NAMES = ("API", "USSD", "CHAIN", "HAPI", "DARAJA", "MOMO", "AFRICASTALKING", "ORACLE")


class WorldFailed(Unavailable):
    """The house did not come up, or not in time."""

    slug = "world-failed"


@dataclass(frozen=True)
class World:
    """A running house and how to reach its ports. Nothing in it is called in-process."""

    http: httpx.AsyncClient
    data_dir: Path
    ports: dict[str, int]
    network: str = LOCAL_NETWORK

    def url(self, name: str, path: str = "") -> str:
        return f"{LOOPBACK}:{self.ports[name]}{path}"

    @property
    def gateway_url(self) -> str:
        return self.url("USSD", "/ussd/africastalking/local-gateway")

    async def get(self, name: str, path: str) -> Any:
        """A JSON answer from one of the ports; asked again while the server is being restarted."""
        for attempt in range(40):
            try:
                response = await self.http.get(self.url(name, path))
            except httpx.TransportError:
                await asyncio.sleep(0.1 * (attempt + 1))
                continue
            if response.status_code == httpx.codes.NOT_FOUND:
                return None
            response.raise_for_status()
            return response.json()
        raise WorldFailed(f"{name} does not answer.")

    async def fault(self, name: str, **fault: Any) -> str:
        """Tell a sandboxed operator to misbehave; the fault's id."""
        response = await self.http.post(self.url(name, "/_sandbox/faults"), json=fault)
        response.raise_for_status()
        return str(response.json()["id"])

    async def trouble(self) -> str:
        """Give the chain its bad days, if it knows any; what it is, in words."""
        if self.network != SANDBOX_NETWORK:
            return f"{self.network}: blocks by time, no lag, no faults"
        said = (await self.http.put(self.url("CHAIN", "/_sandbox/options"), json=BAD_DAYS)).json()
        lag = f"{said['lag_low_seconds']:g} to {said['lag_high_seconds']:g} s"
        return (
            f"{self.network}: blocks every {said['block_seconds']:g} s, a mirror that lags {lag},"
            f" {said['fault_percent']:g} % BUSY, THROTTLED or no answer"
        )

    def kill(self, process: str) -> None:
        """SIGKILL, as an operating system out of memory would."""
        pid = int((self.data_dir / "run" / f"{process}.pid").read_text())
        os.kill(pid, signal.SIGKILL)

    def deployment(self) -> dict[str, Any]:
        """The public file of addresses."""
        file = self.data_dir / "deployments" / "chains" / f"{self.network}.json"
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def topic(self) -> str | None:
        """The public topic in which heads and roots are anchored."""
        file = self.data_dir / "deployments" / "chains" / f"{self.network}.topic"
        return file.read_text().strip() if file.exists() else None

    async def audit(self) -> dict[str, Any]:
        """`jua audit verify` by a stranger: from the chain alone, and the topic where there is one."""
        registry, topic = self.deployment()["contracts"]["registry"]["address"], self.topic()
        where = ["--rpc", self.url("CHAIN"), "--registry", registry]
        where += ["--topic", topic, "--mirror", self.url("CHAIN")] if topic else []
        found = await _output("audit", "verify", *where, "--json")
        answer: dict[str, Any] = json.loads(found)
        return answer


@asynccontextmanager
async def world(report: "Report", network: str = LOCAL_NETWORK) -> AsyncIterator[World]:
    """Bring a house up on a chain of ours, give it, take it down and remove its folder."""
    folder = Path(tempfile.mkdtemp(prefix="juapesa-demo-"))
    ports = _free_ports(len(PORT_NAMES) + 3)
    named = dict(zip(PORT_NAMES, ports, strict=False))
    env = {**os.environ, **WAITS, "JUA_DATA_DIR": str(folder), "JUA_CHAIN__NETWORK": network}
    env |= {f"JUA_PORTS__{name}": str(port) for name, port in named.items()}
    env["JUA_PORTS__ATTESTER_FIRST"] = str(ports[-3])
    report("waiting times: " + ", ".join(_short(name, value) for name, value in WAITS.items()))
    log = (folder / "up.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "juapesa.cli", "up", env=env, stdout=log, stderr=log
    )
    try:
        async with httpx.AsyncClient(timeout=15, trust_env=False) as http:
            house = World(http, folder, named, network)
            await _wait_until_open(house, process, folder / "up.log", report)
            yield house
    finally:
        await _stop(process)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


class Report:
    """Progress on standard error."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - self._began:6.1f} s] {line}\n")
        sys.stderr.flush()


async def _wait_until_open(
    house: World, process: asyncio.subprocess.Process, log: Path, report: Report
) -> None:
    """Up, and the pools hold the first attested money."""
    report(f"bringing a house up on {house.network}")
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise WorldFailed("`jua up` ended: " + _tail(log))
        with suppress(httpx.HTTPError):
            figures = (await house.http.get(house.url("API", "/api/transparency"))).json()
            phone = await house.http.get(house.url("USSD", "/health"))
            stocked = [each for each in figures.get("tokens", []) if each["in_pools"].strip("0.")]
            if len(stocked) >= 2 and phone.is_success:
                report("the house is open: pools hold attested money")
                return
        await asyncio.sleep(0.3)
    raise WorldFailed("The house did not open in time: " + _tail(log))


def _short(setting: str, value: str) -> str:
    return f"{setting.removeprefix('JUA_').removeprefix('WAITS__').lower()}={value}"


def _tail(log: Path) -> str:
    return log.read_text()[-2_000:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS_MAX)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _output(*arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "juapesa.cli", *arguments, stdout=asyncio.subprocess.PIPE
    )
    found, _ = await process.communicate()
    return found


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on, the last three in a row."""
    for first in range(21_000 + os.getpid() % 2_000, 32_000, count):
        ports = list(range(first, first + count))
        if all(_is_free(port) for port in ports):
            return ports
    raise WorldFailed("There are no free ports.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
