"""A topic of Hedera's consensus service as a mirror node tells it, checked message by message.

The running hash is recomputed from the first message on (version 3, as hiero-consensus-node's
ConsensusSubmitMessageHandler makes it: SHA-384 over what Java's ObjectOutputStream writes). It shows that
what the mirror tells fits together; whether that is what consensus decided, only another mirror can say.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Self

from juapesa.chain.mirror_node import NANOS, MirrorNode, nanoseconds
from juapesa.errors import NotFound

GENESIS_HASH = bytes(48)
RUNNING_HASH_VERSION = 3
NUMBER_MAX = 2**63 - 1

# How Java writes a `byte[48]`, then 76 bytes of numbers, then another array that refers to the first's class.
_STREAM = bytes.fromhex("aced0005")
_ARRAY_CLASS = b"ur\x00\x02[B" + bytes.fromhex("acf317f8060854e002000078700000")
_LENGTH = (48).to_bytes(2, "big")
_NUMBERS = b"w" + bytes([76])
_SAME_CLASS = b"uq\x00\x7e\x00\x00\x00\x00" + _LENGTH


class NoTopic(NotFound):
    """The mirror has no such topic."""

    slug = "no-topic"


class TopicFault(Exception):
    """Something does not fit; the text says what and where."""


@dataclass(frozen=True, slots=True)
class TopicMessage:
    """A message with its place; ``consensus`` is in nanoseconds, ``payer`` an account's number."""

    sequence: int
    consensus: int
    payer: int
    content: bytes
    running_hash: bytes

    @classmethod
    def from_mirror(cls, said: dict[str, Any], topic: str) -> Self:
        """Raises TopicFault when it cannot be read, or is another topic's."""
        try:
            read = cls(
                sequence=int(said["sequence_number"]),
                consensus=nanoseconds(said["consensus_timestamp"]),
                payer=int(said["payer_account_id"].removeprefix("0.0.")),
                content=base64.b64decode(said["message"], validate=True),
                running_hash=base64.b64decode(said["running_hash"], validate=True),
            )
            version, of = said["running_hash_version"], said["topic_id"]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise TopicFault("a message cannot be read") from None
        if not all(0 <= each <= NUMBER_MAX for each in (read.sequence, read.consensus, read.payer)):
            raise TopicFault("a message cannot be read")
        if of != topic:
            raise TopicFault(f"message {read.sequence} is of topic {of}")
        if version != RUNNING_HASH_VERSION:
            raise TopicFault(f"message {read.sequence}: running hash of version {version}")
        return read

    def hash_after(self, before: bytes, topic: int) -> bytes:
        """The running hash that this message must have after one with ``before``."""
        seconds, nanos = divmod(self.consensus, NANOS)
        numbers = (RUNNING_HASH_VERSION, 0, 0, self.payer, 0, 0, topic, seconds)
        written = b"".join(each.to_bytes(8, "big") for each in numbers)
        written += nanos.to_bytes(4, "big") + self.sequence.to_bytes(8, "big")
        content = hashlib.sha384(self.content).digest()
        first = _STREAM + _ARRAY_CLASS + _LENGTH + before
        return hashlib.sha384(first + _NUMBERS + written + _SAME_CLASS + content).digest()


@dataclass
class TopicChain:
    """How far a topic's messages were followed."""

    topic: str
    sequence: int = 0
    consensus: int = 0
    running_hash: bytes = GENESIS_HASH
    payers: set[int] = field(default_factory=set)

    def follow(self, message: TopicMessage) -> None:
        """One message further. Raises TopicFault when it is not the next."""
        number = self.sequence + 1
        if message.sequence != number:
            raise TopicFault(f"message {number} is missing: message {message.sequence} comes in its place")
        if message.consensus <= self.consensus:
            raise TopicFault(f"message {number}: time runs backwards")
        expected = message.hash_after(self.running_hash, int(self.topic.removeprefix("0.0.")))
        if message.running_hash != expected:
            raise TopicFault(f"message {number}: the running hash does not follow from it")
        self.sequence, self.consensus, self.running_hash = number, message.consensus, expected
        self.payers.add(message.payer)


def check_keys(mirror: MirrorNode, topic: str) -> None:
    """Only the holder of one key may submit, and nobody may change that. Raises NoTopic, TopicFault."""
    about = mirror.get(f"/topics/{topic}")
    if about is None:
        raise NoTopic(f"The mirror at {mirror.url} has no topic {topic}.")
    if not about.get("submit_key"):
        raise TopicFault("the topic has no submit key: anybody may write into it")
    if about.get("admin_key"):
        raise TopicFault("the topic has an admin key: its submit key may have been another one")


def read_messages(mirrors: Iterable[MirrorNode], topic: str) -> Iterator[TopicMessage]:
    """All messages in order, as long as any mirror has more. Raises TopicFault where two mirrors differ."""
    told = [_told_by(each, topic) for each in mirrors]
    for versions in zip_longest(*told):
        known = [each for each in versions if each is not None]
        if any(each != known[0] for each in known):
            raise TopicFault(f"message {known[0].sequence}: the mirrors tell it differently")
        yield known[0]


def _told_by(mirror: MirrorNode, topic: str) -> Iterator[TopicMessage]:
    for said in mirror.rows(f"/topics/{topic}/messages", "messages"):
        yield TopicMessage.from_mirror(said, topic)
