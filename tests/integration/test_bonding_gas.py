"""What a purchase and a sale of community currency cost on a warm pool.

Gas of the third identical transaction, the 21,000 of any transaction and its call data included, plain
ERC-20s in and out. The limits are what was measured, rounded up to the next thousand: a change that moves
them says why.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from juapesa.chain.abi import Function
from support.evm import Node, creation, running_anvil

pytestmark = pytest.mark.needs_evm

NEVER = 2**64 - 1
DOLLAR = 10**6
TERMS = (2_000, 100_000, 200_000, 86_400)
OPEN = Function(
    "open",
    ("(string,string,address,uint64,uint64,uint24)", "(uint24,uint24,uint24,uint24)"),
)
FOUND = Function("found", ("address",))
TOKENS = Function("tokens", (), ("address[]",))
BUY = Function("buy", ("address", "uint64", "uint64", "address", "uint64"))
SELL = Function("sell", ("address", "uint64", "uint64", "address", "uint64"))
# trr in ppm, a purchase, a sale
GAS_MAX = (
    (1_000_000, 75_000, 75_000),
    (500_000, 76_000, 75_000),
    (333_333, 76_000, 76_000),
    (250_000, 77_000, 76_000),
    (370_000, 78_000, 77_000),
)


@pytest.fixture(scope="module")
def node(forge_output: Path) -> Iterator[Node]:
    """A chain with nothing on it."""
    del forge_output
    with running_anvil() as node:
        yield node


@pytest.mark.parametrize(("trr_ppm", "buy_max", "sell_max"), GAS_MAX)
def test_trades_cost_no_more_than_measured(node: Node, trr_ppm: int, buy_max: int, sell_max: int) -> None:
    admin = node.account()

    def made(contract: str, *arguments: Any) -> str:
        return str(node.send(creation(contract, *arguments))["contractAddress"])

    usdc, manager = made("TestUSDC"), made("AccessManager", ("address",), (admin,))
    pools = made("BondingPools", ("address", "address"), (manager, usdc))
    node.send(Function("mint", ("address", "uint64")).call(admin, 10**13), usdc)
    node.send(Function("approve", ("address", "uint256")).call(pools, 10**13), usdc)
    opening = ("Sarafu", "SRF", admin, 10**12, 10**11, trr_ppm)
    node.send(OPEN.call(opening, TERMS), pools)
    token = node.read(pools, TOKENS)[0][0]
    node.send(FOUND.call(token), pools)
    gas = {}
    for function in (BUY, SELL):
        call = function.call(token, 100 * DOLLAR, 0, admin, NEVER)
        gas[function.name] = [int(node.send(call, pools)["gasUsed"], 16) for _ in range(3)][-1]
    assert gas["buy"] <= buy_max
    assert gas["sell"] <= sell_max
