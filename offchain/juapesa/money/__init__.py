"""Money: integers in the currency's minor unit, never a float."""

from juapesa.money.amounts import Money, NotMoney
from juapesa.money.currencies import (
    CKES,
    CNGN,
    CURRENCIES,
    KES,
    NGN,
    USDC,
    XAUT,
    Currency,
    UnknownCurrency,
    currency,
    local_currency_of,
    token_of,
)

__all__ = [
    "CKES",
    "CNGN",
    "CURRENCIES",
    "KES",
    "NGN",
    "USDC",
    "XAUT",
    "Currency",
    "Money",
    "NotMoney",
    "UnknownCurrency",
    "currency",
    "local_currency_of",
    "token_of",
]
