"""An amount of money, and the only ways to change it."""

import re
from dataclasses import dataclass
from typing import Self

from juapesa.errors import InvalidInput
from juapesa.money.currencies import Currency

# PostgreSQL's bigint and Hedera's token amounts are both int64.
MINOR_UNITS_MAX = 2**63 - 1

_PLAIN_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,18})(?:\.([0-9]{1,18}))?", re.ASCII)


class NotMoney(InvalidInput):
    """The text or number is not an amount in that currency."""

    slug = "not-money"


@dataclass(frozen=True, slots=True)
class Money:
    """``minor`` minor units of ``currency``; may be negative, always fits an int64."""

    minor: int
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, not {type(self.minor).__name__}")
        if abs(self.minor) > MINOR_UNITS_MAX:
            raise NotMoney("The amount is too large.")

    @classmethod
    def parse(cls, text: str, currency: Currency) -> Self:
        """Read a plain decimal such as ``1000`` or ``12.50``.

        Refuses signs, exponents, separators, spaces, other digits than 0-9 and more
        decimals than the currency has. Raises NotMoney.
        """
        match = _PLAIN_DECIMAL.fullmatch(text)
        if match is None:
            raise NotMoney("Enter the amount in digits, for example 1000.")
        whole, fraction = match[1], match[2] or ""
        kept, rest = fraction[: currency.exponent], fraction[currency.exponent :]
        if rest.strip("0"):
            raise NotMoney(f"{currency.code} has {currency.exponent} decimals at most.")
        return cls(int(whole) * currency.scale + int(kept.ljust(currency.exponent, "0") or 0), currency)

    @classmethod
    def whole(cls, units: int, currency: Currency) -> Self:
        """``units`` whole units of the currency."""
        return cls(units * currency.scale, currency)

    @classmethod
    def zero(cls, currency: Currency) -> Self:
        """Nothing."""
        return cls(0, currency)

    def plain(self) -> str:
        """A plain decimal without separators, with all the currency's decimals: ``1000.00``."""
        return self._digits(separator="")

    def __str__(self) -> str:
        """For people: ``1,000.00 KES``."""
        return f"{self._digits(separator=',')} {self.currency.code}"

    def __add__(self, other: Self) -> Self:
        return type(self)(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.minor, self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Self) -> bool:
        return self.minor <= self._same(other).minor

    def __gt__(self, other: Self) -> bool:
        return self.minor > self._same(other).minor

    def __ge__(self, other: Self) -> bool:
        return self.minor >= self._same(other).minor

    def ppm_up(self, parts_per_million: int) -> Self:
        """That many millionths of this amount, rounded away from zero towards the larger fee."""
        size = -(-abs(self.minor) * parts_per_million // 1_000_000)
        return type(self)(-size if self.minor < 0 else size, self.currency)

    def rescaled_down(self, to: Currency) -> Self:
        """The same number of whole units in another currency's minor units, rounded down.

        For a currency and its own token (KES cents ↔ cKES millionths); it converts no value.
        """
        return type(self)(self.minor * to.scale // self.currency.scale, to)

    def rescaled_up(self, to: Currency) -> Self:
        """As ``rescaled_down``, rounded up."""
        return type(self)(-(-self.minor * to.scale // self.currency.scale), to)

    def floored_to(self, step_minor: int) -> Self:
        """The largest multiple of ``step_minor`` not above this amount."""
        return type(self)(self.minor // step_minor * step_minor, self.currency)

    def _same(self, other: Self) -> Self:
        if other.currency != self.currency:
            raise TypeError(f"{self.currency.code} and {other.currency.code} do not add up")
        return other

    def _digits(self, separator: str) -> str:
        sign = "-" if self.minor < 0 else ""
        whole, fraction = divmod(abs(self.minor), self.currency.scale)
        digits = f"{whole:,}".replace(",", separator)
        decimals = f".{fraction:0{self.currency.exponent}d}" if self.currency.exponent else ""
        return f"{sign}{digits}{decimals}"
