"""Prices of several publishers, brought to the deployed pools as the contract demands them."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from juapesa.chain import Deployment, Rpc
from juapesa.chain.prices import SOURCES_MIN, Publishers, SignedPrice
from juapesa.clock import SystemClock
from juapesa.crypto import keccak256, recover_address
from juapesa.money import CKES, CNGN, USDC
from juapesa.sandbox import oracle
from juapesa.sandbox.store import Store
from support.evm import running_anvil
from support.pools_chain import UPDATE_PRICES, PoolsChain, deploy_pools
from support.sandboxes import Control, served, settings

pytestmark = pytest.mark.needs_evm

KEYS = [keccak256(f"juapesa tests publisher {number}".encode()) for number in range(3)]
STRANGER = keccak256(b"juapesa tests stranger")


@dataclass
class World:
    """Pools on a chain, and publishers that sign for them."""

    chain: PoolsChain
    deployment: Deployment
    publishers: list[Control]
    urls: list[str]

    def newest(self, urls: list[str] | None = None) -> list[SignedPrice]:
        async def gathered() -> list[SignedPrice]:
            async with httpx.AsyncClient(trust_env=False) as http:
                rpc = Rpc(self.chain.node.url)
                clock = SystemClock()
                try:
                    return await Publishers(http, urls or self.urls, self.deployment, rpc, clock).newest()
                finally:
                    await rpc.close()

        return asyncio.run(gathered())

    def bring(self, prices: list[SignedPrice]) -> None:
        """To the chain, whose newest block must show the time of now."""
        self.chain.node.set_time()
        self.chain.send(UPDATE_PRICES, [each.abi_tuple(self.deployment) for each in prices])


@pytest.fixture(scope="module")
def pools(forge_output: Path) -> Iterator[PoolsChain]:
    with running_anvil() as node:
        yield deploy_pools(node)


@contextmanager
def publishing(pools: PoolsChain, folder: Path, keys: list[bytes]) -> Iterator[World]:
    file = folder / "deployment.json"
    tokens = {symbol: {"address": at, "decimals": 6} for symbol, at in pools.tokens.items()}
    file.write_text(json.dumps({"tokens": tokens}))
    deployment = Deployment(
        network="test",
        chain_id=298,
        registry="0x" + "0" * 40,
        router="0x" + "0" * 40,
        pools=pools.pools.lower(),
        tokens={unit: pools.tokens[unit.code].lower() for unit in (CKES, CNGN, USDC)},
        first_block=0,
    )

    def make() -> Any:
        return oracle.build(settings(), Store(), SystemClock(), file, keys)

    with served(make) as url:
        urls = [f"{url}/{number}" for number in range(1, len(keys) + 1)]
        yield World(pools, deployment, [Control(each) for each in urls], urls)


@pytest.fixture
def world(pools: PoolsChain, tmp_path: Path) -> Iterator[World]:
    with publishing(pools, tmp_path, KEYS) as made:
        yield made


def sources(prices: list[SignedPrice]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in prices:
        found[each.token.code] = found.get(each.token.code, 0) + 1
    return found


def test_the_contract_takes_what_three_publishers_say(world: World) -> None:
    prices = world.newest()
    assert sources(prices) == {"cKES": 3, "cNGN": 3}
    world.bring(prices)
    before = world.chain.node.now()
    kept = world.chain.price_of("cKES")
    assert before - kept.observed_at < 10
    assert kept.mid_e18 == sorted(each.mid_e18 for each in prices if each.token == CKES)[1]


def test_signatures_are_over_the_contracts_own_digest(world: World) -> None:
    signers = {recover_address(each.digest(world.deployment), each.signature) for each in world.newest()}
    assert signers == {each.address.lower() for each in world.chain.publishers}


SPOILT: dict[str, Callable[[Control], object]] = {
    "silent": lambda it: it.fault("price", "timeout-after-accept", seconds=10),
    "away": lambda it: it.fault("price", "outage"),
    "late": lambda it: it.fault("price", "late", seconds=300),
    "forged": lambda it: it.fault("price", "forge"),
    "under another token's name": lambda it: it.fault("price", "wrong-symbol"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_two_good_publishers_are_too_few_and_say_nothing(world: World, kind: str) -> None:
    SPOILT[kind](world.publishers[1])
    assert world.newest() == []


@pytest.mark.parametrize("kind", SPOILT)
def test_a_fourth_publisher_stands_in_for_a_spoilt_one(pools: PoolsChain, tmp_path: Path, kind: str) -> None:
    fourth = pools.add_publisher("publisher 3")
    with publishing(pools, tmp_path, [*KEYS, fourth]) as world:
        assert sources(world.newest()) == {"cKES": 4, "cNGN": 4}
        SPOILT[kind](world.publishers[1])
        prices = world.newest()
        assert sources(prices) == {"cKES": SOURCES_MIN, "cNGN": SOURCES_MIN}
        world.bring(prices)


def test_a_stranger_among_them_and_a_publisher_asked_twice_do_no_harm(
    pools: PoolsChain, tmp_path: Path
) -> None:
    with publishing(pools, tmp_path, [*KEYS, STRANGER]) as world:
        prices = world.newest([*world.urls, world.urls[0], "http://127.0.0.1:9"])
        assert sources(prices) == {"cKES": 3, "cNGN": 3}
        world.bring(prices)


def test_a_publisher_a_few_seconds_slower_than_three_others_is_left_out(
    pools: PoolsChain, tmp_path: Path
) -> None:
    fourth = pools.add_publisher("publisher 3")
    with publishing(pools, tmp_path, [*KEYS, fourth]) as world:
        world.publishers[0].fault("price", "late", seconds=20)
        assert sources(world.newest()) == {"cKES": 3, "cNGN": 3}
        world.publishers[1].fault("price", "late", seconds=20)
        assert sources(world.newest()) == {"cKES": 4, "cNGN": 4}


def test_one_liar_of_three_moves_the_price_no_further_than_the_honest_two(world: World) -> None:
    time.sleep(1.1)  # prices must be newer than those that another test brought
    honest = [each.mid_e18 for each in world.newest() if each.token == CKES]
    world.publishers[2].fault("price", "jump", code="900000")
    prices = world.newest()
    assert max(each.mid_e18 for each in prices if each.token == CKES) > 2 * min(honest) * 9 // 10
    world.bring(prices)
    kept = world.chain.price_of("cKES")
    assert kept.observed_at == prices[0].observed_at
    assert kept.mid_e18 <= max(honest) * 10_001 // 10_000
    assert kept.doubt_ppm < 20_000
