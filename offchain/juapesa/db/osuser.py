"""The operating system user under which the embedded PostgreSQL runs.

PostgreSQL refuses to run as root. Started by root (a container, a build machine) the server
gets an account of its own; started by anybody else it runs as that person.
"""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypedDict

ACCOUNT = "juapesa-pg"


class ProcessIdentity(TypedDict, total=False):
    """Arguments for ``subprocess`` that change who a child runs as."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A user and its group, by number."""

    uid: int
    gid: int

    @classmethod
    def choose(cls) -> Self:
        """Ourselves; for root an account made for the purpose, or ``nobody`` where none can be made."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        entry = _account() or pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)

    @classmethod
    def of(cls, path: Path) -> Self:
        """The owner of a folder."""
        found = path.stat()
        return cls(found.st_uid, found.st_gid)

    def own(self, path: Path) -> None:
        """Give a fresh folder to this user and to nobody else."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)

    def as_process(self) -> ProcessIdentity:
        """How to start a child process as this user."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def open_path_for(user: ServerUser, path: Path) -> None:
    """Let another user pass through (not list) the folders above and including ``path``.

    Only root ever needs it, for example when the program lies in root's own home.
    """
    if user.uid == os.geteuid():
        return
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH and folder.stat().st_uid != user.uid:
            folder.chmod(mode | stat.S_IXOTH)


def _account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return None
    # Two processes may race here; the loser finds the winner's account.
    subprocess.run(
        [useradd, "--system", "--no-create-home", "--shell", "/bin/false", ACCOUNT],
        check=False,
        capture_output=True,
    )
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None
