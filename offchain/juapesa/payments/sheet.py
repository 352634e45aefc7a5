"""A payment at work: as it is on record, and what has been decided about it and is not yet written down.

The steps of many payments run on sheets in memory; ``execution`` then writes all of them down with a few
statements. A sheet that is thrown away has changed nothing.
"""

import uuid
from datetime import datetime
from typing import Any

from msgspec import Struct, field, structs

from juapesa.ledger import LedgerOrder
from juapesa.payments.bookings import Entry, Parties
from juapesa.payments.domain import Status
from juapesa.payments.saga import Leg, LegKind, LegState, Saga, Tell


class LegRow(Struct, frozen=True):
    """A leg as it is on record; changed and written down so often that it is not a dataclass."""

    payment_id: int
    seq: int
    kind: LegKind
    state: LegState
    reference: str
    handle: str | None = None
    receipt: str | None = None
    code: str = ""  # the operator's last word
    hold_id: int | None = None
    asked_at: datetime | None = None
    next_at: datetime | None = None  # when something is to be done about it; None: never
    lease_until: datetime | None = None
    lease_by: int | None = None  # the worker that has claimed it last
    leases: int = 0  # how often it was claimed: names the lease that its claimer has
    attempts: int = 0
    stumbles: int = 0  # steps in a row that raised
    stumbled_on: str | None = None
    given_up_at: datetime | None = None  # when we last gave up on a collection: anew after a standstill


class Posting(Struct, frozen=True):
    """Linked entries to be booked under a key."""

    key: str
    entries: tuple[Entry, ...]


class Reservation(Struct, frozen=True):
    """Money to be set aside for a leg."""

    key: str
    seq: int
    entry: Entry


class Happening(Struct, frozen=True):
    """A line of the payment's history. ``detail`` holds no phone number and no name."""

    payment_id: int
    at: datetime
    name: str
    detail: str = ""
    seq: int | None = None


class Frame(Struct, frozen=True):
    """What never changes about a payment."""

    payment_id: int
    code: str
    person_id: int
    from_rail: str
    to_rail: str | None
    to_phone_sealed: bytes | None

    @property
    def parties(self) -> Parties:
        """Who stands at both ends."""
        return Parties(self.person_id, self.from_rail, self.to_rail)


class Sheet(Struct):
    """One payment. ``saga`` is what the rules see of it; its legs are those of ``legs``."""

    frame: Frame
    terms: Saga  # with the legs as they were when the sheet was opened
    status: Status
    needs_operator: str | None
    call_ends_with: int | None
    legs: dict[int, LegRow]
    ended_at: datetime | None = None
    is_changed: bool = False  # its own row
    wakes: bool = False  # a rail leg has become due
    changed: set[int] = field(default_factory=set)  # legs
    added: set[int] = field(default_factory=set)  # legs that are not on record yet
    happened: list[Happening] = field(default_factory=list)
    bookings: list[Posting | Reservation | LedgerOrder] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)  # legs to be ordered from the chain
    messages: list[Tell] = field(default_factory=list)

    @property
    def payment_id(self) -> int:
        return self.frame.payment_id

    @property
    def saga(self) -> Saga:
        """What the rules see, as it now is."""
        legs = tuple(Leg(each.seq, each.kind, each.state) for each in self.legs.values())
        return structs.replace(self.terms, status=self.status, legs=legs)

    def leg(self, seq: int) -> LegRow:
        """The leg with this number; it exists."""
        return self.legs[seq]

    def last(self, kind: LegKind) -> LegRow | None:
        """The newest leg of this kind."""
        return next((leg for leg in reversed(self.legs.values()) if leg.kind is kind), None)

    def set_leg(self, seq: int, **columns: Any) -> None:
        """Change columns of a leg."""
        self.legs[seq] = structs.replace(self.legs[seq], **columns)
        self.changed.add(seq)

    def add_leg(self, kind: LegKind) -> int:
        """One more leg at the end, with a reference of its own; its number."""
        seq = len(self.legs)
        self.legs[seq] = LegRow(self.payment_id, seq, kind, LegState.WAITING, str(uuid.uuid4()))
        self.added.add(seq)
        return seq

    def set_status(self, status: Status, ended_at: datetime | None) -> None:
        self.status, self.ended_at, self.is_changed = status, ended_at, True

    def call_operator(self, why: str | None, until_end_of: int | None = None) -> None:
        """``None``: nobody is called any more. ``until_end_of`` is the leg whose end ends the call."""
        self.needs_operator, self.call_ends_with, self.is_changed = why, until_end_of, True

    def add_event(self, at: datetime, name: str, detail: str = "", seq: int | None = None) -> None:
        """Add a line to the payment's history. ``detail`` holds no phone number and no name."""
        self.happened.append(Happening(self.payment_id, at, name, detail, seq))

    def copy(self) -> "Sheet":
        """As it is now, to go back to when a step raises."""
        return structs.replace(
            self,
            legs=dict(self.legs),
            changed=set(self.changed),
            added=set(self.added),
            happened=list(self.happened),
            bookings=list(self.bookings),
            chain=list(self.chain),
            messages=list(self.messages),
        )
