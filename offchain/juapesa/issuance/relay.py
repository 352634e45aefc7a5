"""The relayer's work: one transaction a block, followed to its end, exactly once whatever dies when.

A batch goes *built* → *included*. Its bytes and hash are committed before anyone else sees them,
and there is at most one built batch: until its fate is certain nothing else is sent. A restarted
relayer finds it and sends the same bytes again, which can do no harm. Should another transaction
have taken its nonce, the batch is *replaced*: its items are asked for at the router, which settles
a number once, ever. An item that was ever sent is failed only after the router has said that it is
not settled: nothing would be worse than a refund of what was done.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from juapesa.chain import Deployment, Rpc, RpcRefused, abi
from juapesa.chain.prices import NoPrices, Publishers, SignedPrice
from juapesa.chain.transactions import (
    GAS_MAX,
    SignedTransaction,
    call_data_of,
    gas_price_of,
    sign_call,
    sign_dearer,
)
from juapesa.clock import Clock
from juapesa.crypto import Signer
from juapesa.db import Database, UnitOfWork
from juapesa.issuance import custody_store, store
from juapesa.issuance.batches import Ready, Signed, Verdict, provide_call, settle_call, verdicts
from juapesa.issuance.errors import AnotherRelayer
from juapesa.issuance.service import CHAIN_ITEMS, Issuance

# An open item is failed only when the chain cannot settle it any more, whatever its clock shows.
DEADLINE_MARGIN = timedelta(seconds=10)
GAS_HEADROOM_PERCENT = 25
# A mirror shows a nonce before it shows the receipt, by some seconds: only a lasting silence counts.
LOST_SECONDS = 20.0
# Receipts that come in quick succession share a statement; the first of them does not wait.
GATHER_SECONDS = 1.0
_KNOWN = ("already known", "already imported", "nonce")
_TOO_CHEAP = ("underpriced", "gas price", "gasprice", "fee per gas", "fee too low")


@dataclass(frozen=True)
class Relay:
    """Settles what is due. One may run per key; a second finds the first one's batch and follows it."""

    db: Database
    issuance: Issuance
    deployment: Deployment
    rpc: Rpc
    publishers: Publishers
    signer: Signer
    clock: Clock
    batch_items_max: int
    dry_run: bool = False
    lost_seconds: float = LOST_SECONDS
    gather_seconds: float = GATHER_SECONDS
    _overtaken: dict[int, float] = field(default_factory=dict)  # since when a batch's nonce has been gone
    _gathered: list[float] = field(default_factory=list)  # when statements were made last

    async def tick(self) -> int:
        """Follow the open batch, or build and send the next; how many items came to an end or were sent."""
        await asyncio.to_thread(self._gather)
        batch = await asyncio.to_thread(self._open_batch)
        if batch is not None:
            return await self._follow(batch)
        await self._end_overdue()
        ready = await asyncio.to_thread(self._ready)
        settling = [each for each in ready if each.orders.provide is None]
        if settling:
            prices, sendable = await self._prices(settling)
            return await self._settle(sendable, prices)
        providing = [each for each in ready if each.orders.provide is not None]
        return await self._provide(providing[0]) if providing else 0

    # --- sending ---------------------------------------------------------------------------

    async def _settle(self, ready: Sequence[Ready], prices: Sequence[SignedPrice]) -> int:
        data = settle_call(ready, prices, self.deployment, self.issuance.receipt_key)
        try:
            gas = await self._gas(data)
        except RpcRefused:
            # Too large for one transaction, or a state that no estimate foresees: send fewer.
            if len(ready) > 1:
                return await self._settle(ready[: len(ready) // 2], prices)
            gas = GAS_MAX
        return await self._send(data, gas, ready)

    async def _provide(self, ready: Ready) -> int:
        """The house's liquidity, in a transaction of its own, once the hub has it and there is a price."""
        data = provide_call(ready, self.deployment)
        try:
            gas = await self._gas(data)
        except RpcRefused as refused:
            if abi.error_name(_revert_data(refused)) != "StalePrice":
                return 0  # not yet in the hub, or not any more: it waits for that, or for its deadline
            prices = await self.publishers.newest()
            data = settle_call([], prices, self.deployment, self.issuance.receipt_key)
            return await self._send(data, await self._gas(data), []) if prices else 0
        return await self._send(data, gas, [ready])

    async def _gas(self, data: bytes) -> int:
        return await self.rpc.estimate_gas(self.signer.address, self.deployment.router, data)

    async def _send(self, data: bytes, gas: int, ready: Sequence[Ready]) -> int:
        if self.dry_run:
            return len(ready)
        nonce = await self.rpc.nonce(self.signer.address)
        signed = sign_call(
            self.signer,
            chain_id=self.deployment.chain_id,
            nonce=nonce,
            gas_price=await self.rpc.gas_price(),
            gas=min(gas + gas * GAS_HEADROOM_PERCENT // 100, GAS_MAX),
            to=self.deployment.router,
            data=data,
        )
        await asyncio.to_thread(self._intend, signed, [each.id for each in ready])
        await self._hand_over(signed.raw)
        return len(ready)

    async def _prices(self, ready: Sequence[Ready]) -> tuple[list[SignedPrice], Sequence[Ready]]:
        """Prices for a batch that swaps, and what can be sent with them.

        While publishers are silent, what needs no price goes on. Raises NoPrices when nothing is left.
        """
        without = [each for each in ready if each.orders.swap is None]
        if len(without) == len(ready):
            return [], ready
        prices = await self.publishers.newest()
        if not prices and not without:
            raise NoPrices("Too few publishers gave a price.")
        return prices, ready if prices else without

    def _intend(self, signed: SignedTransaction, item_ids: list[uuid.UUID]) -> None:
        """First commit: from here on the batch will be followed, whatever happens to us."""
        sender, now = self.signer.address.lower(), self.clock.now()
        try:
            with self.db.unit_of_work() as uow:
                batch_id = store.insert_batch(uow, sender, signed.nonce, signed.hash, signed.raw, now)
                if not store.put_in_batch(uow, item_ids, batch_id):
                    raise AnotherRelayer("Some of these items are no longer open.")
        except psycopg.errors.UniqueViolation:
            raise AnotherRelayer("There is an open batch already.") from None

    async def _hand_over(self, raw: bytes) -> None:
        try:
            await self.rpc.send_raw(raw)
        except RpcRefused as refused:
            told = refused.message.lower()
            if any(words in told for words in _TOO_CHEAP):
                await self._hand_over_dearer(raw)
            # It is there already, or its nonce is used: the receipt will tell which.
            elif not any(words in told for words in _KNOWN):
                raise

    async def _hand_over_dearer(self, raw: bytes) -> None:
        """The network's price has risen: the same batch with the same nonce, at that price."""
        price = max(await self.rpc.gas_price(), gas_price_of(raw) * 9 // 8 + 1)
        chain_id = self.deployment.chain_id
        signed = sign_dearer(self.signer, chain_id=chain_id, raw=raw, gas_price=price)
        await asyncio.to_thread(self._intend_dearer, signed)
        await self.rpc.send_raw(signed.raw)

    def _intend_dearer(self, signed: SignedTransaction) -> None:
        with self.db.unit_of_work() as uow:
            batch = store.open_batch(uow, self.signer.address.lower())
            if batch is None or batch.nonce != signed.nonce:
                raise AnotherRelayer("The batch has ended meanwhile.")
            store.add_attempt(uow, batch.id, signed.hash, signed.raw)

    # --- following -------------------------------------------------------------------------

    async def _follow(self, batch: store.BatchRow) -> int:
        receipt = await self._receipt(batch)
        if receipt is not None:
            return await asyncio.to_thread(self._record, batch, receipt)
        if await self.rpc.nonce(self.signer.address) > batch.nonce:
            since = self._overtaken.setdefault(batch.id, time.monotonic())
            if time.monotonic() - since >= self.lost_seconds and await self._receipt(batch) is None:
                await self._replaced(batch)
            return 0
        await self._hand_over(batch.raw)
        return 0

    async def _receipt(self, batch: store.BatchRow) -> dict[str, Any] | None:
        """The receipt of whichever form of the batch is in a block."""
        found = await asyncio.gather(*(self.rpc.receipt(each) for each in batch.hashes))
        return next((each for each in found if each is not None and each.get("blockNumber")), None)

    def _record(self, batch: store.BatchRow, receipt: dict[str, Any]) -> int:
        """Last commit: what became of each item."""
        with self.db.unit_of_work() as uow:
            items = store.items_of_batch(uow, batch.id)
            said = verdicts(call_data_of(batch.raw), receipt, self.deployment.router)
            landed = Verdict("" if receipt["status"] == "0x1" else "Reverted")
            for item in items:
                # What provides has no word of its own: it was done, or all of it reverted.
                verdict = landed if item.orders.provide else said.get(item.number, Verdict("Reverted"))
                self._conclude(uow, item, verdict)
            restated = [each for each in items if each.number in said and said[each.number].restate]
            self.issuance.restate(uow, {each.number: said[each.number].supply_min for each in restated})
            tx_hash, block = receipt["transactionHash"], int(receipt["blockNumber"], 16)
            store.include_batch(uow, batch.id, tx_hash, block, self.clock.now())
            uow.notify(CHAIN_ITEMS)
        return len(items)

    def _conclude(self, uow: UnitOfWork, item: store.ItemRow, verdict: Verdict) -> None:
        now = self.clock.now()
        if verdict.settled:
            store.set_item(uow, item.id, "settled", ended_at=now, reason="")
        elif verdict.final:
            store.set_item(uow, item.id, "failed", ended_at=now, reason=verdict.reason)
        else:
            store.set_item(uow, item.id, "open", ended_at=None, reason=verdict.reason)

    async def _replaced(self, batch: store.BatchRow) -> None:
        """Another transaction has this nonce and ours can never land: ask the router about each item."""
        items = await asyncio.to_thread(self._items_of, batch.id)
        settled = await self._settled(items)
        await asyncio.to_thread(self._record_replaced, batch, items, settled)

    def _record_replaced(
        self, batch: store.BatchRow, items: Sequence[store.ItemRow], settled: set[uuid.UUID]
    ) -> None:
        with self.db.unit_of_work() as uow:
            for item in items:
                self._conclude(uow, item, Verdict("" if item.id in settled else "Replaced"))
            store.replace_batch(uow, batch.id)
            uow.notify(CHAIN_ITEMS)

    async def _settled(self, items: Sequence[store.ItemRow]) -> set[uuid.UUID]:
        """Those of these items that the router has settled."""
        answers = await asyncio.gather(*(self._is_settled(item.number) for item in items))
        return {item.id for item, settled in zip(items, answers, strict=True) if settled}

    async def _is_settled(self, number: int) -> bool:
        data = await self.rpc.call(self.deployment.router, abi.SETTLED.call(number))
        return bool(abi.SETTLED.result(data)[0])

    async def _end_overdue(self) -> None:
        """Items that waited too long (no quorum, no liquidity) and are in no transaction."""
        overdue = await asyncio.to_thread(self._overdue)
        if overdue and not self.dry_run:
            sent_before = [item for item in overdue if item.attempts]
            settled = await self._settled(sent_before)
            await asyncio.to_thread(self._record_overdue, overdue, settled)

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
        signed = self._signed(uow, row) if row.orders.mint is not None else None
        deadline = int(row.deadline.timestamp())
        return Ready(row.id, row.number, row.orders, deadline, row.attempts, signed)

    def _signed(self, uow: UnitOfWork, row: store.ItemRow) -> Signed:
        statement_id = custody_store.statement_of(uow, row.id)
        assert statement_id is not None, "what is ready has its quorum"
        asked = custody_store.request(uow, statement_id, self.issuance.place)
        assert asked is not None, "a receipt points to a statement on record"
        signatures = custody_store.signatures(uow, statement_id)[: self.issuance.quorum]
        return Signed(asked.statement, tuple(each for _, each in signatures))

    def _overdue(self) -> list[store.ItemRow]:
        with self.db.unit_of_work() as uow:
            return store.overdue_items(uow, self.clock.now() - DEADLINE_MARGIN)

    def _record_overdue(self, overdue: Sequence[store.ItemRow], settled: set[uuid.UUID]) -> None:
        with self.db.unit_of_work() as uow:
            for item in overdue:
                late = Verdict("" if item.id in settled else "DeadlinePassed", final=True)
                self._conclude(uow, item, late)
            uow.notify(CHAIN_ITEMS)

    def _gather(self) -> None:
        """Statements over what waits for one, at a pace that lets receipts share them."""
        now = time.monotonic()
        if self.dry_run or (self._gathered and now - self._gathered[0] < self.gather_seconds):
            return
        with self.db.unit_of_work() as uow:
            self.issuance.refresh_expired(uow)
            if self.issuance.gather(uow):
                self._gathered[:] = [now]


def _revert_data(refused: RpcRefused) -> bytes:
    """What the contract said, where the node passes it on."""
    data = refused.data.get("data") if isinstance(refused.data, dict) else refused.data
    try:
        return bytes.fromhex(str(data or "").removeprefix("0x"))
    except ValueError:
        return b""
