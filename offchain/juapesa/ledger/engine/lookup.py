"""What a batch must know of the past: which questions it asks, and how rows are read back."""
# ruff: noqa: S608 - every statement here is made of constants and numbers

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from juapesa.ledger.engine.books import Books
from juapesa.ledger.engine.orders import Capture, Expire, Order, PlaceHold, Post, Release, Reverse
from juapesa.ledger.engine.rows import COLUMNS, Row, key_digests

# As one value: row by row, and column by column, they would take several times as long to take in.
_ACCOUNTS = """
SELECT json_agg(json_build_array(a.id, a.currency, a.side, a.floor, a.ceiling, b.posted, b.held, b.incoming,
       b.entries, b.last_id, a.kind, a.owner, a.batch))
  FROM {balances} b JOIN book.accounts a ON a.id = b.account {where}"""
ROWS = f"SELECT {COLUMNS} FROM book.transfers"
# Planned once: to plan for a thousand keys takes as long as to look them up.
PREPARE_LOOKUP = f"PREPARE book_keyed (uuid[]) AS {ROWS} WHERE key = ANY ($1);"


def row_of(row: Sequence[Any]) -> Row:
    """A row as the database gives it in text."""
    return Row(*map(int, row[:9]), digest_of(row[9]), *map(int, row[10:]))  # type: ignore[call-arg,arg-type]


def digest_of(uuid: str | None) -> bytes:
    """The bytes of a key's digest."""
    return bytes.fromhex(str(uuid).replace("-", ""))


class StoredAccount(Struct, frozen=True, array_like=True):
    """An account and its balances, as the database tells them."""

    id: int
    currency: str
    side: int
    floor: int
    ceiling: int
    posted: int
    held: int
    incoming: int
    entries: int
    last: int
    kind: str
    owner: str
    batch: int | None


_stored_accounts = msgspec.json.Decoder(list[StoredAccount])


def accounts_of(answer: Sequence[Sequence[str | None]]) -> list[StoredAccount]:
    """What a question for accounts was answered."""
    told = answer[0][0] if answer else None
    return [] if told is None else _stored_accounts.decode(told)


def accounts_sql(numbers: Iterable[int]) -> str:
    """The question for these accounts; empty without any."""
    wanted = joined(numbers)
    where = f"WHERE a.id IN ({wanted})"
    return _ACCOUNTS.format(balances="book.balances", where=where) if wanted else ""


def newest_accounts_sql(count: int) -> str:
    """The question for the accounts that moved last; the others are looked up when they are needed."""
    newest = f"(SELECT * FROM book.balances ORDER BY last_id DESC LIMIT {count})"
    return _ACCOUNTS.format(balances=newest, where="")


def strangers(books: Books, rows: Iterable[Row]) -> set[int]:
    """The accounts of these rows that the books do not have in memory."""
    return {number for row in rows for number in (row.debit, row.credit)} - books.accounts.keys()


def joined(numbers: Iterable[int]) -> str:
    """Numbers with commas between them."""
    return ",".join([str(each) for each in numbers])


@dataclass(slots=True)
class Questions:
    """Numbers and key digests to look up; ``digests`` of all orders.

    ``fresh``: a key that was used lately; the answer may still be on its way into the database.
    """

    digests: list[bytes]
    fresh: bool = False
    accounts: set[int] = field(default_factory=set)
    keys: Sequence[bytes] = ()
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

    def wait(self) -> bool:
        """Whether an answer may be in the batch that is under way.

        A key that was not used lately is not, nor is an account that is not in memory.
        """
        return bool(self.fresh or self.ids or self.reversed_ids)

    def selects(self) -> list[str]:
        """One statement per question, empty when there is nothing to ask."""
        keys = ",".join([each.hex() for each in self.keys])
        return [
            accounts_sql(self.accounts),
            f"EXECUTE book_keyed('{{{keys}}}')" if self.keys else "",
            f"{ROWS} WHERE id IN ({joined(self.ids)})" if self.ids else "",
            f"SELECT original FROM book.reversals WHERE original IN ({joined(self.reversed_ids)})"
            if self.reversed_ids
            else "",
        ]


def questions_of(books: Books, orders: Sequence[Order]) -> Questions:
    """What these orders need to know."""
    asked, known = Questions(key_digests(orders)), books.accounts
    recent = books.recent
    suspects = recent.suspects(asked.digests)
    fresh = [digest for digest in suspects if digest in recent]
    asked.fresh = bool(fresh)
    asked.keys = fresh if recent.since == 0 else suspects
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
