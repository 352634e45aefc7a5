"""The SQL of issuance: items, batches, leaves, cursors. Receipts and statements are in custody_store.py."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from juapesa.chain.courier import Letter, Wrapped
from juapesa.chain.native_ids import TransactionId
from juapesa.chain.transactions import SignedTransaction
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
    """A transaction as it is on record, as the courier takes it."""

    id: int
    letter: Letter


def insert_items(
    uow: UnitOfWork, items: Mapping[uuid.UUID, Orders], deadline: datetime, now: datetime
) -> set[uuid.UUID]:
    """Those whose id was not on record already."""
    rows = uow.tuples(
        """INSERT INTO issuance.item (id, orders, deadline, created_at)
           SELECT id, orders, %s, %s
             FROM ROWS FROM (json_to_recordset(%s::json) AS (id uuid, orders jsonb))
                  WITH ORDINALITY n (id, orders, place) ORDER BY place
           ON CONFLICT (id) DO NOTHING RETURNING id""",
        (
            deadline,
            now,
            msgspec.json.encode(
                [{"id": key, "orders": each.to_json()} for key, each in items.items()]
            ).decode(),
        ),
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


def insert_batch(uow: UnitOfWork, sender: str, signed: SignedTransaction, now: datetime) -> int:
    row = uow.one(
        """INSERT INTO issuance.batch (sender, nonce, tx_hash, raw, state, created_at)
           VALUES (%s, %s, %s, %s, 'built', %s) RETURNING id""",
        (sender, signed.nonce, signed.hash, signed.raw, now),
    )
    assert row is not None
    return int(row["id"])


def add_form(uow: UnitOfWork, batch_id: int, signed: SignedTransaction, native: TransactionId | None) -> None:
    """A signed form of an open batch, the one to send from now on, and the native id it will have."""
    uow.execute(
        "INSERT INTO issuance.attempt (tx_hash, batch_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (signed.hash, batch_id),
    )
    uow.execute(
        "UPDATE issuance.batch SET tx_hash = %s, raw = %s WHERE id = %s AND state = 'built'",
        (signed.hash, signed.raw, batch_id),
    )
    if native is not None:
        uow.execute(
            "INSERT INTO issuance.envelope (payer, valid_start, tx_hash) VALUES (%s, %s, %s)",
            (native.payer, native.valid_start, signed.hash),
        )


def open_batches(uow: UnitOfWork, sender: str) -> list[BatchRow]:
    """What is on its way, in the order of the nonces."""
    rows = uow.all(
        """SELECT b.*, array(SELECT a.tx_hash FROM issuance.attempt a WHERE a.batch_id = b.id) AS hashes,
               (SELECT coalesce(json_agg(json_build_array(e.tx_hash, e.payer, e.valid_start)
                                         ORDER BY e.valid_start), '[]')
                FROM issuance.envelope e JOIN issuance.attempt a ON a.tx_hash = e.tx_hash
                WHERE a.batch_id = b.id) AS envelopes
           FROM issuance.batch b WHERE b.sender = %s AND b.state = 'built' ORDER BY b.nonce""",
        (sender,),
    )
    return [BatchRow(row["id"], _letter(row)) for row in rows]


def _letter(row: dict[str, Any]) -> Letter:
    wrapped = tuple(Wrapped(tx, TransactionId(payer, start)) for tx, payer, start in row["envelopes"])
    return Letter(row["nonce"], bytes(row["raw"]), row["tx_hash"], tuple(row["hashes"]), wrapped)


def next_nonce(uow: UnitOfWork, sender: str) -> int:
    """The nonce after all that we know to be used or on its way."""
    row = uow.one(
        """SELECT nonce FROM issuance.batch WHERE sender = %s AND state IN ('built', 'included')
           ORDER BY id DESC LIMIT 1""",
        (sender,),
    )
    return int(row["nonce"]) + 1 if row else 0


def newest_block(uow: UnitOfWork, sender: str) -> int:
    """The newest block known to have a batch of this sender; whoever reads the chain must see it."""
    row = uow.one(
        """SELECT block FROM issuance.batch
           WHERE sender = %s AND state = 'included' AND block IS NOT NULL ORDER BY id DESC LIMIT 1""",
        (sender,),
    )
    return int(row["block"]) if row else 0


def unshown_batches(uow: UnitOfWork, sender: str) -> list[tuple[int, str]]:
    """(id, hash) of what a node has told to be done and no mirror has shown yet."""
    rows = uow.all(
        """SELECT id, tx_hash FROM issuance.batch
           WHERE sender = %s AND state = 'included' AND block IS NULL ORDER BY id""",
        (sender,),
    )
    return [(row["id"], row["tx_hash"]) for row in rows]


def show_batch(uow: UnitOfWork, batch_id: int, block: int) -> None:
    """The mirror has shown in which block it is."""
    uow.execute("UPDATE issuance.batch SET block = %s WHERE id = %s AND block IS NULL", (block, batch_id))


def include_batch(uow: UnitOfWork, batch_id: int, tx_hash: str, block: int | None, now: datetime) -> None:
    """The batch is done for good, in the form that has this hash; no ``block``: no mirror shows it yet."""
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


def cursor(uow: UnitOfWork, name: str, begin: int) -> int:
    """Up to where was read under this name; ``begin`` when nothing was."""
    row = uow.one("SELECT position FROM issuance.cursor WHERE name = %s FOR UPDATE", (name,))
    return int(row["position"]) if row else begin


def move_cursor(uow: UnitOfWork, name: str, position: int) -> None:
    uow.execute(
        """INSERT INTO issuance.cursor (name, position) VALUES (%s, %s)
           ON CONFLICT (name) DO UPDATE SET position = excluded.position""",
        (name, position),
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
