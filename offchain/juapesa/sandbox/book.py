"""An operator's own accounts in one currency: people, our organisation, its earnings.

Money enters only from the account ``outside``, which goes below zero; so the sum over all
accounts is zero, always, and any test can check it.
"""

from juapesa.money import Currency, Money
from juapesa.sandbox.store import Store

OUTSIDE = "outside"


class Book:
    """Balances by account name."""

    def __init__(self, currency: Currency, store: Store, space: str) -> None:
        self.currency = currency
        self._store = store
        self._space = f"{space}/book/{currency.code}"
        self._minor = {name: int(row["minor"]) for name, row in store.load(self._space).items()}

    def open(self, account: str, opening: Money) -> None:
        """Make sure that the account exists; a new one is given ``opening`` from outside."""
        if account not in self._minor:
            self._minor[account] = 0
            self.move(OUTSIDE, account, opening)

    def move(self, source: str, target: str, amount: Money) -> None:
        """Move money. The caller has checked that there is enough; the sum cannot change."""
        assert amount.currency == self.currency, "one book, one currency"
        assert amount.minor >= 0, "money moves forwards"
        self._add(source, -amount.minor)
        self._add(target, amount.minor)

    def balance(self, account: str) -> Money:
        """What the account holds; nothing when it was never opened."""
        return Money(self._minor.get(account, 0), self.currency)

    def covers(self, account: str, amount: Money) -> bool:
        """Whether the account holds at least this much."""
        return self.balance(account) >= amount

    def accounts(self, prefix: str = "") -> dict[str, Money]:
        """Balances of the accounts whose name starts so, by the rest of the name."""
        return {
            name.removeprefix(prefix): Money(minor, self.currency)
            for name, minor in sorted(self._minor.items())
            if name.startswith(prefix)
        }

    def total(self) -> Money:
        """The sum of everything: zero."""
        return Money(sum(self._minor.values()), self.currency)

    def _add(self, account: str, minor: int) -> None:
        self._minor[account] = self._minor.get(account, 0) + minor
        self._store.put(self._space, account, {"minor": self._minor[account]})
