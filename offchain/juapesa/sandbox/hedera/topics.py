"""Topics of the consensus service: messages in order under a running hash.

Sources: hiero-consensus-node ConsensusSubmitMessageHandler (running hash version 3, written through
Java's ObjectOutputStream, whose framing is part of what is hashed); hedera-docs native/consensus.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

RUNNING_HASH_VERSION = 3
MESSAGE_BYTES_MAX = 1_024
GENESIS_HASH = bytes(48)

# Java's serialization of `byte[48]`: stream header, class description of byte[], length; then, for the
# second array, a reference to that description. Between them 76 bytes of numbers as one data block.
_FIRST_ARRAY = bytes.fromhex("aced0005" + "757200025b42acf317f8060854e0020000787000000030")
_NUMBERS = bytes.fromhex("774c")
_SECOND_ARRAY = bytes.fromhex("7571007e000000000030")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One part of a message that was too long for one transaction."""

    number: int
    total: int
    payer: int
    valid_start: int  # nanoseconds; of the first part's transaction


@dataclass(frozen=True, slots=True)
class Message:
    """A message with its place; ``consensus`` is in nanoseconds."""

    sequence: int
    consensus: int
    payer: int
    content: bytes
    running_hash: bytes
    visible_at: float
    chunk: Chunk | None = None


@dataclass(slots=True)
class Topic:
    """``submit_key`` and ``admin_key`` are serialized keys of the native API; empty: none."""

    number: int
    memo: str
    admin_key: bytes
    submit_key: bytes
    created: int
    visible_at: float
    messages: list[Message] = field(default_factory=list)

    @property
    def running_hash(self) -> bytes:
        return self.messages[-1].running_hash if self.messages else GENESIS_HASH

    def to_document(self) -> dict[str, Any]:
        """For the memory."""
        made = asdict(self)
        made |= {"admin_key": self.admin_key.hex(), "submit_key": self.submit_key.hex(), "visible_at": 0.0}
        for message in made["messages"]:
            hexadecimal = {name: message[name].hex() for name in ("content", "running_hash")}
            message.update(hexadecimal, visible_at=0.0)
        return made

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Topic":
        """From the memory; what was decided before a restart is visible at once."""
        messages = [
            Message(
                **{
                    **each,
                    "content": bytes.fromhex(each["content"]),
                    "running_hash": bytes.fromhex(each["running_hash"]),
                    "chunk": Chunk(**each["chunk"]) if each["chunk"] else None,
                }
            )
            for each in document["messages"]
        ]
        keys = {name: bytes.fromhex(document[name]) for name in ("admin_key", "submit_key")}
        return cls(**{**document, **keys, "messages": messages})

    def shown(self, now: float) -> list[Message]:
        """The messages that the mirror shows: none before one that it does not show yet."""
        hidden = next((at for at, each in enumerate(self.messages) if each.visible_at > now), None)
        return self.messages[:hidden]

    def append(
        self, content: bytes, payer: int, consensus: int, visible_at: float, chunk: Chunk | None
    ) -> Message:
        """Take a message in as the next."""
        sequence = len(self.messages) + 1
        running = next_hash(self.running_hash, payer, self.number, consensus, sequence, content)
        message = Message(sequence, consensus, payer, content, running, visible_at, chunk)
        self.messages.append(message)
        return message


def next_hash(before: bytes, payer: int, topic: int, consensus: int, sequence: int, content: bytes) -> bytes:
    """The running hash (SHA-384) after a message; shard and realm are 0."""
    seconds, nanos = divmod(consensus, 10**9)
    numbers = (RUNNING_HASH_VERSION, 0, 0, payer, 0, 0, topic, seconds)
    written = b"".join(each.to_bytes(8) for each in numbers) + nanos.to_bytes(4) + sequence.to_bytes(8)
    content_hash = hashlib.sha384(content).digest()
    return hashlib.sha384(_FIRST_ARRAY + before + _NUMBERS + written + _SECOND_ARRAY + content_hash).digest()
