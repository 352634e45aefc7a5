"""What `jua up` runs, as data: one row a process."""

import os
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from juapesa.config import Settings
from juapesa.supervisor.tools import REPOSITORY, evm_tool, tools_path

LOOPBACK = "http://127.0.0.1"


class Kind(StrEnum):
    """How a process is expected to live."""

    TASK = "task"  # runs to its end; anything but status 0 stops the start
    SERVICE = "service"  # runs until it is stopped; restarted when it dies


@dataclass(frozen=True, slots=True)
class Process:
    """One row: how to start it, what must be there before, and how to see that it is ready.

    ``ready_url`` answers below 500 when the process can be used; without one it is ready when
    it has lived for a moment.
    """

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    kind: Kind = Kind.SERVICE
    ready_url: str | None = None
    ready_seconds_max: float = 60.0
    env: dict[str, str] = field(default_factory=dict)


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Run a module with the interpreter that runs us."""
    return (sys.executable, "-m", module, *arguments)


def jua(*arguments: str) -> tuple[str, ...]:
    """Run a command of ours."""
    return python("juapesa.cli", *arguments)


def agent(name: str, *arguments: str) -> tuple[str, ...]:
    """Run an agent."""
    return python(f"juapesa_agents.{name}", *arguments)


def chain_process(settings: Settings, dump: Path) -> Process:
    """anvil with Hedera's chain id and gas rules; it loads the last dump when there is one.

    It begins by mining every transaction at once, which makes the deployment quick; the
    supervisor switches it to blocks by time afterwards.
    """
    url = f"{LOOPBACK}:{settings.ports.chain}"
    command: tuple[str, ...] = (
        str(evm_tool("anvil")),
        *("--port", str(settings.ports.chain)),
        *("--chain-id", str(settings.chain.chain_id)),
        *("--hardfork", "prague"),
        *("--gas-limit", "15000000"),
        *("--block-base-fee-per-gas", "0"),
        *("--prune-history", "200"),  # states kept in memory; blocks, receipts and logs all stay
        "--quiet",
    )
    if dump.exists():
        command += ("--load-state", str(dump))
    return Process("chain", command, ready_url=url, ready_seconds_max=20.0)


def processes(settings: Settings, dump: Path) -> list[Process]:
    """Every process of one machine, in an order that respects ``after``.

    ``postgres`` is not a row: it is started by a call and outlives a crash of ours by design.
    """
    ports = settings.ports
    base = ("migrate", "deploy")
    rows = [
        Process("migrate", jua("db", "upgrade"), kind=Kind.TASK),
        chain_process(settings, dump),
        Process(
            "deploy",
            jua("deploy"),
            after=("chain",),
            kind=Kind.TASK,
            ready_seconds_max=180.0,
        ),
        Process(
            "world",
            jua("sandbox", "world"),
            after=("deploy",),
            ready_url=f"{LOOPBACK}:{ports.oracle}/v1/prices",
        ),
        Process("api", jua("api"), after=base, ready_url=f"{LOOPBACK}:{ports.api}/health"),
        Process(
            "ussd_bridge",
            agent("ussd_bridge"),
            after=(*base, "world"),
            ready_url=f"{LOOPBACK}:{ports.ussd}/health",
        ),
        Process("relayer", agent("relayer"), after=(*base, "world")),
        Process("watcher", agent("watcher"), after=base),
        Process("settler", agent("settler"), after=(*base, "world", "api")),
    ]
    attesters = [
        Process(
            f"attester-{number}",
            agent("attester", "--number", str(number)),
            after=(*base, "world"),
            ready_url=f"{LOOPBACK}:{ports.attester_first + number - 1}/health",
        )
        for number in range(1, settings.attesters + 1)
    ]
    return [*rows, *attesters]


def environment(settings: Settings, database_url: str, deployments: Path) -> dict[str, str]:
    """What every child gets: our own environment, and the addresses that follow from the chosen ports.

    An address that was configured to something else than its default is left as it is.
    """
    ports, defaults = settings.ports, Settings.model_construct()
    env = dict(os.environ)
    env["PATH"] = tools_path(env.get("PATH", ""))
    env["JUA_DATA_DIR"] = str(settings.data_dir.absolute())
    env["JUA_DATABASE_URL"] = database_url
    env["JUA_CHAIN__DEPLOYMENTS_DIR"] = str(deployments)
    env["PYTHONUNBUFFERED"] = "1"
    addresses = (
        ("JUA_PUBLIC_URL", settings.public_url, defaults.public_url, ports.api),
        ("JUA_CHAIN__RPC_URL", settings.chain.rpc_url, defaults.chain.rpc_url, ports.chain),
        ("JUA_CHAIN__ORACLE_URL", settings.chain.oracle_url, defaults.chain.oracle_url, ports.oracle),
        ("JUA_DARAJA__BASE_URL", settings.daraja.base_url, defaults.daraja.base_url, ports.daraja),
        ("JUA_MOMO__BASE_URL", settings.momo.base_url, defaults.momo.base_url, ports.momo),
        (
            "JUA_AFRICASTALKING__BASE_URL",
            settings.africastalking.base_url,
            defaults.africastalking.base_url,
            ports.africastalking,
        ),
    )
    for name, chosen, default, port in addresses:
        env[name] = f"{LOOPBACK}:{port}" if chosen == default else chosen
    return env


def ports_needed(settings: Settings) -> dict[str, int]:
    """The setting of every port that will be listened on, with its number."""
    ports = settings.ports
    found = {
        name: getattr(ports, name)
        for name in ("api", "ussd", "chain", "daraja", "momo", "africastalking", "oracle")
    }
    for number in range(settings.attesters):
        found[f"attester_first + {number}"] = ports.attester_first + number
    return found


def working_directory() -> Path:
    """Where children run: the repository, for ape and forge find their configuration there."""
    return REPOSITORY
