"""The currencies we know, each with the number of digits after its point.

Exponents of national currencies are those of ISO 4217; every token has six decimals,
because a token amount on Hedera is an int64.
"""

from dataclasses import dataclass

from juapesa.errors import InvalidInput


class UnknownCurrency(InvalidInput):
    """The code names no currency that we handle."""

    slug = "unknown-currency"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency or token. ``exponent`` is the number of decimal digits of its minor unit."""

    code: str
    exponent: int

    @property
    def scale(self) -> int:
        """Minor units in one whole unit."""
        return int(10**self.exponent)

    def __str__(self) -> str:
        return self.code

    def __hash__(self) -> int:
        return hash(self.code)  # keys of accounts and amounts hold one each


KES = Currency("KES", 2)
NGN = Currency("NGN", 2)
GHS = Currency("GHS", 2)
UGX = Currency("UGX", 0)
RWF = Currency("RWF", 0)
XOF = Currency("XOF", 0)
USDC = Currency("USDC", 6)
CKES = Currency("cKES", 6)
CNGN = Currency("cNGN", 6)
XAUT = Currency("XAUt", 6)  # a fine troy ounce of gold; pools trade it, and no customer's account holds it

CURRENCIES: dict[str, Currency] = {
    each.code: each for each in (KES, NGN, GHS, UGX, RWF, XOF, USDC, CKES, CNGN, XAUT)
}

_TOKENS = {KES: CKES, NGN: CNGN, USDC: USDC}
_LOCAL = {token: local for local, token in _TOKENS.items()}


def currency(code: str) -> Currency:
    """The currency with this exact code.

    Raises UnknownCurrency.
    """
    try:
        return CURRENCIES[code]
    except KeyError:
        known = ", ".join(CURRENCIES)
        raise UnknownCurrency(f"{code[:12]!r} is not a currency we handle; use one of {known}.") from None


def token_of(local: Currency) -> Currency:
    """The token that stands for a currency on chain (KES → cKES, USDC → USDC).

    Raises UnknownCurrency when no token is issued for it.
    """
    try:
        return _TOKENS[local]
    except KeyError:
        raise UnknownCurrency(f"No token is issued for {local.code}.") from None


def local_currency_of(token: Currency) -> Currency:
    """The currency that a token stands for (cKES → KES).

    Raises UnknownCurrency when the token stands for none.
    """
    try:
        return _LOCAL[token]
    except KeyError:
        raise UnknownCurrency(f"{token.code} is not one of our tokens.") from None
