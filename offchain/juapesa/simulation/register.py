"""Which of the agents' processes live, as sessions of their own would tell (``juapesa.db.workers``)."""

from dataclasses import dataclass, field


@dataclass
class Register:
    """Numbers of workers, and those that have died."""

    last: int = 0
    dead: list[int] = field(default_factory=list)

    def enlist(self) -> "Enlisted":
        """One more worker."""
        self.last += 1
        return Enlisted(self, self.last)


@dataclass(frozen=True)
class Enlisted:
    """A worker, as the settler sees itself."""

    register: Register
    own: int

    def number(self) -> int:
        return self.own

    def gone(self) -> list[int]:
        return list(self.register.dead)

    def resign(self) -> None:
        """Its process has died."""
        self.register.dead.append(self.own)
