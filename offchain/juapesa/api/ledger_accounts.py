"""The accounts between which programs of the house book: found by what they are for, or opened."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from juapesa.api.clients import Client, Scope
from juapesa.api.gate import Gate
from juapesa.api.ledger_rules import require_house
from juapesa.api.payment_examples import problems
from juapesa.api.payment_models import Given
from juapesa.api.read_examples import shown
from juapesa.api.shapes import CURRENCY, OUR_OWNER
from juapesa.db import Database
from juapesa.ledger import AccountKind, AccountName, Balance, Ledger
from juapesa.money import currency

PAGE_ACCOUNTS_MAX = 200
OWNER_CHARACTERS_MAX = 80

NewKind = Literal["merchant", "agent", "group", "escrow", "promotional", "commission", "refund-reserve"]
OpenKind = Literal["wallet", NewKind]  # who gets a wallet is not a program's to say
Owner = Annotated[str, Field(pattern=OUR_OWNER, examples=["house:lottery"])]
Unit = Annotated[str, Field(pattern=CURRENCY, examples=["KES"])]


class BookAccount(BaseModel):
    """An account as orders name it. Amounts are minor units of its currency, as in orders.

    ``available`` is what is posted and not held; ``incoming`` what open holds would bring.
    """

    id: int
    kind: str
    owner: str
    currency: str
    posted: int
    held: int
    available: int
    incoming: int

    @classmethod
    def of(cls, number: int, name: AccountName, balance: Balance) -> Self:
        return cls(
            id=number,
            kind=name.kind,
            owner=name.owner,
            currency=name.currency.code,
            posted=balance.posted.minor,
            held=balance.held.minor,
            available=balance.available.minor,
            incoming=balance.incoming.minor,
        )


class AccountPage(BaseModel):
    """Accounts, oldest first; ``next`` is the cursor of the page after, null at the end."""

    accounts: list[BookAccount]
    next: int | None


class Opening(Given):
    """What an account is for, whose, and in which currency; an owner is nobody or begins with `house:`."""

    kind: NewKind
    owner: Owner = ""
    currency: Unit


def ledger_account_routes(db: Database, gate: Gate, ledger: Ledger) -> APIRouter:
    """`GET` and `POST /api/ledger/accounts`, for clients with `ledger:write` that were made for no person."""
    router = APIRouter(prefix="/api/ledger/accounts", tags=["ledger"], responses=problems())
    Program = Annotated[Client, Depends(gate.needs(Scope.LEDGER_WRITE))]  # noqa: N806 - a type

    @router.get("", responses=shown("book-accounts"))
    def find(
        client: Program,
        kind: OpenKind,
        owner: Annotated[str | None, Query(max_length=OWNER_CHARACTERS_MAX)] = None,
        unit: Annotated[Unit | None, Query(alias="currency")] = None,
        cursor: Annotated[int, Query(ge=0, le=2**62)] = 0,
        limit: Annotated[int, Query(ge=1, le=PAGE_ACCOUNTS_MAX)] = 50,
    ) -> AccountPage:
        """Accounts of a kind that is open to programs, perhaps of one owner or in one currency."""
        require_house(client)
        wanted = None if unit is None else currency(unit)
        with db.unit_of_work() as uow:
            found = ledger.find_accounts(uow, AccountKind(kind), owner, wanted, after=cursor, limit=limit + 1)
            listed = [*found][:limit]
            balances = ledger.balances(uow, listed)
        return AccountPage(
            accounts=[BookAccount.of(each, found[each], balances[each]) for each in listed],
            next=listed[-1] if len(found) > limit else None,
        )

    @router.post("", responses=shown("book-account"))
    def open_one(client: Program, asked: Opening) -> BookAccount:
        """Open an account, or find it if it is there, so the same may be sent again."""
        require_house(client)
        name = AccountName(AccountKind(asked.kind), asked.owner, currency(asked.currency))
        with db.unit_of_work() as uow:
            number = ledger.accounts(uow, [name])[name]
            return BookAccount.of(number, name, ledger.balance(uow, number))

    return router
