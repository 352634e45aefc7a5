"""The relayer on Hedera's rules: a mirror that lags, sends that are refused or not answered, and kills."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa.chain.courier import Courier
from juapesa.db import Database
from juapesa.issuance.domain import Orders
from juapesa.money import CKES, Money
from support.deaths import allowed_to_die, kill
from support.hedera import Sandbox
from support.hedera_hub import Deployed
from support.hub import Desk, collected, send
from support.relaying import FAULTY, cycles, lagging_desk

pytestmark = pytest.mark.needs_evm


@pytest.fixture
def network(deployed_network: Deployed, database: Database, tmp_path: Path) -> Iterator[tuple[Sandbox, Desk]]:
    with lagging_desk(deployed_network, database, tmp_path) as made:
        yield made


def courier(desk: Desk) -> Courier:
    """Patience as it fits the pace of these tests."""
    return desk.courier(unseen_seconds=2.5, lost_seconds=3.0, send_seconds_max=0.5)


def settle(desk: Desk, *items: uuid.UUID) -> int:
    """By a freshly started relayer; the most batches that were on their way at once."""
    desk.publish()

    async def run() -> int:
        with desk.relay(courier=courier(desk)) as relay:
            return await cycles(desk, relay, *items)

    return asyncio.run(run())


def assert_settled_once(desk: Desk, *items: uuid.UUID) -> None:
    assert [(desk.item(each).state, desk.item(each).reason) for each in items] == [("settled", "")] * len(
        items
    )
    assert [desk.settled_events(each) for each in items] == [1] * len(items)


def test_each_of_hederas_refusals_is_survived(network: tuple[Sandbox, Desk]) -> None:
    net, desk = network
    items = []
    for fault in ("busy", "throttled", "wrong-nonce", "timeout-after-accept", "outage"):
        net.fault("send", fault, **({"seconds": 1} if fault.startswith("timeout") else {}))
        items.append(desk.order(send(fault)))
        settle(desk, items[-1])
    assert_settled_once(desk, *items)


def test_nobody_waits_for_what_the_mirror_does_not_show_yet(network: tuple[Sandbox, Desk]) -> None:
    net, desk = network
    net.option(lag_low_seconds=2.5, lag_high_seconds=3.0)
    net.fault("send", "throttled", count=1)

    async def one_after_the_other() -> tuple[list[uuid.UUID], int]:
        with desk.relay(courier=courier(desk)) as relay:
            items = []
            for number in range(4):
                items.append(await asyncio.to_thread(desk.order, Orders(mint=collected(10, f"R{number}"))))
                await relay.tick()
                await asyncio.sleep(0.5)
            return items, await cycles(desk, relay, *items)

    items, most = asyncio.run(one_after_the_other())
    assert_settled_once(desk, *items)
    assert most >= 3
    assert desk.chain.supply(CKES) == Money.whole(13_000_040, CKES).minor


OFTEN = [("hand_over", True), ("_record", False)]
ALWAYS = [
    ("_intend", False),
    ("_intend", True),
    ("hand_over", False),
    ("_record", True),
    ("_intend_again", True),
]


@pytest.mark.parametrize(
    ("point", "after"), [*OFTEN, *(pytest.param(*each, marks=pytest.mark.slow) for each in ALWAYS)]
)
def test_killed_at_any_step_on_a_bad_day_it_settles_exactly_once(
    network: tuple[Sandbox, Desk], point: str, after: bool
) -> None:
    net, desk = network
    if point == "_intend_again":
        net.fault("send", "throttled", count=3)
    else:
        net.option(**FAULTY)
    items = [desk.order(send(f"K{number}")) for number in range(3)]

    async def until_killed() -> None:
        with desk.relay(courier=courier(desk)) as relay:
            await cycles(desk, kill(relay, point, after=after), *items)

    for _ in range(2):
        desk.publish()
        with allowed_to_die():
            asyncio.run(until_killed())
    settle(desk, *items)
    assert_settled_once(desk, *items)
    assert desk.chain.supply(CKES) == Money.whole(13_003_000, CKES).minor
