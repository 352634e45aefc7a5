"""Public figures: what is issued, what backs it, what is owed. Totals only, nobody's balance."""

from dataclasses import dataclass

from juapesa.db import UnitOfWork
from juapesa.ledger import AccountKind, Ledger
from juapesa.ledger.engine.verify import examine
from juapesa.money import Currency, Money, local_currency_of


@dataclass(frozen=True, slots=True)
class TokenFigures:
    """One issued token. ``custody`` is our float at the operator as our books have it.

    ``in_pools`` is that part of the supply that the pools own.
    """

    token: Currency
    supply: Money
    in_pools: Money
    custody: Money
    owed_to_customers: Money


@dataclass(frozen=True, slots=True)
class Figures:
    """All tokens, and whether the ledger's whole history and all its balances verify."""

    books_balanced: bool
    faults: tuple[str, ...]
    tokens: tuple[TokenFigures, ...]


def figures(snapshot: UnitOfWork, ledger: Ledger, issued: dict[Currency, str]) -> Figures:
    """Compute the figures from one snapshot. ``issued``: each issued token, and the rail of its custody."""
    verdict = examine(snapshot)
    tokens = tuple(_token(snapshot, ledger, token, rail) for token, rail in issued.items())
    return Figures(verdict.ok, () if verdict.first_fault is None else (verdict.first_fault,), tokens)


def _token(snapshot: UnitOfWork, ledger: Ledger, token: Currency, rail: str) -> TokenFigures:
    local = local_currency_of(token)
    return TokenFigures(
        token,
        supply=_posted(snapshot, ledger, AccountKind.CHAIN_SUPPLY, "", token),
        in_pools=_posted(snapshot, ledger, AccountKind.CHAIN_POOL, "", token),
        custody=_posted(snapshot, ledger, AccountKind.FLOAT, rail, local),
        owed_to_customers=ledger.total(snapshot, AccountKind.WALLET, local),
    )


def _posted(snapshot: UnitOfWork, ledger: Ledger, kind: AccountKind, owner: str, unit: Currency) -> Money:
    account = ledger.find_account(snapshot, kind, owner, unit)
    return Money.zero(unit) if account is None else ledger.balance(snapshot, account).posted
