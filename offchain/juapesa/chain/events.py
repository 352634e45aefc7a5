"""Our contracts' events in the chain's order, from a position on: by block on any chain, by time on Hedera.

A position is a whole number that only grows with the chain: a block's number, or a consensus time in
nanoseconds, which on Hedera belongs to one transaction alone. Readers keep it and go on from there. What lies
shortly before it is read again each time, for a mirror may show a log late; whoever reads knows what it has
had. Logs come in JSON-RPC's form, both ways.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from juapesa.chain.deployments import Deployment
from juapesa.chain.mirror_node import NANOS, MirrorNode, MirrorUnreachable, nanoseconds, stamp
from juapesa.chain.rpc import ChainBehind, Frozen, Rpc
from juapesa.config import ChainSettings

BLOCKS_AT_ONCE = 1_000  # Hedera's relays refuse more
OVERLAP_BLOCKS = 4
SPAN_NANOS_MAX = 7 * 86_400 * NANOS  # a mirror refuses more between two bounds
OVERLAP_NANOS = 30 * NANOS  # a public mirror is several, seconds apart

Log = dict[str, Any]


class Sight(Protocol):
    """The chain as it is shown at one moment, up to the position ``end``."""

    @property
    def end(self) -> int: ...

    async def after(self, done: int, until: int) -> tuple[list[Log], int]:
        """Events after ``done`` (and shortly before it), and up to where they reach: ``until`` at most."""
        ...


class Events(Protocol):
    """A reader. ``cursor`` names the kind of position on record, ``overlap`` is what is read again."""

    @property
    def cursor(self) -> str: ...

    @property
    def overlap(self) -> int: ...

    async def begin(self) -> int:
        """The position before the first event that there can be."""
        ...

    async def sight(self, not_before: int = 0) -> Sight:
        """Raises ChainBehind when less is shown than ``not_before``, and where nobody answers."""
        ...

    def position(self, log: Log) -> int: ...

    def told(self, position: int) -> str:
        """A position in words."""
        ...


@dataclass(frozen=True, slots=True)
class BlockSight:
    """A chain at one block."""

    at: Frozen
    events: "BlockEvents"

    @property
    def end(self) -> int:
        return self.at.block

    async def after(self, done: int, until: int) -> tuple[list[Log], int]:
        """A thousand blocks at most."""
        first = max(done + 1 - OVERLAP_BLOCKS, self.events.deployment.first_block)
        last = min(first + BLOCKS_AT_ONCE - 1, until)
        return await self.at.logs(list(self.events.deployment.contracts), first, last), last


@dataclass(frozen=True)
class BlockEvents:
    """By block, from any node."""

    rpc: Rpc
    deployment: Deployment
    cursor: str = "mirror"
    overlap: int = OVERLAP_BLOCKS

    async def begin(self) -> int:
        return self.deployment.first_block - 1

    async def sight(self, not_before: int = 0) -> BlockSight:
        return BlockSight(await self.rpc.freeze(not_before), self)

    def position(self, log: Log) -> int:
        return int(log["blockNumber"], 16)

    def told(self, position: int) -> str:
        return f"block {position}"


@dataclass(frozen=True, slots=True)
class ConsensusSight:
    """A mirror at the end of its newest block: it takes blocks in whole and in order."""

    end: int
    events: "ConsensusEvents"

    async def after(self, done: int, until: int) -> tuple[list[Log], int]:
        """Seven days at most."""
        first = max(done + 1 - OVERLAP_NANOS, await self.events.begin() + 1)
        last = min(max(first, done + 1) + SPAN_NANOS_MAX - OVERLAP_NANOS, until)
        return await self.events.between(first, last), last


@dataclass(frozen=True)
class ConsensusEvents:
    """By consensus time, from a mirror node's REST API. Raises MirrorUnreachable besides."""

    mirror: MirrorNode
    deployment: Deployment
    cursor: str = "mirror-consensus"
    overlap: int = OVERLAP_NANOS
    _begin: list[int] = field(default_factory=list)

    async def begin(self) -> int:
        if not self._begin:
            self._begin.append(await asyncio.to_thread(self._first_instant) - 1)
        return self._begin[0]

    async def sight(self, not_before: int = 0) -> ConsensusSight:
        await self.begin()  # a mirror that does not have our contracts has no events to tell
        end = await asyncio.to_thread(self.mirror.newest)
        if end < not_before:
            raise ChainBehind(f"The mirror shows {stamp(end)}; {stamp(not_before)} was seen before.")
        return ConsensusSight(end, self)

    def position(self, log: Log) -> int:
        found: int = log["consensus"]
        return found

    def told(self, position: int) -> str:
        return stamp(position)

    async def between(self, first: int, last: int) -> list[Log]:
        """The logs of our contracts in this time, both ends included."""
        contracts = self.deployment.contracts
        found = await asyncio.gather(*(asyncio.to_thread(self._of, each, first, last) for each in contracts))
        return sorted((log for logs in found for log in logs), key=_place)

    def _of(self, contract: str, first: int, last: int) -> list[Log]:
        path = f"/contracts/{contract}/results/logs"
        span = (f"gte:{stamp(first)}", f"lte:{stamp(last)}")
        try:
            return [_as_json_rpc(row, contract) for row in self.mirror.rows(path, "logs", timestamp=span)]
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise MirrorUnreachable(
                f"What answers at {self.mirror.url} is no mirror node ({path})."
            ) from fault

    def _first_instant(self) -> int:
        """When the block of our first contract began. Raises ChainBehind while not all are shown."""
        began = self.mirror.block_began(self.deployment.first_block)
        known = [self.mirror.get(f"/contracts/{each}") for each in self.deployment.contracts]
        if began is None or None in known:
            raise ChainBehind(f"The mirror at {self.mirror.url} does not show our contracts.")
        return began


def _as_json_rpc(row: dict[str, Any], contract: str) -> Log:
    """A mirror's log. Its address may be of either form (number or alias); whose it is was asked for."""
    return {
        "address": contract,
        "topics": [str(topic) for topic in row["topics"]],
        "data": str(row["data"]),
        "blockNumber": hex(row["block_number"]),
        "transactionIndex": hex(row["transaction_index"]),
        "transactionHash": str(row["transaction_hash"]).lower(),
        "logIndex": hex(row["index"]),
        "consensus": nanoseconds(row["timestamp"]),
    }


def _place(log: Log) -> tuple[int, int]:
    return log["consensus"], int(log["logIndex"], 16)


@contextmanager
def open_events(settings: ChainSettings, rpc: Rpc, deployment: Deployment) -> Iterator[Events]:
    """By consensus time where the settings name a mirror node, else by block."""
    if settings.mirror_url is None:
        yield BlockEvents(rpc, deployment)
        return
    with closing(MirrorNode(settings.mirror_url)) as mirror:
        yield ConsensusEvents(mirror, deployment)
