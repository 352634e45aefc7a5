"""Expected failures of issuance."""

from juapesa.errors import Conflict, InvalidInput, NotAllowed, NotFound


class UnknownItem(NotFound):
    slug = "unknown-item"


class ItemReused(Conflict):
    """The id stands for other orders already."""

    slug = "item-reused"


class NotAnAttester(NotAllowed):
    slug = "not-an-attester"


class StatementExpired(InvalidInput):
    """The statement's life is over; a fresh one is on its way."""

    slug = "statement-expired"


class AnotherRelayer(Conflict):
    """Another process with the same key was quicker; what it sent is followed next."""

    slug = "another-relayer"


class MirrorDiverged(Conflict):
    """The mirror's supply is not the registry's: an event is missing or was booked twice."""

    slug = "mirror-diverged"
