"""Counters of one process, in Prometheus' text format."""

import threading
from collections import Counter
from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]


class Counters:
    """Counts by name and labels; safe to use from several threads.

    Label values come from a small known set: never from a request's text.
    """

    def __init__(self, help_lines: Mapping[str, str]) -> None:
        self._help = help_lines
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, **labels: str) -> None:
        """Count one more. The name must have been declared."""
        assert name in self._help, f"undeclared counter {name}"
        with self._lock:
            self._counts[name, tuple(sorted(labels.items()))] += 1

    def value(self, name: str, **labels: str) -> int:
        """The count so far."""
        with self._lock:
            return self._counts[name, tuple(sorted(labels.items()))]

    def render(self) -> str:
        """Prometheus' text exposition format 0.0.4."""
        with self._lock:
            counts = sorted(self._counts.items())
        lines: list[str] = []
        for name, help_line in self._help.items():
            lines += [f"# HELP {name} {help_line}", f"# TYPE {name} counter"]
            lines += [f"{name}{_shown(labels)} {count}" for (own, labels), count in counts if own == name]
        return "\n".join(lines) + "\n"


def _shown(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
