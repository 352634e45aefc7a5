"""Builders around the hub: a desk that orders items, signs for attesters and runs relayers."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from juapesa.chain import abi
from juapesa.chain.courier import Courier
from juapesa.chain.events import BlockEvents
from juapesa.chain.prices import NoPrices, Publishers
from juapesa.chain.purse import Purse
from juapesa.crypto import Signer
from juapesa.db import Database, UnitOfWork
from juapesa.issuance.batches import OUTCOME_BYTES
from juapesa.issuance.domain import Mint, Orders, Provide, Source, Swap
from juapesa.issuance.relay import Relay
from juapesa.issuance.service import Issuance
from juapesa.issuance.statements import StatementRequest
from juapesa.issuance.store import ItemRow
from juapesa.ledger import Ledger
from juapesa.money import CKES, CNGN, KES, NGN, USDC, Money
from juapesa.pools import calls
from support.evm import CHAIN_ID, MIDS_E18, Chain
from support.operators import Operator, operator

IDLE_CYCLES = 4  # a node may take its time to show a receipt
KEY = b"\x07" * 32
# As much of each token as a hundred thousand dollars, nearly.
CAPITAL = (Money.whole(13_000_000, CKES), Money.whole(150_000_000, CNGN))
FLOATS = {KES: Money.whole(100_000_000, KES), NGN: Money.whole(1_000_000_000, NGN)}


@dataclass
class MovableClock:
    """The machine's time, moved by the test."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Desk:
    """Everything around the relay, and builders for items."""

    db: Database
    chain: Chain
    oracle: Operator
    clock: MovableClock = field(default_factory=MovableClock)
    item_seconds: int = 120

    @property
    def issuance(self) -> Issuance:
        return Issuance(
            deployment=self.chain.deployment,
            ledger=Ledger(),
            clock=self.clock,
            receipt_key=KEY,
            attesters=frozenset(each.address.lower() for each in self.chain.attesters),
            quorum=2,
            item_seconds=self.item_seconds,
            statement_seconds=500,
        )

    def order(self, orders: Orders, *, sign: bool = True) -> uuid.UUID:
        """Order an item; a mint in it is stated and signed for at once."""
        item_id = uuid.uuid4()
        with self.db.unit_of_work() as uow:
            self.issuance.order(uow, item_id, orders, FLOATS)
            self.issuance.gather(uow)
        if sign:
            self.sign()
        return item_id

    def order_many(self, *orders: Orders) -> list[uuid.UUID]:
        """Order items that share a statement, and have it signed."""
        item_ids = [uuid.uuid4() for _ in orders]
        with self.db.unit_of_work() as uow:
            for item_id, each in zip(item_ids, orders, strict=True):
                self.issuance.order(uow, item_id, each, FLOATS)
            self.issuance.gather(uow)
        self.sign()
        return item_ids

    def requests(self) -> list[StatementRequest]:
        """What the first attester is asked for."""
        with self.db.unit_of_work() as uow:
            return self.issuance.open_requests(uow, self.chain.attesters[0].address)

    def sign(self, item_id: uuid.UUID | None = None) -> None:
        """Two attesters sign what is asked of them, or only what is asked for one item."""
        number = self.item(item_id).number if item_id else None
        with self.db.unit_of_work() as uow:
            for attester in self.chain.attesters[:2]:
                for request in self.issuance.open_requests(uow, attester.address):
                    if number is None or number in {each.number for each in request.statement.entries}:
                        self._sign(uow, attester, request)

    def _sign(self, uow: UnitOfWork, attester: Signer, request: StatementRequest) -> None:
        deployment = self.chain.deployment
        digest = request.statement.digest(deployment.chain_id, deployment.registry)
        signature = attester.sign_digest(digest)
        self.issuance.add_signature(uow, attester.address, request.id, signature)

    def capital(self) -> None:
        """Liquidity in both pools, as a first start brings it."""
        for amount in CAPITAL:
            mint = Mint(amount, Source.CAPITAL, "rail", f"capital-{amount.currency}", "")
            self.order(Orders(mint=mint))
            dollars = Money(amount.minor * MIDS_E18[amount.currency] // 10**18, USDC)
            self.order(Orders(provide=Provide(amount, dollars)))
        self.settle_all()
        assert all(each > 0 for each in self.reserves())

    def reserves(self) -> list[int]:
        """What the pools hold of their tokens."""
        pools, tokens = self.chain.deployment.pools, self.chain.deployment.tokens
        return [self.chain.node.read(pools, calls.STATE, tokens[each.currency])[0][0] for each in CAPITAL]

    def item(self, item_id: uuid.UUID) -> ItemRow:
        with self.db.unit_of_work() as uow:
            return self.issuance.item(uow, item_id)

    def events(self) -> BlockEvents:
        """As a watcher on any chain reads them."""
        return BlockEvents(self.chain.rpc(), self.chain.deployment)

    def publishers(self) -> Publishers:
        """All three, at one address."""
        http, deployment = httpx.AsyncClient(trust_env=False), self.chain.deployment
        urls = [f"{self.oracle.url}/{number}" for number in (1, 2, 3)]
        return Publishers(http, urls, deployment, self.chain.rpc(), self.clock)

    def publish(self, *, silent: bool = False) -> None:
        """Prices of now at every publisher, or none."""
        for number, publisher in enumerate(self.chain.publishers, 1):
            answer = (503, {}) if silent else (200, self.chain.prices(publisher))
            self.oracle.say(f"/{number}/v1/prices", answer)

    @contextmanager
    def relay(self, **changes: Any) -> Iterator[Relay]:
        """A freshly started relayer."""
        yield replace(
            Relay(
                db=self.db,
                issuance=self.issuance,
                deployment=self.chain.deployment,
                courier=self.courier(),
                purse=Purse(floor_hbar=100, fee_max_hbar=50),
                publishers=self.publishers(),
                clock=self.clock,
                batch_items_max=40,
                gather_seconds=0.0,
                batch_seconds=0.0,
            ),
            **changes,
        )

    def courier(self, **changes: Any) -> Courier:
        """The relayer's sender, as after a restart."""
        return replace(Courier(self.chain.rpc(), self.chain.relayer, CHAIN_ID), **changes)

    def tick(self, relay: Relay | None = None) -> int:
        """One cycle in an event loop of its own, as after a restart."""

        async def once() -> int:
            with self.relay() as fresh:
                return await (relay or fresh).tick()

        return asyncio.run(once())

    def settle_all(self) -> None:
        """Cycles until nothing is left to do, or nothing goes on."""

        async def cycles() -> None:
            idle = 0
            with self.relay() as relay:
                while idle < IDLE_CYCLES:
                    with suppress(NoPrices):
                        idle = 0 if await relay.tick() else idle + 1
                        await asyncio.sleep(0.02 if idle else 0)
                        continue
                    idle += 1

        asyncio.run(cycles())
        with self.db.unit_of_work() as uow:
            left = uow.all("SELECT id FROM issuance.item WHERE state = 'batched'")
        assert left == []

    def settled_events(self, item_id: uuid.UUID) -> int:
        """How often the router says that it settled an item."""
        router, number = self.chain.deployment.router, self.item(item_id).number
        query = {
            "address": router,
            "fromBlock": "0x0",
            "toBlock": "latest",
            "topics": [abi.GROUP_SETTLED.topic],
        }
        logs = self.chain.node.ask("eth_getLogs", query)
        outcomes = [abi.GROUP_SETTLED.read(log)[1] for log in logs]
        said = [each[at : at + 9] for each in outcomes for at in range(0, len(each), OUTCOME_BYTES)]
        return said.count(number.to_bytes(8, "big") + b"\0")


def collected(whole: int, receipt: str) -> Mint:
    return Mint(Money.whole(whole, CKES), Source.COLLECT, "mpesa-ke", str(uuid.uuid4()), receipt)


def send(receipt: str, whole: int = 1_000, least: int = 11_000) -> Orders:
    """Mint shillings, swap them to naira, burn the naira: the chain leg of a send."""
    out = Money.whole(least, CNGN)
    return Orders(mint=collected(whole, receipt), swap=Swap(Money.whole(whole, CKES), out), burn=out)


@pytest.fixture
def desk(database: Database, chain: Chain) -> Iterator[Desk]:
    """A desk on a fresh chain and a fresh database, with an oracle that publishes."""
    with operator() as oracle:
        oracle.tokens_free = True
        desk = Desk(database, chain, oracle)
        desk.publish()
        yield desk
