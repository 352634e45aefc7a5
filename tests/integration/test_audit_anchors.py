"""An outsider checks the anchors: what a mirror, a chain or a ledger tells otherwise than before is named."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from juapesa.chain.consensus_service import ConsensusService
from juapesa.chain.mirror_node import MirrorUnreachable
from juapesa.chain.native_nodes import OK
from juapesa.clock import SystemClock
from juapesa.db import Database
from juapesa.ledger.engine.sealer import Sealer
from juapesa.ledger.engine.verify import KnownHead, examine
from juapesa.money import CKES
from juapesa.transparency import liabilities
from juapesa.transparency.anchored import Anchored, log_fault, read_anchors
from juapesa.transparency.anchoring import decided, log_reader, new_transaction
from juapesa.transparency.anchors import Anchor, Checkpoint, LedgerHead
from juapesa.transparency.topic import GENESIS_HASH, TopicMessage
from juapesa.transparency.verify import verify
from support.anchors import Consensus, consensus
from support.books import Books, kes
from support.commands import status_of
from support.evm import Chain
from support.lying_node import Lie, lying_node
from support.postgres import PostgresForTests
from support.settlements import busy

pytestmark = pytest.mark.needs_evm

MESSAGES = 5


@pytest.fixture(scope="module")
def network() -> Iterator[Consensus]:
    with consensus() as made:
        yield made


@pytest.fixture(scope="module")
def told(network: Consensus, module_database: Database) -> Consensus:
    """A topic with five heads of a ledger."""
    books, topic = Books(module_database), network.another_topic()
    for person in range(1, MESSAGES + 1):
        books.wallet(person, kes(5))
        assert Sealer(module_database).run() > 0
        assert topic.tick(module_database) == 1
    return topic


def read(topic: Consensus, *lies: Lie | None) -> Anchored:
    """What mirrors with these lies make of the topic; None is an honest one."""
    with ExitStack() as stack:
        urls = [
            topic.net.mirror_url
            if lie is None
            else stack.enter_context(lying_node(topic.net.mirror_url, lie))
            for lie in lies or (None,)
        ]
        return read_anchors(urls, topic.topic)


Rows = list[dict[str, Any]]


def of_messages(change: Callable[[Rows], Rows]) -> Lie:
    """Change the list of messages."""

    def lie(path: str, body: Any) -> Any:
        return body | {"messages": change(body["messages"])} if "/messages" in path else body

    return lie


def of_topic(**fields: Any) -> Lie:
    """Say something else about the topic itself."""

    def lie(path: str, body: Any) -> Any:
        return body if "/messages" in path else body | fields

    return lie


def with_content(number: int, content: bytes) -> Callable[[Rows], Rows]:
    return changing(number, message=base64.b64encode(content).decode())


def changing(number: int, **fields: Any) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        return [row | fields if row["sequence_number"] == number else row for row in rows]

    return change


def rehashed(topic: str, change: Callable[[Rows], Rows]) -> Callable[[Rows], Rows]:
    """A liar who takes pains: all running hashes fit what it tells."""

    def lie(rows: Rows) -> Rows:
        before, told = GENESIS_HASH, []
        for number, row in enumerate(change(rows), start=1):
            read = TopicMessage.from_mirror(row | {"sequence_number": number}, topic)
            before = read.hash_after(before, int(topic.rpartition(".")[2]))
            told.append(row | {"sequence_number": number, "running_hash": base64.b64encode(before).decode()})
        return told

    return lie


def test_a_true_topic_is_read_whole_by_its_pages(told: Consensus) -> None:
    pages = []

    def small(path: str, body: Any) -> Any:
        pages.append(path)
        return body

    with lying_node(told.net.mirror_url, small) as url:
        found = read_anchors([url], told.topic)
    assert found.first_fault is None
    assert [each.batch for each in found.heads.values()] == [1, 2, 3, 4, 5]
    assert found.chain.payers == {int(told.payer.rpartition(".")[2])}
    assert all("order=asc" in path for path in pages if "/messages" in path)


def test_further_pages_are_followed(told: Consensus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("juapesa.chain.mirror_node.PAGE_ROWS", 2)
    found = read(told)
    assert found.first_fault is None
    assert found.chain.sequence == MESSAGES


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda rows: rows[1:], "message 1 is missing: message 2 comes in its place"),
        (lambda rows: rows[:2] + rows[3:], "message 3 is missing: message 4 comes in its place"),
        (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], "message 2 is missing: message 3 comes"),
        (lambda rows: [*rows[:3], rows[2], *rows[3:]], "message 4 is missing: message 3 comes in its place"),
        (with_content(3, Anchor(log=Checkpoint(1, "0x11", 1, bytes(32))).encode()), "message 3: the running"),
        (changing(4, running_hash=base64.b64encode(bytes(48)).decode()), "message 4: the running hash"),
        (changing(2, payer_account_id="0.0.2"), "message 2: the running hash does not follow"),
        (changing(2, running_hash_version=2), "message 2: running hash of version 2"),
        (changing(5, topic_id="0.0.77"), "message 5 is of topic 0.0.77"),
        (changing(5, consensus_timestamp="now"), "a message cannot be read"),
    ],
    ids=("head", "gap", "swapped", "twice", "altered", "hash", "payer", "version", "stray", "unreadable"),
)
def test_a_mirror_that_lies_is_found_and_the_first_bad_message_named(
    told: Consensus, change: Callable[[Rows], Rows], fault: str
) -> None:
    found = read(told, of_messages(change))
    assert fault in str(found.first_fault)


def of_links(following: str) -> Lie:
    """Send the reader on to another place."""

    def lie(path: str, body: Any) -> Any:
        return body | {"links": {"next": following}} if "/messages" in path else body

    return lie


def test_a_mirror_that_sends_its_reader_in_a_circle_is_left_at_the_first_repetition(told: Consensus) -> None:
    circle = of_links(f"/api/v1/topics/{told.topic}/messages?order=asc&limit=100")
    assert read(told, circle).first_fault == "message 6 is missing: message 1 comes in its place"


@pytest.mark.parametrize(
    "lie",
    [
        of_links("http://127.0.0.1:9/api/v1/topics"),
        of_links("/elsewhere"),
        lambda path, body: ["no object"],
        lambda path, body: {key: value for key, value in body.items() if key not in {"links", "messages"}},
    ],
    ids=("another host", "another path", "a list", "no page"),
)
def test_what_is_no_mirror_node_is_called_so(told: Consensus, lie: Lie) -> None:
    with pytest.raises(MirrorUnreachable):
        read(told, lie)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [({"submit_key": None}, "anybody may write"), ({"admin_key": {"key": "00"}}, "has an admin key")],
)
def test_a_topic_that_others_may_write_into_or_change_is_no_anchor(
    told: Consensus, fields: dict[str, Any], fault: str
) -> None:
    assert fault in str(read(told, of_topic(**fields)).first_fault)


def test_a_forgery_that_fits_itself_differs_from_another_mirrors(told: Consensus) -> None:
    forged = of_messages(rehashed(told.topic, lambda rows: rows[:2] + rows[3:]))
    assert read(told, forged).first_fault is None, "one mirror alone can forge a topic whole"
    assert read(told, forged, None).first_fault == "message 3: the mirrors tell it differently"
    assert read(told, None, forged).first_fault == "message 3: the mirrors tell it differently"


def test_a_tail_that_one_mirror_keeps_back_is_told_by_another(told: Consensus) -> None:
    short = of_messages(lambda rows: rows[:3])
    alone = read(told, short)
    assert alone.first_fault is None, "what is not told cannot be missed"
    assert alone.as_json()["messages"] == 3
    both = read(told, short, None)
    assert both.first_fault is None
    assert both.chain.sequence == MESSAGES


def write(topic: Consensus, *contents: bytes) -> None:
    """Messages by whoever holds the submit key."""

    async def send(network: ConsensusService) -> None:
        for content in contents:
            transaction = new_transaction(topic.payer, SystemClock())
            assert await network.submit(transaction, topic.topic, content) == OK
            assert (await decided(network, transaction)).status == "SUCCESS"

    topic.with_network(send)


def head(batch: int) -> bytes:
    return Anchor(ledger=LedgerHead(batch, bytes(32))).encode()


@pytest.mark.parametrize(
    ("contents", "fault"),
    [
        ((b"hello",), "message 1: it is no anchor"),
        ((head(2), head(2)), "message 2: ledger batch 2 comes after 2"),
        ((head(2), head(3), head(1)), "message 3: ledger batch 1 comes after 3"),
    ],
    ids=("no anchor", "repeated", "backwards"),
)
def test_what_the_holder_of_the_key_should_not_write_is_named(
    network: Consensus, contents: tuple[bytes, ...], fault: str
) -> None:
    topic = network.another_topic()
    write(topic, *contents)
    assert read(topic).first_fault == fault


def test_a_ledger_rewritten_whole_is_found_by_its_anchored_heads(
    told: Consensus, module_database: Database, postgres: PostgresForTests
) -> None:
    known = [KnownHead(each.batch, each.chain) for each in read(told).heads.values()]
    with module_database.snapshot() as snapshot:
        assert examine(snapshot, known).ok
    with postgres.connected() as other:
        books = Books(other)
        for person in range(1, MESSAGES + 1):
            books.wallet(person, kes(4))
            Sealer(other).run()
        with other.snapshot() as snapshot:
            assert examine(snapshot).ok, "every hash fits the others"
            assert examine(snapshot, known).first_fault == "batch 1: not the head that was anchored"


def test_statements_of_what_is_owed_are_compared_with_those_anchored(
    network: Consensus, database: Database
) -> None:
    books, topic = Books(database), network.another_topic()
    for person in (1, 2):
        books.wallet(person, kes(5))
        bound = Sealer(database).settle()
        assert bound is not None
        with database.unit_of_work() as uow:
            liabilities.make(uow, bound, bytes(32))
        assert topic.tick(database) == 1
    roots = {each.statement: each.root for each in read(topic).liabilities.values()}
    assert len(roots) == 2
    with database.unit_of_work() as uow:
        assert liabilities.anchored_fault(uow, roots) is None
        uow.execute("UPDATE transparency.statement SET root = %s WHERE number = %s", (bytes(32), min(roots)))
        assert liabilities.anchored_fault(uow, roots) == (
            f"statement {min(roots)} is not the one that was anchored"
        )


def anchor_the_log(topic: Consensus, chain: Chain, database: Database) -> None:
    """As the agent does: the log's size and root, as the registry has them."""
    topic.log = asyncio.run(log_reader(chain.rpc(), chain.deployment)())
    assert topic.tick(database) == 1


def arguments(topic: Consensus, chain: Chain, url: str = "") -> list[str]:
    where = ["--rpc", chain.node.url, "--registry", chain.deployment.registry, "--json"]
    return ["audit", "verify", *where, "--topic", topic.topic, "--mirror", url or topic.net.mirror_url]


def test_the_audit_checks_every_checkpoint_against_the_chain(
    network: Consensus, chain: Chain, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    topic, hub = network.another_topic(), busy(chain)
    anchor_the_log(topic, chain, database)
    hub.settle(hub.mint(CKES, 10**6))
    anchor_the_log(topic, chain, database)
    hub.settle(hub.mint(CKES, 10**6))
    assert status_of(arguments(topic, chain)) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said) == ["ok", "entries", "root", "tokens", "first_fault", "anchors"]
    anchors = said["anchors"]
    assert said["entries"] == 8
    assert (anchors["messages"], anchors["checkpoints"], anchors["last_checkpoint"]["size"]) == (2, 2, 7)
    assert anchors["first_fault"] is None


def test_a_checkpoint_of_another_log_is_found(
    network: Consensus, chain: Chain, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    busy(chain)
    true = verify(chain.node.url, chain.deployment.registry, sizes=(2, 6)).roots
    topic, registry = network.another_topic(), chain.deployment.registry
    fork = Checkpoint(chain.deployment.chain_id, registry, 6, bytes(32))
    write(
        topic,
        Anchor(Checkpoint(chain.deployment.chain_id, registry, 2, true[2])).encode(),
        Anchor(fork).encode(),
    )
    assert status_of(arguments(topic, chain)) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert said["first_fault"] == "message 2: the log's root at 6 entries was another one"
    later = Checkpoint(fork.chain_id, registry, 9, bytes(32))
    assert log_fault({3: later}, true, 6) == "message 3: the log had 9 entries then, the chain has 6"


def test_a_liar_among_the_mirrors_and_a_wrong_topic_get_a_clear_answer(
    told: Consensus, chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    busy(chain)
    with lying_node(told.net.mirror_url, of_messages(lambda rows: rows[:1] + rows[2:])) as url:
        assert status_of(arguments(told, chain, url)) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["first_fault"].startswith("message 2 is missing")
    assert said["anchors"]["messages"] == 1
    assert status_of([*arguments(told, chain)[:-4], "--topic", "0.0.999999", "--mirror", told.net.url]) == 1
    assert "has no topic 0.0.999999" in json.loads(capsys.readouterr().out)["first_fault"]
    assert status_of(arguments(told, chain, "http://127.0.0.1:9")) == 1
    assert "No mirror answers" in capsys.readouterr().err
    assert status_of(arguments(told, chain)[:-2]) == 2
