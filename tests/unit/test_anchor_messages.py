"""What is written into the topic has one form only, and its running hash is that of the real network."""

import base64
import json
from typing import Any

import pytest

from juapesa.sandbox.hedera.topics import next_hash
from juapesa.transparency.anchors import (
    MESSAGE_BYTES_MAX,
    Anchor,
    Checkpoint,
    LedgerHead,
    LiabilitiesRoot,
)
from juapesa.transparency.topic import TopicChain, TopicFault, TopicMessage

HASH = bytes(range(32))
WHOLE = Anchor(
    Checkpoint(298, "0x" + "ab" * 20, 12, HASH), LedgerHead(7, HASH[::-1]), LiabilitiesRoot(3, HASH)
)

# Three messages of testnet's topic 0.0.4603900, paid by 0.0.2617920, as the mirror node told them; the
# network's own tutorial prints its answer (hedera-docs tutorials/consensus/query-messages-with-mirror-node).
TESTNET = [
    (
        "1683553059.977315003",
        "TWVzc2FnZSAx",
        "vKnW8bYSjhYtHtMNOJWrkfyv77kKc4EREDycKE2L37aU0SYlx+g6HB9ah7CTFSxl",
    ),
    (
        "1683553060.092158003",
        "TWVzc2FnZSAy",
        "JM8LpmRwUVc+wiwzRHBgcCv8uJkbfan8BV2QPC0hBMgXA9KIvy8TwOoXsukgmeC+",
    ),
    (
        "1683553060.328178003",
        "TWVzc2FnZSAz",
        "OL6EUxAayPsRiuhwflX5heRgIGEWmHcJU7bS2qBPeJNoOiMQmaY0H6G/pXJ7wGQz",
    ),
]


def on_testnet(number: int, **changes: Any) -> TopicMessage:
    at, content, running_hash = TESTNET[number - 1]
    said = {
        "consensus_timestamp": at,
        "message": content,
        "payer_account_id": "0.0.2617920",
        "running_hash": running_hash,
        "running_hash_version": 3,
        "sequence_number": number,
        "topic_id": "0.0.4603900",
    }
    return TopicMessage.from_mirror(said | changes, "0.0.4603900")


def test_the_running_hash_is_that_of_messages_on_the_real_testnet() -> None:
    chain = TopicChain("0.0.4603900")
    for number in (1, 2, 3):
        chain.follow(on_testnet(number))
    assert base64.b64encode(chain.running_hash).decode() == TESTNET[2][2]


def test_the_sandbox_makes_the_same_running_hash() -> None:
    message = on_testnet(1)
    made = next_hash(bytes(48), message.payer, 4603900, message.consensus, 1, message.content)
    assert made == message.running_hash


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sequence_number": 3}, "message 2 is missing"),
        ({"message": "TWVzc2FnZSAz"}, "message 2: the running hash does not follow"),
        ({"payer_account_id": "0.0.2617921"}, "message 2: the running hash does not follow"),
        ({"consensus_timestamp": "1683553060.092158004"}, "message 2: the running hash does not follow"),
        ({"running_hash": TESTNET[2][2]}, "message 2: the running hash does not follow"),
        ({"consensus_timestamp": "1683553059.977315003"}, "message 2: time runs backwards"),
        ({"topic_id": "0.0.4603901"}, "message 2 is of topic 0.0.4603901"),
        ({"running_hash_version": 2}, "running hash of version 2"),
        ({"payer_account_id": None}, "cannot be read"),
        ({"payer_account_id": "0.0.-5"}, "cannot be read"),
        ({"consensus_timestamp": str(2**70)}, "cannot be read"),
        ({"message": "not base64!"}, "cannot be read"),
    ],
)
def test_whatever_differs_from_what_consensus_hashed_is_named(changes: dict[str, Any], fault: str) -> None:
    chain = TopicChain("0.0.4603900")
    chain.follow(on_testnet(1))
    with pytest.raises(TopicFault, match=fault):
        chain.follow(on_testnet(2, **changes))


def test_an_anchor_comes_back_as_it_went_and_fits_one_message() -> None:
    for anchor in (
        WHOLE,
        Anchor(ledger=WHOLE.ledger),
        Anchor(log=WHOLE.log),
        Anchor(liabilities=WHOLE.liabilities),
    ):
        assert Anchor.decode(anchor.encode()) == anchor
    widest = Anchor(
        Checkpoint(2**63 - 1, "0x" + "ff" * 20, 2**63 - 1, HASH),
        LedgerHead(2**63 - 1, HASH),
        LiabilitiesRoot(2**63 - 1, HASH),
    )
    assert len(widest.encode()) < MESSAGE_BYTES_MAX
    assert WHOLE.encode() == (
        b'{"ledger":{"batch":7,"chain":"1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"},'
        b'"liabilities":{"root":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
        b'"statement":3},"log":{"chain_id":298,"registry":"0xabababababababababababababababababababab",'
        b'"root":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","size":12},"v":1}'
    )


def changed(**parts: Any) -> bytes:
    said = json.loads(WHOLE.encode()) | parts
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{}",
        b'{"v":1}',
        b"[1]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 5_000,
        WHOLE.encode() + b" ",
        WHOLE.encode().replace(b":7,", b":7.0,"),
        WHOLE.encode().replace(b"1f1e", b"1F1E"),
        changed(v=2),
        changed(person="someone"),
        changed(ledger={"batch": True, "chain": HASH.hex()}),
        changed(ledger={"batch": -1, "chain": HASH.hex()}),
        changed(ledger={"batch": 1, "chain": "00"}),
        changed(ledger={"batch": 1, "chain": HASH.hex(), "more": 1}),
        changed(ledger=None),
        changed(log={"chain_id": 1, "registry": 5, "root": HASH.hex(), "size": 1}),
    ],
)
def test_anything_else_is_no_anchor(message: bytes) -> None:
    with pytest.raises(ValueError):
        Anchor.decode(message)
