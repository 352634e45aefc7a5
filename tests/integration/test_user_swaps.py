"""Swaps through the router, drawn at random, are those of the pools' model to the unit, on every path."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from juapesa.chain import abi
from juapesa.money import CKES, CNGN, USDC, Currency, Money
from juapesa.pools import calls, routes
from juapesa.pools.exact_model import Levels, Pool, Price, Refused, Reserves, Settings, pool_at
from support.evm import Node, running_anvil
from support.pools_chain import LATE, MIDS_E18, PoolsChain, creation, deploy_pools

pytestmark = pytest.mark.needs_evm

SEED = 20261121
SWAPS = 40
ALLOW = abi.Function("allowRouter", ("address", "bool"))
PATH_AND_AMOUNT = ("address[]", "uint64")
QUOTE_IN = abi.Function("quoteExactIn", PATH_AND_AMOUNT, ("uint64", "uint8"))
QUOTE_OUT = abi.Function("quoteExactOut", PATH_AND_AMOUNT, ("uint64", "uint8"))
SWAP_ARGUMENTS = ("address[]", "uint64", "uint64", "address", "uint64")
SWAP_IN = abi.Function("swapExactIn", SWAP_ARGUMENTS, ("uint64",))
SWAP_OUT = abi.Function("swapExactOut", SWAP_ARGUMENTS, ("uint64",))
LOCAL = {CKES: "cKES", CNGN: "cNGN"}
PATHS = ((CKES, USDC), (USDC, CKES), (CNGN, USDC), (USDC, CNGN), (CKES, USDC, CNGN), (CNGN, USDC, CKES))


@pytest.fixture(scope="module")
def pools(forge_output: Path) -> Iterator[PoolsChain]:
    with running_anvil() as node:
        yield deploy_pools(node)


def router_of(pools: PoolsChain) -> str:
    """A router over these pools; the account that governs lets it trade with its tokens."""
    nobody = "0x" + "11" * 20
    code = creation("Router", "Router", ("address",) * 3, (nobody, nobody, pools.pools))
    made = pools.node.send(code)["contractAddress"]
    pools.send(ALLOW, made, True)
    return str(made)


def pool_now(pools: PoolsChain, token: Currency, at: int) -> Pool:
    """The model of a pool in the block of this time."""
    address = pools.tokens[LOCAL[token]]
    reserves, settings, levels = pools.node.read(pools.pools, calls.STATE, address)
    mid, doubt, observed_at, *_ = pools.node.read(pools.pools, calls.PRICE_OF, address)[0]
    return pool_at(
        at,
        Settings(*settings[1:]),
        Price(mid, doubt, observed_at),
        Reserves(*reserves),
        Levels(*levels),
    )


def wanted(pools: PoolsChain, path: tuple[Currency, ...], amount: int, *, exact_in: bool, at: int) -> Any:
    """What the model says: (amount, 0), or (0, why not)."""

    def pool_of(token: Currency) -> Pool:
        return pool_now(pools, token, at)

    try:
        if exact_in:
            return routes.exact_in(pool_of, Money(amount, path[0]), path[-1]).get.minor, 0
        return routes.exact_out(pool_of, Money(amount, path[-1]), path[0]).give.minor, 0
    except Refused as refused:
        return 0, int(refused.why)


def test_swaps_through_the_router_are_those_of_the_model(pools: PoolsChain) -> None:
    drawn = random.Random(SEED)
    router, to = router_of(pools), "0x" + "70" * 20
    outcomes = set()
    for _ in range(SWAPS):
        path, exact_in = drawn.choice(PATHS), drawn.random() < 0.5
        addresses = [pools.tokens["USDC" if each == USDC else LOCAL[each]] for each in path]
        amount = drawn.randrange(1, 2 ** drawn.randrange(1, 48))
        at = pools.node.now() + 1
        quote = QUOTE_IN if exact_in else QUOTE_OUT
        told = view_at(pools.node, router, quote, at, addresses, amount)
        assert told == wanted(pools, path, amount, exact_in=exact_in, at=at)
        outcomes.add(told[1])
        if told[1]:
            continue
        before = pools.node.read(addresses[-1], calls.BALANCE_OF, to)[0]
        pools.node.ask("evm_setNextBlockTimestamp", at)
        swap = SWAP_IN if exact_in else SWAP_OUT
        pools.send(swap, addresses, amount, told[0], to, LATE, to=router)
        paid = pools.node.read(addresses[-1], calls.BALANCE_OF, to)[0] - before
        assert paid == (told[0] if exact_in else amount)
        assert all(pools.node.read(each, calls.BALANCE_OF, router) == (0,) for each in addresses)
    assert len(outcomes) > 1, "some were refused, some made"
    for symbol in MIDS_E18:
        kept, _, _ = pools.node.read(pools.pools, calls.STATE, pools.tokens[symbol])
        assert pools.node.read(pools.tokens[symbol], calls.BALANCE_OF, pools.pools) == (kept[0],)


def view_at(node: Node, to: str, function: abi.Function, at: int, *values: Any) -> tuple[Any, ...]:
    """A view's answer in a block of that time."""
    call = {"to": to, "data": "0x" + function.call(*values).hex()}
    return function.result(bytes.fromhex(node.ask("eth_call", call, "latest", {}, {"time": hex(at)})[2:]))
