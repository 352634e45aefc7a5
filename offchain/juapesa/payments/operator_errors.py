"""Failures of payments that only operators meet: at a command, or when capital is booked."""

from juapesa.errors import Conflict, NotAllowed


class FloatBooked(Conflict):
    """The opening float of an operator is on record with another amount."""

    slug = "float-booked"


class NotStuck(Conflict):
    """The leg has ended or is within its time: there is nothing to release."""

    slug = "not-stuck"


class TokenNeeded(NotAllowed):
    """What takes two people is decided by name: each shows a token of their own."""

    slug = "operator-token-needed"


class NotSafe(Conflict):
    """This decision could pay twice or lose money from sight; ``detail`` names those that cannot."""

    slug = "not-safe"
