"""Expected failures of the wallet. Every ``detail`` fits one USSD screen and repeats nothing private."""

from juapesa.errors import InvalidInput, NotFound


class UnknownNumber(InvalidInput):
    """Not a mobile number of a country that we serve."""

    slug = "unknown-number"


class UnknownPerson(NotFound):
    slug = "unknown-person"


class WeakPin(InvalidInput):
    """Not four digits, or among the first that anybody would guess."""

    slug = "weak-pin"


class UnknownLanguage(InvalidInput):
    slug = "unknown-language"
