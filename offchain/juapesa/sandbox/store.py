"""What a sandbox must not forget, in one SQLite file, or in memory alone.

Documents are JSON under (space, key). Writes gather until ``commit``, so that a balance and the
order that moved it reach the disk together.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Store:
    """A document table. ``path`` None keeps everything in memory."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            path or ":memory:",
            isolation_level=None,
            check_same_thread=False,  # one event loop uses it, whichever thread that runs in
        )
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.execute(
            "create table if not exists document"
            " (space text, key text, body text, primary key (space, key)) without rowid"
        )
        self._waiting: dict[tuple[str, str], Document | None] = {}

    def load(self, space: str) -> dict[str, Document]:
        """Every document of a space, in no particular order."""
        rows = self._db.execute("select key, body from document where space = ?", (space,))
        return {key: json.loads(body) for key, body in rows}

    def put(self, space: str, key: str, document: Document) -> None:
        """Remember this document at the next commit."""
        self._waiting[space, key] = document

    def drop(self, space: str, key: str) -> None:
        """Forget this document at the next commit."""
        self._waiting[space, key] = None

    def commit(self) -> None:
        """Write what waits, all or nothing."""
        if not self._waiting:
            return
        kept = [(*at, json.dumps(body)) for at, body in self._waiting.items() if body is not None]
        gone = [at for at, body in self._waiting.items() if body is None]
        self._db.execute("begin")
        self._db.executemany("insert or replace into document values (?, ?, ?)", kept)
        self._db.executemany("delete from document where space = ? and key = ?", gone)
        self._db.execute("commit")
        self._waiting.clear()

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self.commit()
        self._db.close()
