"""The ledger's use cases inside a unit of work. The rules live in the database, in ``book.apply_all``.

An expected failure undoes only the one call: the unit of work goes on and may commit the rest.
One call locks its keys and accounts in a fixed order, so calls never deadlock; a unit of work that
makes several calls on shared accounts should make them one (``book``), or be ready to be retried.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from juapesa.db import UnitOfWork
from juapesa.ledger.domain import (
    KEY_CHARACTERS_MAX,
    LINES_MAX,
    AccountKind,
    AccountName,
    Balance,
    BookedTransfer,
    Entry,
    Hold,
    OpenHold,
    Posting,
    Transfer,
)
from juapesa.ledger.engine.orders import (
    REFUSALS,
    Capture,
    Line,
    PlaceHold,
    Post,
    Release,
    Reverse,
    WireOrder,
    failure,
)
from juapesa.ledger.engine.rows import key_digest
from juapesa.ledger.errors import MonthArchived, NotATransfer, UnknownAccount
from juapesa.money import Currency, Money, currency

LedgerOrder = WireOrder  # what ``Ledger.book`` takes

_ARCHIVED = "JL011"


class Ledger:
    """Double entry over one database. Holds no state of its own."""

    def account(self, uow: UnitOfWork, kind: AccountKind, owner: str, currency: Currency) -> int:
        """The id of the account; opened when there is none.

        ``owner``: ``""`` for the house, the rail's name for a float, ``str(person id)`` for a wallet.
        """
        name = AccountName(kind, owner, currency)
        return self.accounts(uow, [name])[name]

    def accounts(self, uow: UnitOfWork, names: Sequence[AccountName]) -> dict[AccountName, int]:
        """The ids of all these accounts in one question; those that are missing are opened."""
        ordered = sorted(set(names), key=lambda each: (each.kind, each.owner, each.currency.code))
        rows = uow.all(
            "SELECT book.open_account(kind, owner, currency) AS id "
            "FROM unnest(%s::text[], %s::text[], %s::text[]) n (kind, owner, currency)",
            (
                [str(each.kind) for each in ordered],
                [each.owner for each in ordered],
                [each.currency.code for each in ordered],
            ),
        )
        return {name: row["id"] for name, row in zip(ordered, rows, strict=True)}

    def find_account(self, uow: UnitOfWork, kind: AccountKind, owner: str, currency: Currency) -> int | None:
        """The id of the account, or None; opens nothing."""
        row = uow.one(
            "SELECT id FROM book.accounts WHERE kind = %s AND owner = %s AND currency = %s",
            (str(kind), owner, currency.code),
        )
        return None if row is None else int(row["id"])

    def accounts_of(self, uow: UnitOfWork, kind: AccountKind, owner: str) -> dict[Currency, int]:
        """Ids of an owner's accounts of that kind, by currency, oldest first."""
        rows = uow.all(
            "SELECT id, currency FROM book.accounts WHERE owner = %s AND kind = %s ORDER BY id",
            (owner, str(kind)),
        )
        return {currency(row["currency"]): row["id"] for row in rows}

    def find_accounts(
        self, uow: UnitOfWork, kind: AccountKind, owner: str | None, unit: Currency | None,
        *, after: int, limit: int,
    ) -> dict[int, AccountName]:  # fmt: skip
        """Accounts of a kind with higher ids than ``after``, by id; None: of any owner, in any currency."""
        wanted = {"kind": str(kind), "owner": owner, "currency": None if unit is None else unit.code}
        given = {name: value for name, value in wanted.items() if value is not None}
        rows = uow.all(
            f"SELECT id, owner, currency FROM book.accounts "  # noqa: S608 - names of columns
            f"WHERE {' AND '.join(f'{name} = %({name})s' for name in given)} "
            "AND id > %(after)s ORDER BY id LIMIT %(limit)s",
            {**given, "after": after, "limit": limit},
        )
        return {row["id"]: AccountName(kind, row["owner"], currency(row["currency"])) for row in rows}

    def book(self, uow: UnitOfWork, orders: Sequence[LedgerOrder]) -> list[Posting]:
        """Book several orders or none, each once per key, with all their accounts locked first.

        Make them with ``order_post``, ``order_hold``, ``order_capture`` and ``order_release``. Raises what
        the first that is refused raises: LimitExceeded, KeyReused, UnknownAccount, HoldEnded, ….
        """
        answers = self._answers(uow, orders)
        return [_posting(order.key, answer) for order, answer in zip(orders, answers, strict=True)]

    def book_quietly(self, uow: UnitOfWork, orders: Sequence[LedgerOrder]) -> list[int]:
        """As ``book``; of each posting only its id, for who needs no more of many."""
        return [int(answer["rows"][0]["id"]) for answer in self._answers(uow, orders)]

    def post(self, uow: UnitOfWork, key: str, transfers: Sequence[Transfer]) -> Posting:
        """Book linked transfers in their order, all or none, once per key.

        The same key and transfers again give the first answer. Each transfer must fit the balances
        that those before it left. Raises LimitExceeded, KeyReused, UnknownAccount, NotATransfer.
        """
        return self.book(uow, [order_post(key, transfers)])[0]

    def hold(self, uow: UnitOfWork, key: str, transfer: Transfer, expires_at: datetime) -> Hold:
        """Set the amount aside on every account that would lose it, until the hold ends.

        Raises LimitExceeded, KeyReused (also for another expiry), UnknownAccount.
        """
        placed = self.book(uow, [order_hold(key, transfer, expires_at)])[0]
        return Hold(placed.id, key, expires_at, placed.repeated)

    def capture(
        self,
        uow: UnitOfWork,
        key: str,
        hold_id: int,
        amount: Money | None = None,
        *,
        last: bool = False,
    ) -> Posting:
        """Book all that is left of a hold, or ``amount`` of it; with ``last`` the rest is free again.

        Possible until the hold has ended: one past its expiry still reserves until ``expire_holds``
        ends it. Raises HoldEnded, LimitExceeded (more than is held), KeyReused, UnknownHold.
        """
        if amount is not None:
            self._require_same_currency(uow, hold_id, amount)
        minor = None if amount is None else amount.minor
        return self.book(uow, [Capture(key, hold_id, minor, last)])[0]

    def release(self, uow: UnitOfWork, key: str, hold_id: int) -> None:
        """Give back what is left of a hold. Raises HoldEnded, KeyReused, UnknownHold."""
        self.book(uow, [Release(key, hold_id)])

    def reverse(self, uow: UnitOfWork, key: str, transfer_id: int, code: str = "reversal") -> Posting:
        """Book a transfer the other way round, once.

        Raises UnknownTransfer, AlreadyReversed, LimitExceeded, KeyReused.
        """
        return self.book(uow, [Reverse(key, transfer_id, code)])[0]

    def expire_holds(self, uow: UnitOfWork, now: datetime, *, limit: int = 500) -> int:
        """End holds that are due; how many."""
        row = uow.one("SELECT book.expire(%s, %s) AS ended", (now, limit))
        assert row is not None
        return int(row["ended"])

    def balance(self, uow: UnitOfWork, account_id: int) -> Balance:
        """An account's balance now. Raises UnknownAccount."""
        return self.balances(uow, [account_id])[account_id]

    def balances(self, uow: UnitOfWork, account_ids: Sequence[int]) -> dict[int, Balance]:
        """The balances of these accounts now. Raises UnknownAccount."""
        rows = uow.all(
            "SELECT a.id, a.currency, b.posted, b.held, b.incoming FROM book.balances b "
            "JOIN book.accounts a ON a.id = b.account WHERE b.account = ANY (%s)",
            (list(account_ids),),
        )
        found = {row["id"]: _balance(row) for row in rows}
        for each in account_ids:
            if each not in found:
                raise UnknownAccount(f"No account {each}.")
        return found

    def total(self, uow: UnitOfWork, kind: AccountKind, unit: Currency) -> Money:
        """What all accounts of a kind hold together in one currency."""
        row = uow.one(
            "SELECT coalesce(sum(b.posted), 0) AS total FROM book.balances b "
            "JOIN book.accounts a ON a.id = b.account WHERE a.kind = %s AND a.currency = %s",
            (str(kind), unit.code),
        )
        assert row is not None
        return Money(int(row["total"]), unit)

    def balance_at(self, uow: UnitOfWork, account_id: int, instant: datetime) -> Money:
        """What was posted before that instant, to the millisecond. Raises UnknownAccount, MonthArchived."""
        unit = self.balance(uow, account_id).posted.currency
        with _archive_told():
            row = uow.one("SELECT book.balance_at(%s, %s) AS posted", (account_id, instant))
        assert row is not None
        return Money(row["posted"], unit)

    def entries(
        self, uow: UnitOfWork, account_id: int, limit: int, *, before: int | None = None
    ) -> list[Entry]:
        """An account's last entries, newest first; those ``before`` one of its rows, if one is given.

        Raises UnknownAccount, MonthArchived.
        """
        unit = self.balance(uow, account_id).posted.currency
        with _archive_told():
            rows = uow.all("SELECT * FROM book.statement(%s, %s, %s)", (account_id, before, limit))
        return [_entry(row, unit) for row in rows]

    def rows_of(self, uow: UnitOfWork, keys: Sequence[str]) -> list[int]:
        """The ids of all rows that were booked under these keys, oldest first."""
        digests = [uuid.UUID(bytes=key_digest(each)) for each in keys]
        rows = uow.all("SELECT id, lines FROM book.transfers WHERE key = ANY (%s)", (digests,))
        return sorted(row["id"] + line for row in rows for line in range(row["lines"]))

    def open_holds(self, uow: UnitOfWork, account_id: int) -> list[OpenHold]:
        """What is set aside on an account now, oldest first."""
        rows = uow.all(
            "SELECT h.id, h.amount, a.currency, c.code, to_timestamp(h.expires / 1e6) AS expires_at "
            "FROM book.open_holds h JOIN book.codes c ON c.id = h.code "
            "JOIN book.accounts a ON a.id = h.debit WHERE h.debit = %s ORDER BY h.id",
            (account_id,),
        )
        return [
            OpenHold(
                row["id"], Money(row["amount"], currency(row["currency"])), row["code"], row["expires_at"]
            )
            for row in rows
        ]

    def _answers(self, uow: UnitOfWork, orders: Sequence[LedgerOrder]) -> list[dict[str, Any]]:
        for order in orders:
            _check_key(order.key)
        rows = uow.tuples("SELECT book.apply_all(%s::jsonb)", (msgspec.json.encode(orders).decode(),))
        [(answers,)] = rows
        if isinstance(answers, dict):
            raise failure(REFUSALS[answers["slug"]])
        return list(answers)

    def _require_same_currency(self, uow: UnitOfWork, hold_id: int, amount: Money) -> None:
        row = uow.one(
            "SELECT a.currency FROM book.transfers t JOIN book.accounts a ON a.id = t.debit WHERE t.id = %s",
            (hold_id,),
        )
        if row is not None and row["currency"] != amount.currency.code:
            raise NotATransfer(f"The hold is in {row['currency']}.")


def order_post(key: str, transfers: Sequence[Transfer]) -> Post:
    """Linked transfers as one of the orders that ``Ledger.book`` takes. Raises NotATransfer."""
    if not 0 < len(transfers) <= LINES_MAX:
        raise NotATransfer(f"A posting has 1 to {LINES_MAX} transfers.")
    return Post(key, tuple(_line(each) for each in transfers))


def order_hold(key: str, transfer: Transfer, expires_at: datetime) -> PlaceHold:
    """An amount set aside, for ``Ledger.book``."""
    return PlaceHold(
        key,
        transfer.debit,
        transfer.credit,
        transfer.amount.minor,
        transfer.amount.currency.code,
        transfer.code,
        _whole(expires_at),
    )


def order_capture(key: str, hold_id: int) -> Capture:
    """The capture of all that is left of a hold, for ``Ledger.book``."""
    return Capture(key, hold_id)


def order_release(key: str, hold_id: int) -> Release:
    """The release of a hold, for ``Ledger.book``."""
    return Release(key, hold_id)


def _check_key(key: str) -> None:
    if not 0 < len(key) <= KEY_CHARACTERS_MAX:
        raise NotATransfer(f"A key has 1 to {KEY_CHARACTERS_MAX} characters.")


def _line(transfer: Transfer) -> Line:
    return Line(
        debit=transfer.debit,
        credit=transfer.credit,
        amount=transfer.amount.minor,
        currency=transfer.amount.currency.code,
        code=transfer.code,
        effective_at=None if transfer.effective_at is None else _whole(transfer.effective_at),
    )


def _whole(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise NotATransfer("A time needs its zone.")
    return at.astimezone(UTC)


def _posting(key: str, answer: dict[str, Any]) -> Posting:
    return Posting(key, tuple(_booked(row) for row in answer["rows"]), repeated=answer["repeated"])


def _booked(row: dict[str, Any]) -> BookedTransfer:
    unit = currency(row["currency"])
    return BookedTransfer(
        id=row["id"],
        debit=row["debit"],
        credit=row["credit"],
        amount=Money(row["amount"], unit),
        code=row["code"],
        debit_after=Money(row["debit_after"], unit),
        credit_after=Money(row["credit_after"], unit),
    )


def _balance(row: dict[str, Any]) -> Balance:
    unit = currency(row["currency"])
    return Balance(Money(row["posted"], unit), Money(row["held"], unit), Money(row["incoming"], unit))


def _entry(row: dict[str, Any], unit: Currency) -> Entry:
    return Entry(
        id=row["id"],
        change=Money(row["change"], unit),
        after=Money(row["after"], unit),
        code=row["code"],
        other_account=row["other_account"],
        effective_at=row["effective_at"],
        booked_at=row["booked_at"],
    )


@contextmanager
def _archive_told() -> Iterator[None]:
    """The database's complaint about an archived month as the failure that it is."""
    try:
        yield
    except psycopg.Error as problem:
        if problem.sqlstate != _ARCHIVED:
            raise
        raise MonthArchived("These entries are archived. Ask us to restore their month.") from problem
