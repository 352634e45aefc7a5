"""eth_getLogs and the filters, with the relay's limits.

Sources: hiero-json-rpc-relay CommonService.validateBlockRangeAndAddTimestampToParams and
FilterService.ts; docs/configuration.md (ETH_GET_LOGS_BLOCK_RANGE_LIMIT, MAX_BLOCK_RANGE, FILTER_TTL).
"""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from juapesa.sandbox.hedera import refusals
from juapesa.sandbox.hedera.consensus import NANOS, stamp
from juapesa.sandbox.hedera.history import Block, Executed, History
from juapesa.sandbox.hedera.shapes import log_shape

BLOCK_RANGE_MAX = 1_000
BEYOND_HEAD_MAX = 5
TOPIC_ALTERNATIVES_MAX = 100
FILTER_SECONDS = 300.0
FILTERS_MAX = 1_000
NEWEST = ("latest", "pending", "safe", "finalized")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which logs: of these addresses (None: of any), with these topics (None: any in its place)."""

    addresses: tuple[str, ...] | None
    topics: tuple[tuple[str, ...] | None, ...]

    @classmethod
    def read(cls, request: dict[str, Any]) -> "Wanted":
        """From a filter object. Raises RpcFault."""
        address = request.get("address")
        listed = [address] if isinstance(address, str) else address
        if listed is not None and not (isinstance(listed, list) and all(map(_is_address, listed))):
            raise refusals.invalid_parameter("'address' for FilterObject", "Expected an address or several")
        topics = request.get("topics") or []
        if not isinstance(topics, list) or len(topics) > 4:
            raise refusals.invalid_parameter("'topics' for FilterObject", "Expected an array of topics")
        addresses = tuple(each.lower() for each in listed) if listed else None
        return cls(addresses, tuple(_alternatives(at, each) for at, each in enumerate(topics)))

    def fits(self, log: dict[str, Any]) -> bool:
        if self.addresses is not None and log["address"] not in self.addresses:
            return False
        found: list[str] = log["topics"]
        return len(found) >= len(self.topics) and all(
            wanted is None or found[at] in wanted for at, wanted in enumerate(self.topics)
        )


def get_logs(history: History, request: dict[str, Any]) -> list[dict[str, Any]]:
    """``eth_getLogs``. An unknown block, or one just beyond the head, gives no logs. Raises RpcFault."""
    wanted = Wanted.read(request)
    if (block_hash := request.get("blockHash")) is not None:
        if request.get("fromBlock") is not None or request.get("toBlock") is not None:
            raise refusals.invalid_parameter(0, "Can't use both blockHash and toBlock/fromBlock")
        block = history.by_hash(str(block_hash).lower())
        return [] if block is None else list(_logs_between(history, block, block, wanted))
    between = _range(history, request.get("fromBlock"), request.get("toBlock"), wanted)
    return [] if between is None else list(_logs_between(history, *between, wanted))


def block_number(text: object, head: int) -> int:
    """A block tag or number. Raises RpcFault."""
    if text is None or text in NEWEST:
        return head
    if text == "earliest":
        return 0
    if not isinstance(text, str) or not text.startswith("0x"):
        raise refusals.invalid_parameter(0, "Expected a block tag or a hexadecimal block number")
    try:
        return int(text, 16)
    except ValueError:
        raise refusals.invalid_parameter(0, "Expected a hexadecimal block number") from None


def _range(history: History, first: object, last: object, wanted: Wanted) -> tuple[Block, Block] | None:
    head = history.head().number
    to_number = block_number(last, head)
    if first is None and last is not None and to_number != head:
        raise refusals.missing_from_block()
    from_number = block_number(first, head)
    if to_number > head + BEYOND_HEAD_MAX:
        raise refusals.beyond_head(to_number, head)
    from_block, to_block = history.at(from_number), history.at(to_number)
    if from_block is None or to_block is None:
        return None
    if from_number != to_number:
        _allowed(from_block, to_block, wanted)
    return from_block, to_block


def _allowed(first: Block, last: Block, wanted: Wanted) -> None:
    if last.last - first.first > refusals.SEVEN_DAYS_SECONDS * NANOS:
        raise refusals.time_range_too_large(first.number, stamp(first.first), last.number, stamp(last.last))
    if first.number > last.number:
        raise refusals.invalid_block_range()
    one_address = wanted.addresses is not None and len(wanted.addresses) == 1
    if not one_address and last.number - first.number > BLOCK_RANGE_MAX:
        raise refusals.block_range_too_large(BLOCK_RANGE_MAX)


def _logs_between(history: History, first: Block, last: Block, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for executed in _candidates(history, first, last, wanted):
        yield from (log_shape(log, executed) for log in executed.logs if wanted.fits(log))


def _candidates(history: History, first: Block, last: Block, wanted: Wanted) -> Iterator[Executed]:
    if wanted.addresses is not None and len(wanted.addresses) == 1:
        yield from (
            each
            for each in history.with_logs.get(wanted.addresses[0], ())
            if first.number <= each.block <= last.number
        )
        return
    for block in history.blocks[first.number : last.number + 1]:
        yield from block.transactions


def _alternatives(at: int, topic: Any) -> tuple[str, ...] | None:
    if topic is None:
        return None
    listed = topic if isinstance(topic, list) else [topic]
    if len(listed) > TOPIC_ALTERNATIVES_MAX:
        raise refusals.invalid_parameter(at, f"Topic {at} exceeds maximum nested length of 100")
    if not all(isinstance(each, str) and each.startswith("0x") for each in listed):
        raise refusals.invalid_parameter(at, f"Topic {at} is not a valid hex string")
    return tuple("0x" + each[2:].lower().rjust(64, "0") for each in listed)


def _is_address(value: object) -> bool:
    if not isinstance(value, str) or len(value) != 42 or not value.startswith("0x"):
        return False
    return all(letter in "0123456789abcdefABCDEF" for letter in value[2:])


@dataclass(slots=True)
class Filter:
    """``request`` None: a filter of new blocks. ``next`` is the first block not told of yet."""

    request: dict[str, Any] | None
    next: int
    expires_at: float


class Filters:
    """Filters are forgotten five minutes after they were last asked."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._filters: dict[str, Filter] = {}

    def logs(self, request: dict[str, Any]) -> str:
        """A new filter of logs; its id. Raises RpcFault."""
        Wanted.read(request)
        head = self._history.head().number
        first = block_number(request.get("fromBlock"), head)
        if first > block_number(request.get("toBlock"), head):
            raise refusals.invalid_block_range()
        return self._add({**request, "fromBlock": hex(first)}, first)

    def blocks(self) -> str:
        """A new filter of blocks; its id."""
        return self._add(None, self._history.head().number + 1)

    def forget(self, filter_id: object) -> bool:
        """Whether there was such a filter."""
        return self._filters.pop(str(filter_id), None) is not None

    def everything(self, filter_id: object) -> list[dict[str, Any]]:
        """All logs that fit. Raises RpcFault."""
        found = self._get(filter_id)
        if found.request is None:
            raise refusals.filter_not_found()
        return get_logs(self._history, found.request)

    def changes(self, filter_id: object) -> list[Any]:
        """What is new since the last time: logs, or the hashes of blocks. Raises RpcFault."""
        found, head = self._get(filter_id), self._history.head().number
        if found.next > head:
            return []
        first, found.next = found.next, head + 1
        if found.request is None:
            return [block.hash for block in self._history.blocks[first : head + 1]]
        return get_logs(self._history, {**found.request, "fromBlock": hex(first)})

    def _add(self, request: dict[str, Any] | None, first: int) -> str:
        now = time.monotonic()
        self._filters = {name: each for name, each in self._filters.items() if each.expires_at > now}
        if len(self._filters) >= FILTERS_MAX:
            raise refusals.rate_limited("eth_newFilter")
        filter_id = "0x" + secrets.token_hex(16)
        self._filters[filter_id] = Filter(request, first, now + FILTER_SECONDS)
        return filter_id

    def _get(self, filter_id: object) -> Filter:
        found = self._filters.get(str(filter_id))
        if found is None or found.expires_at < time.monotonic():
            raise refusals.filter_not_found()
        found.expires_at = time.monotonic() + FILTER_SECONDS
        return found
