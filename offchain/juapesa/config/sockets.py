"""Where the ledger's writer listens: a socket that only its own user may reach."""

import hashlib
import os
import tempfile
from pathlib import Path

from juapesa.config.settings import Settings
from juapesa.errors import Unavailable

SOCKET_PATH_BYTES_MAX = 100  # sun_path holds 104 on macOS, 108 on Linux
_NAME = "ledger.sock"


class SocketFolderTaken(Unavailable):
    """The folder that our socket would lie in is not ours alone."""

    slug = "socket-folder-taken"


def ledger_socket(settings: Settings) -> Path:
    """In the data folder; in one of our own in the temporary folder when that path is too long for a socket.

    Raises SocketFolderTaken.
    """
    path = settings.data_dir.absolute() / _NAME
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"jua-ledger-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SocketFolderTaken(f"{folder} must be a folder of user {os.geteuid()} alone; remove it.")
    return folder / _NAME
