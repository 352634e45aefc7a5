"""Expected failures of the ledger; none of them ends the caller's unit of work."""

from juapesa.errors import Conflict, InvalidInput, NotFound


class NotATransfer(InvalidInput):
    """Not positive, both sides the same account, or nothing to book."""

    slug = "not-a-transfer"


class LimitExceeded(Conflict):
    """An available balance would leave its limits, or a hold cannot give that much; nothing was booked."""

    slug = "limit-exceeded"


class KeyReused(Conflict):
    """The key was used for another order; the caller has a bug or an impostor."""

    slug = "key-reused"


class UnknownAccount(NotFound):
    """No such account in that currency."""

    slug = "unknown-account"


class UnknownHold(NotFound):
    """No such hold."""

    slug = "unknown-hold"


class HoldEnded(Conflict):
    """The hold was already captured, released or has expired."""

    slug = "hold-ended"
