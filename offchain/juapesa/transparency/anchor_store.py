"""The SQL of anchoring: messages, the transactions that carry them, and what is new since the last one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.transparency import liabilities
from juapesa.transparency.anchors import Anchor, LedgerHead, LiabilitiesRoot


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """A message on record. ``sequence`` is its place in the topic, None while it is under way."""

    number: int
    topic: str
    message: bytes
    made_at: datetime
    sequence: int | None
    anchored_at: datetime | None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A message and the newest of its transactions; ``outcome`` None: not known yet."""

    anchor: AnchorRow
    transaction: str | None
    tried_at: datetime | None
    outcome: str | None

    @property
    def failed(self) -> bool:
        """Whether no transaction is left that might still carry it."""
        return self.outcome is not None or self.transaction is None


def lock_anchors(uow: UnitOfWork) -> None:
    """Nobody else puts a message on record until this transaction ends."""
    uow.execute("LOCK TABLE transparency.anchor IN SHARE ROW EXCLUSIVE MODE")


def insert_anchor(uow: UnitOfWork, topic: str, anchor: Anchor, now: datetime) -> int:
    """Put a message on record as under way; its number. A second one under way is a bug."""
    log = anchor.log
    row = uow.one(
        """INSERT INTO transparency.anchor (topic, message, registry, log_size, batch, statement, made_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING number""",
        (
            topic,
            anchor.encode(),
            log and log.registry,
            log and log.size,
            anchor.ledger and anchor.ledger.batch,
            anchor.liabilities and anchor.liabilities.statement,
            now,
        ),
    )
    assert row is not None
    return int(row["number"])


def insert_attempt(uow: UnitOfWork, anchor: int, transaction: str, now: datetime) -> None:
    """A transaction for a message, before it is sent; none while another one is open."""
    uow.execute(
        "INSERT INTO transparency.anchor_attempt (transaction, anchor, made_at) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (transaction, anchor, now),
    )


def end_attempt(uow: UnitOfWork, transaction: str, outcome: str) -> None:
    """What became of a transaction."""
    uow.execute(
        "UPDATE transparency.anchor_attempt SET outcome = %s WHERE transaction = %s AND outcome IS NULL",
        (outcome, transaction),
    )


def delete_anchor(uow: UnitOfWork, anchor: int) -> None:
    """Forget a message that never got into a topic, with its transactions."""
    uow.execute("DELETE FROM transparency.anchor_attempt WHERE anchor = %s", (anchor,))
    uow.execute("DELETE FROM transparency.anchor WHERE number = %s AND sequence IS NULL", (anchor,))


def place(uow: UnitOfWork, anchor: int, sequence: int, running_hash: bytes, now: datetime) -> None:
    """The message has its place in the topic."""
    uow.execute(
        """UPDATE transparency.anchor SET sequence = %s, running_hash = %s, anchored_at = %s
           WHERE number = %s AND sequence IS NULL""",
        (sequence, running_hash, now, anchor),
    )


def under_way(uow: UnitOfWork) -> UnderWay | None:
    """The message that has no place yet."""
    row = uow.one(
        """SELECT a.*, t.transaction, t.made_at AS tried_at, t.outcome FROM transparency.anchor a
           LEFT JOIN LATERAL (
               SELECT transaction, made_at, outcome FROM transparency.anchor_attempt
                WHERE anchor = a.number ORDER BY outcome IS NULL DESC, made_at DESC LIMIT 1
           ) t ON true WHERE a.sequence IS NULL"""
    )
    return None if row is None else UnderWay(_row(row), row["transaction"], row["tried_at"], row["outcome"])


def newest(uow: UnitOfWork, limit: int) -> list[AnchorRow]:
    """The newest messages, newest first."""
    rows = uow.all("SELECT * FROM transparency.anchor ORDER BY number DESC LIMIT %s", (limit,))
    return [_row(row) for row in rows]


def last_placed(uow: UnitOfWork, topic: str) -> AnchorRow | None:
    """The newest message that has its place in the topic."""
    row = uow.one(
        "SELECT * FROM transparency.anchor WHERE topic = %s AND sequence IS NOT NULL"
        " ORDER BY number DESC LIMIT 1",
        (topic,),
    )
    return None if row is None else _row(row)


def waiting(uow: UnitOfWork, topic: str) -> bool:
    """Whether the ledger or the liabilities have something that the topic has not."""
    return any((under_way(uow), new_head(uow, topic), new_statement(uow, topic)))


def anchored_size(uow: UnitOfWork, topic: str, registry: str) -> int:
    """The greatest size of a registry's log that was put into this topic."""
    row = uow.one(
        "SELECT coalesce(max(log_size), 0) AS size FROM transparency.anchor"
        " WHERE topic = %s AND registry = %s",
        (topic, registry),
    )
    assert row is not None
    return int(row["size"])


def new_head(uow: UnitOfWork, topic: str) -> LedgerHead | None:
    """The ledger's last batch, if it was not put into this topic yet."""
    row = uow.one(
        """SELECT number, chain FROM book.batches WHERE number > (
               SELECT coalesce(max(batch), 0) FROM transparency.anchor WHERE topic = %s)
           ORDER BY number DESC LIMIT 1""",
        (topic,),
    )
    return None if row is None else LedgerHead(row["number"], bytes(row["chain"]))


def new_statement(uow: UnitOfWork, topic: str) -> LiabilitiesRoot | None:
    """The newest statement of liabilities, if it was not put into this topic yet."""
    row = uow.one(
        "SELECT coalesce(max(statement), 0) AS last FROM transparency.anchor WHERE topic = %s", (topic,)
    )
    assert row is not None
    found = liabilities.statements(uow, 1)
    if not found or found[0].number <= row["last"]:
        return None
    return LiabilitiesRoot(found[0].number, found[0].root.digest)


def _row(row: dict[str, Any]) -> AnchorRow:
    return AnchorRow(
        number=row["number"],
        topic=row["topic"],
        message=bytes(row["message"]),
        made_at=row["made_at"],
        sequence=row["sequence"],
        anchored_at=row["anchored_at"],
    )
