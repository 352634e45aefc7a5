"""A clock that a test owns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class HandClock:
    """Stands still until it is moved."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 9, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        """Let time go by."""
        self.at += timedelta(seconds=seconds)
