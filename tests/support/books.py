"""Builders for tests that keep books."""

import itertools
from dataclasses import dataclass, field

from juapesa.db import Database, UnitOfWork
from juapesa.ledger import AccountKind, Ledger, Posting, Transfer
from juapesa.ledger.engine.verify import examine
from juapesa.money import KES, Currency, Money

_numbers = itertools.count(1)


def kes(whole: int) -> Money:
    """Whole shillings."""
    return Money.whole(whole, KES)


@dataclass(frozen=True, slots=True)
class Books:
    """A ledger with a filled float and wallets to pay from."""

    database: Database
    ledger: Ledger = field(default_factory=Ledger)

    def wallet(self, person: int, amount: Money | None = None) -> int:
        """A person's wallet, holding ``amount`` out of capital."""
        unit = amount.currency if amount else KES
        with self.database.unit_of_work() as uow:
            account = self.ledger.account(uow, AccountKind.WALLET, str(person), unit)
            if amount is not None:
                capital = self.ledger.account(uow, AccountKind.CAPITAL, "", unit)
                self.post(uow, Transfer(capital, account, amount, "grant"))
        return account

    def house(self, kind: AccountKind, owner: str = "", unit: Currency = KES) -> int:
        """A house account."""
        with self.database.unit_of_work() as uow:
            return self.ledger.account(uow, kind, owner, unit)

    def post(self, uow: UnitOfWork, *transfers: Transfer) -> Posting:
        """Book under a key of its own."""
        return self.ledger.post(uow, f"test:{next(_numbers)}", transfers)

    def available(self, account: int) -> Money:
        with self.database.unit_of_work() as uow:
            return self.ledger.balance(uow, account).available

    def assert_balanced(self) -> None:
        """Every money test ends here."""
        assert_books_verify(self.database)


def assert_books_verify(database: Database) -> None:
    """Every row, list, hold, limit, balance and hash of a database's books fits the others."""
    with database.snapshot() as snapshot:
        verdict = examine(snapshot)
    assert verdict.ok, verdict.first_fault
