"""What the running mirror has on record, read whole to be compared, and the corrections of it."""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.issuance.movements import Place
from juapesa.ledger import AccountKind
from juapesa.ledger.engine.rows import key_digest

CHAIN_KINDS = tuple(
    str(kind) for kind in (AccountKind.CHAIN_HUB, AccountKind.CHAIN_POOL, AccountKind.CHAIN_SUPPLY)
)
TRANSFER_KIND, REVERSAL_KIND = 1, 8  # of a row, as the ledger numbers them

_ROWS = """
SELECT t.id, coalesce(f.key, t.key), t.kind, t.amount, d.kind, d.owner, c.kind, c.owner, d.currency,
       EXISTS (SELECT 1 FROM book.reversals r WHERE r.original = t.id)
  FROM book.transfers t JOIN book.accounts d ON d.id = t.debit JOIN book.accounts c ON c.id = t.credit
  LEFT JOIN book.transfers f ON t.line > 0 AND f.id = t.id - t.line
 WHERE d.kind = ANY (%(kinds)s) OR c.kind = ANY (%(kinds)s) ORDER BY t.id
"""
_BALANCES = """
SELECT a.kind, a.owner, a.currency, b.posted FROM book.accounts a JOIN book.balances b ON b.account = a.id
 WHERE a.kind = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class MirrorRow:
    """A row of the books that moves something between mirror accounts."""

    id: int
    kind: int
    units: int
    debit: Place
    credit: Place
    currency: str
    reversed: bool


def rows_by_key(uow: UnitOfWork) -> dict[bytes, list[MirrorRow]]:
    """All rows on mirror accounts, by the digest of their posting's key, in the order of booking.

    Of a posting only the first row has the key.
    """
    found: dict[bytes, list[MirrorRow]] = defaultdict(list)
    for number, key, kind, units, *places, currency, undone in uow.tuples(
        _ROWS, {"kinds": list(CHAIN_KINDS)}
    ):
        debit_kind, debit_owner, credit_kind, credit_owner = places
        debit, credit = (AccountKind(debit_kind), debit_owner), (AccountKind(credit_kind), credit_owner)
        found[key.bytes].append(MirrorRow(number, kind, units, debit, credit, currency, undone))
    return found


def was_corrected(uow: UnitOfWork, key: str) -> bool:
    """Whether what was booked under this key was reversed."""
    row = uow.one(
        "SELECT 1 FROM book.transfers t JOIN book.reversals r ON r.original = t.id WHERE t.key = %s",
        (uuid.UUID(bytes=key_digest(key)),),
    )
    return row is not None


def balances(uow: UnitOfWork) -> dict[tuple[Place, str], int]:
    """What each mirror account has, in base units; those without anything are left out."""
    rows = uow.tuples(_BALANCES, (list(CHAIN_KINDS),))
    return {((AccountKind(kind), owner), unit): posted for kind, owner, unit, posted in rows if posted}


def leaves(uow: UnitOfWork) -> dict[int, dict[str, Any]]:
    """Every kept entry of the log, by its index."""
    rows = uow.all(
        "SELECT log_index, kind, token, delta, supply_after, receipt_hash, leaf, tx_hash, block"
        " FROM issuance.leaf"
    )
    return {row["log_index"]: row for row in rows}


def delete_leaves(uow: UnitOfWork, indexes: list[int]) -> None:
    """Forget entries that the log does not have, or has otherwise. The table only repeats the chain."""
    uow.execute("DELETE FROM issuance.leaf WHERE log_index = ANY (%s)", (indexes,))


def cursor_now(uow: UnitOfWork, name: str, begin: int) -> int:
    """As ``store.cursor``, without holding up who moves it."""
    row = uow.one("SELECT position FROM issuance.cursor WHERE name = %s", (name,))
    return int(row["position"]) if row else begin


def is_archived(uow: UnitOfWork) -> bool:
    """Whether some of the books' rows are in archives, so that they cannot be compared."""
    return uow.one("SELECT 1 FROM book.archives LIMIT 1") is not None
