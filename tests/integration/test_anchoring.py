"""Each message gets into the topic once and in order, whatever breaks and whoever dies on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from juapesa.chain.native_ids import TransactionId
from juapesa.chain.native_nodes import NOT_FOUND, NodeUnreachable, Receipt
from juapesa.db import Database
from juapesa.ledger.engine.sealer import Sealer
from juapesa.transparency import anchor_store, liabilities
from juapesa.transparency.anchoring import Anchoring, AnchorRefused, NoAccount, payer_of
from juapesa.transparency.anchors import Anchor, Checkpoint, LiabilitiesRoot
from support.anchors import Consensus, consensus
from support.books import Books, kes

pytestmark = pytest.mark.needs_evm

ROOT = bytes(range(32))
REGISTRY = "0x" + "ab" * 20


@pytest.fixture(scope="module")
def network() -> Iterator[Consensus]:
    with consensus() as made:
        yield made


@pytest.fixture
def topic(network: Consensus) -> Consensus:
    """An empty topic."""
    return network.another_topic()


class Dead(BaseException):
    """The process ends here."""


@dataclass
class Dying:
    """The network, for a process that dies right before or right after it has sent."""

    network: Any
    after: bool

    async def submit(self, transaction: TransactionId, topic: str, message: bytes) -> str:
        if self.after:
            await self.network.submit(transaction, topic, message)
        raise Dead

    async def receipt(self, transaction: TransactionId) -> Receipt:
        found: Receipt = await self.network.receipt(transaction)
        return found


@dataclass
class Forgetful:
    """A node that keeps no receipts, as a real one after three minutes."""

    network: Any

    async def submit(self, transaction: TransactionId, topic: str, message: bytes) -> str:
        return str(await self.network.submit(transaction, topic, message))

    async def receipt(self, transaction: TransactionId) -> Receipt:
        return Receipt(NOT_FOUND)


def seal(database: Database) -> None:
    """One more batch."""
    Books(database).wallet(1, kes(5))
    assert Sealer(database).run() > 0


def heads(topic: Consensus) -> list[int]:
    """Numbers of the batches in the topic."""
    found = [Anchor.decode(each).ledger for each in topic.messages()]
    return [each.batch for each in found if each is not None]


def attempts(database: Database) -> list[str | None]:
    with database.unit_of_work() as uow:
        rows = uow.all("SELECT outcome FROM transparency.anchor_attempt ORDER BY made_at")
    return [row["outcome"] for row in rows]


def test_every_new_head_is_anchored_once_with_its_place(database: Database, topic: Consensus) -> None:
    assert topic.tick(database) == 0
    for _ in range(2):
        seal(database)
        assert topic.tick(database) == 1
        assert topic.tick(database) == 0
    assert heads(topic) == [1, 2]
    with database.unit_of_work() as uow:
        [second, first] = anchor_store.newest(uow, 9)
        [chain] = uow.tuples("SELECT chain FROM book.batches WHERE number = 2")[0]
        assert anchor_store.waiting(uow, topic.topic) is False
    assert [first.sequence, second.sequence] == [1, 2]
    sent = Anchor.decode(topic.messages()[1]).ledger
    assert sent is not None
    assert sent.chain == bytes(chain)
    Books(database).assert_balanced()


def test_one_message_has_all_that_is_new_and_then_only_what_changes(
    database: Database, topic: Consensus
) -> None:
    seal(database)
    bound = Sealer(database).settle()
    assert bound is not None
    with database.unit_of_work() as uow:
        stated = liabilities.make(uow, bound, ROOT)
    topic.log = Checkpoint(298, REGISTRY, 3, ROOT)
    assert topic.tick(database) == 1
    topic.log = Checkpoint(298, REGISTRY, 4, ROOT)
    assert topic.tick(database) == 1
    both, only = [Anchor.decode(each) for each in topic.messages()]
    assert both.log is not None
    assert both.ledger is not None
    assert both.liabilities == LiabilitiesRoot(stated.number, stated.root.digest)
    assert only == Anchor(log=topic.log)


def test_no_message_comes_sooner_than_it_may(database: Database, topic: Consensus) -> None:
    def patient(found: Anchoring) -> Anchoring:
        return replace(found, every=timedelta(seconds=60))

    seal(database)
    assert topic.tick(database, patient) == 1
    seal(database)
    assert topic.tick(database, patient) == 0
    with database.unit_of_work() as uow:
        assert anchor_store.waiting(uow, topic.topic)
        uow.execute("UPDATE transparency.anchor SET made_at = made_at - interval '1 minute'")
    assert topic.tick(database, patient) == 1
    assert heads(topic) == [1, 2]


def test_a_clock_that_runs_ahead_waits_for_the_networks(database: Database, topic: Consensus) -> None:
    seal(database)
    topic.clock.ahead = timedelta(seconds=60)
    assert topic.tick(database) == 0
    topic.clock.ahead = timedelta(0)
    assert topic.tick(database) == 0
    assert heads(topic) == []


@pytest.mark.parametrize("after", [False, True], ids=["before it sent", "after it sent"])
def test_a_process_that_dies_leaves_one_message(database: Database, topic: Consensus, after: bool) -> None:
    seal(database)
    with pytest.raises(Dead):
        topic.tick(database, lambda found: replace(found, network=Dying(found.network, after)))
    assert topic.tick(database) == 1
    assert heads(topic) == [1]
    assert attempts(database) == ["SUCCESS"]


def test_a_node_that_is_busy_is_asked_again_with_the_same_transaction(
    database: Database, topic: Consensus
) -> None:
    seal(database)
    topic.net.fault("hapi", "busy")
    assert topic.tick(database) == 0
    assert topic.tick(database) == 1
    assert heads(topic) == [1]
    assert attempts(database) == ["SUCCESS"]


def test_a_message_that_was_taken_in_silence_is_not_sent_twice(database: Database, topic: Consensus) -> None:
    seal(database)
    topic.net.fault("hapi", "timeout-after-accept", seconds=0.1)
    with pytest.raises(NodeUnreachable):
        topic.tick(database)
    assert topic.tick(database) == 1
    assert heads(topic) == [1]


def test_a_transaction_that_consensus_refuses_is_followed_by_another(
    database: Database, topic: Consensus
) -> None:
    seal(database)
    topic.net.fault("hapi", "throttled")
    with pytest.raises(AnchorRefused, match="THROTTLED_AT_CONSENSUS"):
        topic.tick(database)
    assert topic.tick(database) == 1
    assert heads(topic) == [1]
    assert attempts(database) == ["THROTTLED_AT_CONSENSUS", "SUCCESS"]


def test_past_its_time_the_mirror_tells_that_it_went_in(database: Database, topic: Consensus) -> None:
    def forgetful(found: Anchoring) -> Anchoring:
        return replace(found, network=Forgetful(found.network))

    seal(database)
    with pytest.raises(Dead):
        topic.tick(database, lambda found: replace(found, network=Dying(found.network, after=True)))
    topic.clock.ahead = timedelta(seconds=121)
    assert topic.tick(database, forgetful) == 1
    assert heads(topic) == [1]
    with database.unit_of_work() as uow:
        assert [each.sequence for each in anchor_store.newest(uow, 9)] == [1]


def test_past_its_time_it_is_sent_anew_only_when_the_mirror_has_seen_all_of_that_time(
    database: Database, topic: Consensus
) -> None:
    seal(database)
    with pytest.raises(Dead):
        topic.tick(database, lambda found: replace(found, network=Dying(found.network, after=False)))
    topic.clock.ahead = timedelta(seconds=121)
    assert topic.tick(database) == 0
    assert attempts(database) == [None]
    topic.net.mine(seconds=140)
    with pytest.raises(AnchorRefused, match="TRANSACTION_EXPIRED"):
        topic.tick(database)
    topic.clock.ahead = timedelta(0)
    assert topic.tick(database) == 1
    assert heads(topic) == [1]
    assert attempts(database) == ["TRANSACTION_EXPIRED", "SUCCESS"]


def test_a_message_for_a_topic_that_there_is_not_does_not_hold_up_another_topics(
    database: Database, topic: Consensus
) -> None:
    seal(database)
    gone = replace(topic, topic="0.0.999999")
    for _ in range(2):
        with pytest.raises(AnchorRefused, match="INVALID_TOPIC_ID"):
            gone.tick(database)
    assert topic.tick(database) == 0
    assert topic.tick(database) == 1
    assert heads(topic) == [1]
    assert attempts(database) == ["SUCCESS"]


def test_two_that_believe_to_lead_put_each_message_in_once(database: Database, topic: Consensus) -> None:
    for _ in range(3):
        seal(database)
        assert sum(topic.tick_together(database, 3)) >= 1
    assert heads(topic) == [1, 2, 3]
    assert attempts(database) == ["SUCCESS"] * 3


def test_a_dead_node_is_followed_by_the_next(database: Database, topic: Consensus) -> None:
    seal(database)
    live = topic.nodes["0.0.3"]
    with pytest.raises(NodeUnreachable):
        topic.tick_at({"0.0.4": "127.0.0.1:9"}, database)
    assert topic.tick_at({"0.0.4": "127.0.0.1:9", "0.0.3": live}, database, cycles=2) == 1
    assert heads(topic) == [1]


def test_without_an_account_it_says_where_to_pay(network: Consensus) -> None:
    with pytest.raises(NoAccount, match="Pay some HBAR to 0x"):
        network.with_mirror(lambda mirror: payer_of(None, mirror, "0x" + "77" * 20))
    assert network.with_mirror(lambda mirror: payer_of("0.0.77", mirror, "")) == "0.0.77"


def test_what_is_due_can_be_asked_for_without_touching_anything(database: Database, topic: Consensus) -> None:
    assert topic.due(database) is None
    seal(database)
    found = topic.due(database)
    assert found is not None
    assert found.ledger is not None
    assert found.ledger.batch == 1
    assert attempts(database) == []
    assert heads(topic) == []
