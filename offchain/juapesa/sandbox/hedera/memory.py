"""What the network remembers over a restart: anvil's state and ours, written together."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

SAVE_SECONDS_MIN = 5.0
SAVE_SHARE_MAX = 0.02  # saving takes this share of the time at most: a long chain is saved less often


class Memory:
    """One folder. ``network.json`` names the dump of anvil that belongs to it, so both change at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = folder / "network.json"
        self._document: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    @property
    def evm(self) -> Path | None:
        """The dump that anvil is to load."""
        return self._folder / self._document["evm"] if self._document else None

    @property
    def document(self) -> dict[str, Any]:
        """What was saved last; empty for a new network."""
        return self._document

    def save(self, packed_evm: bytes, document: dict[str, Any]) -> None:
        """Write both. A kill in the middle leaves the last pair."""
        before = self.evm
        name = f"evm-{document['height']}.json"
        _write(self._folder / name, gzip.decompress(packed_evm))
        saved = {**document, "evm": name}
        fresh = self._file.with_suffix(".new")
        _write(fresh, json.dumps(saved).encode())
        fresh.replace(self._file)
        self._document = saved
        if before is not None and before.name != name:
            before.unlink(missing_ok=True)


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
