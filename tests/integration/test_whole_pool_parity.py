"""Histories drawn at random, on the contracts and on the model: the books stay the same to the unit.

Trades, providers of every term, prices, settings, time and the pot's release; refusals are compared too.
"""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from juapesa.chain import abi
from juapesa.pools import calls
from juapesa.pools.exact_model import Price, Refused, Settings
from juapesa.pools.peg_model import Peg, PegClosed, PegShort, converted
from juapesa.pools.whole_pool import PositionShort, WholePool
from support.evm import Node, running_anvil
from support.pools_chain import (
    ADD,
    APPROVE,
    CONFIGURE,
    CONFIGURE_PEG,
    CONVERT,
    FUND_PEG,
    LATE,
    MIDS_E18,
    MINT,
    REMOVE,
    SETTINGS,
    SWAP,
    PoolsChain,
    deploy_pools,
)

pytestmark = pytest.mark.needs_evm

SYMBOL = "cKES"
STEPS = 220
PEG_STEPS = 60
WORDS = "(uint64,uint64,uint64,uint64)"
SETTINGS_WORD = "(uint8,uint16,uint16,uint16,uint24,uint24,uint24,uint24,uint24,uint24,uint24,uint24)"
STATE = abi.Function("state", ("address",), (WORDS, SETTINGS_WORD, "(uint48,uint48,uint48,uint48,uint40)"))
ADD_ONE = abi.Function("addSingleSided", ("address", "uint64", "bool", "uint80", "uint8", "bool"))
CLAIM = abi.Function("claimFees", ("address", "uint8", "bool"))
RELEASE_POT = abi.Function("releasePot", ("address", "uint64"))
PAUSE = abi.Function("pause", ("address", "bool", "bool"))
UNPAUSE = abi.Function("unpause", ("address",))
DEPOSIT = abi.Function("deposit", ("address", "uint64", "address"))
PEG_TYPE = "(uint64,uint64,uint16,uint8,uint40,uint40)"
PEG = abi.Function("peg", ("address", "address"), (PEG_TYPE,))
PAUSE_PEG = abi.Function("pausePeg", ("address", "address"))
BALANCE_OF = abi.Function("balanceOf", ("address",), ("uint256",))


@pytest.fixture(scope="module")
def pools(forge_output: Path) -> Iterator[PoolsChain]:
    with running_anvil() as node:
        yield deploy_pools(node)


class History:
    """One pool on the chain and in the model, and who provides to it."""

    def __init__(self, chain: PoolsChain, seed: int) -> None:
        self.chain, self.node, self.draw = chain, chain.node, random.Random(seed)
        self.token, self.usdc = chain.tokens[SYMBOL], chain.tokens["USDC"]
        self.owners = [str(each).lower() for each in self.node.ask("eth_accounts")[:3]]
        for owner in self.owners[1:]:
            for token in (self.token, self.usdc):
                chain.send(MINT, owner, 2**50, to=token)
                self.node.send(APPROVE.call(chain.pools, 2**256 - 1), token, owner)
        self.node.ask("evm_setAutomine", True)
        self.model = WholePool(as_settings(SETTINGS), self.kept_price())
        self.model.add(self.node.now(), self.owners[0], 0, *self.reserves()[:2])
        self.model.levels = type(self.model.levels)(*self.node.read(chain.pools, STATE, self.token)[2])
        self.made: dict[str, int] = {}
        self.refused: dict[str, int] = {}

    def kept_price(self) -> Price:
        return self.chain.price_of(SYMBOL).price()

    def reserves(self) -> tuple[int, ...]:
        return tuple(self.node.read(self.chain.pools, STATE, self.token)[0])

    def step(self) -> None:
        """Something happens a while later, there and here."""
        draw, model = self.draw, self.model
        now = self.node.now() + draw.choice([1, 3, 60, 300, 3_000, 40 * 86_400 if draw.random() < 0.1 else 7])
        owner, term = draw.choice(self.owners), draw.randrange(4)
        dollars = int(10 ** draw.uniform(0, 10.2))
        tokens = dollars * 10**18 // MIDS_E18[SYMBOL]
        is_usdc = draw.random() < 0.5
        held = model.position(owner, term).shares
        out = held if draw.random() < 0.2 else draw.randint(0, held + held // 20)
        pot = draw.randint(0, model.reserves.pot_usdc + 1)
        token, usdc, pools = self.token, self.usdc, self.chain.pools
        steps: dict[str, tuple[bytes, Callable[[], Any]]] = {
            "sell": (SWAP.call(token, usdc, tokens, 0, owner, LATE), lambda: model.sell(now, tokens)),
            "buy": (SWAP.call(usdc, token, dollars, 0, owner, LATE), lambda: model.buy(now, dollars)),
            "add": (
                ADD.call(token, tokens, dollars, 0, term, False),
                lambda: model.add(now, owner, term, tokens, dollars),
            ),
            "add one side": (
                ADD_ONE.call(token, dollars if is_usdc else tokens, is_usdc, 0, term, False),
                lambda: model.add_one_side(now, owner, term, dollars if is_usdc else tokens, is_usdc=is_usdc),
            ),
            "remove": (
                REMOVE.call(token, out, 0, 0, term, False),
                lambda: model.remove(now, owner, term, out),
            ),
            "claim": (CLAIM.call(token, term, False), lambda: model.claim(now, owner, term)),
            "release pot": (RELEASE_POT.call(token, pot), lambda: model.release_pot(pot)),
        }
        name = draw.choice(["sell", "sell", "buy", "buy", *steps])
        call, modelled = steps[name]
        sender = self.owners[0] if name == "release pot" else owner
        before = self.balances(owner)
        there = self.sent(call, pools, sender, now)
        was = (model.reserves.token, model.held_usdc)
        agreed = happened(modelled)
        assert agreed == there, name
        counts = self.made if agreed else self.refused
        counts[name] = counts.get(name, 0) + 1
        paid = tuple(a - b for a, b in zip(before, self.balances(owner), strict=True))
        assert paid == (model.reserves.token - was[0], model.held_usdc - was[1]), name
        self.compare(owner, term)

    def balances(self, owner: str) -> tuple[int, int]:
        return (
            self.node.read(self.token, BALANCE_OF, owner)[0],
            self.node.read(self.usdc, BALANCE_OF, owner)[0],
        )

    def sent(self, call: bytes, to: str, sender: str, at: int) -> bool:
        """Whether it succeeded, in a block of that time."""
        self.node.ask("evm_setNextBlockTimestamp", at)
        return succeeded(self.node, call, to, sender)

    def compare(self, owner: str, term: int) -> None:
        model, pools, token = self.model, self.chain.pools, self.token
        reserves, _, levels = self.node.read(pools, STATE, token)
        kept, level = model.reserves, model.levels
        assert reserves == (kept.token, kept.usdc, kept.pot_usdc, kept.fees_usdc)
        assert levels == (
            level.sell_hour,
            level.sell_day,
            level.buy_hour,
            level.buy_day,
            level.touched_at,
        )
        totals, fees = self.node.read(pools, calls.LIQUIDITY, token)
        assert (totals, fees) == ((model.shares, model.weight), (model.index_x48, model.owed_usdc))
        position, lock = self.node.read(pools, calls.POSITION, owner, token, term)
        held = model.position(owner, term)
        assert position == (held.shares, held.index_x48, held.owed_usdc)
        assert lock == (held.unlock_at, held.uplift_usdc)

    def reconfigure(self) -> None:
        """Other settings, halts, and another price."""
        draw, token = self.draw, self.token
        words = (
            *(0, draw.randint(0, 5_000), draw.randint(0, 500), 60, 86_400, 20_000),
            *(draw.randint(0, 100_000), draw.randint(0, 1_000_000), draw.randint(300_000, 700_000)),
            *(draw.randint(20_000, 1_000_000), draw.randint(100_000, 1_000_000), draw.randint(0, 500_000)),
        )
        self.chain.send(CONFIGURE, token, words)
        halts = draw.random() < 0.2, draw.random() < 0.2
        self.chain.send(UNPAUSE, token)
        self.chain.send(PAUSE, token, *halts)
        self.chain.price(SYMBOL, MIDS_E18[SYMBOL] * draw.randint(985, 1_015) // 1_000)
        self.model.settings = as_settings(words, *halts)
        self.model.price = self.kept_price()


def succeeded(node: Node, call: bytes, to: str, sender: str) -> bool:
    """Whether a transaction, mined at once, did not revert."""
    body = {"from": sender, "to": to, "data": "0x" + call.hex(), "gas": hex(2_000_000)}
    sent = node.ask("eth_sendTransaction", body)
    until = time.monotonic() + 20
    while (receipt := node.ask("eth_getTransactionReceipt", sent)) is None:
        assert time.monotonic() < until, f"{sent} is in no block"
    return bool(receipt["status"] == "0x1")


def happened(step: Callable[[], Any]) -> bool:
    """Whether the model allows it."""
    try:
        step()
    except (Refused, PositionShort):
        return False
    return True


def as_settings(words: tuple[int, ...], sells_paused: bool = False, buys_paused: bool = False) -> Settings:
    return Settings(*words[1:], sells_paused=sells_paused, buys_paused=buys_paused)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_history_leaves_the_same_books_in_the_contract_and_in_the_model(
    pools: PoolsChain, seed: int
) -> None:
    snapshot = pools.node.ask("evm_snapshot")
    history = History(pools, seed)
    for number in range(STEPS):
        if number % 10 == 9:
            history.reconfigure()
        history.step()
    for owner in history.owners:
        for term in range(4):
            history.compare(owner, term)
    pools.node.ask("evm_revert", snapshot)
    assert set(history.made) == {"sell", "buy", "add", "add one side", "remove", "claim", "release pot"}
    assert sum(history.made.values()) > STEPS // 2, history.made
    assert len(history.refused) >= 4, history.refused


def test_a_pegs_conversions_are_the_same_in_the_contract_and_in_the_model(pools: PoolsChain) -> None:
    draw, node = random.Random(3), pools.node
    low, high = sorted((pools.tokens["cKES"].lower(), pools.tokens["cNGN"].lower()))
    for token in (low, high):
        pools.send(DEPOSIT, token, 10**12, node.account())
    pools.send(CONFIGURE_PEG, low, high, 0, 10**6, 10**6)
    pools.send(FUND_PEG, low, high, 10**10, 10**10)
    seen: set[type[Exception] | None] = set()
    for number in range(PEG_STEPS):
        if number % 10 == 0:
            fee, most = draw.randint(0, 1_000), draw.randint(1, 40_000)
            pools.send(CONFIGURE_PEG, low, high, fee, most, draw.randint(1, 40_000))
        if number % 20 == 19:
            pools.send(PAUSE_PEG, low, high)
        peg = Peg(*node.read(pools.pools, PEG, low, high)[0])
        amount, low_in = int(10 ** draw.uniform(0, 10.5)) - 1, draw.random() < 0.5
        pair = (low, high) if low_in else (high, low)
        call = CONVERT.call(*pair, amount, node.account())
        agreed = succeeded(node, call, pools.pools, node.account())
        try:
            _, peg = converted(peg, amount, low_in=low_in)
            said: type[Exception] | None = None
        except (PegClosed, PegShort) as refused:
            said = type(refused)
        assert agreed == (said is None)
        seen.add(said)
        assert Peg(*node.read(pools.pools, PEG, low, high)[0]) == peg
    assert seen == {PegClosed, PegShort, None}
