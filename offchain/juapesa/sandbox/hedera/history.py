"""What consensus has decided, and how much of it the mirror node has seen.

Every block becomes visible to readers some seconds after it was made, in order: that is the lag of
a mirror node, from which the relay reads too.
"""

import random
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from juapesa.sandbox.hedera.envelope import Envelope

SUCCESS = "SUCCESS"


@dataclass(slots=True)
class Executed:
    """A transaction that was executed, whether it succeeded or reverted.

    ``evm`` and ``receipt`` are anvil's (tinybar); ``hash`` is the one the client knows. ``error`` is
    the revert data as 0x-hex, or the name of what went wrong.
    """

    hash: str
    envelope: Envelope | None
    evm: dict[str, Any]
    receipt: dict[str, Any]
    block: int
    index: int
    consensus: int
    result: str = SUCCESS
    error: str | None = None
    output: str = "0x"
    logs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sender(self) -> str:
        return str(self.evm["from"])

    @property
    def to(self) -> str | None:
        return self.evm.get("to")

    @property
    def created(self) -> str | None:
        """The contract that the transaction itself created."""
        return self.receipt.get("contractAddress")

    @property
    def gas_used(self) -> int:
        return int(self.receipt["gasUsed"], 16)


@dataclass(slots=True)
class Block:
    """A record file as a block. ``first`` and ``last`` are its consensus timestamps."""

    number: int
    hash: str
    parent: str
    timestamp: int
    first: int
    last: int
    gas_used: int
    bloom: str
    size: int
    visible_at: float
    transactions: list[Executed] = field(default_factory=list)


@dataclass(slots=True)
class Lag:
    """Seconds between consensus and the mirror, drawn evenly, and a stall of the mirror."""

    low: float
    high: float
    draw: random.Random
    stalled_at: float = 0.0
    stalled_until: float = 0.0

    def visible_at(self) -> float:
        """When a block made now will be seen, on the monotonic clock."""
        return time.monotonic() + self.draw.uniform(self.low, self.high)

    def stall(self, seconds: float) -> None:
        """Show nothing new for so long."""
        now = time.monotonic()
        if now >= self.stalled_until:
            self.stalled_at = now
        self.stalled_until = max(self.stalled_until, now + seconds)

    def now(self) -> float:
        """The moment whose view readers are given."""
        now = time.monotonic()
        return self.stalled_at if now < self.stalled_until else now


class History:
    """Blocks in order, and every transaction by its hashes."""

    def __init__(self, lag: Lag) -> None:
        self.lag = lag
        self.blocks: list[Block] = []
        self._visible_at: list[float] = []
        self._executed: dict[str, Executed] = {}
        self._in_order: list[Executed] = []
        self.on_block: list[Callable[[Block], None]] = []
        self._blocks_by_hash: dict[str, Block] = {}
        self.with_logs: dict[str, list[Executed]] = defaultdict(list)  # by the address that logged
        self._created: dict[str, Executed] = {}  # by the contract
        self._signed: dict[str, Executed] = {}  # by the sender, the first that it signed

    def add(self, block: Block) -> None:
        """Append the next block."""
        assert block.number == len(self.blocks), "no gaps"
        block.visible_at = max(block.visible_at, self._visible_at[-1] if self._visible_at else 0.0)
        self.blocks.append(block)
        self._visible_at.append(block.visible_at)
        self._blocks_by_hash[block.hash] = block
        for executed in block.transactions:
            self._executed[executed.hash] = executed
            self._in_order.append(executed)
            for address in {log["address"] for log in executed.logs}:
                self.with_logs[address].append(executed)
            if executed.created is not None and executed.result == SUCCESS:
                self._created[executed.created] = executed
            if executed.envelope is not None:
                self._signed.setdefault(executed.sender, executed)
        for tell in self.on_block:
            tell(block)

    def head(self) -> Block:
        """The newest block that the mirror shows."""
        return self.blocks[max(0, bisect_right(self._visible_at, self.lag.now()) - 1)]

    def at(self, number: int) -> Block | None:
        """A block that the mirror shows."""
        return self.blocks[number] if 0 <= number <= self.head().number else None

    def by_hash(self, block_hash: str) -> Block | None:
        """A block that the mirror shows."""
        found = self._blocks_by_hash.get(block_hash)
        return found if found is not None and found.number <= self.head().number else None

    def executed(self, tx_hash: str) -> Executed | None:
        """A transaction that the mirror shows."""
        return self._shown(self._executed.get(tx_hash))

    def at_time(self, consensus: int) -> Executed | None:
        """The transaction of this consensus time, in nanoseconds, where the mirror shows it."""
        place = bisect_left(self._in_order, consensus, key=lambda each: each.consensus)
        found = self._in_order[place] if place < len(self._in_order) else None
        return self._shown(found) if found is not None and found.consensus == consensus else None

    def creation(self, address: str) -> Executed | None:
        """The transaction that itself created this contract, where the mirror shows one."""
        return self._shown(self._created.get(address))

    def key(self, address: str) -> bytes | None:
        """The public key of an account that has signed what the mirror shows; 33 bytes."""
        found = self._shown(self._signed.get(address))
        return None if found is None or found.envelope is None else found.envelope.key

    def transactions(self) -> list[Executed]:
        """Every transaction that the mirror shows, oldest first."""
        head = self.head().number
        return self._in_order[: bisect_right(self._in_order, head, key=lambda each: each.block)]

    def _shown(self, executed: Executed | None) -> Executed | None:
        return executed if executed is not None and executed.block <= self.head().number else None

    def decided(self, tx_hash: str) -> Executed | None:
        """A transaction that consensus has executed, whether or not the mirror shows it."""
        return self._executed.get(tx_hash)
