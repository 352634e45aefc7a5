"""The books on PostgreSQL: load them, look facts up, and store a batch as one transaction."""
# ruff: noqa: S608 - every statement here is made of constants, numbers and escaped text

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juapesa.ledger.engine.accounts import Account, OpenHold
from juapesa.ledger.engine.books import Batch, Books, Facts
from juapesa.ledger.engine.ids import booked_at, month_of, partition_of
from juapesa.ledger.engine.lookup import (
    PREPARE_LOOKUP,
    ROWS,
    Questions,
    StoredAccount,
    accounts_of,
    accounts_sql,
    joined,
    newest_accounts_sql,
    questions_of,
    rest_of_groups,
    row_of,
    strangers,
)
from juapesa.ledger.engine.orders import Order
from juapesa.ledger.engine.recent import Recent
from juapesa.ledger.engine.rows import COPY_HEAD, COPY_TAIL, Row, pack
from juapesa.ledger.engine.seal import Head, account_image, code_image, seal
from juapesa.ledger.engine.session import Session
from juapesa.ledger.engine.tree import GENESIS, link
from juapesa.ledger.errors import WriterRefused

FENCE = "789, 4"
SEALROWS = 1_000
RECENT_LOADED = 100_000
OLDER_LEARNED = 10_000  # at a time: some ten milliseconds
AFTER_ALL = 2**63 - 1  # no row's id
DIGEST_BYTES = 16
ACCOUNTS_LOADED = 10_000  # at start; the others when they are needed
MONTHS_AHEAD = 3

# A batch touches few of many rows, always by their key: never plan again, never read a whole table.
_SETTLE = """
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
"""
_PREPARE = """
PREPARE book_balances (bigint[], bigint[], bigint[], bigint[], bigint[], bigint[]) AS
UPDATE book.balances b SET posted = u.p, held = u.h, incoming = u.i, entries = u.e, last_id = u.l
  FROM unnest($1, $2, $3, $4, $5, $6) u (a, p, h, i, e, l) WHERE b.account = u.a;
PREPARE book_moved (bigint[], bigint[], bigint[], bigint[]) AS
UPDATE book.balances b SET posted = u.p, entries = u.e, last_id = u.l
  FROM unnest($1, $2, $3, $4) u (a, p, e, l) WHERE b.account = u.a;
PREPARE book_holds (bigint[], bigint[], bigint[], bigint[], smallint[], bigint[]) AS
INSERT INTO book.open_holds SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET amount = excluded.amount;
PREPARE book_ended (bigint[]) AS DELETE FROM book.open_holds WHERE id = ANY ($1);
PREPARE book_checkpoints (bigint[], bigint[], bigint[]) AS
INSERT INTO book.checkpoints SELECT * FROM unnest($1, $2, $3);
PREPARE book_seal (bigint, bigint, bigint, int, bytea, bytea, bytea) AS
INSERT INTO book.batches VALUES ($1, $2, $3, $4, $5, $6, $7);
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as one message: its statements, and the rows that its COPY wants."""

    sql: str
    payload: bytes


class Storage:
    """One session that holds the fence; what it stores is sealed into the chain.

    ``reader`` is another, for look-ups while a batch is stored. Without one they are for when none is.
    """

    def __init__(
        self, session: Session, *, reader: Session | None = None, accounts_loaded: int = ACCOUNTS_LOADED
    ) -> None:
        self.session = session
        self.reader = reader or session
        self._accounts_loaded = accounts_loaded
        self.head = Head()
        self._unsealed: dict[int, bytes] = {}  # accounts that no batch has hashed yet: their images
        self._unsealed_codes: list[tuple[int, str]] = []

    def take_fence(self) -> None:
        """Become the only writer. Raises WriterRefused when there is another."""
        if self.session.ask(f"SELECT pg_try_advisory_lock({FENCE})") != [("t",)]:
            raise WriterRefused("Another process writes the books.")
        self.session.ask(_PREPARE + PREPARE_LOOKUP)

    def load(self, now: datetime) -> Books:
        """Read the state and check its head; what ``book.apply`` has booked meanwhile is sealed first.

        Raises WriterRefused when what is stored contradicts itself.
        """
        self.keep_months(now)
        self._check_head()
        books = Books()
        self._learn(books, self.session.ask(newest_accounts_sql(self._accounts_loaded)))
        codes = self._numbers("id, code", "book.codes WHERE batch IS NULL ORDER BY id")
        self._unsealed_codes = [(int(number), str(code)) for number, code in codes]
        self.seal_strays(books)
        books.codes = {str(code): int(number) for number, code in self._numbers("id, code", "book.codes")}
        for row in self._numbers("id, debit, credit, amount, code, expires", "book.open_holds ORDER BY id"):
            hold = OpenHold(*map(int, row))
            books.holds[hold.id] = hold
        self._learn_of(books, {each for hold in books.holds.values() for each in (hold.debit, hold.credit)})
        self._check_sums()
        self._load_recent(books)
        self.session.ask(_SETTLE)
        if self.reader is not self.session:
            self.reader.ask(f"SET default_transaction_read_only = on; {_SETTLE} {PREPARE_LOOKUP}")
        return books

    def keep_months(self, now: datetime) -> None:
        """Have the tables of this month and the next ones."""
        self.session.ask(self.months_sql(now))

    @staticmethod
    def months_sql(now: datetime) -> str:
        """The statement that makes the tables of this month and the next ones."""
        return f"SELECT book.ensure_months('{now.isoformat()}', {MONTHS_AHEAD})"

    async def facts(self, books: Books, questions: Questions) -> Facts:
        """What a batch needs of the past; nothing is asked when it needs nothing."""
        answers = [await self.reader.asked(sql) if sql else [] for sql in questions.selects()]
        rest = rest_of_groups(answers)
        more = await self.reader.asked(rest) if rest else []
        facts = self._facts(books, questions.digests, answers, more)
        if unknown := accounts_sql(strangers(books, facts.rows())):
            self._learn(books, await self.reader.asked(unknown))
        return facts

    def facts_now(self, books: Books, orders: Sequence[Order]) -> Facts:
        """As ``facts``, for callers without an event loop."""
        questions = questions_of(books, orders)
        answers = [self.session.ask(sql) if sql else [] for sql in questions.selects()]
        rest = rest_of_groups(answers)
        facts = self._facts(books, questions.digests, answers, self.session.ask(rest) if rest else [])
        self._learn_of(books, strangers(books, facts.rows()))
        return facts

    async def store(self, prepared: Prepared, sent: Callable[[], None]) -> None:
        """Store a batch; returns when it is durable. Raises Doubtful: then stop at once.

        ``sent`` is called when the database has all of it.
        """
        await self.session.asked(prepared.sql, prepared.payload, sent)

    def commit_now(self, batch: Batch) -> None:
        """Prepare and store a batch, for callers without an event loop."""
        prepared = self.prepare(batch)
        self.session.ask(prepared.sql, prepared.payload)

    def seal_strays(self, books: Books) -> int:
        """Seal the rows that ``book.apply`` has booked since the last batch; how many."""
        count = 0
        while True:
            last = self.session.ask("SELECT coalesce(max(last_id), 0) FROM book.batches")[0][0]
            found = self.session.ask(f"{ROWS} WHERE id > {last} ORDER BY id LIMIT {SEALROWS}")
            if not found:
                books.last_id = int(last or 0)
                return count
            rows = [row_of(each) for each in found]
            touched = {number for row in rows for number in (row.debit, row.credit)}
            self._learn_of(books, touched)
            sql = self._seal(pack(rows), touched, ())
            self.session.ask(f"BEGIN;{sql};COMMIT")
            count += len(rows)

    def prepare(self, batch: Batch) -> Prepared:
        """Seal a batch with rows and say how to store it; batches are stored in the order of this."""
        rows = batch.rows
        images = pack(rows)
        month = month_of(booked_at(rows[0].id))
        assert month_of(booked_at(rows[-1].id)) == month, "a batch lies within one month"
        parts = ["BEGIN", f"COPY book.{partition_of(month)} FROM STDIN (FORMAT binary)", _balances(batch)]
        parts += _side_tables(batch)
        for number, code in batch.codes:
            parts.append(f"INSERT INTO book.codes (id, code) VALUES ({number}, {self.session.quoted(code)})")
        parts += [self._seal(images, batch.touched.keys(), batch.codes), "NOTIFY book", "COMMIT"]
        return Prepared(";".join(parts), b"".join((COPY_HEAD, *images, COPY_TAIL)))

    def _seal(self, images: Sequence[bytes], touched: Set[int], codes: Sequence[tuple[int, str]]) -> str:
        """The statements that hash rows, and the accounts and codes that are first used, into a batch."""
        accounts = sorted(self._unsealed.keys() & touched) if self._unsealed else []
        codes = [*self._unsealed_codes, *codes]
        others = [self._unsealed.pop(number) for number in accounts]
        others += [code_image(number, code) for number, code in codes]
        made = seal(self.head, images, others)
        self.head, self._unsealed_codes = made.head, []
        sql = (
            f"EXECUTE book_seal({made.number}, {made.first_id}, {made.last_id}, {made.leaves}, "
            f"'\\x{made.root.hex()}', '\\x{made.chain.hex()}', '\\x{made.marks.hex()}')"
        )
        if accounts:
            sql += f";UPDATE book.accounts SET batch = {made.number} WHERE id IN ({joined(accounts)})"
        if codes:
            numbers = joined(number for number, _ in codes)
            sql += f";UPDATE book.codes SET batch = {made.number} WHERE id IN ({numbers})"
        return sql

    def _learn_of(self, books: Books, numbers: Iterable[int]) -> None:
        """Have these accounts in memory."""
        if sql := accounts_sql(set(numbers) - books.accounts.keys()):
            self._learn(books, self.session.ask(sql))

    def _learn(self, books: Books, answer: Sequence[Sequence[str | None]]) -> None:
        for each in accounts_of(answer):
            books.accounts[each.id] = self._account(each)

    def _account(self, told: StoredAccount) -> Account:
        found = Account(told.id, told.currency, told.side, told.floor, told.ceiling)
        found.posted, found.held, found.incoming = told.posted, told.held, told.incoming
        found.entries, found.last = told.entries, told.last
        if told.batch is None:
            self._unsealed[found.id] = account_image(
                told.id, told.side, told.floor, told.ceiling, told.kind, told.owner, told.currency
            )
        return found

    def _facts(
        self,
        books: Books,
        digests: Sequence[bytes],
        answers: Sequence[Sequence[Any]],
        more: Sequence[Any],
    ) -> Facts:
        accounts, keyed, by_id, reversed_before = answers
        self._learn(books, accounts)
        lines = {row.id: row for row in map(row_of, more)}
        by_key: dict[bytes, Sequence[Row]] = {
            row.key: [row, *(lines[row.id + place] for place in range(1, row.lines))]
            for row in map(row_of, keyed)
            if row.line == 0
        }
        return Facts(
            by_key,
            {row.id: row for row in map(row_of, by_id)},
            frozenset(int(row[0]) for row in reversed_before),
            digests,
        )

    def _numbers(self, columns: str, rest: str) -> list[tuple[Any, ...]]:
        return self.session.ask(f"SELECT {columns} FROM {rest}")

    def _check_head(self) -> None:
        """The last two batches fit each other."""
        found = self.session.ask(
            "SELECT number, leaves, root, chain FROM book.batches ORDER BY number DESC LIMIT 2"
        )
        if not found:
            return
        number, leaves, root, chain = _batch(found[0])
        before = _batch(found[1])[3] if len(found) > 1 else GENESIS
        if link(before, number, leaves, root) != chain:
            raise WriterRefused(f"Batch {number} does not follow the one before it; run `jua ledger verify`.")
        self.head = Head(number, chain)

    def _check_sums(self) -> None:
        faults = self.session.ask(
            "SELECT a.currency FROM book.balances b JOIN book.accounts a ON a.id = b.account "
            "GROUP BY 1 HAVING sum(a.side * b.posted) <> 0"
        )
        if faults:
            raise WriterRefused(f"The books in {faults[0][0]} do not balance; run `jua ledger verify`.")

    def _load_recent(self, books: Books) -> None:
        keys, count, first = _keys_of(self.session.ask(_keys_sql(AFTER_ALL, RECENT_LOADED)))
        since = first if count == RECENT_LOADED else 0
        books.recent = Recent(since=since, filtered=books.last_id + 1 if count else 0)
        books.recent.young.update(keys)

    async def learn_older_keys(self, books: Books) -> None:
        """Tell the filter of keys some more of those that were used before the start."""
        recent = books.recent
        if recent.filtered:
            sql = _keys_sql(recent.filtered, OLDER_LEARNED)
            keys, count, first = _keys_of(await self.reader.asked(sql))
            recent.add_older(keys, first if count == OLDER_LEARNED else 0)


def _keys_sql(before: int, rows: int) -> str:
    """The keys of the newest rows before one, as one value: row by row they would take most of a start."""
    newest = f"SELECT key, id, line FROM book.transfers WHERE id < {before} ORDER BY id DESC LIMIT {rows}"
    return (
        "SELECT encode(string_agg(uuid_send(key), '') FILTER (WHERE line = 0), 'hex'), count(*), min(id) "
        f"FROM ({newest}) newest"
    )


def _keys_of(answer: Sequence[Sequence[str | None]]) -> tuple[list[bytes], int, int]:
    """Digests, how many rows they are of, and the first of those."""
    [(found, count, first)] = answer
    keys = bytes.fromhex(found or "")
    digests = [keys[place : place + DIGEST_BYTES] for place in range(0, len(keys), DIGEST_BYTES)]
    return digests, int(count or 0), int(first or 0)


def _batch(row: Sequence[Any]) -> tuple[int, int, bytes, bytes]:
    number, leaves, root, chain = row
    return int(number), int(leaves), bytes.fromhex(root[2:]), bytes.fromhex(chain[2:])


def _arrays(name: str, columns: Iterable[Iterable[int]]) -> str:
    arrays = ",".join(["'{" + joined(column) + "}'" for column in columns])
    return f"EXECUTE {name}({arrays})"


def _balances(batch: Batch) -> str:
    touched = [batch.touched[number] for number in sorted(batch.touched)]  # as they lie on their pages
    numbers, posted = [each.id for each in touched], [each.posted for each in touched]
    entries, last = [each.entries for each in touched], [each.last for each in touched]
    if not batch.holds:  # without a hold nothing else of a balance changes
        return _arrays("book_moved", (numbers, posted, entries, last))
    held, incoming = [each.held for each in touched], [each.incoming for each in touched]
    return _arrays("book_balances", (numbers, posted, held, incoming, entries, last))


def _side_tables(batch: Batch) -> list[str]:
    parts = []
    opened = [each for each in batch.holds.values() if each is not None]
    ended = [number for number, each in batch.holds.items() if each is None]
    if opened:
        columns = [(h.id, h.debit, h.credit, h.left, h.code, h.expires) for h in opened]
        parts.append(_arrays("book_holds", zip(*columns, strict=True)))
    if ended:
        parts.append(_arrays("book_ended", [ended]))
    if batch.reversals:
        pairs = ",".join(f"({original},{row})" for original, row in batch.reversals.items())
        parts.append(f"INSERT INTO book.reversals VALUES {pairs}")
    if batch.checkpoints:
        parts.append(_arrays("book_checkpoints", zip(*batch.checkpoints, strict=True)))
    return parts
