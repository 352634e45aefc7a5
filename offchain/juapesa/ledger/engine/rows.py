"""A row of ``book.transfers`` as a tuple, and its image: the bytes of PostgreSQL's binary COPY."""

import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from juapesa.db import UnitOfWork
from juapesa.ledger.engine.orders import (
    Capture,
    Expire,
    Kind,
    Order,
    PlaceHold,
    Post,
    Release,
    micros,
)
from juapesa.ledger.engine.sha import sha256

COLUMNS = (
    "id, debit, credit, amount, debit_after, credit_after, debit_before, credit_before, "
    "detail, key, kind, code, line, lines"
)
COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_TAIL = b"\xff\xff"
EVERYTHING = 2**63 - 1
# The number of fields, then each field's length and value: nine bigints, a uuid, four smallints.
_IMAGE = struct.Struct(">h" + "iq" * 9 + "i16s" + "ih" * 4)
IMAGE_BYTES = _IMAGE.size
_FIELDS = 14
_pack = _IMAGE.pack
_VALUES = slice(2, None, 2)  # of what unpack gives, every other is a length


class Row(NamedTuple):
    """One booking. ``debit_before`` and ``credit_before`` are the ids of the rows before it on each
    account (0: none), ``detail`` depends on the kind: a transfer's own effective time or a hold's
    expiry in microseconds since 1970 (0: none), the hold's id, or the reversed transfer's id."""

    id: int
    debit: int
    credit: int
    amount: int
    debit_after: int
    credit_after: int
    debit_before: int
    credit_before: int
    detail: int
    key: bytes
    kind: int
    code: int
    line: int
    lines: int


def key_digest(key: str) -> bytes:
    """What is stored of a key: the first 16 bytes of its SHA-256."""
    return sha256(key.encode()).digest()[:16]


def key_digests(orders: Iterable[Order]) -> list[bytes]:
    """The digest of each order's key."""
    return [sha256(order.key.encode()).digest()[:16] for order in orders]


def key_of_line(digest: bytes, line: int) -> bytes:
    """The unique key of a group's line: its first has the order's own."""
    if line == 0:
        return digest
    return ((int.from_bytes(digest, "big") + line) % (1 << 128)).to_bytes(16, "big")


def pack(rows: Iterable[tuple[Any, ...]]) -> list[bytes]:
    """The rows' images."""
    return [
        _pack(
            _FIELDS, 8, a, 8, b, 8, c, 8, d, 8, e, 8, f, 8, g, 8, h, 8, i,
            16, key, 2, kind, 2, code, 2, line, 2, lines,
        )
        for a, b, c, d, e, f, g, h, i, key, kind, code, line, lines in rows
    ]  # fmt: skip


def unpack(image: bytes) -> Row:
    """The row of an image."""
    return Row._make(_IMAGE.unpack(image)[_VALUES])


def detail_of(order: Order) -> int:
    """What the order puts into ``detail``; of a group each line has its own."""
    match order:
        case PlaceHold():
            return micros(order.expires_at)
        case Capture() | Release() | Expire():
            return order.hold
        case Post():
            return 0
        case _:
            return order.transfer


def kind_of(order: Order) -> Kind:
    """The kind of the rows that an order books."""
    match order:
        case Post():
            return Kind.TRANSFER
        case PlaceHold():
            return Kind.HOLD
        case Capture(amount=None):
            return Kind.CAPTURE_REST
        case Capture():
            return Kind.CAPTURE_LAST if order.last else Kind.CAPTURE
        case Release():
            return Kind.RELEASE
        case Expire():
            return Kind.EXPIRE
        case _:
            return Kind.REVERSAL


def image_rows(uow: UnitOfWork, after: int, until: int, limit: int = EVERYTHING) -> Iterator[bytes]:
    """The images of the rows with ids above ``after`` and up to ``until``, in order."""
    statement = (
        f"COPY (SELECT {COLUMNS} FROM book.transfers WHERE id > {after} AND id <= {until} "  # noqa: S608 - numbers
        f"ORDER BY id LIMIT {limit}) TO STDOUT (FORMAT binary)"
    )
    for number, block in enumerate(uow.copy_out(statement)):
        data = block[len(COPY_HEAD) :] if number == 0 else block
        if len(data) >= IMAGE_BYTES:
            yield data[:IMAGE_BYTES]
