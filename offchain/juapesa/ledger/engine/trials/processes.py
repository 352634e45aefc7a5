"""The processes that a trial starts, and what they cost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class WriterChild:
    """A writer process, started and ended by its trial; without a port on a socket in ``folder``."""

    def __init__(self, url: str, folder: Path, *, port: int = 0, token: str = "") -> None:
        self._url = url
        self._folder = folder
        self._port = port
        self._token = token
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *options: str) -> None:
        """Start it and wait until it listens."""
        self._launch(*options)
        self.expect(b"listens")

    def stand_by(self, *options: str) -> None:
        """Start it beside a running writer, and wait until it would follow that one."""
        self._launch("--stand-by", *options)
        self.expect(b"stands by")

    def expect(self, word: bytes) -> None:
        """Wait until it says this."""
        assert self._process is not None
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        if word not in line:
            rest = line + self._process.stderr.read()
            raise RuntimeError(f"the writer does not start: {rest.decode()[-2000:]}")

    def _launch(self, *options: str) -> None:
        command = [sys.executable, "-m", "juapesa.cli", "ledger", "serve"]
        command += ["--port", str(self._port)] if self._port else []
        self._process = subprocess.Popen(
            [*command, *options],
            env=os.environ
            | {
                "JUA_DATABASE_URL": self._url,
                "JUA_DATA_DIR": str(self._folder),
                "JUA_LEDGER_TOKEN": self._token,
            },
            stderr=subprocess.PIPE,
        )

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self, seconds: float | None = None) -> int:
        """Reap it; its exit status, a negative signal number when it was killed."""
        assert self._process is not None
        status = self._process.wait(seconds)
        if self._process.stderr is not None:
            self._process.stderr.close()
        return status

    def stop(self) -> None:
        """Let it finish what is queued, and end."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self.wait()


def cpu_seconds(pid: int, *, children: bool = False) -> float:
    """CPU that a process has used, with ``children`` also theirs, living or ended. Linux only."""
    own = _ticks(pid, ended_children=children)
    if children:
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and _parent(int(entry.name)) == pid:
                own += _ticks(int(entry.name), ended_children=False)
    return own / TICKS_PER_SECOND


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return []


def _parent(pid: int) -> int:
    found = _fields(pid)
    return int(found[1]) if found else 0


def _ticks(pid: int, *, ended_children: bool) -> int:
    found = _fields(pid)
    return sum(map(int, found[11 : 15 if ended_children else 13])) if found else 0
