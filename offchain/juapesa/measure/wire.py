"""The operators' wire for ``jua pay bench --operators http``: what stands at its far end, and our API.

The sandboxes of both operators and our API are processes of their own on loopback, started as ``jua up``
starts its own. A person answers a prompt, and an operator pays, within ``ANSWER_SECONDS``: measured is what
requests and callbacks cost, not how long people take. The chain stays one that settles at once.
"""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from juapesa.assembly import Parts
from juapesa.chain import Deployment
from juapesa.config import Settings, load
from juapesa.config.settings import PortSettings
from juapesa.db import Database
from juapesa.ledger.engine.trials.processes import cpu_seconds
from juapesa.measure.immediate import CAPITAL, DEPLOYMENT, house
from juapesa.supervisor.children import Child
from juapesa.supervisor.plan import LOOPBACK, Process, environment, jua, processes

ANSWER_SECONDS = "0.05:0.1"  # after the order; later than the answer to the order itself
FLOAT_WHOLE = "10000000000"  # ours at each operator: as much as the books say
OPERATORS = ("daraja", "momo")
TIMEOUT_SECONDS = 60.0  # on a busy machine an operator that is slow is not silent


def free_doors() -> PortSettings:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in (*OPERATORS, "api")]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        daraja, momo, api = (probe.getsockname()[1] for probe in probes)
    return PortSettings(daraja=daraja, momo=momo, api=api)


def wired(db: Database, folder: Path, doors: PortSettings) -> Parts:
    """A house on a migrated database whose operators are behind these ports, by its real adapters."""
    return house(_settings(folder, doors), db)


class Wire:
    """The processes at the far end of the wire, and our API at the near one."""

    def __init__(self, folder: Path, url: str, doors: PortSettings) -> None:
        settings = _settings(folder, doors)
        _write(DEPLOYMENT, settings.chain.deployments_dir)
        env = environment(settings, url) | _addresses(settings)
        self._doors = doors
        self._children = {row.name: Child(row, folder, env) for row in _rows(settings)}

    async def start(self) -> None:
        """Start all and wait until they answer. Raises ProcessFailed."""
        for child in self._children.values():
            await child.start()
        for child in self._children.values():
            await child.ready()

    async def stop(self) -> None:
        """End all."""
        for child in self._children.values():
            await child.stop()

    def api_seconds(self) -> float:
        """Processor time that our API has used."""
        return self._seconds("api")

    def operators_seconds(self) -> float:
        """Processor time that the played operators have used."""
        return sum(map(self._seconds, OPERATORS))

    def callbacks(self) -> dict[str, int]:
        """What became of the operators' callbacks so far: ``sent``, ``failed``, ``dropped``."""
        found = [self._ask(name) for name in OPERATORS]
        return {name: sum(each[name] for each in found) for name in ("sent", "failed", "dropped")}

    def _seconds(self, name: str) -> float:
        pid = self._children[name].pid
        assert pid is not None, f"{name} runs"
        return cpu_seconds(pid)

    def _ask(self, name: str) -> dict[str, int]:
        with httpx.Client(trust_env=False) as client:
            answer = client.get(f"{LOOPBACK}:{getattr(self._doors, name)}/_sandbox/callbacks")
        found: dict[str, int] = answer.raise_for_status().json()
        return found


@contextmanager
def wire(folder: Path, url: str, doors: PortSettings) -> Iterator[Wire]:
    """A wire that is up, and is taken down at the end."""
    made = Wire(folder, url, doors)
    with asyncio.Runner() as runner:
        try:
            runner.run(made.start())
            yield made
        finally:
            runner.run(made.stop())


def _settings(folder: Path, doors: PortSettings) -> Settings:
    """The house's settings, whoever else the configuration names as operators."""
    return load(
        data_dir=folder,
        capital=CAPITAL,
        ports=doors,
        public_url=f"{LOOPBACK}:{doors.api}",
        chain={"network": DEPLOYMENT.network, "deployments_dir": folder / "deployments"},
        daraja={
            "base_url": f"{LOOPBACK}:{doors.daraja}",
            "certificate": None,
            "timeout_seconds": TIMEOUT_SECONDS,
        },
        momo={"base_url": f"{LOOPBACK}:{doors.momo}", "timeout_seconds": TIMEOUT_SECONDS},
    )


def _addresses(settings: Settings) -> dict[str, str]:
    """For the children, which read the configuration themselves."""
    return {
        "JUA_PORTS__API": str(settings.ports.api),
        "JUA_PUBLIC_URL": settings.public_url,
        "JUA_DARAJA__BASE_URL": settings.daraja.base_url,
        "JUA_MOMO__BASE_URL": settings.momo.base_url,
    }


def _rows(settings: Settings) -> list[Process]:
    [api] = [row for row in processes(settings, settings.data_dir / "none") if row.name == "api"]
    return [*(_sandbox(name, getattr(settings.ports, name)) for name in OPERATORS), api]


def _sandbox(name: str, port: int) -> Process:
    floats = ("--kes-float", FLOAT_WHOLE, "--ngn-float", FLOAT_WHOLE)
    command = jua("sandbox", name, "--port", str(port), "--delay", ANSWER_SECONDS, *floats)
    return Process(name, command, ready_url=f"{LOOPBACK}:{port}/_sandbox/health")


def _write(deployment: Deployment, folder: Path) -> None:
    """As the deploy script writes it, for processes that read it from a file."""
    named = {"registry": deployment.registry, "router": deployment.router, "pools": deployment.pools}
    document = {
        "network": deployment.network,
        "chain_id": deployment.chain_id,
        "contracts": {
            name: {"address": each, "block": deployment.first_block} for name, each in named.items()
        },
        "tokens": {token.code: {"address": each} for token, each in deployment.tokens.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{deployment.network}.json").write_text(json.dumps(document))
