"""Phone numbers as people type them."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from juapesa.wallet.countries import COUNTRIES
from juapesa.wallet.errors import UnknownNumber

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_TYPED = re.compile(r"\+?[0-9][0-9 ()-]{5,22}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Phone:
    """A mobile number in E.164 (``+254…``, not shown in a repr) and its country (``KE``)."""

    e164: str = field(repr=False)
    country: str


def parse_phone(text: str, home_country: str | None) -> Phone:
    """Read ``0712…`` (of ``home_country``), ``254712…``, ``00254712…`` or ``+254712…``.

    Spaces, dashes and brackets are allowed. Raises UnknownNumber for anything but a mobile number
    of a country in COUNTRIES.
    """
    typed = text.strip(" ")
    if _TYPED.fullmatch(typed) is None:
        raise UnknownNumber("That is not a phone number. Enter it like 0712345678 or +254712345678.")
    for candidate, region in _readings(typed, home_country):
        found = _valid(candidate, region)
        if found is not None:
            return _mobile(found)
    raise UnknownNumber("We do not know that phone number. Check it and try again.")


def _readings(typed: str, home_country: str | None) -> list[tuple[str, str | None]]:
    """What the digits may mean, likeliest first."""
    if typed.startswith("+"):
        return [(typed, None)]
    if typed.startswith("00"):
        return [("+" + typed[2:], None)]
    national = [(typed, home_country)] if home_country else []
    return [*national, ("+" + typed, None)]


def _valid(text: str, region: str | None) -> "PhoneNumber | None":
    import phonenumbers  # noqa: PLC0415 - 0.1 s and 10 MB, for those who read numbers only

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _mobile(number: "PhoneNumber") -> Phone:
    import phonenumbers  # noqa: PLC0415

    country = phonenumbers.region_code_for_number(number)
    if country not in COUNTRIES:
        raise UnknownNumber("We do not serve that country yet.")
    kinds = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    if phonenumbers.number_type(number) not in kinds:
        raise UnknownNumber("That is not a mobile number.")
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), country)
