"""What `jua up` runs, as data: one row a process."""

import os
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from juapesa.config import Settings, ledger_socket
from juapesa.config.settings import SANDBOX_NETWORK
from juapesa.supervisor.tools import REPOSITORY, evm_tool, tools_path

LOOPBACK = "http://127.0.0.1"
CHAIN_STOP_SECONDS_MAX = 30.0  # a long chain takes its time to write itself down
NEVER_SECONDS = 1_000_000_000


class Kind(StrEnum):
    """How a process is expected to live."""

    TASK = "task"  # runs to its end; anything but status 0 stops the start
    SERVICE = "service"  # runs until it is stopped; restarted when it dies


@dataclass(frozen=True, slots=True)
class Process:
    """One row: how to start it, what must be there before, and how to see that it is ready.

    ``ready_url`` answers below 500 when the process can be used, at ``ready_socket`` if that is where it
    listens; without one it is ready when it has lived for a moment. One that ``writes_at_end`` is asked to
    end even when all else is killed.
    """

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    kind: Kind = Kind.SERVICE
    ready_url: str | None = None
    ready_socket: Path | None = None
    ready_seconds_max: float = 60.0
    stop_seconds_max: float = 8.0
    writes_at_end: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it is a long-lived Python module of ours, which may as well be forked."""
        return self.kind is Kind.SERVICE and self.command[:2] == (sys.executable, "-m")

    env: dict[str, str] = field(default_factory=dict)


# What most of our processes import anyway: the fork server does it once for all of them.
COMMON_MODULES = ("juapesa.assembly", "juapesa_agents.common.options", "juapesa_agents.common.database")


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Run a module with the interpreter that runs us."""
    return (sys.executable, "-m", module, *arguments)


def jua(*arguments: str) -> tuple[str, ...]:
    """Run a command of ours."""
    return python("juapesa.cli", *arguments)


def agent(name: str, *arguments: str) -> tuple[str, ...]:
    """Run an agent."""
    return python(f"juapesa_agents.{name}", *arguments)


def last_words(dump: Path) -> Path:
    """Where anvil writes itself when it is asked to end, which the kernel does when we are killed."""
    return dump.with_name("last-words.json")


def chain_process(settings: Settings, dump: Path) -> Process:
    """The chain of our own that the settings name; ``dump`` is where it is kept."""
    return (
        sandbox_process(settings, dump)
        if settings.chain.network == SANDBOX_NETWORK
        else anvil_process(settings, dump)
    )


def sandbox_process(settings: Settings, dump: Path) -> Process:
    """Hedera with its own rules, at its own pace; it keeps itself in a folder beside the dump."""
    ports = settings.ports
    where = ("--port", str(ports.chain), "--hapi-port", str(ports.hapi))
    pace = ("--block-seconds", str(settings.chain.block_seconds))
    state = ("--state", str(dump.with_name("hedera").absolute()))
    return Process(
        "chain",
        jua("sandbox", "hedera", *where, *pace, *state),
        ready_url=f"{LOOPBACK}:{ports.chain}/_sandbox/health",
        stop_seconds_max=CHAIN_STOP_SECONDS_MAX,
        writes_at_end=True,
    )


def anvil_process(settings: Settings, dump: Path) -> Process:
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
        *("--dump-state", str(last_words(dump))),
        *("--state-interval", str(NEVER_SECONDS)),  # while it lives we save it, whole and atomically
        "--quiet",
    )
    if dump.exists():
        command += ("--load-state", str(dump))
    return Process(
        "chain",
        command,
        ready_url=url,
        ready_seconds_max=20.0,
        stop_seconds_max=CHAIN_STOP_SECONDS_MAX,
        writes_at_end=True,
    )


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
            ready_url=f"{LOOPBACK}:{ports.oracle}/1/v1/prices",
        ),
        Process(
            "ledger",
            jua("ledger", "serve", "--shared"),
            after=("migrate",),
            ready_url="http://ledger/health",
            ready_socket=ledger_socket(settings),
        ),
        Process("api", jua("api"), after=base, ready_url=f"{LOOPBACK}:{ports.api}/health"),
        Process(
            "ussd_bridge",
            agent("ussd_bridge"),
            after=base,
            ready_url=f"{LOOPBACK}:{ports.ussd}/health",
        ),
        Process("relayer", agent("relayer"), after=(*base, "world")),
        Process("watcher", agent("watcher"), after=base),
        Process("bookkeeper", agent("bookkeeper"), after=base),
        Process("settler", agent("settler"), after=(*base, "world", "api")),
    ]
    rows += anchoring(settings, base)
    attesters = [
        Process(
            f"attester-{number}",
            agent("attester", "--number", str(number)),
            after=(*base, "world", "api", "ussd_bridge"),  # a phone can be dialled meanwhile
            ready_url=f"{LOOPBACK}:{ports.attester_first + number - 1}/health",
            env=attester_credentials(number),
        )
        for number in range(1, settings.attesters + 1)
    ]
    return [*rows, *attesters]


def anchoring(settings: Settings, base: tuple[str, ...]) -> list[Process]:
    """The agent, where there is a topic; a network of ours with a consensus service gets one."""
    if settings.anchor.topic is not None:
        return [Process("anchor", agent("anchor"), after=base)]
    if settings.chain.network != SANDBOX_NETWORK:
        return []
    return [
        Process("topic", jua("anchor", "topic"), after=("deploy",), kind=Kind.TASK),
        Process("anchor", agent("anchor"), after=(*base, "topic")),
    ]


def attester_credentials(number: int) -> dict[str, str]:
    """What an attester shows the sandboxed operators: credentials of its own, which may only look."""
    user = f"6f1a3c0e-52a5-4c3b-9d1e-6a4b2f1c1{number:03d}"
    return {
        "JUA_DARAJA__CONSUMER_KEY": f"attester-{number}-consumer",
        "JUA_DARAJA__CONSUMER_SECRET": f"attester-{number}-consumer-secret",
        "JUA_DARAJA__INITIATOR_NAME": f"attester-{number}",
        "JUA_MOMO__COLLECTION_USER": user,
        "JUA_MOMO__DISBURSEMENT_USER": user,
        "JUA_MOMO__COLLECTION_KEY": f"attester-{number}-momo-key",
        "JUA_MOMO__DISBURSEMENT_KEY": f"attester-{number}-momo-key",
        "JUA_MOMO__COLLECTION_SECRET": f"attester-{number}-momo-secret",
        "JUA_MOMO__DISBURSEMENT_SECRET": f"attester-{number}-momo-secret",
    }


def environment(settings: Settings, database_url: str) -> dict[str, str]:
    """What every child gets: our own environment, with the data folder and database of this run."""
    env = dict(os.environ)
    env["PATH"] = tools_path(env.get("PATH", ""))
    env["JUA_CONFIG"] = str(Path(env.get("JUA_CONFIG", "jua.toml")).absolute())  # they run elsewhere
    env["JUA_DATA_DIR"] = str(settings.data_dir.absolute())
    env["JUA_DATABASE_URL"] = database_url
    env["JUA_CHAIN__NETWORK"] = settings.chain.network
    env["JUA_CHAIN__DEPLOYMENTS_DIR"] = str(settings.chain.deployments_dir.absolute())
    env["PYTHONUNBUFFERED"] = "1"
    env["MALLOC_ARENA_MAX"] = "2"  # threads of small processes need no arenas of their own
    return env


def ports_needed(settings: Settings) -> dict[str, int]:
    """The setting of every port that will be listened on, with its number."""
    ports = settings.ports
    found = {
        name: getattr(ports, name)
        for name in ("api", "ussd", "chain", "daraja", "momo", "africastalking", "oracle")
    }
    if settings.chain.network == SANDBOX_NETWORK:
        found["hapi"] = ports.hapi
    for number in range(settings.attesters):
        found[f"attester_first + {number}"] = ports.attester_first + number
    return found


def working_directory() -> Path:
    """Where children run: the repository, for ape and forge find their configuration there."""
    return REPOSITORY
