"""What the book quotes from its snapshots is what the deployed pools pay: to the unit while nothing moves,
and within the margin that quotes keep back while publishers go on."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_abi import decode

from juapesa.chain import Deployment, Rpc, abi
from juapesa.chain.prices import SignedPrice
from juapesa.config import FeeSettings
from juapesa.crypto import keccak256
from juapesa.db import Database
from juapesa.errors import JuaError
from juapesa.money import CKES, CNGN, USDC, Currency, Money
from juapesa.pools import store
from juapesa.pools.book import Book
from juapesa.pools.errors import (
    ExchangeLimit,
    ExchangePaused,
    ExchangeTooSmall,
    NoPrice,
    PoolShort,
    PriceInDoubt,
)
from juapesa.pools.store import Snapshot
from juapesa.pools.watch import take_snapshots
from support.evm import running_anvil
from support.pools_chain import (
    CONFIGURE,
    LATE,
    MIDS_E18,
    PRICE_DIGEST,
    PRICE_TYPE,
    SETTINGS,
    PoolsChain,
    deploy_pools,
)

pytestmark = pytest.mark.needs_evm

SEED = 20261121
ROUNDS = 12
PAIRS = [(CKES, USDC), (USDC, CNGN), (CKES, CNGN), (CNGN, CKES)]
MARGIN_PPM = FeeSettings().quote_margin_ppm

SWAP_WITH_PRICES = abi.Function(
    "swapWithPrices",
    ("address", "address", "uint64", "uint64", "address", "uint64", PRICE_TYPE + "[]"),
    ("uint64",),
)
EXACT_OUT = abi.Function("quoteExactOut", ("address", "address", "uint64"), ("uint64", "uint8"))
PAUSE = abi.Function("pause", ("address", "bool", "bool"))
UNPAUSE = abi.Function("unpause", ("address",))

REFUSALS: dict[bytes, type[JuaError]] = {
    keccak256(signature.encode())[:4]: kind
    for signature, kind in {
        "DirectionPaused(address,bool)": ExchangePaused,
        "StalePrice(address,uint64,uint64,uint64)": NoPrice,
        "DoubtfulPrice(address,uint256,uint256)": PriceInDoubt,
        "ReserveShort(address,uint256,uint256)": PoolShort,
        "LimitReached(address,bool,uint256,uint256)": ExchangeLimit,
        "BadAmount(uint256)": ExchangeTooSmall,
    }.items()
}


@dataclass
class At:
    """A clock that stands."""

    unix_seconds: int

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.unix_seconds, UTC)


@dataclass
class House:
    """Deployed pools, and a database that a watcher fills."""

    chain: PoolsChain
    db: Database
    draw: random.Random

    @property
    def deployment(self) -> Deployment:
        tokens = {unit: self.chain.tokens[unit.code].lower() for unit in (CKES, CNGN, USDC)}
        return Deployment("test", 298, "", "", self.chain.pools.lower(), tokens, 0)

    def signed(self, mids: dict[Currency, list[int]], at: int) -> list[SignedPrice]:
        """The publishers' prices, in the order of the contract."""
        prices = []
        for unit, drawn in mids.items():
            token = self.chain.tokens[unit.code]
            for mid, key in zip(drawn, self.chain.publishers, strict=True):
                digest = self.chain.node.read(self.chain.pools, PRICE_DIGEST, token, mid, at)[0]
                prices.append(SignedPrice(unit, mid, at, key.sign_digest(digest)))
        return prices

    def watch(self, prices: Sequence[SignedPrice]) -> None:
        """What the watcher's cycle writes."""

        async def seen() -> list[Snapshot]:
            rpc = Rpc(self.chain.node.url)
            try:
                return await take_snapshots(rpc, self.deployment, prices, await rpc.block_number())
            finally:
                await rpc.close()

        with self.db.unit_of_work() as uow:
            for snapshot in asyncio.run(seen()):
                store.save(uow, snapshot, datetime.now(UTC))

    def quoted(self, give: Money, to: Currency, at: int) -> Money | type[JuaError]:
        with self.db.unit_of_work() as uow:
            return tried(lambda: Book(At(at)).exact_in(uow, give, to))

    def quoted_out(self, get: Money, give: Currency, at: int) -> Money | type[JuaError]:
        with self.db.unit_of_work() as uow:
            return tried(lambda: Book(At(at)).exact_out(uow, get, give))

    def swap(self, give: Money, to: Currency, least: int, prices: Sequence[SignedPrice]) -> bytes:
        pair = (self.chain.tokens[give.currency.code], self.chain.tokens[to.code])
        owner = self.chain.node.account()
        brought = [each.abi_tuple(self.deployment) for each in prices]
        return SWAP_WITH_PRICES.call(*pair, give.minor, least, owner, LATE, brought)

    def paid(
        self, give: Money, to: Currency, at: int, prices: Sequence[SignedPrice]
    ) -> Money | type[JuaError]:
        """What the contract would pay in a block at ``at`` that brings these prices."""
        data = self.asked(self.swap(give, to, 0, prices), at)
        return data if isinstance(data, type) else Money(decode(["uint64"], data)[0], to)

    def asked(self, data: bytes, at: int) -> bytes | type[JuaError]:
        node = self.chain.node
        call = {"from": node.account(), "to": self.chain.pools, "data": "0x" + data.hex()}
        params = [call, "latest", {}, {"time": hex(at)}]
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": params}
        answer = node.http.post(node.url, json=body).json()
        if "result" in answer:
            return bytes.fromhex(answer["result"][2:])
        return REFUSALS[bytes.fromhex(answer["error"]["data"][2:])[:4]]

    def drawn_mids(self, wild: int) -> dict[Currency, list[int]]:
        """Three views of each price, up to ``wild`` millionths off the pools' first prices."""
        return {
            unit: [MIDS_E18[unit.code] * (10**6 + self.draw.randint(-wild, wild)) // 10**6 for _ in range(3)]
            for unit in (CKES, CNGN)
        }

    def drawn_amount(self, unit: Currency) -> Money:
        """From nothing worth to more than a pool has."""
        dollars = 10 ** self.draw.randint(0, 12) * self.draw.randint(1, 9)
        mid = 10**18 if unit == USDC else MIDS_E18[unit.code]
        return Money(max(dollars * 10**18 // mid, 1), unit)


def tried(ask: Callable[[], Money]) -> Money | type[JuaError]:
    try:
        return ask()
    except JuaError as refused:
        return type(refused)


@pytest.fixture(scope="module")
def pools(forge_output: Path) -> Iterator[PoolsChain]:
    with running_anvil() as node:
        made = deploy_pools(node)
        for unit in (CKES, CNGN):
            limited = (*SETTINGS[:9], 200_000, 300_000, *SETTINGS[11:])
            made.send(CONFIGURE, made.tokens[unit.code], limited)
        yield made


@pytest.fixture
def house(pools: PoolsChain, database: Database) -> House:
    return House(pools, database, random.Random(SEED))


def test_quotes_are_what_the_pools_pay_in_a_block_with_the_same_prices(house: House) -> None:
    kinds: set[Any] = set()
    for number in range(ROUNDS):
        at = house.chain.node.now() + house.draw.choice([1, 30, 61, 400, 2_000])
        mids = house.drawn_mids(house.draw.choice([0, 200, 20_000, 90_000]))
        prices = house.signed(mids, at)
        house.watch(prices)
        for give, get in PAIRS:
            amount = house.drawn_amount(give)
            said = house.quoted(amount, get, at)
            assert said == house.paid(amount, get, at, prices), (SEED, number, amount, get)
            kinds.add(said if isinstance(said, type) else Money)
        give, get = house.draw.choice(PAIRS)
        move(house, house.drawn_amount(give), get, at, prices)
    assert {Money, PoolShort, ExchangeLimit, PriceInDoubt, ExchangeTooSmall} <= kinds


def move(house: House, give: Money, to: Currency, at: int, prices: Sequence[SignedPrice]) -> None:
    """Let the trade happen, where it can, so that the next round finds another state."""
    said = house.quoted(give, to, at)
    if isinstance(said, Money):
        house.chain.node.ask("evm_setNextBlockTimestamp", at)
        receipt = house.chain.node.send(house.swap(give, to, said.minor, prices), house.chain.pools)
        assert receipt["status"] == "0x1", "the quote as the least was not reached"


def test_without_publishers_the_kept_price_ages_and_ends(house: House) -> None:
    house.chain.price("cKES", MIDS_E18["cKES"])
    house.watch([])
    now, amount = house.chain.node.now(), Money.whole(1_000, CKES)
    fresh = house.quoted(amount, USDC, now)
    aged = house.quoted(amount, USDC, now + 600)
    assert isinstance(fresh, Money)
    assert isinstance(aged, Money)
    assert aged < fresh
    assert aged == house.paid(amount, USDC, now + 600, [])
    assert house.quoted(amount, USDC, now + 901) is NoPrice
    assert house.paid(amount, USDC, now + 901, []) is NoPrice


def test_a_halted_direction_is_refused_and_the_other_goes_on(house: House) -> None:
    token = house.chain.tokens["cKES"]
    house.chain.price("cKES", MIDS_E18["cKES"])
    house.chain.send(PAUSE, token, True, False)
    try:
        house.watch([])
        now = house.chain.node.now()
        assert house.quoted(Money.whole(100, CKES), USDC, now) is ExchangePaused
        assert house.paid(Money.whole(100, CKES), USDC, now, []) is ExchangePaused
        bought = house.quoted(Money.whole(1, USDC), CKES, now)
        assert isinstance(bought, Money)
        assert bought == house.paid(Money.whole(1, USDC), CKES, now, [])
    finally:
        house.chain.send(UNPAUSE, token)


def test_exact_out_costs_what_the_contract_says(house: House) -> None:
    for unit in (CKES, CNGN):
        house.chain.price(unit.code, MIDS_E18[unit.code])
    house.watch([])
    now, dear = house.chain.node.now(), 0
    for _ in range(ROUNDS):
        for give, get in PAIRS:
            wanted = house.drawn_amount(get)
            said = house.quoted_out(wanted, give, now)
            pair = (house.chain.tokens[give.code], house.chain.tokens[get.code])
            data = house.asked(EXACT_OUT.call(*pair, wanted.minor), now)
            assert isinstance(data, bytes)
            amount, refusal = EXACT_OUT.result(data)
            assert (said == Money(amount, give)) if refusal == 0 else isinstance(said, type), (wanted, give)
            dear += refusal == 0
    assert dear >= ROUNDS


def test_a_quote_is_reached_within_its_margin_while_publishers_go_on(house: House) -> None:
    """Nobody trades meanwhile; prices move as the market's do in a quote's two minutes."""
    reached = 0
    for _ in range(ROUNDS):
        at = house.chain.node.now() + 10
        mids = house.drawn_mids(150)
        house.watch(house.signed(mids, at))
        give, get = house.draw.choice(PAIRS)
        amount = Money.whole(house.draw.randint(5, 100), USDC)
        if give != USDC:
            amount = Money(amount.minor * 10**18 // MIDS_E18[give.code], give)
        said = house.quoted(amount, get, at)
        assert isinstance(said, Money), said
        least = said - said.ppm_up(MARGIN_PPM)
        then = at + house.draw.randint(1, 120)
        later = {
            unit: [mid * (10**6 + house.draw.randint(-600, 600)) // 10**6 for mid in drawn]
            for unit, drawn in mids.items()
        }
        house.chain.node.ask("evm_setNextBlockTimestamp", then)
        data = house.swap(amount, get, least.minor, house.signed(later, then))
        reached += house.chain.node.send(data, house.chain.pools)["status"] == "0x1"
    assert reached == ROUNDS
