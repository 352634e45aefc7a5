"""The SQL of issuance: items, batches, leaves, cursors. Receipts and statements are in custody_store.py."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Orders


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item as it is on record."""

    id: uuid.UUID
    number: int  # in the registry: one for each item, minted once
    orders: Orders
    deadline: datetime
    state: str
    reason: str
    batch_id: int | None
    attempts: int


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A transaction as it is on record, in its newest form. ``hashes`` are those of all its forms."""

    id: int
    nonce: int
    tx_hash: str
    raw: bytes
    hashes: tuple[str, ...]


def insert_items(
    uow: UnitOfWork, items: Mapping[uuid.UUID, Orders], deadline: datetime, now: datetime
) -> set[uuid.UUID]:
    """Those whose id was not on record already."""
    rows = uow.tuples(
        """INSERT INTO issuance.item (id, orders, deadline, created_at)
           SELECT id, orders, %s, %s FROM unnest(%s::uuid[], %s::jsonb[])
               WITH ORDINALITY n (id, orders, place) ORDER BY place
           ON CONFLICT (id) DO NOTHING RETURNING id""",
        (deadline, now, list(items), [json.dumps(each.to_json()) for each in items.values()]),
    )
    return {item_id for (item_id,) in rows}


def item(uow: UnitOfWork, item_id: uuid.UUID) -> ItemRow | None:
    row = uow.one("SELECT * FROM issuance.item WHERE id = %s", (item_id,))
    return _item(row) if row else None


def states_of(uow: UnitOfWork, item_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    """(state, reason) of those of these items that are on record."""
    rows = uow.tuples("SELECT id, state, reason FROM issuance.item WHERE id = ANY(%s)", (list(item_ids),))
    return {item_id: (state, reason) for item_id, state, reason in rows}


def ended_of(uow: UnitOfWork, item_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Those of these items that have ended."""
    rows = uow.all(
        "SELECT id FROM issuance.item WHERE id = ANY(%s) AND state IN ('settled', 'failed')",
        (list(item_ids),),
    )
    return [row["id"] for row in rows]


def ready_items(uow: UnitOfWork, quorum: int, limit: int) -> list[ItemRow]:
    """Open items that need no statement, or whose statement has its quorum; oldest first, locked."""
    rows = uow.all(
        """SELECT i.* FROM issuance.item i LEFT JOIN issuance.receipt r ON r.item_id = i.id
           WHERE i.state = 'open' AND (r.item_id IS NULL OR (
               SELECT count(*) FROM issuance.signature g WHERE g.statement_id = r.statement_id) >= %s)
           ORDER BY i.created_at, i.number LIMIT %s FOR UPDATE OF i SKIP LOCKED""",
        (quorum, limit),
    )
    return [_item(row) for row in rows]


def overdue_items(uow: UnitOfWork, before: datetime) -> list[ItemRow]:
    """Open items (in no transaction that may still land) whose deadline is over."""
    rows = uow.all(
        "SELECT * FROM issuance.item WHERE state = 'open' AND deadline < %s FOR UPDATE SKIP LOCKED",
        (before,),
    )
    return [_item(row) for row in rows]


def items_of_batch(uow: UnitOfWork, batch_id: int) -> list[ItemRow]:
    rows = uow.all(
        "SELECT * FROM issuance.item WHERE batch_id = %s AND state = 'batched' FOR UPDATE", (batch_id,)
    )
    return [_item(row) for row in rows]


def set_item(
    uow: UnitOfWork, item_id: uuid.UUID, state: str, *, ended_at: datetime | None, reason: str
) -> None:
    """An item that has ended stays as it ended."""
    uow.execute(
        "UPDATE issuance.item SET state = %s, ended_at = %s, reason = %s"
        " WHERE id = %s AND state IN ('open', 'batched')",
        (state, ended_at, reason, item_id),
    )


def put_in_batch(uow: UnitOfWork, item_ids: list[uuid.UUID], batch_id: int) -> bool:
    """False when one of them is no longer open: then the batch must not be made."""
    touched = uow.execute(
        """UPDATE issuance.item SET state = 'batched', batch_id = %s, attempts = attempts + 1
           WHERE id = ANY(%s) AND state = 'open'""",
        (batch_id, item_ids),
    )
    return touched == len(item_ids)


def insert_batch(uow: UnitOfWork, sender: str, nonce: int, tx_hash: str, raw: bytes, now: datetime) -> int:
    row = uow.one(
        """INSERT INTO issuance.batch (sender, nonce, tx_hash, raw, state, created_at)
           VALUES (%s, %s, %s, %s, 'built', %s) RETURNING id""",
        (sender, nonce, tx_hash, raw, now),
    )
    assert row is not None
    uow.execute("INSERT INTO issuance.attempt (tx_hash, batch_id) VALUES (%s, %s)", (tx_hash, row["id"]))
    return int(row["id"])


def add_attempt(uow: UnitOfWork, batch_id: int, tx_hash: str, raw: bytes) -> None:
    """Another signed form of an open batch, which is the one to send from now on."""
    uow.execute("INSERT INTO issuance.attempt (tx_hash, batch_id) VALUES (%s, %s)", (tx_hash, batch_id))
    uow.execute(
        "UPDATE issuance.batch SET tx_hash = %s, raw = %s WHERE id = %s AND state = 'built'",
        (tx_hash, raw, batch_id),
    )


def open_batches(uow: UnitOfWork, sender: str) -> list[BatchRow]:
    """What is on its way, in the order of the nonces."""
    rows = uow.all(
        """SELECT b.*, array(SELECT a.tx_hash FROM issuance.attempt a WHERE a.batch_id = b.id) AS hashes
           FROM issuance.batch b WHERE b.sender = %s AND b.state = 'built' ORDER BY b.nonce""",
        (sender,),
    )
    return [
        BatchRow(row["id"], row["nonce"], row["tx_hash"], bytes(row["raw"]), tuple(row["hashes"]))
        for row in rows
    ]


def next_nonce(uow: UnitOfWork, sender: str) -> int:
    """The nonce after all that we know to be used or on its way."""
    row = uow.one(
        """SELECT nonce FROM issuance.batch WHERE sender = %s AND state IN ('built', 'included')
           ORDER BY id DESC LIMIT 1""",
        (sender,),
    )
    return int(row["nonce"]) + 1 if row else 0


def newest_block(uow: UnitOfWork, sender: str) -> int:
    """The newest block that has a batch of this sender; whoever reads the chain must see it."""
    row = uow.one(
        "SELECT block FROM issuance.batch WHERE sender = %s AND state = 'included' ORDER BY id DESC LIMIT 1",
        (sender,),
    )
    return int(row["block"]) if row else 0


def include_batch(uow: UnitOfWork, batch_id: int, tx_hash: str, block: int, now: datetime) -> None:
    """The batch is in a block, in the form that has this hash."""
    uow.execute(
        """UPDATE issuance.batch SET state = 'included', tx_hash = %s, block = %s, included_at = %s
           WHERE id = %s AND state = 'built'""",
        (tx_hash, block, now, batch_id),
    )


def replace_batch(uow: UnitOfWork, batch_id: int) -> None:
    """The batch can never land."""
    uow.execute("UPDATE issuance.batch SET state = 'replaced' WHERE id = %s AND state = 'built'", (batch_id,))


def insert_leaf(uow: UnitOfWork, **columns: Any) -> bool:
    """False when the leaf is on record already."""
    names = ", ".join(columns)
    values = ", ".join(f"%({name})s" for name in columns)
    sql = f"INSERT INTO issuance.leaf ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608
    return uow.execute(sql, columns) == 1


def leaves_of_receipts(uow: UnitOfWork, hashes: list[bytes]) -> list[int]:
    rows = uow.all(
        "SELECT log_index FROM issuance.leaf WHERE receipt_hash = ANY(%s) ORDER BY log_index", (hashes,)
    )
    return [row["log_index"] for row in rows]


def batch_hash(uow: UnitOfWork, batch_id: int) -> str:
    row = uow.one("SELECT tx_hash FROM issuance.batch WHERE id = %s", (batch_id,))
    assert row is not None
    return str(row["tx_hash"])


def cursor(uow: UnitOfWork, name: str, start: int) -> int:
    """The last block that was read under this name."""
    row = uow.one("SELECT block FROM issuance.cursor WHERE name = %s FOR UPDATE", (name,))
    return int(row["block"]) if row else start - 1


def move_cursor(uow: UnitOfWork, name: str, block: int) -> None:
    uow.execute(
        """INSERT INTO issuance.cursor (name, block) VALUES (%s, %s)
           ON CONFLICT (name) DO UPDATE SET block = excluded.block""",
        (name, block),
    )


def _item(row: dict[str, Any]) -> ItemRow:
    return ItemRow(
        row["id"],
        row["number"],
        Orders.from_json(row["orders"]),
        row["deadline"],
        row["state"],
        row["reason"],
        row["batch_id"],
        row["attempts"],
    )
