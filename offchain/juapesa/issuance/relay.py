"""The relayer's work: batches of what is due, followed to their end, exactly once whatever dies when.

A batch goes *built* → *included*, which on Hedera is final; its block is written down when the mirror shows
it, which may be seconds after a consensus node has told the outcome. Its bytes and hash are committed before
anyone else sees them. Some may be on their way at once, with nonces in a row: a mirror shows what was
done seconds later, and nobody need wait for that. While the fate of one is in doubt (the relay did not
answer, consensus refused it) nothing is sent after it. A restarted relayer finds what is open and sends
the same bytes again, which can do no harm. Should another transaction have taken a nonce, the batch is
*replaced*: its items are asked for at the router, which settles a number once, ever. An item that was
ever sent is failed only after the router has said, at a block after its deadline, that it is not
settled: nothing would be worse than a refund of what was done.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from juapesa.chain import Deployment, RpcRefused, abi
from juapesa.chain.courier import Courier, Landed, Overtaken
from juapesa.chain.native_ids import TransactionId
from juapesa.chain.prices import NoPrices, Publishers, SignedPrice
from juapesa.chain.purse import Purse, gas_limit
from juapesa.chain.rpc import Frozen
from juapesa.chain.transactions import GAS_MAX, SignedTransaction, call_data_of, sign_call
from juapesa.clock import Clock
from juapesa.db import Database, UnitOfWork
from juapesa.issuance import custody_store, store
from juapesa.issuance.batches import Ready, Signed, Verdict, provide_call, settle_call, verdicts
from juapesa.issuance.errors import AnotherRelayer
from juapesa.issuance.service import CHAIN_ITEMS, Issuance

# An open item is failed only when the chain cannot settle it any more, whatever its clock shows.
DEADLINE_MARGIN = timedelta(seconds=10)
IN_FLIGHT_MAX = 8  # as many as fit between a send and its receipt at the mirror
BATCH_SECONDS = 0.5  # between two batches: what is due in quick succession shares one
# Receipts that come in quick succession share a statement; the first of them does not wait.
GATHER_SECONDS = 0.5


@dataclass(frozen=True)
class Relay:
    """Settles what is due. One may run per key; a second finds the first one's batches and follows them."""

    db: Database
    issuance: Issuance
    deployment: Deployment
    courier: Courier
    purse: Purse
    publishers: Publishers
    clock: Clock
    batch_items_max: int
    dry_run: bool = False
    gather_seconds: float = GATHER_SECONDS
    batch_seconds: float = BATCH_SECONDS
    _sent: list[float] = field(default_factory=list)  # when a batch was built last
    _gathered: list[float] = field(default_factory=list)  # when statements were made last

    async def tick(self) -> int:
        """Follow what is on its way, then build and send the next; how many items ended or were sent."""
        await asyncio.to_thread(self._gather)
        done, on_their_way, clear = (0, 0, True) if self.dry_run else await self._follow_all()
        if not clear or on_their_way >= IN_FLIGHT_MAX or not self._is_due():
            return done
        unshown = 0 if self.dry_run else await self._unshown()
        await self._end_overdue()
        ready = await asyncio.to_thread(self._ready)
        if not ready:
            return done
        at = await self._freeze()
        settling = [each for each in ready if each.orders.provide is None]
        if settling:
            (prices, sendable), terms = await asyncio.gather(self._prices(settling), self._terms(at))
            return done + await self._settle(terms, sendable, prices)
        providing = [each for each in ready if each.orders.provide is not None]
        if (
            providing and not on_their_way + unshown
        ):  # alone: the next estimate must see what this one changed
            done += await self._provide(await self._terms(at), providing[0])
        return done

    async def _freeze(self) -> Frozen:
        """The chain with everything in it that we know to be done. Raises ChainBehind."""
        return await self.courier.rpc.freeze(await asyncio.to_thread(self._newest_block))

    def _is_due(self) -> bool:
        return not self._sent or time.monotonic() - self._sent[0] >= self.batch_seconds

    # --- sending ---------------------------------------------------------------------------

    async def _terms(self, at: Frozen) -> "Terms":
        """Raises PurseLow."""
        shown, ours, price = await asyncio.gather(
            at.nonce(self.address), asyncio.to_thread(self._next_nonce), self.purse.price(at, self.address)
        )
        # The mirror may not show yet what is on record.
        return Terms(at, max(shown, ours), price)

    async def _settle(self, terms: "Terms", ready: Sequence[Ready], prices: Sequence[SignedPrice]) -> int:
        data = settle_call(ready, prices, self.deployment, self.issuance.receipt_key)
        try:
            gas = await self._gas(terms.at, data)
        except RpcRefused:
            # Too large for one transaction, or a state that no estimate foresees: send fewer.
            if len(ready) > 1:
                return await self._settle(terms, ready[: len(ready) // 2], prices)
            gas = GAS_MAX
        return await self._send(terms, data, gas, ready)

    async def _provide(self, terms: "Terms", ready: Ready) -> int:
        """The house's liquidity, in a transaction of its own, once the hub has it and there is a price."""
        data = provide_call(ready, self.deployment)
        try:
            gas = await self._gas(terms.at, data)
        except RpcRefused as refused:
            if abi.error_name(_revert_data(refused)) != "StalePrice":
                return 0  # not yet in the hub, or not any more: it waits for that, or for its deadline
            prices = await self.publishers.newest()
            data = settle_call([], prices, self.deployment, self.issuance.receipt_key)
            return await self._send(terms, data, await self._gas(terms.at, data), []) if prices else 0
        return await self._send(terms, data, gas, [ready])

    async def _gas(self, at: Frozen, data: bytes) -> int:
        return await at.estimate_gas(self.address, self.deployment.router, data)

    async def _send(self, terms: "Terms", data: bytes, gas: int, ready: Sequence[Ready]) -> int:
        if self.dry_run:
            return len(ready)
        limit = gas_limit(gas)
        self.purse.require_fair(terms.price, limit)
        signed = sign_call(
            self.courier.signer,
            chain_id=self.deployment.chain_id,
            nonce=terms.nonce,
            gas_price=terms.price,
            gas=limit,
            to=self.deployment.router,
            data=data,
        )
        native = await self.courier.new_id()
        await asyncio.to_thread(self._intend, signed, native, [each.id for each in ready])
        self._sent[:] = [time.monotonic()]
        await self.courier.hand_over(signed.raw, signed.hash, native)
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

    def _intend(
        self, signed: SignedTransaction, native: TransactionId | None, item_ids: list[uuid.UUID]
    ) -> None:
        """First commit: from here on the batch will be followed, whatever happens to us."""
        sender, now = self.address, self.clock.now()
        try:
            with self.db.unit_of_work() as uow:
                batch_id = store.insert_batch(uow, sender, signed, now)
                store.add_form(uow, batch_id, signed, native)
                if not store.put_in_batch(uow, item_ids, batch_id):
                    raise AnotherRelayer("Some of these items are no longer open.")
        except psycopg.errors.UniqueViolation:
            raise AnotherRelayer("Another batch has this nonce already.") from None

    def _intend_again(self, signed: SignedTransaction, native: TransactionId | None) -> None:
        """Another form of an open batch, or another native id: it too is followed from here on."""
        with self.db.unit_of_work() as uow:
            under_way = store.open_batches(uow, self.address)
            batch = next((each for each in under_way if each.letter.nonce == signed.nonce), None)
            if batch is None:
                raise AnotherRelayer("The batch has ended meanwhile.")
            store.add_form(uow, batch.id, signed, native)

    # --- following -------------------------------------------------------------------------

    async def _follow_all(self) -> tuple[int, int, bool]:
        """(items that came to an end, batches still on their way, whether another may be sent after them)."""
        done, on_their_way, clear = 0, 0, True
        for batch in await asyncio.to_thread(self._open_batches):
            fate = await self.courier.deliver(batch.letter, self._keep, first=clear)
            match fate:
                case Landed():
                    done += await asyncio.to_thread(self._record, batch, fate.receipt)
                case Overtaken():
                    await self._replaced(batch, fate.at)
                case _:
                    on_their_way += 1
                    clear = clear and fate.taken
        return done, on_their_way, clear

    async def _keep(self, signed: SignedTransaction, native: TransactionId | None) -> None:
        await asyncio.to_thread(self._intend_again, signed, native)

    async def _unshown(self) -> int:
        """How many batches nodes have told to be done that the mirror does not show yet."""
        told = await asyncio.to_thread(self._told)
        receipts = await asyncio.gather(*(self.courier.rpc.receipt(tx_hash) for _, tx_hash in told))
        blocks = [
            (batch_id, int(receipt["blockNumber"], 16))
            for (batch_id, _), receipt in zip(told, receipts, strict=True)
            if receipt is not None
        ]
        if blocks:
            await asyncio.to_thread(self._show, blocks)
        return len(told) - len(blocks)

    def _told(self) -> list[tuple[int, str]]:
        with self.db.unit_of_work() as uow:
            return store.unshown_batches(uow, self.address)

    def _show(self, blocks: Sequence[tuple[int, int]]) -> None:
        with self.db.unit_of_work() as uow:
            for batch_id, block in blocks:
                store.show_batch(uow, batch_id, block)

    def _record(self, batch: store.BatchRow, receipt: dict[str, Any]) -> int:
        """Last commit: what became of each item."""
        with self.db.unit_of_work() as uow:
            items = store.items_of_batch(uow, batch.id)
            said = verdicts(call_data_of(batch.letter.raw), receipt, self.deployment.router)
            landed = Verdict("" if receipt["status"] == "0x1" else "Reverted")
            for item in items:
                # What provides has no word of its own: it was done, or all of it reverted.
                verdict = landed if item.orders.provide else said.get(item.number, Verdict("Reverted"))
                self._conclude(uow, item, verdict)
            restated = [each for each in items if each.number in said and said[each.number].restate]
            self.issuance.restate(uow, {each.number: said[each.number].supply_min for each in restated})
            shown = receipt["blockNumber"]
            block = int(shown, 16) if shown else None
            store.include_batch(uow, batch.id, receipt["transactionHash"], block, self.clock.now())
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

    async def _replaced(self, batch: store.BatchRow, at: Frozen) -> None:
        """Another transaction has this nonce and ours can never land: ask the router about each item."""
        items = await asyncio.to_thread(self._items_of, batch.id)
        settled = await self._settled(at, items)
        await asyncio.to_thread(self._record_replaced, batch, items, settled)

    def _record_replaced(
        self, batch: store.BatchRow, items: Sequence[store.ItemRow], settled: set[uuid.UUID]
    ) -> None:
        with self.db.unit_of_work() as uow:
            for item in items:
                self._conclude(uow, item, Verdict("" if item.id in settled else "Replaced"))
            store.replace_batch(uow, batch.id)
            uow.notify(CHAIN_ITEMS)

    async def _settled(self, at: Frozen, items: Sequence[store.ItemRow]) -> set[uuid.UUID]:
        """Those of these items that the router has settled."""
        answers = await asyncio.gather(*(self._is_settled(at, item.number) for item in items))
        return {item.id for item, settled in zip(items, answers, strict=True) if settled}

    async def _is_settled(self, at: Frozen, number: int) -> bool:
        data = await at.call(self.deployment.router, abi.SETTLED.call(number))
        return bool(abi.SETTLED.result(data)[0])

    async def _end_overdue(self) -> None:
        """Items that waited too long (no quorum, no liquidity) and are in no transaction.

        One that was sent before is failed only on the word of a block that is past its deadline too.
        """
        overdue = await asyncio.to_thread(self._overdue)
        if overdue and not self.dry_run:
            at = await self._freeze()
            settled = await self._settled(at, [item for item in overdue if item.attempts])
            over = await at.time()
            ended = [
                item
                for item in overdue
                if not item.attempts or item.id in settled or item.deadline.timestamp() < over
            ]
            await asyncio.to_thread(self._record_overdue, ended, settled)

    # --- the book --------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """The relayer's account, lower-case."""
        return self.courier.address.lower()

    def _open_batches(self) -> list[store.BatchRow]:
        with self.db.unit_of_work() as uow:
            return store.open_batches(uow, self.address)

    def _newest_block(self) -> int:
        with self.db.unit_of_work() as uow:
            return store.newest_block(uow, self.address)

    def _next_nonce(self) -> int:
        with self.db.unit_of_work() as uow:
            return store.next_nonce(uow, self.address)

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


@dataclass(frozen=True, slots=True)
class Terms:
    """What a transaction is built on: the chain at one block, the next nonce, and the price of gas."""

    at: Frozen
    nonce: int
    price: int


def _revert_data(refused: RpcRefused) -> bytes:
    """What the contract said, where the node passes it on."""
    data = refused.data.get("data") if isinstance(refused.data, dict) else refused.data
    try:
        return bytes.fromhex(str(data or "").removeprefix("0x"))
    except ValueError:
        return b""
