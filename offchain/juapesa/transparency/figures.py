"""Public figures: what is issued, what backs it, what is owed. Totals only, nobody's balance."""

from dataclasses import dataclass

from juapesa.db import UnitOfWork
from juapesa.ledger import AccountKind, Ledger
from juapesa.money import Currency, Money, local_currency_of


@dataclass(frozen=True, slots=True)
class TokenFigures:
    """One issued token. ``custody`` is our float at the operator as our books have it."""

    token: Currency
    supply: Money
    custody: Money
    owed_to_customers: Money


@dataclass(frozen=True, slots=True)
class Figures:
    """All tokens, and whether every balance of the ledger follows from its entries."""

    books_balanced: bool
    faults: tuple[str, ...]
    tokens: tuple[TokenFigures, ...]


def figures(uow: UnitOfWork, ledger: Ledger, issued: dict[Currency, str]) -> Figures:
    """Compute the figures now. ``issued`` maps each issued token to the rail that holds its custody."""
    trial = ledger.trial(uow)
    tokens = tuple(_token(uow, ledger, token, rail) for token, rail in issued.items())
    return Figures(trial.balanced, tuple(trial.faults), tokens)


def _token(uow: UnitOfWork, ledger: Ledger, token: Currency, rail: str) -> TokenFigures:
    local = local_currency_of(token)
    supply = ledger.balance(uow, ledger.account(uow, AccountKind.CHAIN_SUPPLY, "", token)).posted
    custody = ledger.balance(uow, ledger.account(uow, AccountKind.FLOAT, rail, local)).posted
    return TokenFigures(token, supply, custody, ledger.total(uow, AccountKind.WALLET, local))
