"""What happens when the supervisor is killed outright: nothing it started outlives it.

A small shell waits on a pipe that only the supervisor holds open. Whatever ends the
supervisor closes the pipe, and this module then ends the children and the database.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from juapesa.db import EmbeddedPostgres
from juapesa.supervisor.errors import AlreadyRunning
from juapesa.supervisor.folder import forget_processes, held
from juapesa.supervisor.plan import CHAIN_STOP_SECONDS_MAX

GRACE_SECONDS = CHAIN_STOP_SECONDS_MAX  # whoever is still there then will not end by itself


class LastWill:
    """Executed unless it is revoked."""

    def __init__(self, data_dir: Path, *, with_database: bool) -> None:
        reading, self._held = os.pipe()
        script = 'cat >/dev/null; exec "$0" -m juapesa.supervisor.last_will "$@"'
        flag = ["--database"] if with_database else []
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", script, sys.executable, str(data_dir.absolute()), *flag],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is not for it
        )
        os.close(reading)

    def revoke(self) -> None:
        """Everything was stopped in order; nothing is left to do."""
        os.killpg(self._guard.pid, signal.SIGKILL)
        self._guard.wait()
        os.close(self._held)


def execute(data_dir: Path, *, with_database: bool) -> None:
    """End every process that ``data_dir/run`` names, then the database.

    When a successor already holds the folder, it has taken over and nothing is touched.
    """
    try:
        with held(data_dir):
            _end_all(data_dir, with_database=with_database)
    except AlreadyRunning:
        return


def _end_all(data_dir: Path, *, with_database: bool) -> None:
    pids = _running(data_dir)
    for pid in pids:
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(_signal(pid, 0) for pid in pids):
        time.sleep(0.1)
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    if with_database:
        EmbeddedPostgres(data_dir).stop()
    forget_processes(data_dir)


def _running(data_dir: Path) -> list[int]:
    return [int(text) for file in (data_dir / "run").glob("*.pid") if (text := file.read_text().strip())]


def _signal(pid: int, number: int) -> bool:
    """Signal a process group; whether it was there."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    execute(Path(sys.argv[1]), with_database="--database" in sys.argv[2:])
