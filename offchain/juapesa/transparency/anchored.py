"""What a topic says that we anchored, and whether the log and the ledger still say the same.

Whoever rewrites a history whole can make its hashes fit each other, but not what consensus has ordered
before. Not seen: what a mirror keeps back at the end (ask several, and look at the time of the last
message), and what happened after the last anchor.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from juapesa.chain.mirror_node import NANOS, MirrorNode
from juapesa.errors import Conflict
from juapesa.transparency.anchors import Anchor, Checkpoint, LedgerHead, LiabilitiesRoot
from juapesa.transparency.topic import TopicChain, TopicFault, TopicMessage, check_keys, read_messages


class AnchorsFault(Conflict):
    """What a topic says does not hold by itself."""

    slug = "anchors-fault"


@dataclass
class Anchored:
    """What was anchored, by the message's sequence number, up to the first fault."""

    topic: str
    chain: TopicChain
    logs: dict[int, Checkpoint] = field(default_factory=dict)
    heads: dict[int, LedgerHead] = field(default_factory=dict)
    liabilities: dict[int, LiabilitiesRoot] = field(default_factory=dict)
    first_fault: str | None = None
    _newest: dict[str, int] = field(default_factory=dict)

    @property
    def last_at(self) -> datetime | None:
        """When the last message reached consensus."""
        return datetime.fromtimestamp(self.chain.consensus // NANOS, UTC) if self.chain.sequence else None

    def take(self, message: TopicMessage) -> None:
        """The next message. Raises TopicFault."""
        self.chain.follow(message)
        try:
            anchor = Anchor.decode(message.content)
        except ValueError:
            raise TopicFault(f"message {message.sequence}: it is no anchor") from None
        if anchor.log is not None:
            self._rise(message, f"size of the log at {anchor.log.registry}", anchor.log.size)
            self.logs[message.sequence] = anchor.log
        if anchor.ledger is not None:
            self._rise(message, "ledger batch", anchor.ledger.batch)
            self.heads[message.sequence] = anchor.ledger
        if anchor.liabilities is not None:
            self._rise(message, "statement", anchor.liabilities.statement)
            self.liabilities[message.sequence] = anchor.liabilities

    def _rise(self, message: TopicMessage, what: str, number: int) -> None:
        before = self._newest.get(what, 0)
        if number <= before:
            raise TopicFault(f"message {message.sequence}: {what} {number} comes after {before}")
        self._newest[what] = number

    def logs_of(self, chain_id: int, registry: str) -> dict[int, Checkpoint]:
        """The checkpoints of one registry."""
        wanted = (chain_id, registry.lower())
        return {
            number: each
            for number, each in self.logs.items()
            if (each.chain_id, each.registry.lower()) == wanted
        }

    def as_json(self) -> dict[str, Any]:
        """What was read; counts, the newest of each, and the first fault."""
        return {
            "topic": self.topic,
            "messages": self.chain.sequence,
            "running_hash": self.chain.running_hash.hex(),
            "last_at": self.last_at.isoformat() if self.last_at else None,
            "payers": [f"0.0.{each}" for each in sorted(self.chain.payers)],
            "checkpoints": len(self.logs),
            "heads": len(self.heads),
            "statements": len(self.liabilities),
            "last_checkpoint": _last(self.logs),
            "last_head": _last(self.heads),
            "last_statement": _last(self.liabilities),
            "first_fault": self.first_fault,
        }


def read_anchors(mirror_urls: Sequence[str], topic: str) -> Anchored:
    """Read a topic whole and check it by itself. Raises MirrorUnreachable, NoTopic."""
    found = Anchored(topic, TopicChain(topic))
    with ExitStack() as stack:
        mirrors = [stack.enter_context(closing(MirrorNode(each))) for each in mirror_urls]
        try:
            for mirror in mirrors:
                check_keys(mirror, topic)
            for message in read_messages(mirrors, topic):
                found.take(message)
        except TopicFault as fault:
            found.first_fault = str(fault)
    return found


def read_sound_anchors(mirror_urls: Sequence[str], topic: str) -> Anchored:
    """As ``read_anchors``, and raises AnchorsFault when the topic by itself does not hold."""
    found = read_anchors(mirror_urls, topic)
    if found.first_fault is not None:
        raise AnchorsFault(found.first_fault)
    return found


def log_fault(checkpoints: Mapping[int, Checkpoint], roots: Mapping[int, bytes], size: int) -> str | None:
    """What does not fit between checkpoints and the log on chain, which has ``size`` entries now.

    ``checkpoints``: of this log, by message; ``roots``: the log's, by size.
    """
    for sequence, each in checkpoints.items():
        if each.size > size:
            return f"message {sequence}: the log had {each.size} entries then, the chain has {size}"
        if roots.get(each.size) != each.root:
            return f"message {sequence}: the log's root at {each.size} entries was another one"
    return None


class _Said(Protocol):
    """A part of an anchor."""

    def to_json(self) -> dict[str, Any]: ...


def _last(found: Mapping[int, _Said]) -> dict[str, Any] | None:
    """The newest, for the report."""
    return found[max(found)].to_json() if found else None
