"""What a user's action costs at the pools: the third identical transaction, with plain ERC-20s.

As the anchors were measured: 21,000 and calldata are in, the pool is warm, each transaction is in a
block of its own. The ceilings are the promised figures.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.evm import running_anvil
from support.pools_chain import (
    ADD,
    CONFIGURE_PEG,
    CONVERT,
    DEPOSIT,
    FUND_PEG,
    LATE,
    MIDS_E18,
    REMOVE,
    SWAP,
    PoolsChain,
    deploy_pools,
)

pytestmark = pytest.mark.needs_evm


@pytest.fixture(scope="module")
def pools() -> Iterator[PoolsChain]:
    with running_anvil() as node:
        yield deploy_pools(node)


def third(pools: PoolsChain, act: Callable[[], dict[str, Any]]) -> int:
    for symbol, mid in MIDS_E18.items():
        pools.price(symbol, mid)
    act()
    act()
    return int(act()["gasUsed"], 16)


def test_a_swap_costs_at_most_80_000(pools: PoolsChain) -> None:
    kes, usdc, to = pools.tokens["cKES"], pools.tokens["USDC"], pools.node.account()
    sale = third(pools, lambda: pools.send(SWAP, kes, usdc, 10**9, 1, to, LATE))
    purchase = third(pools, lambda: pools.send(SWAP, usdc, kes, 10**7, 1, to, LATE))
    print("swap", sale, purchase)
    assert max(sale, purchase) <= 80_000


def test_two_hops_cost_at_most_125_000(pools: PoolsChain) -> None:
    kes, ngn, to = pools.tokens["cKES"], pools.tokens["cNGN"], pools.node.account()
    used = third(pools, lambda: pools.send(SWAP, kes, ngn, 10**9, 1, to, LATE))
    print("two_hop", used)
    assert used <= 125_000


def test_adding_and_removing_liquidity_cost_at_most_95_000(pools: PoolsChain) -> None:
    kes = pools.tokens["cKES"]
    added = third(pools, lambda: pools.send(ADD, kes, 10**12, 10**9, 0, 0, False))
    removed = third(pools, lambda: pools.send(REMOVE, kes, 10**8, 0, 0, 0, False))
    print("add, remove", added, removed)
    assert max(added, removed) <= 95_000


def test_one_for_one_costs_at_most_64_000(pools: PoolsChain) -> None:
    a, b, to = pools.tokens["cKES"], pools.tokens["cNGN"], pools.node.account()
    pair = sorted((a, b), key=str.lower)
    for token in pair:
        pools.send(DEPOSIT, token, 10**13, to)
    pools.send(CONFIGURE_PEG, *pair, 100, 10**9, 10**9)
    pools.send(FUND_PEG, *pair, 10**13, 10**13)
    one = third(pools, lambda: pools.send(CONVERT, a, b, 10**9, to))
    other = third(pools, lambda: pools.send(CONVERT, b, a, 10**9, to))
    print("one_to_one", one, other)
    assert max(one, other) <= 64_000
