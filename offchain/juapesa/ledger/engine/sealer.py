"""Seals what ``book.apply`` has booked, while others go on booking.

Callers of the function commit in any order, so the newest rows may have gaps that are still to be
filled. The sealer raises ``book.bound``, above which every later call books; waits until those that
were booking before have ended; and then seals all rows up to the bound. One process seals at a time
(an advisory lock), and none while an engine holds the books: that one seals its own.
"""

import time
from collections.abc import Sequence

from juapesa.db import Database, UnitOfWork
from juapesa.ledger.engine.rows import image_rows, unpack
from juapesa.ledger.engine.seal import Head, Seal, account_image, code_image, seal
from juapesa.ledger.engine.tree import GENESIS

ROWS_AT_ONCE = 1_000
WAIT_SECONDS_MAX = 2.0
PAUSE_SECONDS = 0.005

_BOOKING = """
SELECT virtualtransaction AS who FROM pg_locks
 WHERE locktype = 'advisory' AND classid = 789 AND objid = 4 AND objsubid = 2 AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Sealer:
    """Holds no state: what is sealed is read from the books each time."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def run(self) -> int:
        """Seal what can be sealed now; how many rows. 0 too when somebody else seals, or an engine runs."""
        if not self.waiting():
            return 0
        bound = self._settled_bound()
        return 0 if bound is None else self._seal_to(bound)

    def settle(self) -> int | None:
        """An id up to which every row there will ever be is sealed now; None when that cannot be said."""
        bound = self._settled_bound()
        if bound is None:
            return None
        self._seal_to(bound)
        with self._db.unit_of_work() as uow:
            left = uow.one(
                "SELECT 1 FROM book.transfers WHERE id > %s AND id <= %s LIMIT 1", (_last(uow), bound)
            )
        return bound if left is None else None

    def _settled_bound(self) -> int | None:
        """A bound below which nobody books any more."""
        bound = self._bound()
        return bound if self._wait_for(self._booking()) else None

    def _seal_to(self, bound: int) -> int:
        sealed = 0
        while count := self._seal_some(bound):
            sealed += count
        return sealed

    def waiting(self) -> bool:
        """Whether any row is not sealed yet."""
        with self._db.unit_of_work() as uow:
            return uow.one("SELECT 1 FROM book.transfers WHERE id > %s LIMIT 1", (_last(uow),)) is not None

    def _bound(self) -> int:
        with self._db.unit_of_work() as uow:
            row = uow.one("SELECT book.raise_bound() AS bound")
        assert row is not None
        return int(row["bound"])

    def _booking(self) -> set[str]:
        """Transactions that have booked, or are about to."""
        with self._db.unit_of_work() as uow:
            return {row["who"] for row in uow.all(_BOOKING)}

    def _wait_for(self, before: set[str]) -> bool:
        """Whether all of these have ended in time. A transaction lets its locks go after it is seen."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while before & self._booking():
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        return True

    def _seal_some(self, bound: int) -> int:
        """One batch, in a transaction of its own; how many rows."""
        with self._db.unit_of_work() as uow:
            row = uow.one(
                "SELECT pg_try_advisory_xact_lock(789, 5) "
                "AND pg_try_advisory_xact_lock_shared(789, 4) AS ours"
            )
            if row is None or not row["ours"]:
                return 0
            images = list(image_rows(uow, _last(uow), bound, ROWS_AT_ONCE))
            if images:
                _store(uow, images)
            return len(images)


def _last(uow: UnitOfWork) -> int:
    row = uow.one("SELECT coalesce(max(last_id), 0) AS last FROM book.batches")
    assert row is not None
    return int(row["last"])


def _store(uow: UnitOfWork, images: Sequence[bytes]) -> None:
    rows = [unpack(image) for image in images]
    touched = sorted({number for row in rows for number in (row.debit, row.credit)})
    accounts = uow.tuples(
        "SELECT id, side, floor, ceiling, kind, owner, currency FROM book.accounts "
        "WHERE batch IS NULL AND id = ANY (%s) ORDER BY id",
        (touched,),
    )
    codes = uow.tuples("SELECT id, code FROM book.codes WHERE batch IS NULL ORDER BY id")
    others = [account_image(*each) for each in accounts] + [code_image(*each) for each in codes]
    made = seal(_head(uow), images, others)
    _insert(uow, made)
    for table, found in (("accounts", accounts), ("codes", codes)):
        if found:
            uow.execute(
                f"UPDATE book.{table} SET batch = %s WHERE id = ANY (%s)",  # noqa: S608 - a constant
                (made.number, [each[0] for each in found]),
            )


def _head(uow: UnitOfWork) -> Head:
    row = uow.one("SELECT number, chain FROM book.batches ORDER BY number DESC LIMIT 1")
    return Head(row["number"], bytes(row["chain"])) if row else Head(0, GENESIS)


def _insert(uow: UnitOfWork, made: Seal) -> None:
    uow.execute(
        "INSERT INTO book.batches VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (made.number, made.first_id, made.last_id, made.leaves, made.root, made.chain, made.marks),
    )
    uow.notify("book")
