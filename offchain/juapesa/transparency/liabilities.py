"""What we owe to customers, told so that each can check that they are counted, and anybody the total.

A statement is a sum tree over all customers' balances at one instant, tied to the ledger by the batch
that its rows were sealed in. Customers are named by a keyed hash that is new in every statement, and
stand in its order, so that leaves of two statements cannot be told to be the same customer's.
A proof shows its reader the sums beside their own way up, the nearest of which may be one customer's.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.errors import NotFound, Unavailable
from juapesa.ledger import LIABILITIES, AccountKind
from juapesa.ledger.engine.ids import booked_at
from juapesa.transparency import sum_tree
from juapesa.transparency.sum_tree import Node

KEY_NAME = "liabilities"  # the keystore's name of the key that names customers
LEAVES_KEPT = timedelta(days=35)  # roots and totals stay for ever

_OWED = """
SELECT kind, owner, currency, book.balance_at(id, %s) AS posted
  FROM book.accounts WHERE kind = ANY (%s)
"""
# The chain's hub holds the tokens of customers' wallets in those currencies.
_HELD = """
SELECT currency, sum(book.balance_at(id, %s))::bigint AS posted FROM book.accounts
 WHERE kind = ANY (%s) AND (kind <> %s OR owner = '') GROUP BY currency
"""
_HOLDERS = (AccountKind.FLOAT, AccountKind.CUSTODY, AccountKind.CHAIN_HUB)


class NoStatement(NotFound):
    """There is no such statement of liabilities, or its leaves are no longer kept."""

    slug = "no-statement"


class NotCounted(NotFound):
    """The customer had no account at the time of the statement."""

    slug = "not-counted"


class NobodyToCount(Unavailable):
    """There is no customer yet, so there is nothing to state."""

    slug = "nobody-to-count"


@dataclass(frozen=True, slots=True)
class Statement:
    """What was owed and held ``at`` an instant, in minor units, in the order of ``currencies``."""

    number: int
    at: datetime
    batch: int
    chain: bytes
    currencies: tuple[str, ...]
    leaves: int
    root: Node
    custody: tuple[int, ...]

    @property
    def covered(self) -> bool:
        """Whether of every currency we held at least what we owed."""
        return all(held >= owed for held, owed in zip(self.custody, self.root.sums, strict=True))

    def as_json(self) -> dict[str, object]:
        """Hashes in hexadecimal, amounts in minor units by currency."""
        return {
            "statement": self.number,
            "at": self.at.isoformat(),
            "ledger_batch": self.batch,
            "ledger_chain": self.chain.hex(),
            "customers": self.leaves,
            "root": self.root.digest.hex(),
            "currencies": list(self.currencies),
            "owed": list(self.root.sums),
            "held": list(self.custody),
            "covered": self.covered,
        }


@dataclass(frozen=True, slots=True)
class Counted:
    """The proof for one customer; check it with ``sum_tree.includes`` or ``jua liabilities verify``."""

    statement: Statement
    customer: bytes
    amounts: tuple[int, ...]
    index: int
    path: tuple[Node, ...]

    def as_json(self) -> dict[str, object]:
        """The statement, and the way from the customer's leaf to its root."""
        return {
            **self.statement.as_json(),
            "customer": self.customer.hex(),
            "amounts": list(self.amounts),
            "index": self.index,
            "path": [{"hash": each.digest.hex(), "sums": list(each.sums)} for each in self.path],
        }


def make(uow: UnitOfWork, bound: int, key: bytes) -> Statement:
    """State what was owed before ``bound``, a row id below which all is sealed. Raises NobodyToCount."""
    at = booked_at(bound)
    owed = _owed(uow, at)
    if not owed:
        raise NobodyToCount("There is no customer yet.")
    currencies = tuple(sorted({unit for amounts in owed.values() for unit in amounts}))
    rows = sorted(
        (customer_name(key, at, who), tuple(amounts.get(unit, 0) for unit in currencies))
        for who, amounts in owed.items()
    )
    top = sum_tree.root([sum_tree.leaf(*row) for row in rows])
    held = _held(uow, at)
    batch = uow.one(
        "SELECT number, chain FROM book.batches WHERE first_id < %s ORDER BY number DESC LIMIT 1",
        (bound,),
    )
    made = uow.one(
        """INSERT INTO transparency.statement (at, batch, chain, currencies, leaves, root, totals, custody)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING *""",
        (
            at,
            batch["number"] if batch else 0,
            batch["chain"] if batch else bytes(32),
            list(currencies),
            len(rows),
            top.digest,
            list(top.sums),
            [held.get(unit, 0) for unit in currencies],
        ),
    )
    assert made is not None
    uow.execute(
        "INSERT INTO transparency.leaf (statement, place, customer, amounts) "
        "SELECT %s, r.place - 1, r.customer, string_to_array(r.amounts, ' ')::bigint[] "
        "FROM unnest(%s::bytea[], %s::text[]) WITH ORDINALITY r (customer, amounts, place)",
        (made["number"], [row[0] for row in rows], [" ".join(map(str, row[1])) for row in rows]),
    )
    uow.execute(
        "DELETE FROM transparency.leaf WHERE statement IN "
        "(SELECT number FROM transparency.statement WHERE at < %s)",
        (at - LEAVES_KEPT,),
    )
    return _statement(made)


def statements(uow: UnitOfWork, limit: int) -> list[Statement]:
    """The newest statements, newest first."""
    rows = uow.all("SELECT * FROM transparency.statement ORDER BY number DESC LIMIT %s", (limit,))
    return [_statement(row) for row in rows]


def counted(uow: UnitOfWork, key: bytes, kind: AccountKind, owner: str) -> Counted:
    """The proof that an owner is counted in the newest statement. Raises NoStatement, NotCounted."""
    found = statements(uow, 1)
    if not found:
        raise NoStatement("There is no statement yet; the first is made within minutes.")
    rows = _leaves(uow, found[0])
    name = customer_name(key, found[0].at, (kind, owner))
    index = next((place for place, row in enumerate(rows) if row[0] == name), None)
    if index is None:
        raise NotCounted("There was no account at that time; wait for the next statement.")
    way = sum_tree.path([sum_tree.leaf(*row) for row in rows], index)
    return Counted(found[0], name, rows[index][1], index, tuple(way))


def fault_of(uow: UnitOfWork, stated: Statement) -> str | None:
    """What does not fit between a statement, its leaves and the ledger; None when all does."""
    rows = _leaves(uow, stated)
    if len(rows) != stated.leaves or sum_tree.root([sum_tree.leaf(*row) for row in rows]) != stated.root:
        return "its leaves do not make its root"
    if any(amount < 0 for _, amounts in rows for amount in amounts):
        return "a leaf is negative"
    owed: dict[str, int] = {}
    for amounts in _owed(uow, stated.at).values():
        for unit, amount in amounts.items():
            owed[unit] = owed.get(unit, 0) + amount
    told = dict(zip(stated.currencies, stated.root.sums, strict=True))
    if any(owed.get(unit, 0) != told.get(unit, 0) for unit in owed.keys() | told.keys()):
        return "its total is not what the ledger owes to customers"
    held = _held(uow, stated.at)
    if tuple(held.get(unit, 0) for unit in stated.currencies) != stated.custody:
        return "its custody is not what the ledger has"
    chain = uow.one("SELECT chain FROM book.batches WHERE number = %s", (stated.batch,))
    if (bytes(chain["chain"]) if chain else bytes(32)) != stated.chain:
        return "the ledger's chain is another one"
    return None if stated.covered else "more is owed than held"


def anchored_fault(uow: UnitOfWork, roots: Mapping[int, bytes]) -> str | None:
    """Which of the roots that were anchored, by number, is not ours; None when all are."""
    rows = uow.tuples(
        "SELECT number, root FROM transparency.statement WHERE number = ANY (%s)", (sorted(roots),)
    )
    ours = {number: bytes(root) for number, root in rows}
    strange = next((number for number in sorted(roots) if ours.get(number) != roots[number]), None)
    return None if strange is None else f"statement {strange} is not the one that was anchored"


def customer_name(key: bytes, at: datetime, who: tuple[str, str]) -> bytes:
    """The 32 bytes that stand for an owner in the statement of that instant."""
    return hmac.digest(key, f"{at.isoformat()}/{who[0]}/{who[1]}".encode(), hashlib.sha256)


def is_counted(told: Mapping[str, Any]) -> bool:
    """Whether a proof as JSON (``Counted.as_json``) holds: an outsider's check, with nothing of ours."""
    amounts = tuple(int(each) for each in told["amounts"])
    top = Node(bytes.fromhex(told["root"]), tuple(int(each) for each in told["owed"]))
    way = [Node(bytes.fromhex(each["hash"]), tuple(map(int, each["sums"]))) for each in told["path"]]
    mine = sum_tree.leaf(bytes.fromhex(told["customer"]), amounts)
    return sum_tree.includes(mine, int(told["index"]), int(told["customers"]), way, top)


def _owed(uow: UnitOfWork, at: datetime) -> dict[tuple[str, str], dict[str, int]]:
    """Per owner, what was posted in each currency."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in uow.all(_OWED, (at, sorted(map(str, LIABILITIES)))):
        found.setdefault((row["kind"], row["owner"]), {})[row["currency"]] = row["posted"]
    return found


def _held(uow: UnitOfWork, at: datetime) -> dict[str, int]:
    rows = uow.all(_HELD, (at, [str(each) for each in _HOLDERS], str(AccountKind.CHAIN_HUB)))
    return {row["currency"]: row["posted"] for row in rows}


def _leaves(uow: UnitOfWork, stated: Statement) -> Sequence[tuple[bytes, tuple[int, ...]]]:
    rows = uow.tuples(
        "SELECT customer, amounts FROM transparency.leaf WHERE statement = %s ORDER BY place",
        (stated.number,),
    )
    if not rows:
        raise NoStatement("The leaves of this statement are no longer kept.")
    return [(bytes(customer), tuple(amounts)) for customer, amounts in rows]


def _statement(row: Mapping[str, Any]) -> Statement:
    return Statement(
        number=row["number"],
        at=row["at"],
        batch=row["batch"],
        chain=bytes(row["chain"]),
        currencies=tuple(row["currencies"]),
        leaves=row["leaves"],
        root=Node(bytes(row["root"]), tuple(row["totals"])),
        custody=tuple(row["custody"]),
    )
