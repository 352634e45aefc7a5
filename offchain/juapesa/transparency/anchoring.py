"""Puts heads, checkpoints and roots into a topic of the consensus service: each message once, in order.

Three steps for a message: it is put on record with the id of the transaction that will carry it; the
transaction is sent; its place in the topic is written down. The network takes a transaction's id once, so
while it is valid it may be sent again after any silence. Once it cannot be valid any more, the mirror node is
asked what became of it, and only when that is known is another transaction made for the message.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from juapesa.chain import Deployment, Rpc, abi
from juapesa.chain.native_ids import BACKDATED_SECONDS, NANOS, TransactionId, entity_number
from juapesa.chain.native_nodes import DUPLICATE, NOT_FOUND, OK, SUCCESS, UNKNOWN, Receipt
from juapesa.clock import Clock
from juapesa.db import Database, UnitOfWork
from juapesa.errors import Unavailable
from juapesa.observability import get_logger
from juapesa.transparency import anchor_store as store
from juapesa.transparency.anchor_store import UnderWay
from juapesa.transparency.anchors import Anchor, Checkpoint

VALID_SINCE = timedelta(seconds=BACKDATED_SECONDS)
RECEIPT_SECONDS_MAX = 10.0
RECEIPT_PAUSE_SECONDS = 0.5
# How much longer than a transaction's valid time the mirror must have seen before its silence means no.
MIRROR_MARGIN_SECONDS = 10
# The node's word that the same transaction may come again.
_AGAIN = frozenset(
    {
        "BUSY",
        "PLATFORM_NOT_ACTIVE",
        "PLATFORM_TRANSACTION_NOT_CREATED",
        "INVALID_TRANSACTION_START",
        "TRANSACTION_EXPIRED",  # by the node's clock; by ours it will be in a moment
    }
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIZE = abi.Function("size", (), ("uint64",))
ROOT = abi.Function("root", (), ("bytes32",))


class AnchorRefused(Unavailable):
    """The network does not take the message; the detail has its code."""

    slug = "anchor-refused"


class NoAccount(Unavailable):
    """Nobody has paid the key's address yet, so there is no account that could pay for a message."""

    slug = "no-account"


class Network(Protocol):
    """The consensus service; all raise NodeUnreachable."""

    async def create_topic(self, transaction: TransactionId, memo: str) -> str: ...

    async def submit(self, transaction: TransactionId, topic: str, message: bytes) -> str: ...

    async def receipt(self, transaction: TransactionId) -> Receipt: ...


class Mirror(Protocol):
    """What a mirror node remembers for good; all raise MirrorUnreachable."""

    def outcome(self, transaction: str) -> tuple[str, int] | None: ...

    def message_at(self, consensus: int) -> dict[str, object] | None: ...

    def newest(self) -> int: ...

    def account_of(self, address: str) -> str | None: ...


LogReader = Callable[[], Awaitable[Checkpoint | None]]


@dataclass(frozen=True)
class Anchoring:
    """One step at a time: at most one message is under way. ``every``: no message sooner after the last."""

    db: Database
    clock: Clock
    network: Network
    mirror: Mirror
    read_log: LogReader
    topic: str
    payer: str
    every: timedelta

    async def tick(self) -> int:
        """Follow the message under way, or make the next one; how many got their place.

        Raises NodeUnreachable, MirrorUnreachable, AnchorRefused. The next goes on from what is on record.
        """
        found = await asyncio.to_thread(self._under_way)
        if found is not None and found.failed:
            if found.anchor.topic != self.topic:
                await asyncio.to_thread(self._give_up, found)
                return 0
            if found.tried_at is not None and self.clock.now() - found.tried_at < self.every:
                return 0
            found = await asyncio.to_thread(self._try_again, found)
        elif found is None:
            if not await asyncio.to_thread(self._rested):
                return 0
            found = await asyncio.to_thread(self._begin, await self.read_log())
        return int(found is not None and await self._follow(found))

    async def due(self) -> Anchor | None:
        """What is new, when enough time has passed since the last message; None otherwise."""
        if not await asyncio.to_thread(self._rested):
            return None
        log = await self.read_log()
        return await asyncio.to_thread(self._looked_up, log)

    async def _follow(self, found: UnderWay) -> bool:
        """Whether the message has its place now."""
        assert found.transaction is not None
        transaction = TransactionId.parse(found.transaction)
        receipt = await self.network.receipt(transaction)
        if receipt.status == NOT_FOUND:
            if _nanos(self.clock.now()) >= transaction.valid_until:
                return await self._ask_mirror(found, transaction)
            code = await self.network.submit(transaction, found.anchor.topic, found.anchor.message)
            if code in _AGAIN:
                return False
            if code not in {OK, DUPLICATE}:
                raise AnchorRefused(f"The network answers {code}.")
            receipt = await decided(self.network, transaction)
        if receipt.status in {NOT_FOUND, UNKNOWN}:
            return False
        return await self._settle(found, receipt)

    async def _settle(self, found: UnderWay, receipt: Receipt) -> bool:
        """Write down what consensus decided. Raises AnchorRefused when it decided against us."""
        await asyncio.to_thread(self._record, found, receipt)
        if receipt.status != SUCCESS:
            raise AnchorRefused(f"The network decided {receipt.status}.")
        return True

    async def _ask_mirror(self, found: UnderWay, transaction: TransactionId) -> bool:
        """The transaction is past its time: it has come to something, or it never will."""
        outcome = await asyncio.to_thread(self.mirror.outcome, str(transaction))
        if outcome is None:
            seen = await asyncio.to_thread(self.mirror.newest)
            if seen < transaction.valid_until + MIRROR_MARGIN_SECONDS * NANOS:
                return False
            return await self._settle(found, Receipt("TRANSACTION_EXPIRED"))
        status, consensus = outcome
        if status != SUCCESS:
            return await self._settle(found, Receipt(status))
        said = await asyncio.to_thread(self.mirror.message_at, consensus)
        if said is None:
            return False
        running_hash = base64.b64decode(str(said["running_hash"]))
        return await self._settle(
            found, Receipt(SUCCESS, sequence=int(str(said["sequence_number"])), running_hash=running_hash)
        )

    def _under_way(self) -> UnderWay | None:
        with self.db.unit_of_work() as uow:
            return store.under_way(uow)

    def _rested(self) -> bool:
        with self.db.unit_of_work() as uow:
            return self._has_rested(uow)

    def _has_rested(self, uow: UnitOfWork) -> bool:
        last = store.newest(uow, 1)
        return not last or self.clock.now() - last[0].made_at >= self.every

    def _looked_up(self, log: Checkpoint | None) -> Anchor | None:
        with self.db.unit_of_work() as uow:
            return self._new(uow, log)

    def _new(self, uow: UnitOfWork, log: Checkpoint | None) -> Anchor | None:
        if log is not None and log.size <= store.anchored_size(uow, self.topic, log.registry):
            log = None
        anchor = Anchor(log, store.new_head(uow, self.topic), store.new_statement(uow, self.topic))
        return anchor or None

    def _begin(self, log: Checkpoint | None) -> UnderWay | None:
        """The message that is under way now, ours or that of who was quicker; None when nothing is new.

        What is new is looked up under the lock that it is put on record with: another process may have
        put a message in since anybody looked.
        """
        with self.db.unit_of_work() as uow:
            store.lock_anchors(uow)
            free = store.under_way(uow) is None and self._has_rested(uow)
            if free and (anchor := self._new(uow, log)) is not None:
                number = store.insert_anchor(uow, self.topic, anchor, self.clock.now())
                store.insert_attempt(uow, number, str(self._transaction()), self.clock.now())
        return self._under_way()

    def _try_again(self, found: UnderWay) -> UnderWay | None:
        with self.db.unit_of_work() as uow:
            store.insert_attempt(uow, found.anchor.number, str(self._transaction()), self.clock.now())
        return self._under_way()

    def _give_up(self, found: UnderWay) -> None:
        """A message for a topic that is not ours any more, and that never got into it."""
        with self.db.unit_of_work() as uow:
            store.delete_anchor(uow, found.anchor.number)

    def _transaction(self) -> TransactionId:
        return new_transaction(self.payer, self.clock)

    def _record(self, found: UnderWay, receipt: Receipt) -> None:
        assert found.transaction is not None
        with self.db.unit_of_work() as uow:
            store.end_attempt(uow, found.transaction, receipt.status)
            if receipt.status == SUCCESS:
                now = self.clock.now()
                store.place(uow, found.anchor.number, receipt.sequence, receipt.running_hash, now)


def new_transaction(payer: str, clock: Clock) -> TransactionId:
    """An id that is valid from just now on. Raises NotAnEntity."""
    return TransactionId(entity_number(payer), _nanos(clock.now() - VALID_SINCE))


async def decided(network: Network, transaction: TransactionId) -> Receipt:
    """A receipt, waited for a little: consensus takes some seconds."""
    deadline = time.monotonic() + RECEIPT_SECONDS_MAX
    while (receipt := await network.receipt(transaction)).status in {UNKNOWN, NOT_FOUND}:
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(RECEIPT_PAUSE_SECONDS)
    return receipt


async def make_topic(network: Network, payer: str, memo: str, clock: Clock) -> str:
    """A new topic's id 0.0.N. Raises AnchorRefused, NodeUnreachable; there may be an unused one then."""
    transaction = new_transaction(payer, clock)
    code = await network.create_topic(transaction, memo)
    if code != OK:
        raise AnchorRefused(f"The network answers {code}.")
    receipt = await decided(network, transaction)
    if receipt.topic is None:
        raise AnchorRefused(f"The network decided {receipt.status}.")
    return receipt.topic


def payer_of(account: str | None, mirror: Mirror, address: str) -> str:
    """The account that pays: the one that is set, else the key's. Raises NoAccount, MirrorUnreachable."""
    found = account or mirror.account_of(address)
    if found is None:
        raise NoAccount(f"Pay some HBAR to {address}, or set JUA_ANCHOR__ACCOUNT.")
    return found


def log_reader(rpc: Rpc, deployment: Deployment) -> LogReader:
    """Asks the registry for its log's size and root at one block; None while the chain does not answer."""

    async def read() -> Checkpoint | None:
        try:
            at = await rpc.freeze()
            size, root = await asyncio.gather(
                at.call(deployment.registry, SIZE.call()), at.call(deployment.registry, ROOT.call())
            )
        except Unavailable as silence:  # the ledger's heads do not wait for the chain
            get_logger("anchor").warning("no checkpoint of the log", why=silence.slug)
            return None
        entries = int(SIZE.result(size)[0])
        return Checkpoint(deployment.chain_id, deployment.registry, entries, bytes(ROOT.result(root)[0]))

    return read


def _nanos(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * 1_000
