"""The countries that we serve, as data."""

from dataclasses import dataclass

from juapesa.money import KES, NGN, Currency

LANGUAGES = ("en", "sw")


@dataclass(frozen=True, slots=True)
class Country:
    """``rail`` is the adapter's name, ``label`` what people call it."""

    code: str  # ISO 3166 alpha-2
    currency: Currency
    rail: str
    label: str
    language: str  # of a new person, until they choose


COUNTRIES: dict[str, Country] = {
    each.code: each
    for each in (
        Country("KE", KES, "mpesa-ke", "M-Pesa", "en"),
        Country("NG", NGN, "momo-ng", "MTN MoMo", "en"),
    )
}
