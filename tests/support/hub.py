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
from juapesa.chain.prices import NoPrices
from juapesa.db import Database
from juapesa.issuance.domain import Mint, Orders, Source, Swap, item_key
from juapesa.issuance.relay import Relay
from juapesa.issuance.service import Issuance
from juapesa.issuance.store import ItemRow
from juapesa.ledger import Ledger
from juapesa.money import CKES, CNGN, KES, NGN, Money
from support.evm import Chain
from support.operators import Operator, operator

KEY = b"\x07" * 32
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
        """Order an item; a mint in it is signed for at once."""
        item_id = uuid.uuid4()
        with self.db.unit_of_work() as uow:
            self.issuance.order(uow, item_id, orders, FLOATS)
        if sign:
            self.sign(item_id)
        return item_id

    def sign(self, item_id: uuid.UUID) -> None:
        """Two attesters sign what is asked for this item, if anything is."""
        with self.db.unit_of_work() as uow:
            for attester in self.chain.attesters[:2]:
                for request in self.issuance.open_requests(uow, attester.address):
                    if request.item_id == item_id:
                        digest = request.statement.digest(
                            self.chain.deployment.chain_id, self.chain.deployment.registry
                        )
                        signature = attester.sign_digest(digest)
                        self.issuance.add_signature(uow, attester.address, item_id, signature)

    def capital(self) -> None:
        """Liquidity in both pools, as a first start brings it."""
        for amount in (Money.whole(5_000_000, CKES), Money.whole(50_000_000, CNGN)):
            mint = Mint(amount, Source.CAPITAL, "rail", f"capital-{amount.currency}", "")
            self.order(Orders(mint=mint, deposit=amount))
        self.settle_all()

    def item(self, item_id: uuid.UUID) -> ItemRow:
        with self.db.unit_of_work() as uow:
            return self.issuance.item(uow, item_id)

    @contextmanager
    def relay(self, **changes: Any) -> Iterator[Relay]:
        """A freshly started relayer."""
        yield replace(
            Relay(
                db=self.db,
                issuance=self.issuance,
                deployment=self.chain.deployment,
                rpc=self.chain.rpc(),
                http=httpx.AsyncClient(trust_env=False),
                oracle_url=self.oracle.url,
                signer=self.chain.relayer,
                clock=self.clock,
                batch_items_max=40,
            ),
            **changes,
        )

    def tick(self, relay: Relay | None = None) -> int:
        """One cycle in an event loop of its own, as after a restart."""

        async def once() -> int:
            with self.relay() as fresh:
                return await (relay or fresh).tick()

        return asyncio.run(once())

    def settle_all(self) -> None:
        """Cycles until nothing is left to do, or nothing goes on."""

        async def cycles() -> None:
            with self.relay() as relay:
                for _ in range(8):
                    with suppress(NoPrices):
                        await relay.tick()

        asyncio.run(cycles())
        with self.db.unit_of_work() as uow:
            left = uow.all("SELECT id FROM issuance.item WHERE state = 'batched'")
        assert left == []

    def settled_events(self, item_id: uuid.UUID) -> int:
        """How often the router says that it settled an item."""
        query = {
            "address": self.chain.deployment.router,
            "fromBlock": "0x0",
            "toBlock": "latest",
            "topics": [abi.ITEM_SETTLED.topic, "0x" + item_key(item_id).hex()],
        }
        return len(self.chain.node.ask("eth_getLogs", query))


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
        oracle.say("/v1/prices", (200, chain.prices()))
        yield Desk(database, chain, oracle)
