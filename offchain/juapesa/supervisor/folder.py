"""The data folder: one `jua up` at a time, and a fresh start that removes only what is ours."""

import fcntl
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from juapesa.config.settings import LOCAL_NETWORK
from juapesa.db import EmbeddedPostgres
from juapesa.supervisor.errors import AlreadyRunning, ChainLost, PortTaken

OURS = ("pg", "chain", "keys", "deployments", "logs", "run")


@contextmanager
def held(data_dir: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Keep the folder to ourselves; the kernel frees it when we die.

    Waits a while for a predecessor that is just ending. Raises AlreadyRunning.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    with (data_dir / "up.lock").open("w") as handle:
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise AlreadyRunning(
                    f"Another `jua up` runs on {data_dir}. "
                    "Stop it first, or choose another folder with --data."
                )
            time.sleep(0.2)
        yield


def _locked(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def forget_processes(data_dir: Path) -> None:
    """Remove the numbers of processes that are long gone."""
    shutil.rmtree(data_dir / "run", ignore_errors=True)
    (data_dir / "run").mkdir(parents=True)


def empty(data_dir: Path) -> None:
    """Forget everything: database, chain, keys, logs. What else lies in the folder stays."""
    EmbeddedPostgres(data_dir).stop()
    for name in OURS:
        if (data_dir / name).exists():
            shutil.rmtree(data_dir / name)


def keep_network(data_dir: Path, network: str) -> None:
    """A folder's database speaks of one chain only. Raises ChainLost when it began on another network."""
    file = data_dir / "chain" / "network"
    began = file.read_text() if file.exists() else network
    if not file.exists() and (data_dir / "chain" / "state.json").exists():
        began = LOCAL_NETWORK  # the only one there was when nothing was written down
    if began != network:
        raise ChainLost(
            f"{data_dir} is a house on {began}. Say `--network {began}`, or start it anew with --fresh."
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(network)


def require_free_ports(ports: Mapping[str, int]) -> None:
    """Raise PortTaken naming every port that something else listens on, and the setting to change."""
    taken = [f"{port} ({_setting(name)})" for name, port in ports.items() if not _free(port)]
    if taken:
        raise PortTaken(
            f"These ports of 127.0.0.1 are taken: {', '.join(taken)}. "
            "End what listens there, or choose others with the settings named in brackets."
        )


def _setting(name: str) -> str:
    return f"JUA_PORTS__{name.upper()}"


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
