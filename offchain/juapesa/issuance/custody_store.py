"""The SQL of receipts, of the statements over them, and of signatures."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Mint, Source
from juapesa.issuance.statements import Entry, Statement, StatementRequest
from juapesa.money import Currency, Money, currency

ENTRY_BYTES = 48


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """What an item's mint rests on."""

    number: int
    mint: Mint
    receipt_hash: bytes
    custody: int
    alone: bool

    @property
    def entry(self) -> Entry:
        """As a statement has it."""
        return Entry(self.number, self.mint.amount.minor, self.receipt_hash)


@dataclass(frozen=True, slots=True)
class Place:
    """Where statements of this house are made: our tokens, and the hub that they mint to."""

    tokens: dict[Currency, str]
    hub: str


@dataclass(frozen=True, slots=True)
class FreshReceipt:
    """What a new item's mint rests on. ``custody`` is the float as our books have it, in token units."""

    item_id: uuid.UUID
    mint: Mint
    receipt_hash: bytes
    custody: int


def insert_receipts(uow: UnitOfWork, receipts: Sequence[FreshReceipt]) -> None:
    """Put these on record; their items are there."""
    if not receipts:
        return
    uow.execute(
        """INSERT INTO issuance.receipt (item_id, token, amount, source, rail, reference, receipt,
               receipt_hash, custody)
           SELECT item_id, token, amount, source, rail, reference, receipt,
                  decode(receipt_hash, 'base64'), custody
             FROM json_to_recordset(%s::json)
                  AS n (item_id uuid, token text, amount bigint, source text, rail text, reference text,
                        receipt text, receipt_hash text, custody bigint)""",
        (msgspec.json.encode([_receipt_columns(each) for each in receipts]).decode(),),
    )


def _receipt_columns(receipt: FreshReceipt) -> dict[str, Any]:
    mint = receipt.mint
    return {
        "item_id": receipt.item_id,
        "token": mint.amount.currency.code,
        "amount": mint.amount.minor,
        "source": mint.source,
        "rail": mint.rail,
        "reference": mint.reference,
        "receipt": mint.receipt,
        "receipt_hash": receipt.receipt_hash,
        "custody": receipt.custody,
    }


def unstated(uow: UnitOfWork) -> list[ReceiptRow]:
    """Receipts of open items that no statement covers, in the order of their numbers; locked."""
    rows = uow.all(
        """SELECT r.*, i.number FROM issuance.receipt r JOIN issuance.item i ON i.id = r.item_id
           WHERE i.state = 'open' AND r.statement_id IS NULL
           ORDER BY i.number FOR UPDATE OF r SKIP LOCKED"""
    )
    return [_receipt(row) for row in rows]


def outstanding_mints(uow: UnitOfWork, token: Currency) -> int:
    """Units that are ordered to be minted and are not yet on chain for certain."""
    row = uow.one(
        """SELECT coalesce(sum(r.amount), 0) AS units FROM issuance.receipt r
           JOIN issuance.item i ON i.id = r.item_id
           WHERE r.token = %s AND i.state IN ('open', 'batched')""",
        (token.code,),
    )
    assert row is not None
    return int(row["units"])


def insert_statement(uow: UnitOfWork, token: Currency, statement: Statement) -> int:
    """A statement; from now on it covers its receipts."""
    row = uow.one(
        """INSERT INTO issuance.statement (token, entries, reserves, observed_at, expires_at)
           VALUES (%s, %s, %s, %s, %s) RETURNING id""",
        (token.code, statement.packed, statement.reserves, statement.observed_at, statement.expires_at),
    )
    assert row is not None
    uow.execute(
        """UPDATE issuance.receipt r SET statement_id = %s FROM issuance.item i
           WHERE i.id = r.item_id AND i.number = ANY(%s)""",
        (row["id"], [each.number for each in statement.entries]),
    )
    return int(row["id"])


def give_up_statements(uow: UnitOfWork, before: int) -> int:
    """Receipts of open items whose statement ends before this unix second are to be stated anew."""
    return uow.execute(
        """UPDATE issuance.receipt r SET statement_id = NULL FROM issuance.item i, issuance.statement s
           WHERE i.id = r.item_id AND i.state = 'open' AND s.id = r.statement_id AND s.expires_at < %s""",
        (before,),
    )


def give_up_statements_of(uow: UnitOfWork, numbers: Collection[int]) -> None:
    """The receipts of these items are to be stated anew."""
    uow.execute(
        """UPDATE issuance.receipt r SET statement_id = NULL FROM issuance.item i
           WHERE i.id = r.item_id AND i.number = ANY(%s)""",
        (list(numbers),),
    )


def split(uow: UnitOfWork, statement_id: int, refused: Collection[int]) -> None:
    """A statement is given up: the refused numbers get one each, the rest one together."""
    uow.execute(
        """UPDATE issuance.receipt r SET statement_id = NULL, alone = r.alone OR i.number = ANY(%s)
           FROM issuance.item i WHERE i.id = r.item_id AND r.statement_id = %s AND i.state = 'open'""",
        (list(refused), statement_id),
    )


def open_requests(uow: UnitOfWork, attester: str, place: Place, limit: int) -> list[StatementRequest]:
    """Statements over open items that this attester has not signed, oldest first."""
    rows = uow.all(
        """SELECT s.* FROM issuance.statement s
           WHERE EXISTS (SELECT FROM issuance.receipt r JOIN issuance.item i ON i.id = r.item_id
                         WHERE r.statement_id = s.id AND i.state = 'open')
             AND NOT EXISTS (SELECT FROM issuance.signature g WHERE g.statement_id = s.id AND g.attester = %s)
           ORDER BY s.id LIMIT %s""",
        (attester, limit),
    )
    return [_request(uow, row, place) for row in rows]


def request(uow: UnitOfWork, statement_id: int, place: Place) -> StatementRequest | None:
    """A statement as its attesters see it."""
    row = uow.one("SELECT * FROM issuance.statement WHERE id = %s", (statement_id,))
    return _request(uow, row, place) if row else None


def statement_of(uow: UnitOfWork, item_id: uuid.UUID) -> int | None:
    """The statement that covers an item's receipt now."""
    row = uow.one("SELECT statement_id FROM issuance.receipt WHERE item_id = %s", (item_id,))
    return row["statement_id"] if row else None


def is_wanted(uow: UnitOfWork, statement_id: int) -> bool:
    """Whether an open item rests on the statement."""
    row = uow.one(
        """SELECT FROM issuance.receipt r JOIN issuance.item i ON i.id = r.item_id
           WHERE r.statement_id = %s AND i.state = 'open' LIMIT 1""",
        (statement_id,),
    )
    return row is not None


def insert_signature(
    uow: UnitOfWork, statement_id: int, attester: str, signature: bytes, now: datetime
) -> None:
    uow.execute(
        """INSERT INTO issuance.signature (statement_id, attester, signature, signed_at)
           VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (statement_id, attester, signature, now),
    )


def signatures(uow: UnitOfWork, statement_id: int) -> list[tuple[str, bytes]]:
    """(attester, signature), ascending by address as the registry wants them."""
    rows = uow.all(
        "SELECT attester, signature FROM issuance.signature WHERE statement_id = %s ORDER BY attester",
        (statement_id,),
    )
    return [(row["attester"], row["signature"]) for row in rows]


def _request(uow: UnitOfWork, row: dict[str, Any], place: Place) -> StatementRequest:
    token = currency(row["token"])
    entries = _entries(bytes(row["entries"]))
    rows = uow.all(
        """SELECT r.*, i.number FROM issuance.receipt r JOIN issuance.item i ON i.id = r.item_id
           WHERE i.number = ANY(%s) ORDER BY i.number""",
        ([each.number for each in entries],),
    )
    return StatementRequest(
        id=row["id"],
        token=token,
        mints=tuple(_receipt(each).mint for each in rows),
        statement=Statement(
            token=place.tokens[token],
            to=place.hub,
            entries=entries,
            reserves=row["reserves"],
            observed_at=row["observed_at"],
            expires_at=row["expires_at"],
        ),
    )


def _entries(packed: bytes) -> tuple[Entry, ...]:
    """Back from what the registry reads; numbers ascend."""
    pieces: Sequence[bytes] = [packed[at : at + ENTRY_BYTES] for at in range(0, len(packed), ENTRY_BYTES)]
    return tuple(
        Entry(int.from_bytes(each[:8], "big"), int.from_bytes(each[8:16], "big"), each[16:])
        for each in pieces
    )


def _receipt(row: dict[str, Any]) -> ReceiptRow:
    amount = Money(row["amount"], currency(row["token"]))
    return ReceiptRow(
        row["number"],
        Mint(amount, Source(row["source"]), row["rail"], row["reference"], row["receipt"]),
        bytes(row["receipt_hash"]),
        row["custody"],
        row["alone"],
    )
