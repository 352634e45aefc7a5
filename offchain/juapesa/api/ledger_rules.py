"""What a program of the house may book: only what no payment rests on.

Payments own their keys and codes, the rows that they booked, and the accounts that are compared with the
outside or that a saga counts on: floats, custody, money in transit, positions, fees, capital, suspense, the
mirrors of the chain. A program has keys and codes of its own, by their first letters, and those accounts that
belong to customers and to the house's own purposes. What it holds it may capture, release and reverse.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from juapesa.api.clients import Client
from juapesa.api.errors import HouseOnly, NotOpenToPrograms
from juapesa.db import Database, UnitOfWork
from juapesa.ledger import AccountKind
from juapesa.ledger.engine.orders import Capture, PlaceHold, Post, Release, Reverse, WireOrder

OURS = "house:"  # how a program's keys and codes begin; no payment's do
OPEN = frozenset(
    {
        AccountKind.WALLET,
        AccountKind.MERCHANT,
        AccountKind.AGENT,
        AccountKind.GROUP,
        AccountKind.ESCROW,
        AccountKind.PROMOTIONAL,
        AccountKind.COMMISSION,
        AccountKind.REFUND_RESERVE,
    }
)
ACCOUNTS_REMEMBERED_MAX = 100_000


@dataclass
class Rules:
    """Looks at orders before they go to the writer. An account's kind never changes, so it is remembered."""

    db: Database
    open_accounts: set[int] = field(default_factory=set)

    def require_allowed(self, orders: Sequence[WireOrder]) -> None:
        """Raise NotOpenToPrograms and name the first order that is not. Blocks on the database.

        What does not exist is let through: the writer says so itself.
        """
        for place, order in enumerate(orders, start=1):
            if not order.key.startswith(OURS) or not all(each.startswith(OURS) for each in _codes(order)):
                raise NotOpenToPrograms(f"Order {place}: its key and codes begin with `{OURS}`.")
        accounts = {each for order in orders for each in _accounts(order)} - self.open_accounts
        rows = {each for order in orders for each in _rows(order)}
        if not accounts and not rows:
            return
        with self.db.unit_of_work() as uow:
            closed, foreign = self._closed(uow, accounts), _foreign(uow, rows)
        for place, order in enumerate(orders, start=1):
            if not closed.isdisjoint(_accounts(order)):
                kinds = ", ".join(sorted(OPEN))
                raise NotOpenToPrograms(f"Order {place}: only accounts of these kinds are open: {kinds}.")
            if not foreign.isdisjoint(_rows(order)):
                raise NotOpenToPrograms(f"Order {place}: that row was not booked by a program of the house.")

    def _closed(self, uow: UnitOfWork, accounts: set[int]) -> set[int]:
        found = uow.all("SELECT id, kind FROM book.accounts WHERE id = ANY(%s)", (list(accounts),))
        allowed = {row["id"] for row in found if row["kind"] in OPEN}
        if len(self.open_accounts) + len(allowed) > ACCOUNTS_REMEMBERED_MAX:
            self.open_accounts = set()
        self.open_accounts |= allowed
        return {row["id"] for row in found} - allowed


def require_house(client: Client) -> None:
    """Raise HouseOnly for a client that was made for a person."""
    if client.person_id is not None:
        raise HouseOnly("This client was made for a person; booking is for the house's own programs.")


def _foreign(uow: UnitOfWork, rows: set[int]) -> set[int]:
    sql = (
        "SELECT t.id FROM book.transfers t JOIN book.codes c ON c.id = t.code "
        "WHERE t.id = ANY(%s) AND NOT starts_with(c.code, %s)"
    )
    return {row["id"] for row in uow.all(sql, (list(rows), OURS))}


def _codes(order: WireOrder) -> list[str]:
    if isinstance(order, Post):
        return [line.code for line in order.lines]
    return [order.code] if isinstance(order, PlaceHold | Reverse) else []


def _accounts(order: WireOrder) -> list[int]:
    if isinstance(order, Post):
        return [each for line in order.lines for each in (line.debit, line.credit)]
    return [order.debit, order.credit] if isinstance(order, PlaceHold) else []


def _rows(order: WireOrder) -> list[int]:
    if isinstance(order, Capture | Release):
        return [order.hold]
    return [order.transfer] if isinstance(order, Reverse) else []
