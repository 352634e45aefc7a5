"""What a batch must know of the past: which questions it asks, and how rows are read back."""
# ruff: noqa: S608 - every statement here is made of constants and numbers

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from juapesa.ledger.engine.books import Books
from juapesa.ledger.engine.orders import Capture, Expire, Order, PlaceHold, Post, Release, Reverse
from juapesa.ledger.engine.rows import COLUMNS, Row, key_digests

ACCOUNTS = """
SELECT a.id, a.currency, a.side, a.floor, a.ceiling, b.posted, b.held, b.incoming, b.entries, b.last_id,
       a.kind, a.owner, a.batch FROM book.accounts a JOIN book.balances b ON b.account = a.id"""
ROWS = f"SELECT {COLUMNS} FROM book.transfers"


def row_of(row: Sequence[Any]) -> Row:
    """A row as the database gives it in text."""
    return Row(*map(int, row[:9]), digest_of(row[9]), *map(int, row[10:]))  # type: ignore[call-arg,arg-type]


def digest_of(uuid: str | None) -> bytes:
    """The bytes of a key's digest."""
    return bytes.fromhex(str(uuid).replace("-", ""))


def joined(numbers: Iterable[int]) -> str:
    """Numbers with commas between them."""
    return ",".join([str(each) for each in numbers])


@dataclass(slots=True)
class Questions:
    """Numbers and key digests to look up; ``digests`` of all orders."""

    digests: list[bytes]
    accounts: set[int] = field(default_factory=set)
    keys: list[bytes] = field(default_factory=list)
    ids: set[int] = field(default_factory=set)
    reversed_ids: set[int] = field(default_factory=set)

    def add(self, order: Order, books: Books) -> None:
        """Note what the books in memory cannot say about an order."""
        known = books.accounts
        if type(order) is Post:
            for line in order.lines:
                if line.debit not in known:
                    self.accounts.add(line.debit)
                if line.credit not in known:
                    self.accounts.add(line.credit)
        elif type(order) is PlaceHold:
            self.accounts.update(each for each in (order.debit, order.credit) if each not in known)
        elif type(order) is Reverse:
            self.ids.add(order.transfer)
            self.reversed_ids.add(order.transfer)
        elif isinstance(order, Capture | Release | Expire) and order.hold not in books.holds:
            self.ids.add(order.hold)

    def any(self) -> bool:
        """Whether there is anything to ask."""
        return bool(self.accounts or self.keys or self.ids or self.reversed_ids)

    def selects(self) -> list[str]:
        """One statement per question, empty when there is nothing to ask."""
        keys = ",".join([each.hex() for each in self.keys])
        return [
            f"{ACCOUNTS} WHERE a.id IN ({joined(self.accounts)})" if self.accounts else "",
            f"{ROWS} WHERE key = ANY ('{{{keys}}}')" if self.keys else "",
            f"{ROWS} WHERE id IN ({joined(self.ids)})" if self.ids else "",
            f"SELECT original FROM book.reversals WHERE original IN ({joined(self.reversed_ids)})"
            if self.reversed_ids
            else "",
        ]


def questions_of(books: Books, orders: Sequence[Order]) -> Questions:
    """What these orders need to know."""
    asked, known = Questions(key_digests(orders)), books.accounts
    recent = books.recent
    if recent.since == 0:
        asked.keys = [digest for digest in asked.digests if digest in recent]
    else:
        asked.keys = asked.digests
    for order in orders:
        if type(order) is Post and len(order.lines) == 1:  # most are: without a call
            line = order.lines[0]
            if line.debit in known and line.credit in known:
                continue
        asked.add(order, books)
    return asked


def rest_of_groups(answers: Sequence[Sequence[Any]]) -> str:
    """The statement that reads the further lines of the groups that were found by key."""
    ids = [
        row.id + place
        for row in map(row_of, answers[1])
        if row.line == 0
        for place in range(1, row.lines)
    ]  # fmt: skip
    return f"{ROWS} WHERE id IN ({joined(ids)})" if ids else ""
