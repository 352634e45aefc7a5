"""The processes that a trial starts, and what they cost."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

WORD_SECONDS_MAX = 120.0
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class WriterChild:
    """A writer process, started and ended by its trial; without a port on a socket in ``folder``."""

    def __init__(self, url: str, folder: Path, *, port: int = 0, token: str = "") -> None:
        self._url = url
        self._folder = folder
        self.port = port
        self._token = token
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def kept_pid(self) -> int:
        """The writer that a keeper (``--keep``) has now."""
        [found] = children_of(self.pid)
        return found

    def start(self, *options: str) -> None:
        """Start it and wait until it listens."""
        self._launch(*options)
        self.expect(b"listens")

    def stand_by(self, *options: str) -> None:
        """Start it beside a running writer, and wait until it would follow that one."""
        self._launch("--stand-by", *options)
        self.expect(b"stands by")

    def expect(self, word: bytes, seconds: float = WORD_SECONDS_MAX) -> None:
        """Wait until it says this. Raises RuntimeError when it ends first, TimeoutError."""
        deadline = time.monotonic() + seconds
        said: list[bytes] = []
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(b"".join(said)[-2000:].decode()) from None
            if line is None:
                raise RuntimeError(f"the writer does not run: {b''.join(said)[-2000:].decode()}")
            if word in line:
                return
            said.append(line)

    def forget(self) -> None:
        """Take no account of what it has said so far."""
        while not self._lines.empty():
            self._lines.get()

    def _launch(self, *options: str) -> None:
        command = [sys.executable, "-m", "juapesa.cli", "ledger", "serve"]
        command += ["--port", str(self.port)] if self.port else []
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
        self._lines: queue.Queue[bytes | None] = queue.Queue()  # None: it has closed its mouth
        threading.Thread(target=_listen, args=(self._process, self._lines), daemon=True).start()

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it, with its keeper if it has one."""
        writers = children_of(self.pid)
        self.signal(signal.SIGKILL)
        for each in writers:
            with contextlib.suppress(ProcessLookupError):  # it ends with its keeper
                os.kill(each, signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float | None = None) -> int:
        """Reap it; its exit status, a negative signal number when it was killed."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> None:
        """Let it finish what is queued, and end."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self.wait()


def _listen(process: subprocess.Popen[bytes], lines: "queue.Queue[bytes | None]") -> None:
    assert process.stderr is not None
    with process.stderr as said:
        for line in said:
            lines.put(line)
    lines.put(None)


def children_of(pid: int) -> list[int]:
    """The processes that it has started and that still run. Linux only."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [each for each in numbers if _parent(each) == pid]


def cpu_seconds(pid: int, *, children: bool = False) -> float:
    """CPU that a process has used, with ``children`` also theirs, living or ended. Linux only."""
    own = _ticks(pid, ended_children=children)
    if children:
        own += sum(_ticks(each, ended_children=False) for each in children_of(pid))
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
