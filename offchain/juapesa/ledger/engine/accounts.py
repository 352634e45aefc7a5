"""An account and an open hold as the books keep them in memory."""

from dataclasses import dataclass

from juapesa.ledger.domain import AMOUNT_MINOR_MAX


class Account:
    """Minor units in the normal direction. ``side`` 1 debit-normal, -1 credit-normal."""

    __slots__ = (
        "ceiling",
        "currency",
        "entries",
        "floor",
        "held",
        "id",
        "incoming",
        "last",
        "posted",
        "side",
    )

    def __init__(self, number: int, currency: str, side: int, floor: int | None, ceiling: int | None) -> None:
        self.id = number
        self.currency = currency
        self.side = side
        self.floor = -AMOUNT_MINOR_MAX if floor is None else floor
        self.ceiling = AMOUNT_MINOR_MAX if ceiling is None else ceiling
        self.posted = self.held = self.incoming = self.entries = self.last = 0

    def moved(self, change: int) -> bool:
        """Add to the posted balance if the limits allow it."""
        after = self.posted + change
        if (change < 0 and after - self.held < self.floor) or (
            change > 0 and after + self.incoming > self.ceiling
        ):
            return False
        self.posted = after
        return True

    def reserved(self, change: int) -> bool:
        """Set aside what would leave (negative) or come, if the limits allow it."""
        if change < 0:
            self.held -= change
            fits = self.posted - self.held >= self.floor
        else:
            self.incoming += change
            fits = self.posted + self.incoming <= self.ceiling
        if not fits:
            self.give_back(change)
        return fits

    def give_back(self, change: int) -> None:
        """Undo a reservation."""
        if change < 0:
            self.held += change
        else:
            self.incoming -= change


@dataclass(slots=True)
class OpenHold:
    """``left`` is what is still set aside."""

    id: int
    debit: int
    credit: int
    left: int
    code: int
    expires: int  # microseconds since 1970
