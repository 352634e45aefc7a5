"""Expected failures that only the engine knows, beside those of ``juapesa.ledger.errors``."""

from juapesa.errors import Conflict, JuaError, NotFound, Unavailable


class UnknownTransfer(NotFound):
    """No such transfer, or a row that moved nothing."""

    slug = "unknown-transfer"


class AlreadyReversed(Conflict):
    """A transfer is reversed once."""

    slug = "already-reversed"


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
