"""Failures of payments that a customer can meet. Every ``detail`` fits one USSD screen."""

from juapesa.errors import Conflict, InvalidInput, NotFound, Unavailable


class AmountTooSmall(InvalidInput):
    slug = "amount-too-small"


class AmountTooLarge(InvalidInput):
    slug = "amount-too-large"


class AmountNotWhole(InvalidInput):
    """The operator moves whole units only."""

    slug = "amount-not-whole"


class InsufficientFunds(Conflict):
    slug = "insufficient-funds"


class UnknownDestination(InvalidInput):
    """No operator that we reach serves this number."""

    slug = "unknown-destination"


class SameParty(InvalidInput):
    slug = "same-party"


class PriceUnavailable(Unavailable):
    """The far side's float does not hold that much."""

    slug = "price-unavailable"


class QuoteExpired(Conflict):
    slug = "quote-expired"


class UnknownPayment(NotFound):
    slug = "unknown-payment"
