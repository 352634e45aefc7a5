"""The ledger's use cases. The rules live in the database; this translates to and from it.

An expected failure undoes only the one call: the unit of work goes on and may commit the rest.
One call locks its accounts in a fixed order, so calls never deadlock; a unit of work that makes
several calls on shared accounts should make them one posting, or be ready to be retried.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.errors import JuaError
from juapesa.ledger.domain import (
    KEY_CHARACTERS_MAX,
    LINES_MAX,
    AccountKind,
    Balance,
    BookedTransfer,
    Entry,
    Hold,
    OpenHold,
    Posting,
    Transfer,
    Trial,
)
from juapesa.ledger.errors import (
    HoldEnded,
    KeyReused,
    LimitExceeded,
    NotATransfer,
    UnknownAccount,
    UnknownHold,
)
from juapesa.ledger.trial import run_trial
from juapesa.money import Currency, Money, currency

_FAULTS: dict[str, type[JuaError]] = {
    each.slug: each
    for each in (HoldEnded, KeyReused, LimitExceeded, NotATransfer, UnknownAccount, UnknownHold)
}
_DETAILS = {
    "limit-exceeded": "The balance is not enough.",
    "key-reused": "This key was already used for another order; use a new one.",
}


class Ledger:
    """Double entry over one database. Holds no state of its own."""

    def account(self, uow: UnitOfWork, kind: AccountKind, owner: str, currency: Currency) -> int:
        """The id of the account; opened when there is none.

        ``owner``: ``""`` for the house, the rail's name for a float, ``str(person id)`` for a wallet.
        """
        row = uow.one("SELECT ledger.open_account(%s, %s, %s) AS id", (str(kind), owner, currency.code))
        assert row is not None
        return int(row["id"])

    def find_account(self, uow: UnitOfWork, kind: AccountKind, owner: str, currency: Currency) -> int | None:
        """The id of the account, or None; opens nothing."""
        row = uow.one(
            "SELECT id FROM ledger.accounts WHERE kind = %s AND owner = %s AND currency = %s",
            (str(kind), owner, currency.code),
        )
        return None if row is None else int(row["id"])

    def accounts_of(self, uow: UnitOfWork, kind: AccountKind, owner: str) -> dict[Currency, int]:
        """Ids of an owner's accounts of that kind, by currency, oldest first."""
        rows = uow.all(
            "SELECT id, currency FROM ledger.accounts WHERE owner = %s AND kind = %s ORDER BY id",
            (owner, str(kind)),
        )
        return {currency(row["currency"]): row["id"] for row in rows}

    def post(self, uow: UnitOfWork, key: str, transfers: Sequence[Transfer]) -> Posting:
        """Book linked transfers in their order, all or none, once per key.

        The same key and transfers again give the first answer. Each transfer must fit the balances
        that those before it left. Raises LimitExceeded, KeyReused, UnknownAccount, NotATransfer.
        """
        if not 0 < len(transfers) <= LINES_MAX:
            raise NotATransfer(f"A posting has 1 to {LINES_MAX} transfers.")
        body = json.dumps([_line(each) for each in transfers])
        return _posting(_call(uow, "SELECT ledger.post(%s, %s::jsonb) AS answer", _key(key), body))

    def hold(self, uow: UnitOfWork, key: str, transfer: Transfer, expires_at: datetime) -> Hold:
        """Set the amount aside on every account that would lose it, until the hold ends.

        The expiry is not part of the order: a repetition gets the first one's.
        Raises LimitExceeded, KeyReused, UnknownAccount.
        """
        statement = "SELECT ledger.hold(%s, %s::jsonb, %s) AS answer"
        return _hold(_call(uow, statement, _key(key), json.dumps(_line(transfer)), expires_at))

    def capture(self, uow: UnitOfWork, key: str, hold_id: int, amount: Money | None = None) -> Posting:
        """Book a hold, or ``amount`` of it; the rest is free again. Possible until the hold has ended:
        a hold past its expiry still reserves until ``expire_holds`` ends it.

        Raises HoldEnded, LimitExceeded (more than was held), KeyReused, UnknownHold.
        """
        if amount is not None:
            self._require_same_currency(uow, hold_id, amount)
        minor = None if amount is None else amount.minor
        statement = "SELECT ledger.capture(%s, %s, %s) AS answer"
        return _posting(_call(uow, statement, _key(key), hold_id, minor))

    def release(self, uow: UnitOfWork, key: str, hold_id: int) -> None:
        """Give a hold back. Raises HoldEnded, KeyReused, UnknownHold."""
        _call(uow, "SELECT ledger.release(%s, %s) AS answer", _key(key), hold_id)

    def expire_holds(self, uow: UnitOfWork, now: datetime, *, limit: int = 500) -> int:
        """End the holds that are due, oldest first; how many."""
        row = uow.one("SELECT ledger.expire_holds(%s, %s) AS ended", (now, limit))
        assert row is not None
        return int(row["ended"])

    def balance(self, uow: UnitOfWork, account_id: int) -> Balance:
        """An account's balance now. Raises UnknownAccount."""
        row = uow.one(
            "SELECT currency, posted, held, incoming FROM ledger.accounts WHERE id = %s", (account_id,)
        )
        if row is None:
            raise UnknownAccount(f"No account {account_id}.")
        unit = currency(row["currency"])
        return Balance(Money(row["posted"], unit), Money(row["held"], unit), Money(row["incoming"], unit))

    def total(self, uow: UnitOfWork, kind: AccountKind, unit: Currency) -> Money:
        """What all accounts of a kind hold together in one currency."""
        row = uow.one(
            "SELECT coalesce(sum(posted), 0) AS total FROM ledger.accounts WHERE kind = %s AND currency = %s",
            (str(kind), unit.code),
        )
        assert row is not None
        return Money(int(row["total"]), unit)

    def balance_at(self, uow: UnitOfWork, account_id: int, instant: datetime) -> Money:
        """What was posted by that instant of booking. Raises UnknownAccount."""
        unit = self.balance(uow, account_id).posted.currency
        row = uow.one(
            "SELECT after FROM ledger.entries WHERE account_id = %s AND booked_at <= %s "
            "ORDER BY sequence DESC LIMIT 1",
            (account_id, instant),
        )
        return Money(row["after"] if row else 0, unit)

    def entries(
        self, uow: UnitOfWork, account_id: int, limit: int, *, before: int | None = None
    ) -> list[Entry]:
        """An account's last entries, newest first; those ``before`` a sequence number, if one is given."""
        rows = uow.all(
            "SELECT e.*, a.side, p.key FROM ledger.entries e "
            "JOIN ledger.accounts a ON a.id = e.account_id JOIN ledger.postings p ON p.id = e.posting_id "
            "WHERE e.account_id = %s AND (%s::bigint IS NULL OR e.sequence < %s) "
            "ORDER BY e.sequence DESC LIMIT %s",
            (account_id, before, before, limit),
        )
        return [_entry(row) for row in rows]

    def open_holds(self, uow: UnitOfWork, account_id: int) -> list[OpenHold]:
        """What is set aside on an account now, oldest first."""
        rows = uow.all(
            "SELECT id, amount, currency, code, expires_at FROM ledger.holds "
            "WHERE debit_account = %s AND open ORDER BY id",
            (account_id,),
        )
        return [
            OpenHold(
                row["id"], Money(row["amount"], currency(row["currency"])), row["code"], row["expires_at"]
            )
            for row in rows
        ]

    def trial(self, uow: UnitOfWork) -> Trial:
        """Recompute every balance and hold from the rows and name whatever differs. Reads everything."""
        return run_trial(uow)

    def _require_same_currency(self, uow: UnitOfWork, hold_id: int, amount: Money) -> None:
        if amount.minor <= 0:
            raise NotATransfer("A capture moves a positive amount.")
        row = uow.one("SELECT currency FROM ledger.holds WHERE id = %s", (hold_id,))
        if row is not None and row["currency"] != amount.currency.code:
            raise NotATransfer(f"The hold is in {row['currency']}.")


def _key(key: str) -> str:
    if not 0 < len(key) <= KEY_CHARACTERS_MAX:
        raise NotATransfer(f"A key has 1 to {KEY_CHARACTERS_MAX} characters.")
    return key


def _line(transfer: Transfer) -> list[int | str | None]:
    at = transfer.effective_at
    return [
        transfer.debit,
        transfer.credit,
        transfer.amount.minor,
        transfer.amount.currency.code,
        transfer.code,
        None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds"),
    ]


def _call(uow: UnitOfWork, statement: str, *params: Any) -> dict[str, Any]:
    row = uow.one(statement, params)
    assert row is not None
    answer: dict[str, Any] = row["answer"]
    if "fault" in answer:
        raise _FAULTS[answer["fault"]](_DETAILS.get(answer["fault"], answer["message"]))
    return answer


def _posting(answer: dict[str, Any]) -> Posting:
    return Posting(
        id=answer["posting"],
        key=answer["key"],
        booked_at=datetime.fromisoformat(answer["booked_at"]),
        transfers=tuple(_booked(line) for line in answer["lines"]),
        repeated=not answer["fresh"],
    )


def _booked(line: list[Any]) -> BookedTransfer:
    number, debit, credit, minor, code, why, debit_after, credit_after = line
    unit = currency(code)
    return BookedTransfer(
        id=number,
        debit=debit,
        credit=credit,
        amount=Money(minor, unit),
        code=why,
        debit_after=Money(debit_after, unit),
        credit_after=Money(credit_after, unit),
    )


def _hold(answer: dict[str, Any]) -> Hold:
    number, expires_at = answer["hold"]
    return Hold(number, answer["key"], datetime.fromisoformat(expires_at), repeated=not answer["fresh"])


def _entry(row: dict[str, Any]) -> Entry:
    unit = currency(row["currency"])
    return Entry(
        sequence=row["sequence"],
        change=Money(row["amount"] * row["direction"] * row["side"], unit),
        after=Money(row["after"], unit),
        code=row["code"],
        other_account=row["other_account_id"],
        transfer_id=row["transfer_id"],
        posting_key=row["key"],
        effective_at=row["effective_at"],
        booked_at=row["booked_at"],
    )
