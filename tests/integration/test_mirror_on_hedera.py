"""Reading the log under the relay's limits: a thousand blocks at once, nothing beyond what is shown."""

import asyncio
import itertools
from typing import Any

import pytest

from juapesa.chain import Deployment, Rpc
from juapesa.chain.events import OVERLAP_BLOCKS, BlockEvents
from juapesa.chain.rpc import ChainBehind
from juapesa.db import Database
from juapesa.issuance import store
from juapesa.issuance.mirror import Mirror
from juapesa.ledger import Ledger
from support.hedera import QUICK, sandbox

pytestmark = pytest.mark.needs_evm

NOWHERE = Deployment(
    "hedera-sandbox", 298, *(f"0x{number:040x}" for number in (0xA1, 0xA2, 0xA3)), tokens={}, first_block=1
)


class ListeningRpc(Rpc):
    """Remembers which spans were asked for."""

    spans: list[tuple[int, int]]

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.spans = []

    async def _logs(self, addresses: list[str], first: int, last: int) -> list[dict[str, Any]]:
        self.spans.append((first, last))
        return await super()._logs(addresses, first, last)


def read_on(database: Database, url: str) -> list[tuple[int, int]]:
    """A freshly started watcher's one cycle; the spans that it asked for."""
    rpc = ListeningRpc(url)
    asyncio.run(Mirror(database, Ledger(), NOWHERE, BlockEvents(rpc, NOWHERE)).tick())
    return rpc.spans


def cursor(database: Database) -> int:
    with database.unit_of_work() as uow:
        return store.cursor(uow, BlockEvents.cursor, 0)


def test_a_long_log_is_read_in_spans_that_the_relay_allows_and_that_overlap(database: Database) -> None:
    with sandbox(QUICK) as net:
        net.mine(blocks=1_200)
        head = int(net.ask("eth_blockNumber"), 16)
        spans = read_on(database, net.url)
        assert len(spans) == 2
        assert all(last - first < 1_000 for first, last in spans)
        for (_, before), (after, _) in itertools.pairwise(spans):
            assert after == before + 1 - OVERLAP_BLOCKS
            assert OVERLAP_BLOCKS >= 2, "a log may be shown some seconds late"
        assert cursor(database) == spans[-1][1] == head


def test_the_cursor_never_runs_ahead_of_the_mirror_nor_back(database: Database) -> None:
    with sandbox(QUICK) as net:
        net.mine(blocks=20)
        net.fault("read", "stall", seconds=3)
        shown = int(net.ask("eth_blockNumber"), 16)
        net.mine(blocks=20)
        read_on(database, net.url)
        assert cursor(database) == shown
        with database.unit_of_work() as uow:
            store.move_cursor(uow, BlockEvents.cursor, shown + 1)  # as another endpoint had shown it
        with pytest.raises(ChainBehind):
            read_on(database, net.url)
        assert cursor(database) == shown + 1
