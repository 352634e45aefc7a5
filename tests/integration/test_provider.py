"""Providers' plans against the deployed pools: what the model says comes about, to the unit."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from juapesa.chain import Deployment, Rpc
from juapesa.chain.prices import SignedPrice
from juapesa.chain.sending import Sender, TransactionRefused
from juapesa.crypto import Signer
from juapesa.money import CKES, CNGN, USDC, Money
from juapesa.pools.errors import ExchangeLimit, MoneyShort, NoPrice, PositionShort
from juapesa.pools.liquidity import newest_block, view_pool, view_positions
from juapesa.pools.provider import Plan, Provider, outcome
from support.evm import play_key, running_anvil
from support.pools_chain import (
    CONFIGURE,
    LATE,
    MIDS_E18,
    MINT,
    PRICE_DIGEST,
    SETTINGS,
    SWAP,
    PoolsChain,
    deploy_pools,
)

pytestmark = pytest.mark.needs_evm

SEED = 20261121
ROUNDS = 6
DAY_SECONDS = 86_400
SLIPPAGE_PPM = 5_000

T = TypeVar("T")


@dataclass
class Owner:
    """A provider with money of both kinds, and how it reaches the pools."""

    chain: PoolsChain
    signer: Signer

    @property
    def deployment(self) -> Deployment:
        tokens = {unit: self.chain.tokens[unit.code].lower() for unit in (CKES, CNGN, USDC)}
        return Deployment("test", 298, "", "", self.chain.pools.lower(), tokens, 0)

    def at_the_pools(
        self,
        work: Callable[[Provider], Awaitable[T]],
        prices: tuple[SignedPrice, ...] = (),
    ) -> T:
        async def there() -> T:
            rpc = Rpc(self.chain.node.url)
            try:
                view = await view_pool(rpc, self.deployment, CKES, await newest_block(rpc))
                owner = self.signer.address
                return await work(Provider(rpc, self.deployment, view, owner, SLIPPAGE_PPM, prices))
            finally:
                await rpc.close()

        return asyncio.run(there())

    def done(
        self, plan: Callable[[Provider], Awaitable[Plan]], prices: tuple[SignedPrice, ...] = ()
    ) -> tuple[Plan, dict[str, Any]]:
        """The plan, and what its transactions brought about."""

        async def there(provider: Provider) -> tuple[Plan, dict[str, Any]]:
            made = await plan(provider)
            sender = Sender(provider.rpc, self.signer, 298)
            receipts = [await sender.send(each.to, each.data) for each in made.calls]
            return made, outcome(receipts[-1], self.deployment, CKES)

        return self.at_the_pools(there, prices)

    def holds(self, plan: Callable[[Provider], Awaitable[Plan]]) -> Plan:
        """It came about as planned."""
        made, found = self.done(plan)
        assert found["shares"] == made.shares
        assert {name: found[name] for name in made.amounts if name in found} == {
            name: amount for name, amount in made.amounts.items() if name in found
        }
        assert all(found.get(name, 0) for name in made.at_least)
        return made

    def signed_prices(self) -> tuple[SignedPrice, ...]:
        now, mid = self.chain.node.now(), MIDS_E18["cKES"]
        digest = self.chain.node.read(self.chain.pools, PRICE_DIGEST, self.chain.tokens["cKES"], mid, now)[0]
        return tuple(SignedPrice(CKES, mid, now, key.sign_digest(digest)) for key in self.chain.publishers)


@pytest.fixture(scope="module")
def pools(forge_output: Path) -> Iterator[PoolsChain]:
    with running_anvil() as node:
        yield deploy_pools(node)


@pytest.fixture
def owner(pools: PoolsChain) -> Iterator[Owner]:
    signer = play_key("provider")
    snapshot = pools.node.ask("evm_snapshot")
    pools.node.ask("anvil_setBalance", signer.address, hex(10**21))
    for token in pools.tokens.values():
        pools.send(MINT, signer.address, 10**15, to=token)
    try:
        yield Owner(pools, signer)
    finally:
        pools.node.ask("evm_revert", snapshot)


def cks(whole: int) -> Money:
    return Money.whole(whole, CKES)


def usd(whole: int) -> Money:
    return Money.whole(whole, USDC)


def trade(pools: PoolsChain, draw: random.Random) -> None:
    """Somebody trades, which tilts the pool and leaves fees."""
    pools.price("cKES", MIDS_E18["cKES"] * draw.randint(990, 1_010) // 1_000)
    token, usdc = pools.tokens["cKES"], pools.tokens["USDC"]
    sell, dollars = draw.random() < 0.5, draw.randint(1_000, 9_000) * 10**6
    pair, amount = ((token, usdc), dollars * 10**18 // MIDS_E18["cKES"]) if sell else ((usdc, token), dollars)
    pools.send(SWAP, *pair, amount, 0, pools.node.account(), LATE)


def test_what_a_plan_says_comes_about_to_the_unit(owner: Owner) -> None:
    draw = random.Random(SEED)
    for _ in range(ROUNDS):
        trade(owner.chain, draw)
        term = draw.randrange(4)
        kes, dollars = cks(draw.randint(1, 500_000)), usd(draw.randint(1, 5_000))
        owner.holds(lambda it, a=kes, b=dollars, c=term: it.deposit(a, b, c))  # type: ignore[misc]
        trade(owner.chain, draw)
        one = draw.choice([kes, dollars])
        owner.holds(lambda it, a=one, c=term: it.deposit_one_side(a, c))  # type: ignore[misc]
        trade(owner.chain, draw)
        shares = draw.randint(1, 1_000 * 10**6)
        held = owner.at_the_pools(lambda it, c=term: it.position(c))  # type: ignore[misc]
        out = min(shares, held.shares)
        owner.holds(lambda it, a=out, c=term: it.withdraw(a, c))  # type: ignore[misc]
        plan, found = owner.done(lambda it, c=term: it.claim_fees(c))  # type: ignore[misc]
        assert 0 <= found["fees"].minor - plan.amounts["fees"].minor <= 1


def test_leaving_a_term_early_costs_the_terms_fees_and_waiting_pays_them(owner: Owner) -> None:
    draw = random.Random(SEED)
    owner.holds(lambda it: it.deposit(cks(500_000), usd(5_000), 2))
    for _ in range(4):
        trade(owner.chain, draw)
    early = owner.at_the_pools(lambda it: it.withdraw(None, 2))
    assert early.amounts["fees_forfeited"].minor > 0
    before = owner.at_the_pools(lambda it: it.claim_fees(2)).amounts["fees"]
    owner.chain.node.ask("evm_increaseTime", 90 * DAY_SECONDS)
    owner.chain.node.ask("evm_mine")
    late = owner.at_the_pools(lambda it: it.withdraw(None, 2))
    assert late.amounts["fees_forfeited"].minor == 0
    plan, found = owner.done(lambda it: it.claim_fees(2))
    assert plan.amounts["fees"] > before
    assert 0 <= found["fees"].minor - plan.amounts["fees"].minor <= 2


def test_withdrawing_everything_needs_no_price_and_leaves_nothing(owner: Owner) -> None:
    owner.holds(lambda it: it.deposit(cks(100_000), usd(1_000), 0))
    owner.chain.node.ask("evm_increaseTime", DAY_SECONDS)
    owner.chain.node.ask("evm_mine")
    with pytest.raises(NoPrice):
        owner.at_the_pools(lambda it: it.deposit_one_side(usd(1), 0))
    owner.holds(lambda it: it.withdraw(None, 0))
    with pytest.raises(PositionShort):
        owner.at_the_pools(lambda it: it.withdraw(None, 0))


def test_an_old_price_is_brought_up_to_date_before_one_side_is_put_in(owner: Owner) -> None:
    owner.chain.node.ask("evm_increaseTime", 3_600)
    owner.chain.node.ask("evm_mine")
    prices = owner.signed_prices()
    plan, found = owner.done(lambda it: it.deposit_one_side(usd(100), 0), prices)
    assert [each.what for each in plan.calls][-2:] == ["bring the publishers' prices", "deposit"]
    assert found["shares"] == plan.shares


def test_the_limits_and_an_empty_purse_are_told_before_anything_is_sent(owner: Owner) -> None:
    owner.chain.price("cKES", MIDS_E18["cKES"])
    limited = (*SETTINGS[:9], 30_000, 100_000, *SETTINGS[11:])
    owner.chain.send(CONFIGURE, owner.chain.tokens["cKES"], limited)
    with pytest.raises(ExchangeLimit):
        owner.at_the_pools(lambda it: it.deposit_one_side(usd(50_000), 0))
    with pytest.raises(MoneyShort, match="The account holds"):
        owner.at_the_pools(lambda it: it.deposit(cks(2_000_000_000), usd(20_000_000), 0))
    with pytest.raises(PositionShort):
        owner.at_the_pools(lambda it: it.claim_fees(0))


def test_a_pool_that_moved_too_far_meanwhile_refuses_and_nothing_moves(owner: Owner) -> None:
    """The plan insists on what it showed, less the slippage that was allowed."""
    draw = random.Random(SEED)
    owner.holds(lambda it: it.deposit(cks(100_000), usd(1_000), 0))

    async def late(provider: Provider) -> None:
        plan = await provider.withdraw(None, 0)
        for _ in range(8):
            trade(owner.chain, draw)
        sender = Sender(provider.rpc, owner.signer, 298)
        with pytest.raises(TransactionRefused) as refused:
            await sender.send(plan.calls[-1].to, plan.calls[-1].data)
        assert refused.value.data

    owner.at_the_pools(late)
    held = owner.at_the_pools(lambda it: view_positions(it.rpc, it.deployment, it.view, it.owner))
    assert [each.shares > 0 for each in held] == [True]
