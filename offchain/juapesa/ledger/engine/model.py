"""The rules again, slow and obvious: nothing is kept but the list of what was booked.

Every balance is added up from that list each time it is asked for. Tests run one random history through
this, through ``Books`` and through ``book.apply`` in the database, and compare every answer.
"""

from dataclasses import dataclass, field

from juapesa.ledger.domain import AMOUNT_MINOR_MAX
from juapesa.ledger.engine.orders import (
    MOVING,
    Capture,
    Expire,
    Kind,
    Line,
    Order,
    PlaceHold,
    Post,
    Release,
    Reverse,
    micros,
)
from juapesa.ledger.engine.rows import kind_of


@dataclass(frozen=True, slots=True)
class ModelAccount:
    """``side`` 1 debit-normal, -1 credit-normal; the limits in minor units."""

    currency: str
    side: int
    floor: int
    ceiling: int = AMOUNT_MINOR_MAX


@dataclass(frozen=True, slots=True)
class Event:
    """A booked row. ``frees``: how much of its hold it ends."""

    number: int
    debit: int
    credit: int
    amount: int
    kind: Kind
    frees: int = 0
    refers: int = 0
    expires: int = 0
    code: str = ""


@dataclass(slots=True)
class Rejected(Exception):
    """The order is refused for this reason."""

    slug: str


@dataclass(slots=True)
class Model:
    """Accounts, everything booked, and what each key asked for and got."""

    accounts: dict[int, ModelAccount]
    events: list[Event] = field(default_factory=list)
    keys: dict[str, tuple[object, tuple[tuple[int, int, int], ...]]] = field(default_factory=dict)

    def apply(self, order: Order) -> tuple[tuple[int, int, int], ...] | str:
        """Rows as (number, debit after, credit after), or the slug of the refusal."""
        body = _body(order)
        if order.key in self.keys:
            first, answer = self.keys[order.key]
            return answer if first == body else "key-reused"
        before = len(self.events)
        try:
            self._book(order)
        except Rejected as refused:
            del self.events[before:]
            return refused.slug
        answer = tuple(self._after(each) for each in self.events[before:])
        self.keys[order.key] = (body, answer)
        return answer

    def posted(self, account: int, until: int | None = None) -> int:
        """The sum of what moved, up to and with event ``until``."""
        side = self.accounts[account].side
        return sum(
            side * each.amount * ((each.debit == account) - (each.credit == account))
            for each in self.events[:until]
            if each.kind in MOVING
        )

    def reserved(self, account: int, sign: int) -> int:
        """What open holds would take (sign -1) or bring (1)."""
        side = self.accounts[account].side
        return sum(
            self.left(each.number)
            for each in self.events
            if each.kind == Kind.HOLD
            and ((each.debit == account and side == sign) or (each.credit == account and side == -sign))
        )

    def left(self, hold: int) -> int:
        """What of a hold is still set aside."""
        freed = sum(each.frees for each in self.events if each.frees and each.refers == hold)
        return self.events[hold].amount - freed

    def due(self, now: int) -> list[int]:
        """Open holds whose time has come at ``now`` (microseconds since 1970)."""
        return [
            each.number
            for each in self.events
            if each.kind == Kind.HOLD and each.expires <= now and self.left(each.number)
        ]

    def _book(self, order: Order) -> None:
        match order:
            case Post():
                for line in order.lines:
                    self._check(line)
                for line in order.lines:
                    self._add(line.debit, line.credit, line.amount, Kind.TRANSFER, code=line.code)
            case PlaceHold():
                self._check(order)
                self._add(
                    order.debit, order.credit, order.amount, Kind.HOLD,
                    expires=micros(order.expires_at), code=order.code,
                )  # fmt: skip
            case Capture() | Release() | Expire():
                self._use(order)
            case Reverse():
                self._reverse(order)

    def _check(self, line: Line | PlaceHold) -> None:
        if line.debit == line.credit or not 0 < line.amount <= AMOUNT_MINOR_MAX:
            raise Rejected("not-a-transfer")
        for number in (line.debit, line.credit):
            if number not in self.accounts or self.accounts[number].currency != line.currency:
                raise Rejected("unknown-account")

    def _use(self, order: Capture | Release | Expire) -> None:
        hold = self._event(order.hold)
        if hold is None or hold.kind != Kind.HOLD:
            raise Rejected("unknown-hold")
        left = self.left(hold.number)
        if not left:
            raise Rejected("hold-ended")
        kind = kind_of(order)
        part = order.amount if isinstance(order, Capture) and order.amount is not None else left
        if part <= 0:
            raise Rejected("not-a-transfer")
        if part > left:
            raise Rejected("limit-exceeded")
        self._add(
            hold.debit, hold.credit, part, kind, refers=hold.number,
            frees=part if kind == Kind.CAPTURE else left, code=hold.code,
        )  # fmt: skip

    def _reverse(self, order: Reverse) -> None:
        original = self._event(order.transfer)
        if original is None or original.kind not in MOVING:
            raise Rejected("unknown-transfer")
        if any(each.kind == Kind.REVERSAL and each.refers == original.number for each in self.events):
            raise Rejected("already-reversed")
        self._add(
            original.credit, original.debit, original.amount, Kind.REVERSAL,
            refers=original.number, code=order.code,
        )  # fmt: skip

    def _add(
        self, debit: int, credit: int, amount: int, kind: Kind, *,
        refers: int = 0, frees: int = 0, expires: int = 0, code: str,
    ) -> None:  # fmt: skip
        number = len(self.events)
        self.events.append(Event(number, debit, credit, amount, kind, frees, refers, expires, code))
        for account in (debit, credit):
            limits = self.accounts[account]
            if self.posted(account) - self.reserved(account, -1) < limits.floor:
                raise Rejected("limit-exceeded")
            if self.posted(account) + self.reserved(account, 1) > limits.ceiling:
                raise Rejected("limit-exceeded")

    def _after(self, event: Event) -> tuple[int, int, int]:
        until = event.number + 1
        return event.number, self.posted(event.debit, until), self.posted(event.credit, until)

    def _event(self, number: int) -> Event | None:
        return self.events[number] if 0 <= number < len(self.events) else None


def _body(order: Order) -> object:
    """What makes two orders under one key the same."""
    match order:
        case Post():
            return tuple(
                (each.debit, each.credit, each.amount, each.currency, each.code, micros(each.effective_at))
                for each in order.lines
            )
        case PlaceHold():
            line = (order.debit, order.credit, order.amount, order.currency, order.code)
            return ("hold", line, micros(order.expires_at))
        case Capture():
            return ("capture", order.hold, order.amount, order.last if order.amount is not None else True)
        case Reverse():
            return ("reverse", order.transfer, order.code)
    return (type(order).__name__, order.hold)
