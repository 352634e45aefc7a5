"""The wallets of the one person that a client was made for: balances, entries, holds, statements."""

import csv
import io
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel

from juapesa.api.clients import Client, Scope
from juapesa.api.errors import OwnersOnly
from juapesa.api.gate import Gate
from juapesa.api.payment_examples import problems
from juapesa.api.payment_models import Amount
from juapesa.api.read_examples import shown
from juapesa.db import Database, UnitOfWork
from juapesa.errors import NotFound
from juapesa.ledger import AccountKind, Entry, Ledger

PAGE_ENTRIES_MAX = 200
STATEMENT_ENTRIES_MAX = 5_000
Cursor = Annotated[int | None, Query(ge=1, le=2**62)]


class NoSuchAccount(NotFound):
    """The person has no such account; those of others look the same."""

    slug = "no-such-account"


class Account(BaseModel):
    """A wallet; ``available`` is what is posted and not held."""

    id: int
    posted: Amount
    held: Amount
    available: Amount


class Change(BaseModel):
    """A signed decimal as text and a currency's code."""

    amount: str
    currency: str


class AccountEntry(BaseModel):
    """A change of an account: signed as the owner sees it, with the balance after it.

    ``id`` grows along the account; it is text, for it has more digits than some programs' numbers.
    """

    id: str
    change: Change
    after: Amount
    code: str
    effective_at: datetime
    booked_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(
            id=str(entry.id),
            change=Change(amount=entry.change.plain(), currency=entry.change.currency.code),
            after=Amount.of(entry.after),
            code=entry.code,
            effective_at=entry.effective_at,
            booked_at=entry.booked_at,
        )


class Page(BaseModel):
    """Entries, newest first; ``next`` is the cursor of the page after, null at the end."""

    entries: list[AccountEntry]
    next: str | None


class AccountHold(BaseModel):
    """An amount that is set aside for something under way."""

    id: str
    amount: Amount
    code: str
    expires_at: datetime


def account_routes(db: Database, gate: Gate, ledger: Ledger) -> APIRouter:
    """`GET /api/accounts`, `/{id}/entries`, `/{id}/holds`, `/{id}/statement.csv`."""
    router = APIRouter(prefix="/api/accounts", tags=["accounts"], responses=problems())
    Owner = Annotated[Client, Depends(gate.needs(Scope.ACCOUNTS_READ))]  # noqa: N806 - a type

    @router.get("", responses=shown("accounts"))
    def accounts(client: Owner) -> list[Account]:
        """Every wallet of the person, with its balance."""
        with db.unit_of_work() as uow:
            return [_account(uow, ledger, each) for each in _accounts_of(uow, ledger, client)]

    @router.get("/{account}/entries", responses=shown("entries"))
    def entries(
        account: int,
        client: Owner,
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_ENTRIES_MAX)] = 50,
    ) -> Page:
        """An account's entries, newest first, a page at a time."""
        with db.unit_of_work() as uow:
            _require(uow, ledger, client, account)
            found = ledger.entries(uow, account, limit + 1, before=cursor)
        following = str(found[limit - 1].id) if len(found) > limit else None
        return Page(entries=[AccountEntry.of(each) for each in found[:limit]], next=following)

    @router.get("/{account}/holds", responses=shown("holds"))
    def holds(account: int, client: Owner) -> list[AccountHold]:
        """What is set aside now."""
        with db.unit_of_work() as uow:
            _require(uow, ledger, client, account)
            found = ledger.open_holds(uow, account)
        return [
            AccountHold(
                id=str(each.id), amount=Amount.of(each.amount), code=each.code, expires_at=each.expires_at
            )
            for each in found
        ]

    @router.get(
        "/{account}/statement.csv",
        response_class=Response,
        responses=shown("statement", "text/csv"),
    )
    def statement(account: int, client: Owner, cursor: Cursor = None) -> Response:
        """The last 5,000 entries (before the cursor), newest first, as CSV with a line of names.

        Where there are older ones, a `Link` with `rel="next"` leads to them.
        """
        with db.unit_of_work() as uow:
            _require(uow, ledger, client, account)
            found = ledger.entries(uow, account, STATEMENT_ENTRIES_MAX + 1, before=cursor)
        listed = found[:STATEMENT_ENTRIES_MAX]
        headers = {"Content-Disposition": f'attachment; filename="statement-{account}.csv"'}
        if len(found) > len(listed):
            older = f"/api/accounts/{account}/statement.csv?cursor={listed[-1].id}"
            headers["Link"] = f'<{older}>; rel="next"'
        return Response(_csv(listed), media_type="text/csv", headers=headers)

    return router


def _accounts_of(uow: UnitOfWork, ledger: Ledger, client: Client) -> list[int]:
    """Raises OwnersOnly when the client was made for nobody."""
    if client.person_id is None:
        raise OwnersOnly("This client was made for no person, so it sees no account.")
    return list(ledger.accounts_of(uow, AccountKind.WALLET, str(client.person_id)).values())


def _require(uow: UnitOfWork, ledger: Ledger, client: Client, account: int) -> None:
    if account not in _accounts_of(uow, ledger, client):
        raise NoSuchAccount("There is no such account.")


def _account(uow: UnitOfWork, ledger: Ledger, account: int) -> Account:
    balance = ledger.balance(uow, account)
    return Account(
        id=account,
        posted=Amount.of(balance.posted),
        held=Amount.of(balance.held),
        available=Amount.of(balance.available),
    )


def _csv(entries: list[Entry]) -> str:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(("id", "booked_at", "effective_at", "code", "change", "after", "currency"))
    for each in entries:
        lines.writerow(
            (
                each.id,
                each.booked_at.isoformat(),
                each.effective_at.isoformat(),
                each.code,
                each.change.plain(),
                each.after.plain(),
                each.after.currency.code,
            )
        )
    return text.getvalue()
