"""What can be asked of the books, and what they answer; also the wire format, as JSON.

Amounts are minor units of the ``currency`` beside them, times are aware. Every order carries a key:
the same key with the same content gets the first answer again, with other content it is refused.
None of these can be part of a cycle, so the garbage collector need not look at them.
"""

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from juapesa.errors import JuaError
from juapesa.ledger.domain import AMOUNT_MINOR_MAX, CODE_CHARACTERS_MAX, KEY_CHARACTERS_MAX, LINES_MAX
from juapesa.ledger.errors import (
    AlreadyReversed,
    HoldEnded,
    KeyReused,
    LimitExceeded,
    NotATransfer,
    UnknownAccount,
    UnknownHold,
    UnknownTransfer,
)

Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Minor = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Key = Annotated[str, Meta(min_length=1, max_length=KEY_CHARACTERS_MAX)]
Code = Annotated[str, Meta(min_length=1, max_length=CODE_CHARACTERS_MAX)]
At = Annotated[datetime, Meta(tz=True)]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Kind(IntEnum):
    """What a row of the books is; the number is stored and hashed."""

    TRANSFER = 1
    HOLD = 2
    CAPTURE = 3  # a part; the rest stays held
    CAPTURE_LAST = 4  # a part; the rest is given back
    CAPTURE_REST = 5  # all that is left
    RELEASE = 6
    EXPIRE = 7
    REVERSAL = 8


MOVING = frozenset({Kind.TRANSFER, Kind.CAPTURE, Kind.CAPTURE_LAST, Kind.CAPTURE_REST, Kind.REVERSAL})


class Line(Struct, frozen=True, gc=False):
    """Move ``amount`` from the debit to the credit account. ``effective_at`` None: when it is booked."""

    debit: Id
    credit: Id
    amount: Minor
    currency: str
    code: Code
    effective_at: At | None = None


class Post(Struct, frozen=True, gc=False, tag_field="do", tag="post"):
    """Book all lines or none."""

    key: Key
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=LINES_MAX)]


class PlaceHold(Struct, frozen=True, gc=False, tag_field="do", tag="hold"):
    """Set an amount aside for the credit account until it is captured, released or expires."""

    key: Key
    debit: Id
    credit: Id
    amount: Minor
    currency: str
    code: Code
    expires_at: At


class Capture(Struct, frozen=True, gc=False, tag_field="do", tag="capture"):
    """Book a part of a hold, or with ``amount`` None all that is left. ``last`` gives back the rest."""

    key: Key
    hold: Id
    amount: Minor | None = None
    last: bool = False


class Release(Struct, frozen=True, gc=False, tag_field="do", tag="release"):
    """Give back what is left of a hold."""

    key: Key
    hold: Id


class Reverse(Struct, frozen=True, gc=False, tag_field="do", tag="reverse"):
    """Book a transfer the other way round; once for each transfer."""

    key: Key
    transfer: Id
    code: Code = "reversal"


class Expire(Struct, frozen=True, gc=False, tag_field="do", tag="expire"):
    """The house's own: end a hold whose time has come. Not on the wire."""

    key: str
    hold: int


Order = Post | PlaceHold | Capture | Release | Reverse | Expire
WireOrder = Post | PlaceHold | Capture | Release | Reverse


ORDERS_MAX = 1_000  # in one request
WireOrders = Annotated[list[WireOrder], Meta(min_length=1, max_length=ORDERS_MAX)]
_one = msgspec.json.Decoder(WireOrder)
_many = msgspec.json.Decoder(WireOrders)


def orders_in(body: bytes) -> WireOrder | list[WireOrder]:
    """One order or a list of them. Raises msgspec.DecodeError, UnicodeDecodeError."""
    return _one.decode(body) if body[:1] == b"{" else _many.decode(body)


class Moved(Struct, frozen=True, gc=False):
    """One row that was booked: its id and both balances after it, minor units in normal direction."""

    id: int
    debit_after: int
    credit_after: int


class Done(Struct, frozen=True, gc=False):
    """The rows of an order. ``repeated``: they are those of its first time."""

    rows: tuple[Moved, ...]
    repeated: bool = False
    ok: Literal[True] = True


class Refused(Struct, frozen=True, gc=False):
    """Nothing was booked; ``slug`` is the failure's."""

    slug: str
    detail: str
    ok: Literal[False] = False


Answer = Done | Refused

FAILURES: dict[str, type[JuaError]] = {
    each.slug: each
    for each in (
        AlreadyReversed,
        HoldEnded,
        KeyReused,
        LimitExceeded,
        NotATransfer,
        UnknownAccount,
        UnknownHold,
        UnknownTransfer,
    )
}

NO_ACCOUNT = Refused("unknown-account", "No such account in that currency.")
TOO_MUCH = Refused("limit-exceeded", "The balance or the hold is not enough, or a limit would be passed.")
REUSED = Refused("key-reused", "This key was already used for another order; use a new one.")
NO_HOLD = Refused("unknown-hold", "There is no such hold.")
ENDED = Refused("hold-ended", "The hold was already used up, released or has expired.")
NO_TRANSFER = Refused("unknown-transfer", "There is no such transfer that can be reversed.")
REVERSED_BEFORE = Refused("already-reversed", "This transfer was already reversed.")
UNSOUND = Refused(
    "not-a-transfer", "A transfer moves a positive amount between two accounts, with a short code."
)

REFUSALS = {
    each.slug: each
    for each in (NO_ACCOUNT, TOO_MUCH, REUSED, NO_HOLD, ENDED, NO_TRANSFER, REVERSED_BEFORE, UNSOUND)
}


def unsound(debit: int, credit: int, amount: int) -> bool:
    """Whether nobody could book this, whatever the balances."""
    return debit == credit or not 0 < amount <= AMOUNT_MINOR_MAX


def micros(at: datetime | None) -> int:
    """Microseconds since 1970; 0 for none."""
    return 0 if at is None else (at - EPOCH) // MICROSECOND


def failure(refused: Refused) -> JuaError:
    """The exception that a refusal becomes for a caller in Python."""
    return FAILURES[refused.slug](refused.detail)
