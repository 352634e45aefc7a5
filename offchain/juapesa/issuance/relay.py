"""The relayer's work: one transaction a block, followed to its end, exactly once whatever dies when.

A batch goes *built* → *included*. Its bytes and hash are committed before anyone else sees them,
and there is at most one built batch: until its fate is certain nothing else is sent. A restarted
relayer finds it and sends the same bytes again, which can do no harm. Should another transaction
have taken its nonce, the batch is *replaced*: its items are asked for at the router, which settles
an id once, ever.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from juapesa.chain import Deployment, Rpc, RpcRefused, abi
from juapesa.chain.prices import SignedPrice, fetch_prices
from juapesa.chain.transactions import GAS_MAX, SignedTransaction, sign_call
from juapesa.clock import Clock
from juapesa.crypto import Signer
from juapesa.db import Database, UnitOfWork
from juapesa.issuance import store
from juapesa.issuance.batches import FINAL_REFUSALS, Ready, Verdict, settle_call, verdicts
from juapesa.issuance.domain import item_key
from juapesa.issuance.service import CHAIN_ITEMS, Issuance

# An open item is failed only when the chain cannot settle it any more, whatever its clock shows.
DEADLINE_MARGIN = timedelta(seconds=10)
GAS_HEADROOM_PERCENT = 25


@dataclass(frozen=True)
class Relay:
    """Settles what is due. One may run per key; a second finds the first one's batch and follows it."""

    db: Database
    issuance: Issuance
    deployment: Deployment
    rpc: Rpc
    http: httpx.AsyncClient
    oracle_url: str
    signer: Signer
    clock: Clock
    batch_items_max: int
    dry_run: bool = False

    async def tick(self) -> int:
        """Follow the open batch, or build and send the next; how many items came to an end or were sent."""
        batch = await asyncio.to_thread(self._open_batch)
        if batch is not None:
            return await self._follow(batch)
        await asyncio.to_thread(self._fail_overdue)
        ready = await asyncio.to_thread(self._ready)
        if not ready:
            return 0
        return await self._send(ready)

    # --- sending ---------------------------------------------------------------------------

    async def _send(self, ready: Sequence[Ready]) -> int:
        prices = await self._prices(ready)
        data = settle_call(ready, prices, self.deployment, self.issuance.receipt_key)
        sender, router = self.signer.address, self.deployment.router
        try:
            gas = await self.rpc.estimate_gas(sender, router, data)
        except RpcRefused:
            # Too large for one transaction, or a state that no estimate foresees: send fewer.
            if len(ready) > 1:
                return await self._send(ready[: len(ready) // 2])
            gas = GAS_MAX
        if self.dry_run:
            return len(ready)
        nonce = await self.rpc.nonce(sender)
        signed = sign_call(
            self.signer,
            chain_id=self.deployment.chain_id,
            nonce=nonce,
            gas_price=await self.rpc.gas_price(),
            gas=min(gas + gas * GAS_HEADROOM_PERCENT // 100, GAS_MAX),
            to=router,
            data=data,
        )
        await asyncio.to_thread(self._intend, signed, [each.id for each in ready])
        await self._hand_over(signed.raw)
        return len(ready)

    async def _prices(self, ready: Sequence[Ready]) -> list[SignedPrice]:
        """Prices for a batch that swaps; none are carried where none are needed."""
        if all(each.orders.swap is None for each in ready):
            return []
        return await fetch_prices(self.http, self.oracle_url)

    def _intend(self, signed: SignedTransaction, item_ids: list[uuid.UUID]) -> None:
        """First commit: from here on the batch will be followed, whatever happens to us."""
        with self.db.unit_of_work() as uow:
            batch_id = store.insert_batch(
                uow, self.signer.address.lower(), signed.nonce, signed.hash, signed.raw, self.clock.now()
            )
            store.put_in_batch(uow, item_ids, batch_id)

    async def _hand_over(self, raw: bytes) -> None:
        try:
            await self.rpc.send_raw(raw)
        except RpcRefused as refused:
            # It is there already, or its nonce is used: the receipt will tell which.
            known = ("already known", "already imported", "nonce too low", "nonce")
            if not any(words in refused.message.lower() for words in known):
                raise

    # --- following -------------------------------------------------------------------------

    async def _follow(self, batch: store.BatchRow) -> int:
        receipt = await self.rpc.receipt(batch.tx_hash)
        if receipt is not None and receipt.get("blockNumber"):
            return await asyncio.to_thread(self._record, batch, receipt)
        if await self.rpc.nonce(self.signer.address) > batch.nonce:
            if await self.rpc.receipt(batch.tx_hash) is None:
                await self._replaced(batch)
            return 0
        await self._hand_over(batch.raw)
        return 0

    def _record(self, batch: store.BatchRow, receipt: dict[str, Any]) -> int:
        """Last commit: what became of each item."""
        now = self.clock.now()
        with self.db.unit_of_work() as uow:
            items = store.items_of_batch(uow, batch.id)
            found = verdicts(receipt["logs"], self.deployment.router, [item.id for item in items])
            for verdict in found:
                self._conclude(uow, verdict)
            store.end_batch(uow, batch.id, "included", int(receipt["blockNumber"], 16), now)
            uow.notify(CHAIN_ITEMS)
        return len(found)

    def _conclude(self, uow: UnitOfWork, verdict: Verdict) -> None:
        now = self.clock.now()
        if verdict.settled:
            store.set_item(uow, verdict.id, "settled", ended_at=now, reason="")
        elif verdict.reason in FINAL_REFUSALS:
            store.set_item(uow, verdict.id, "failed", ended_at=now, reason=verdict.reason)
        else:
            store.set_item(uow, verdict.id, "open", ended_at=None, reason=verdict.reason)

    async def _replaced(self, batch: store.BatchRow) -> None:
        """Another transaction has this nonce and ours can never land: ask the router about each item."""
        items = await asyncio.to_thread(self._items_of, batch.id)
        asked = {item.id: await self._is_settled(item.id) for item in items}
        with self.db.unit_of_work() as uow:
            for item_id, settled in asked.items():
                self._conclude(uow, Verdict(item_id, "" if settled else "Replaced"))
            store.end_batch(uow, batch.id, "replaced", None, self.clock.now())
            uow.notify(CHAIN_ITEMS)

    async def _is_settled(self, item_id: uuid.UUID) -> bool:
        data = await self.rpc.call(self.deployment.router, abi.SETTLED.call(item_key(item_id)))
        return bool(abi.SETTLED.result(data)[0])

    # --- the book --------------------------------------------------------------------------

    def _open_batch(self) -> store.BatchRow | None:
        with self.db.unit_of_work() as uow:
            return store.open_batch(uow, self.signer.address.lower())

    def _items_of(self, batch_id: int) -> list[store.ItemRow]:
        with self.db.unit_of_work() as uow:
            return store.items_of_batch(uow, batch_id)

    def _ready(self) -> list[Ready]:
        with self.db.unit_of_work() as uow:
            rows = store.ready_items(uow, self.issuance.quorum, self.batch_items_max)
            return [self._prepare(uow, row) for row in rows]

    def _prepare(self, uow: UnitOfWork, row: store.ItemRow) -> Ready:
        request, signatures = None, []
        if row.orders.mint is not None:
            request = store.request(uow, row.id, self.deployment.tokens, self.deployment.router)
            signatures = store.signatures(uow, row.id)[: self.issuance.quorum]
        deadline = int(row.deadline.timestamp())
        return Ready(row.id, row.orders, deadline, request, tuple(each for _, each in signatures))

    def _fail_overdue(self) -> None:
        """Items that waited too long (no quorum, no liquidity) and are in no transaction."""
        now = self.clock.now()
        with self.db.unit_of_work() as uow:
            overdue = store.overdue_items(uow, now - DEADLINE_MARGIN)
            for item_id in overdue:
                store.set_item(uow, item_id, "failed", ended_at=now, reason="DeadlinePassed")
            if overdue:
                uow.notify(CHAIN_ITEMS)
