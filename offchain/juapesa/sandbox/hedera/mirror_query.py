"""Query strings, pages and limits of the mirror node's REST API.

Sources: hedera-docs openapi.yaml; hiero-mirror-node docs/configuration.md (maxTimestampRange 7d, response
limits 25 and 100); public mainnet mirror: 50 requests a second for one address.
"""

import operator
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

from juapesa.sandbox.hedera.consensus import NANOS, nanoseconds_of, stamp
from juapesa.sandbox.hedera.mirror_values import faults_of
from juapesa.sandbox.hedera.refusals import SEVEN_DAYS_SECONDS
from juapesa.sandbox.wire import Refusal

LIMIT = 25
LIMIT_MAX = 100
ADDRESSES_MAX = 10_000

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_TRANSACTION_ID = re.compile(r"[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,10}-[0-9]{1,19}-[0-9]{1,9}", re.ASCII)
T = TypeVar("T")


def refuse(status: int, message: str, detail: str = "") -> Refusal:
    """The mirror node's error body."""
    return _refusal(status, [{"message": message, **({"detail": detail} if detail else {})}])


def _refusal(status: int, messages: list[dict[str, str]]) -> Refusal:
    return Refusal(status, {"_status": {"messages": messages}})


def not_found() -> Refusal:
    return refuse(404, "Not found")


def invalid(name: str) -> Refusal:
    return refuse(400, f"Invalid parameter: {name}")


def check_transaction_id(text: str) -> None:
    """Raises Refusal when a path names no transaction as ``0.0.N-seconds-nanos``."""
    if not _TRANSACTION_ID.fullmatch(text):
        raise refuse(
            400,
            'Invalid Transaction id. Please use "shard.realm.num-sss-nnn" format where sss are seconds '
            "and nnn are nanoseconds",
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """``gte:5``"""

    name: str
    value: int

    def allows(self, value: int) -> bool:
        return _COMPARE[self.name](value, self.value)


class Query:
    """The parameters of one request; a parameter that the endpoint does not know is refused.

    ``limit``: how many rows a page has when nothing is said, and at most.
    """

    def __init__(
        self,
        request: Request,
        known: Iterable[str],
        *,
        order: str = "desc",
        limit: tuple[int, int] = (LIMIT, LIMIT_MAX),
    ) -> None:
        self._path = request.url.path
        self._given = list(request.query_params.multi_items())
        allowed = {"limit", "order", *known}
        if faults := faults_of(self._given, allowed, self._path.rpartition("/")[2]):
            raise _refusal(400, [{"message": each} for each in faults])
        usual, most = limit
        self.limit = min(int(self.text("limit") or usual), most)
        self.descending = (self.text("order") or order).lower() == "desc"

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._given if key == name]

    def text(self, name: str) -> str | None:
        """The last value, without ``eq:``."""
        values = self.all(name)
        return values[-1].removeprefix("eq:") if values else None

    def flag(self, name: str) -> bool:
        """True unless it is said to be false."""
        return (self.text(name) or "true").lower() == "true"

    def numbers(self, name: str) -> list[Bound]:
        return self.bounds(name, lambda text: int(text, 16 if text.startswith("0x") else 10))

    def bounds(self, name: str, read: Callable[[str], int]) -> list[Bound]:
        """As ``numbers``, by a reader that raises ValueError."""
        return [self._bound(name, each, read) for each in self.all(name)]

    def times(self, name: str = "timestamp") -> list[Bound]:
        """Bounds in nanoseconds; together they span seven days at most. Raises Refusal."""
        bounds = [self._bound(name, each, nanoseconds_of) for each in self.all(name)]
        lower = [each.value for each in bounds if each.name in ("gt", "gte")]
        upper = [each.value for each in bounds if each.name in ("lt", "lte")]
        if lower and upper and not 0 <= min(upper) - max(lower) <= SEVEN_DAYS_SECONDS * NANOS:
            raise refuse(400, "Timestamp range by the lower and upper bounds must be positive and within 7d")
        return bounds

    def bounded(self) -> bool:
        """Whether the timestamps given are a range with both ends, or one instant."""
        names = {each.name for each in self.times()}
        return "eq" in names or bool(names & {"gt", "gte"} and names & {"lt", "lte"})

    def page(
        self, rows: Iterable[T], place: Callable[[T], tuple[tuple[str, str], ...]]
    ) -> tuple[list[T], str | None]:
        """Cut to the limit; the link to the next page, or None. ``rows`` come in the asked order.

        ``place`` says where a row stands as the parameters of the next page, for example
        ``(("timestamp", "5.1"),)``; the last is exclusive, one before it inclusive.
        """
        found: list[T] = []
        for row in rows:
            if len(found) == self.limit:
                return found, self._next(place(found[-1]))
            found.append(row)
        return found, None

    def ordered(self, rows: list[T]) -> list[T]:
        """Rows in ascending order, turned as asked."""
        return rows[::-1] if self.descending else rows

    def _next(self, place: tuple[tuple[str, str], ...]) -> str:
        beyond = "lt" if self.descending else "gt"
        names = {name for name, _ in place}
        side = (f"{beyond}:", f"{beyond}e:")
        kept = [
            (name, value) for name, value in self._given if name not in names or not value.startswith(side)
        ]
        *shared, last = place
        moved = [(name, f"{beyond}e:{value}") for name, value in shared] + [(last[0], f"{beyond}:{last[1]}")]
        return f"{self._path}?{urlencode([*kept, *moved], safe=':')}"

    @staticmethod
    def _bound(name: str, text: str, read: Callable[[str], int]) -> Bound:
        word, colon, value = text.partition(":")
        if not colon:
            word, value = "eq", text
        try:
            if word in _COMPARE:
                return Bound(word, read(value))
        except ValueError:
            pass
        raise invalid(name)


def path_time(request: Request) -> int:
    """The consensus time in a path, in nanoseconds. Raises Refusal."""
    try:
        return nanoseconds_of(str(request.path_params["timestamp"]))
    except ValueError:
        raise invalid("timestamp") from None


def within(bounds: list[Bound], value: int) -> bool:
    """Whether a value satisfies every bound."""
    return all(each.allows(value) for each in bounds)


def beyond(times: list[Bound], indexes: list[Bound], at: int, index: int) -> bool:
    """Whether (at, index) lies beyond a cursor: a bound on the index counts only in its instant."""
    return within(times, at) and all(
        each.allows(index)
        for each in indexes
        if at in (time.value for time in times if time.name in ("eq", each.name[:2] + "e"))
    )


class RateLimit:
    """So many requests in any second for one address."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seen: dict[str, deque[float]] = {}

    def check(self, address: str, most: int) -> None:
        """Raises Refusal with 429."""
        now = self._now()
        if len(self._seen) > ADDRESSES_MAX:
            self._seen.clear()
        seen = self._seen.setdefault(address, deque())
        while seen and seen[0] <= now - 1.0:
            seen.popleft()
        if most and len(seen) >= most:
            raise refuse(429, "Too many requests")
        seen.append(now)


def timestamp(nanoseconds: int) -> tuple[tuple[str, str], ...]:
    """A place in a list by consensus time."""
    return (("timestamp", stamp(nanoseconds)),)
