"""The relayer through a consensus node's own door: done sooner, settled once, whoever dies when."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from juapesa.chain.native_nodes import NativeNodes
from juapesa.chain.native_sending import NativeSending
from juapesa.db import Database
from juapesa.issuance.domain import Orders, Provide
from juapesa.issuance.relay import Relay
from juapesa.money import CKES, USDC, Money
from support.deaths import allowed_to_die, kill
from support.hedera import Sandbox
from support.hedera_hub import Deployed
from support.hub import Desk, collected, send
from support.relaying import FAULTY, PACE_SECONDS, SECONDS_MAX, cycles, lagging_desk

pytestmark = pytest.mark.needs_evm

LAG_SECONDS = 3.0


@pytest.fixture
def network(deployed_network: Deployed, database: Database, tmp_path: Path) -> Iterator[tuple[Sandbox, Desk]]:
    lag = {"lag_low_seconds": LAG_SECONDS, "lag_high_seconds": LAG_SECONDS}
    with lagging_desk(deployed_network, database, tmp_path, **lag) as made:
        yield made


@contextmanager
def relaying(net: Sandbox, desk: Desk) -> Iterator[Relay]:
    """A freshly started relayer whose native path is open; it finds its account at the mirror."""
    signer = desk.chain.relayer
    account = net.seen(f"/api/v1/accounts/{signer.address}", limit=1)["account"]
    nodes = NativeNodes({"0.0.3": net.state()["hapi"]}, signer, 100_000_000, 1.0)
    native = NativeSending(nodes, lambda: account)
    courier = desk.courier(unseen_seconds=2.5, lost_seconds=3.0, send_seconds_max=0.5, native=native)
    with desk.relay(courier=courier) as relay:
        yield relay


def rows(desk: Desk, columns: str, table: str = "batch") -> list[tuple[object, ...]]:
    with desk.db.unit_of_work() as uow:
        found = uow.all(f"SELECT {columns} FROM issuance.{table} ORDER BY 1")  # noqa: S608
    return [tuple(each.values()) for each in found]


def assert_settled_once(desk: Desk, *items: uuid.UUID) -> None:
    """By the events that the mirror shows in the end."""
    assert [(desk.item(each).state, desk.item(each).reason) for each in items] == [("settled", "")] * len(
        items
    )
    until = time.monotonic() + SECONDS_MAX
    while 0 in (counts := [desk.settled_events(each) for each in items]) and time.monotonic() < until:
        time.sleep(0.2)
    assert counts == [1] * len(items)


def test_an_item_is_settled_before_the_mirror_shows_it_and_its_block_is_written_down_then(
    network: tuple[Sandbox, Desk],
) -> None:
    net, desk = network
    desk.publish()
    item, before = desk.order(send("sooner")), len(rows(desk, "id"))

    async def run() -> None:
        with relaying(net, desk) as relay:
            began = time.monotonic()
            await cycles(desk, relay, item)
            assert time.monotonic() - began < LAG_SECONDS
            assert rows(desk, "id, state, block")[before:][0][1:] == ("included", None)
            assert len(rows(desk, "payer", "envelope")) == 1
            until = time.monotonic() + SECONDS_MAX
            while rows(desk, "id, block")[before][1] is None:
                assert time.monotonic() < until
                await relay.tick()
                await asyncio.sleep(PACE_SECONDS)

    asyncio.run(run())
    assert_settled_once(desk, item)
    receipt = net.ask("eth_getTransactionReceipt", rows(desk, "id, tx_hash")[before][1])
    assert int(receipt["blockNumber"], 16) == rows(desk, "id, block")[before][1]


def test_liquidity_waits_until_the_mirror_shows_what_it_stands_on(network: tuple[Sandbox, Desk]) -> None:
    net, desk = network
    desk.publish()
    amount, dollars = Money.whole(1_300, CKES), Money.whole(10, USDC)
    minted = desk.order(Orders(mint=collected(1_300, "stand")))
    provided = desk.order(Orders(provide=Provide(amount, dollars)))

    async def run() -> float:
        with relaying(net, desk) as relay:
            await cycles(desk, relay, minted)
            began = time.monotonic()
            await cycles(desk, relay, provided)
            return time.monotonic() - began

    assert asyncio.run(run()) > LAG_SECONDS / 2
    assert_settled_once(desk, minted)
    assert desk.item(provided).state == "settled"


OFTEN = [("hand_over", True), ("_record", False)]
ALWAYS = [("_intend", True), ("hand_over", False), ("_record", True), ("_intend_again", True)]


@pytest.mark.parametrize(
    ("point", "after"), [*OFTEN, *(pytest.param(*each, marks=pytest.mark.slow) for each in ALWAYS)]
)
def test_killed_at_any_step_on_a_bad_day_it_settles_exactly_once(
    network: tuple[Sandbox, Desk], point: str, after: bool
) -> None:
    net, desk = network
    net.option(**FAULTY)
    if point == "_intend_again":
        net.fault("hapi", "throttled", count=3)
    items = [desk.order(send(f"K{number}")) for number in range(3)]

    async def until_killed() -> None:
        with relaying(net, desk) as relay:
            await cycles(desk, kill(relay, point, after=after), *items)

    async def until_done() -> None:
        with relaying(net, desk) as relay:
            await cycles(desk, relay, *items)

    for _ in range(2):
        desk.publish()
        with allowed_to_die():
            asyncio.run(until_killed())
    desk.publish()
    asyncio.run(until_done())
    assert_settled_once(desk, *items)
    assert desk.chain.supply(CKES) == Money.whole(13_003_000, CKES).minor
