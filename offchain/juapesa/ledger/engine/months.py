"""The books' months: tables made ahead, indexes on closed ones, archive and restore of one.

An archive is PostgreSQL's own binary COPY stream, compressed; its SHA-256 stays in the books. What an
archived month loses until it is restored: look-ups of its rows, repeating its keys, reversing its
transfers, and balances at instants in it. The chain of batches stays whole and goes on verifying.
"""
# ruff: noqa: S608 - every name here is made from a date, every value is a number

import gzip
import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from juapesa.errors import Conflict
from juapesa.ledger.engine.ids import first_id_at, next_month, partition_of
from juapesa.ledger.engine.rows import COLUMNS
from juapesa.ledger.engine.storage import FENCE, MONTHS_AHEAD

FENCE_SECONDS_MAX = 3


class MonthNotReady(Conflict):
    """The month cannot be archived or restored now; the detail says why. Nothing was changed."""

    slug = "month-not-ready"


def keep(url: str, now: datetime) -> list[str]:
    """Make the next months' tables and give closed ones an index per account; the tables that got one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT book.ensure_months(%s, %s)", (now, MONTHS_AHEAD))
        dressed = []
        for name in _tables(connection):
            if name >= partition_of(now):
                continue
            found = connection.execute("SELECT to_regclass(%s)", (f"book.{name}_debit",)).fetchone()
            if found == (None,):
                for side in ("debit", "credit"):
                    connection.execute(f"CREATE INDEX {name}_{side} ON book.{name} ({side}, id)".encode())
                dressed.append(name)
    return dressed


def archive(url: str, month: datetime, file: Path, now: datetime) -> int:
    """Move a closed month into a new file and drop its table; how many rows.

    The file is on disk before the table goes. Raises MonthNotReady.
    """
    name, first, end = partition_of(month), first_id_at(month), first_id_at(next_month(month))
    if next_month(month) > now:
        raise MonthNotReady("The month is not over.")
    if file.exists():
        raise MonthNotReady(f"{file} exists already.")
    with psycopg.connect(url) as connection:
        if name not in _tables(connection):
            raise MonthNotReady("That month is not in the books, or is archived already.")
        holds = connection.execute(
            "SELECT count(*) FROM book.open_holds WHERE id >= %s AND id < %s", (first, end)
        ).fetchone()
        unsealed = connection.execute(
            "SELECT coalesce(max(id), 0) > (SELECT coalesce(max(last_id), 0) FROM book.batches) "
            f"FROM book.{name}".encode()
        ).fetchone()
        if holds != (0,) or unsealed != (False,):
            raise MonthNotReady("The month has open holds or rows that no batch has sealed.")
        # Last of all checks: from here on readers of this month wait until it is gone.
        connection.execute(f"ALTER TABLE book.transfers DETACH PARTITION book.{name}".encode())
        digest, size = _write(connection, name, file)
        count = connection.execute(f"SELECT count(*) FROM book.{name}".encode()).fetchone()
        assert count is not None
        assert size > 0
        connection.execute(
            "INSERT INTO book.archives VALUES (%s, %s, %s, %s, %s)",
            (month.date(), first, end, count[0], digest),
        )
        connection.execute(f"DROP TABLE book.{name}".encode())
    return int(count[0])


def restore(url: str, month: datetime, file: Path) -> int:
    """Put an archived month back; how many rows. Raises MonthNotReady when the file is not its archive.

    Also while a writer has the books to itself: it would not know the keys that come back.
    """
    name = partition_of(month)
    with psycopg.connect(url) as connection:
        _wait_for_the_fence(connection)
        found = connection.execute(
            "DELETE FROM book.archives WHERE month = %s RETURNING count, sha256", (month.date(),)
        ).fetchone()
        if found is None:
            raise MonthNotReady("That month is not archived.")
        connection.execute("SELECT book.ensure_months(%s, 1)", (month,))
        digest = hashlib.sha256()
        into = f"COPY book.{name} ({COLUMNS}) FROM STDIN (FORMAT binary)"
        try:
            with connection.cursor().copy(into.encode()) as copy:
                for block in _blocks(file):
                    digest.update(block)
                    copy.write(block)
        except (psycopg.DataError, psycopg.IntegrityError) as problem:
            raise MonthNotReady("The file is not the archive of that month.") from problem
        count = connection.execute(f"SELECT count(*) FROM book.{name}".encode()).fetchone()
        if count != (found[0],) or digest.digest() != found[1]:
            connection.rollback()
            raise MonthNotReady("The file is not the archive of that month.")
    return int(found[0])


def _wait_for_the_fence(connection: psycopg.Connection[Any]) -> None:
    """Keep exclusive writers out. Of one that has just ended the server may not have noticed yet."""
    try:
        connection.execute(f"SET LOCAL lock_timeout = '{FENCE_SECONDS_MAX}s'".encode())
        connection.execute(f"SELECT pg_advisory_xact_lock_shared({FENCE})".encode())
        connection.execute(b"SET LOCAL lock_timeout = 0")
    except psycopg.errors.LockNotAvailable:
        raise MonthNotReady(
            "A writer has the books to itself. Stop it, restore, and start it again."
        ) from None


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'book.transfers'::regclass ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def _write(connection: psycopg.Connection[Any], name: str, file: Path) -> tuple[bytes, int]:
    """Stream the table into the file; its digest and size. A broken attempt leaves no file."""
    digest, size = hashlib.sha256(), 0
    part = file.with_name(file.name + ".part")
    statement = f"COPY (SELECT {COLUMNS} FROM book.{name} ORDER BY id) TO STDOUT (FORMAT binary)"
    with part.open("wb") as raw:
        with (
            gzip.open(raw, "wb", compresslevel=6) as packed,
            connection.cursor().copy(statement.encode()) as copy,
        ):
            for block in copy:
                data = bytes(block)
                digest.update(data)
                size += len(data)
                packed.write(data)
        raw.flush()
        os.fsync(raw.fileno())
    part.rename(file)
    return digest.digest(), size


def _blocks(file: Path) -> Iterator[bytes]:
    try:
        with gzip.open(file, "rb") as packed:
            while block := packed.read(1 << 16):
                yield block
    except (OSError, EOFError) as problem:
        raise MonthNotReady(f"{file} cannot be read as an archive.") from problem
