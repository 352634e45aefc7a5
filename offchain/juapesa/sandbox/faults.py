"""Faults on demand: what may go wrong, told to a sandbox over its control port."""

import itertools
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from juapesa.clock import Clock
from juapesa.errors import InvalidInput, NotFound

FAULTS_MAX = 1_000
SECONDS_MAX = 3_600.0
ANSWER_SECONDS = 30.0  # how long an answer that never comes keeps the connection

# Refused at the door: nothing is read, nothing is accepted.
AT_THE_DOOR = frozenset({"outage", "rate-limit"})
ORDER_FAULTS = frozenset(
    {
        "reject",
        "silent",
        "late",
        "duplicate",
        "lost",
        "reorder",
        "outage",
        "rate-limit",
        "timeout-after-accept",
        "forge",
    }
)
ASK_FAULTS = frozenset({"reject", "silent", "late", "lost", "outage", "rate-limit", "timeout-after-accept"})
TOKEN_FAULTS = frozenset({"reject", "late", "outage", "rate-limit", "timeout-after-accept"})
CALLBACK_FAULTS = frozenset({"late", "duplicate", "lost", "reorder", "forge"})

_DIGITS = re.compile(r"\D")


@dataclass
class Fault:
    """``count`` None: until taken away. ``seconds``: the wait, or for an outage its length."""

    id: str
    on: str
    fault: str
    count: int | None = None
    phone: str | None = None
    seconds: float | None = None
    code: str = ""
    until: float | None = None
    hits: int = 0

    def wait(self, usual: float) -> float:
        """The wait in seconds that was asked for, or the usual one."""
        return usual if self.seconds is None else self.seconds

    def concerns(self, phone: str | None, now: float) -> bool:
        """Whether it is still on and speaks of this phone."""
        if self.until is not None and now >= self.until:
            return False
        return self.phone is None or (phone is not None and digits(phone) == self.phone)


class FaultBoard:
    """The faults of one operator. ``allowed`` says which faults mean something where."""

    def __init__(self, allowed: dict[str, frozenset[str]], clock: Clock) -> None:
        self._allowed = allowed
        self._clock = clock
        self._faults: dict[str, Fault] = {}
        self._numbers = itertools.count(1)

    def add(self, body: Any) -> Fault:
        """Set a fault from a control request. Raises InvalidInput naming what is wrong."""
        if not isinstance(body, dict) or body.keys() - {"on", "fault", "count", "phone", "seconds", "code"}:
            raise InvalidInput("Send an object with on, fault and perhaps count, phone, seconds, code.")
        on, fault = str(body.get("on")), str(body.get("fault"))
        if on not in self._allowed:
            raise InvalidInput(f"'on' is one of {', '.join(sorted(self._allowed))}.")
        if fault not in self._allowed[on]:
            raise InvalidInput(f"On {on} a fault is one of {', '.join(sorted(self._allowed[on]))}.")
        if len(self._faults) >= FAULTS_MAX:
            raise InvalidInput("Too many faults are set; delete some.")
        made = Fault(
            id=f"f{next(self._numbers)}",
            on=on,
            fault=fault,
            count=_count(body.get("count")),
            phone=digits(str(body["phone"])) if body.get("phone") else None,
            seconds=_seconds(body.get("seconds")),
            code=str(body.get("code") or ""),
        )
        if fault in AT_THE_DOOR and made.seconds is not None:
            made.until = self._now() + made.seconds
        self._faults[made.id] = made
        return made

    def take(self, on: str, phone: str | None, among: Collection[str]) -> Fault | None:
        """The oldest fault of these kinds that concerns the request; using it counts it down."""
        now = self._now()
        for fault in self._faults.values():
            if fault.on == on and fault.fault in among and fault.concerns(phone, now):
                return self._use(fault)
        return None

    def at_the_door(self, on: str, phone: str | None) -> Fault | None:
        """A fault that refuses the request before it is read."""
        return self.take(on, phone, AT_THE_DOOR)

    def inside(self, on: str, phone: str | None) -> Fault | None:
        """A fault that lets the request in and spoils what follows."""
        return self.take(on, phone, self._allowed[on] - AT_THE_DOOR)

    def list(self) -> list[dict[str, Any]]:
        """Every fault that is set."""
        return [asdict(fault) for fault in self._faults.values()]

    def get(self, fault_id: str) -> dict[str, Any]:
        """One fault. Raises NotFound."""
        if fault_id not in self._faults:
            raise NotFound("No such fault; it may have been used up.")
        return asdict(self._faults[fault_id])

    def remove(self, fault_id: str | None = None) -> None:
        """Take one fault away, or all of them. Raises NotFound."""
        if fault_id is None:
            self._faults.clear()
            return
        self.get(fault_id)
        del self._faults[fault_id]

    def _use(self, fault: Fault) -> Fault:
        fault.hits += 1
        if fault.count is not None and fault.hits >= fault.count:
            del self._faults[fault.id]
        return fault

    def _now(self) -> float:
        return self._clock.now().timestamp()


def digits(phone: str) -> str:
    """A phone number without anything but its digits."""
    return _DIGITS.sub("", phone)


def _count(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= 1_000_000:
        raise InvalidInput("'count' is a whole number from 1, or null for until it is deleted.")
    return value


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= SECONDS_MAX:
        raise InvalidInput(f"'seconds' is a number from 0 to {SECONDS_MAX:.0f}.")
    return float(value)
