"""People, phone numbers and PINs."""

from juapesa.wallet.countries import COUNTRIES, LANGUAGES, Country
from juapesa.wallet.errors import UnknownLanguage, UnknownNumber, UnknownPerson, WeakPin
from juapesa.wallet.people import People, Person, PinCheck
from juapesa.wallet.phones import Phone, parse_phone
from juapesa.wallet.pins import PinPolicy

__all__ = [
    "COUNTRIES",
    "LANGUAGES",
    "Country",
    "People",
    "Person",
    "Phone",
    "PinCheck",
    "PinPolicy",
    "UnknownLanguage",
    "UnknownNumber",
    "UnknownPerson",
    "WeakPin",
    "parse_phone",
]
