"""Expected failures of issuance."""

from juapesa.errors import Conflict, NotAllowed, NotFound


class UnknownItem(NotFound):
    slug = "unknown-item"


class ItemReused(Conflict):
    """The id stands for other orders already."""

    slug = "item-reused"


class NotAnAttester(NotAllowed):
    slug = "not-an-attester"
