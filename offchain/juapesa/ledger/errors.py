"""Expected failures of the ledger; none of them ends the caller's unit of work."""

from juapesa.errors import Conflict, InvalidInput, JuaError, NotFound, Unavailable


class NotATransfer(InvalidInput):
    """Not positive, both sides the same account, or nothing to book."""

    slug = "not-a-transfer"


class LimitExceeded(Conflict):
    """An available balance would leave its limits, or a hold cannot give that much; nothing was booked."""

    slug = "limit-exceeded"


class KeyReused(Conflict):
    """The key was used for another order; the caller has a bug or an impostor."""

    slug = "key-reused"
    http_status = 422  # as the IETF's draft for Idempotency-Key has it; 409 is for a twin that is under way


class UnknownAccount(NotFound):
    """No such account in that currency."""

    slug = "unknown-account"


class UnknownHold(NotFound):
    """No such hold."""

    slug = "unknown-hold"


class HoldEnded(Conflict):
    """The hold was already captured, released or has expired."""

    slug = "hold-ended"


class UnknownTransfer(NotFound):
    """No such transfer, or a row that moved nothing."""

    slug = "unknown-transfer"


class AlreadyReversed(Conflict):
    """A transfer is reversed once."""

    slug = "already-reversed"


class MonthArchived(Conflict):
    """The rows that this needs are archived; restore their month first."""

    slug = "month-archived"


class Busy(JuaError):
    """The writer's queue is full; the same order with the same key may be sent again a little later."""

    slug = "ledger-busy"
    http_status = 429


class WriterUnreachable(Unavailable):
    """No answer from the writer: the order may or may not be booked; send it again with the same key."""

    slug = "ledger-unreachable"


class WriterRefused(Unavailable):
    """This process may not write: another writer holds the books, or what is stored contradicts itself."""

    slug = "ledger-writer-refused"
