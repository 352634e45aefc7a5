"""Events by consensus time from a mirror's REST API: all, once, in order, and the same books as by blocks."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from juapesa.chain import Deployment, Rpc
from juapesa.chain.events import BlockEvents, ConsensusEvents, Events
from juapesa.chain.mirror_node import NANOS, MirrorNode
from juapesa.chain.rpc import ChainBehind
from juapesa.db import Database
from juapesa.issuance import rebuild, store
from juapesa.issuance.mirror import Mirror
from juapesa.issuance.rebuild import Rebuild
from juapesa.ledger import Ledger
from support.books import assert_books_verify
from support.hedera import LOGS, QUICK, Sandbox, sandbox
from support.hedera_hub import Deployed
from support.hub import Desk, send
from support.operators import operator

pytestmark = pytest.mark.needs_evm

SEVEN_DAYS_SECONDS = 7 * 86_400


class Listening(MirrorNode):
    """Remembers which spans of time were asked for."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.spans: list[tuple[int, int]] = []

    def rows(self, path: str, name: str, **query: Any) -> Iterator[dict[str, Any]]:
        first, last = (each.partition(":")[2].partition(".") for each in query["timestamp"])
        span = tuple(int(each[0]) * NANOS + int(each[2]) for each in (first, last))
        self.spans.append(span)  # type: ignore[arg-type]
        return super().rows(path, name, **query)


def loggers(net: Sandbox) -> Deployment:
    """Three contracts that log once for each call, as if they were ours."""
    first = int(net.ask("eth_blockNumber"), 16)
    made = [net.deploy(LOGS) for _ in range(3)]
    return Deployment("hedera-sandbox", 298, *made, tokens={}, first_block=first)


@contextmanager
def reading(net: Sandbox, deployment: Deployment) -> Iterator[ConsensusEvents]:
    with closing(Listening(net.url)) as mirror:
        yield ConsensusEvents(mirror, deployment)


async def everything(events: Events) -> tuple[list[list[dict[str, Any]]], int]:
    """Stretch by stretch from the beginning to what is shown."""
    done, sight, found = await events.begin(), await events.sight(), []
    while done < sight.end:
        logs, done = await sight.after(done, sight.end)
        found.append(logs)
    return found, done


def test_more_than_a_page_comes_in_order_and_whole() -> None:
    with sandbox(QUICK) as net:
        deployment = loggers(net)
        sent = [net.send(to=deployment.contracts[number % 3]) for number in range(105)]
        sent += [net.send(to=deployment.registry) for _ in range(70)]
        with reading(net, deployment) as events:
            ((by_time,), _) = asyncio.run(everything(events))
        ((by_block,), _) = asyncio.run(everything(BlockEvents(Rpc(net.url), deployment)))
    assert [each["transactionHash"] for each in by_time] == [each["transactionHash"] for each in sent]
    assert [each["consensus"] for each in by_time] == sorted({each["consensus"] for each in by_time})
    names = ("address", "topics", "data", "blockNumber", "transactionHash", "logIndex")
    assert [[each[name] for name in names] for each in by_time] == [
        [each[name] for name in names] for each in by_block
    ]


def test_a_long_silence_is_read_in_spans_of_seven_days_that_overlap() -> None:
    with sandbox(QUICK) as net:
        deployment = loggers(net)
        hashes = []
        for _ in range(3):
            hashes.append(net.send(to=deployment.router)["transactionHash"])
            net.mine(seconds=SEVEN_DAYS_SECONDS - 5)
        with reading(net, deployment) as events:
            found, done = asyncio.run(everything(events))
            spans = sorted(set(events.mirror.spans))  # type: ignore[attr-defined]
            assert done == events.mirror.newest()
    assert len(spans) >= 3
    assert all(last - first <= SEVEN_DAYS_SECONDS * NANOS for first, last in spans)
    for (_, before), (after, _) in itertools.pairwise(spans):
        assert before - after >= 10 * NANOS, "a mirror may show a log seconds late"
    told = [log["transactionHash"] for logs in found for log in logs]
    assert list(dict.fromkeys(told)) == hashes


def test_a_mirror_that_does_not_have_our_contracts_tells_nothing() -> None:
    """Else the cursor would run over events that this mirror never shows."""
    elsewhere = Deployment("x", 298, *(f"0x{number:040x}" for number in (0xA1, 0xA2, 0xA3)), {}, 0)
    with sandbox(QUICK) as net, reading(net, elsewhere) as events, pytest.raises(ChainBehind):
        asyncio.run(events.sight())


@pytest.fixture
def desk(deployed_network: Deployed, database: Database, tmp_path: Path) -> Iterator[Desk]:
    """A desk on the strict network, with liquidity in both pools."""
    with deployed_network.awake(tmp_path / "net") as (_, chain), operator() as oracle:
        oracle.tokens_free = True
        made = Desk(database, chain, oracle)
        made.publish()
        made.capital()
        yield made


def test_the_mirror_by_time_is_the_mirror_by_blocks_and_can_be_rebuilt_by_either(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "LOOK_AGAIN_SECONDS", 0.0)
    deployment, net = desk.chain.deployment, Sandbox(desk.chain.node.url, desk.chain.node.url)
    with reading(net, deployment) as by_time:

        def mirrored(events: Events) -> int:
            return asyncio.run(Mirror(desk.db, Ledger(), deployment, events).tick())

        def rebuilt(events: Events) -> rebuild.Report:
            return asyncio.run(Rebuild(desk.db, Ledger(), deployment, events).run())

        assert mirrored(by_time) > 0
        desk.order(send("A1"))
        desk.settle_all()
        assert mirrored(by_time) > 0
        assert mirrored(desk.events()) == 0, "what was read by time is found booked by blocks"
        seen, again = rebuilt(by_time), rebuilt(desk.events())
        assert (seen.differences, again.differences) == ([], [])
        assert (seen.postings, seen.leaves) == (again.postings, again.leaves)
        with desk.db.unit_of_work() as uow:
            assert store.cursor(uow, by_time.cursor, 0) == seen.cursor
            assert store.cursor(uow, desk.events().cursor, 0) == again.cursor
    assert_books_verify(desk.db)


def test_the_cursor_never_runs_ahead_of_the_mirror_nor_back(database: Database) -> None:
    with sandbox(QUICK) as net:
        deployment = loggers(net)
        with reading(net, deployment) as events:
            net.fault("mirror", "stall", seconds=3)
            shown = events.mirror.newest()
            net.mine(blocks=20)

            def tick() -> None:
                asyncio.run(Mirror(database, Ledger(), deployment, events).tick())

            tick()
            with database.unit_of_work() as uow:
                assert store.cursor(uow, events.cursor, 0) == shown
                store.move_cursor(uow, events.cursor, shown + 1)  # as another mirror had shown it
            with pytest.raises(ChainBehind):
                tick()
            with database.unit_of_work() as uow:
                assert store.cursor(uow, events.cursor, 0) == shown + 1
