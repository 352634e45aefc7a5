"""The rules of the books, without I/O: a batch of orders in, answers and rows out.

One ``Books`` is the whole state: balances, open holds, recent keys. ``apply`` changes it at once, so
whoever cannot store the resulting batch must throw the ``Books`` away (the writer ends its process).
What it must know from the past and does not keep (``Facts``) is looked up before and handed in.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from juapesa.ledger.domain import AMOUNT_MINOR_MAX, CODE_CHARACTERS_MAX
from juapesa.ledger.engine.accounts import Account, OpenHold
from juapesa.ledger.engine.orders import (
    ENDED,
    MOVING,
    NO_ACCOUNT,
    NO_HOLD,
    NO_TRANSFER,
    REUSED,
    REVERSED_BEFORE,
    TOO_MUCH,
    UNSOUND,
    Answer,
    Capture,
    Done,
    Expire,
    Kind,
    Line,
    Moved,
    Order,
    PlaceHold,
    Post,
    Refused,
    Release,
    Reverse,
    micros,
    unsound,
)
from juapesa.ledger.engine.recent import Recent
from juapesa.ledger.engine.rows import Row, key_digests, key_of_line, kind_of

CODES_MAX = 4_000
OWN_KEYS = "book:"  # no caller's key begins like this
OWN_CHARACTERS = len(OWN_KEYS)
CHECKPOINT_ENTRIES = 64  # a balance in the past is found by walking at most this many rows back
new_row = tuple.__new__  # three times as quick as calling Row


@dataclass(frozen=True, slots=True)
class Facts:
    """What the past says about a batch: rows of known keys, rows by id, transfers reversed before."""

    by_key: dict[bytes, Sequence[Row]] = field(default_factory=dict)
    by_id: dict[int, Row] = field(default_factory=dict)
    reversed_before: frozenset[int] = frozenset()
    digests: Sequence[bytes] = ()  # of the orders' keys, when they are known already

    def rows(self) -> Iterator[Row]:
        return chain(self.by_id.values(), *self.by_key.values())


@dataclass(slots=True)
class Batch:
    """What one ``apply`` did: ``answers`` in the order of the orders, the rest to be stored."""

    answers: list[Answer] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    touched: dict[int, Account] = field(default_factory=dict)
    holds: dict[int, OpenHold | None] = field(default_factory=dict)  # None: it ended
    reversals: dict[int, int] = field(default_factory=dict)  # original → its reversal
    codes: list[tuple[int, str]] = field(default_factory=list)
    checkpoints: list[tuple[int, int, int]] = field(default_factory=list)  # account, row, posted
    keys: dict[bytes, list[Row]] = field(default_factory=dict)  # what was booked under each


def _done(rows: Sequence[Row]) -> Done:
    if len(rows) == 1:  # most are, and a loop takes twice as long
        row = rows[0]
        return Done((Moved(row[0], row[4], row[5]),))
    return Done(tuple([Moved(row.id, row.debit_after, row.credit_after) for row in rows]))


class Books:
    """The state and its rules. Not safe for threads; amounts are checked, so no sum leaves int64."""

    def __init__(self, accounts: Iterable[Account] = (), *, last_id: int = 0) -> None:
        self.accounts = {each.id: each for each in accounts}
        self.holds: dict[int, OpenHold] = {}
        self.codes: dict[str, int] = {}
        self.recent = Recent()
        self.last_id = last_id
        self._bookers: dict[type, Callable[[Any, bytes], list[Row] | Refused]] = {
            Post: self._post,
            PlaceHold: self._hold,
            Capture: self._capture,
            Release: self._end,
            Expire: self._end,
            Reverse: self._reverse,
        }

    def apply(self, orders: Sequence[Order], facts: Facts, first_id: int) -> Batch:
        """Book what can be booked, in order; nothing that is refused disturbs the others.

        ``first_id``: the lowest id for a new row; the ids continue after the last one if that is higher.
        """
        self._batch = batch = Batch()
        self._facts = facts
        self._next = max(first_id, self.last_id + 1)
        digests = facts.digests or key_digests(orders)
        answers, keys, known, bookers = batch.answers, batch.keys, facts.by_key, self._bookers
        young, old, booked = self.recent.young, self.recent.old, batch.rows
        for order, digest in zip(orders, digests, strict=True):
            if order.key[:OWN_CHARACTERS] == OWN_KEYS and type(order) is not Expire:
                answers.append(UNSOUND)
                continue
            before = keys.get(digest) or known.get(digest)
            if before:
                answers.append(self._repeated(order, before))
                continue
            assert digest not in young, "a known key was not looked up"
            assert digest not in old, "a known key was not looked up"
            rows = bookers[type(order)](order, digest)
            if isinstance(rows, Refused):
                answers.append(rows)
                continue
            keys[digest] = rows
            booked += rows
            answers.append(_done(rows))
        if booked:
            self.recent.add(keys, booked[0].id)
            self.last_id = booked[-1].id
        return batch

    def due(self, now: int, limit: int) -> list[Expire]:
        """Orders that end the holds whose time has come. ``now`` in microseconds since 1970."""
        found = (each for each in self.holds.values() if each.expires <= now)
        return [Expire(f"{OWN_KEYS}expire:{each.id}", each.id) for each in islice(found, limit)]

    def _repeated(self, order: Order, rows: Sequence[Row]) -> Answer:
        if not self._same(order, rows):
            return REUSED
        return Done(_done(rows).rows, repeated=True)

    def _same(self, order: Order, rows: Sequence[Row]) -> bool:
        """Whether these rows are what the order asks for."""
        first = rows[0]
        if kind_of(order) != first.kind:
            return False
        match order:
            case Post():
                return len(order.lines) == len(rows) and all(
                    self._same_line(line, row, micros(line.effective_at))
                    for line, row in zip(order.lines, rows, strict=True)
                )
            case PlaceHold():
                return self._same_line(order, first, micros(order.expires_at))
            case Capture():
                return order.hold == first.detail and order.amount in {None, first.amount}
            case Reverse():
                return order.transfer == first.detail and self.codes.get(order.code) == first.code
        return order.hold == first.detail

    def _same_line(self, line: Line | PlaceHold, row: Row, detail: int) -> bool:
        asked = (line.debit, line.credit, line.amount, self.codes.get(line.code), detail)
        return (
            asked == (row.debit, row.credit, row.amount, row.code, row.detail)
            and line.currency == self.accounts[row.debit].currency
        )

    def _pair(self, line: Line | PlaceHold) -> tuple[Account, Account] | Refused:
        debit_id, credit_id = line.debit, line.credit
        if unsound(debit_id, credit_id, line.amount) or (
            line.code not in self.codes and not self._room_for(line.code)
        ):
            return UNSOUND
        debit, credit = self.accounts.get(debit_id), self.accounts.get(credit_id)
        if debit is None or credit is None or not debit.currency == credit.currency == line.currency:
            return NO_ACCOUNT
        return debit, credit

    def _post(self, order: Post, digest: bytes) -> list[Row] | Refused:
        """Most have one line: here without any call, which would take twice as long."""
        lines = order.lines
        if len(lines) > 1:
            return self._post_group(lines, digest)
        line = lines[0]
        debit_id, credit_id, amount, code = line.debit, line.credit, line.amount, self.codes.get(line.code)
        if (
            debit_id == credit_id
            or not 0 < amount <= AMOUNT_MINOR_MAX
            or (code is None and not self._room_for(line.code))
        ):
            return UNSOUND
        debit, credit = self.accounts.get(debit_id), self.accounts.get(credit_id)
        if debit is None or credit is None or not debit.currency == credit.currency == line.currency:
            return NO_ACCOUNT
        debit_after, credit_after = debit.posted + debit.side * amount, credit.posted - credit.side * amount
        if (
            debit_after + debit.incoming > debit.ceiling
            if debit.side > 0
            else debit_after - debit.held < debit.floor
        ) or (
            credit_after - credit.held < credit.floor
            if credit.side > 0
            else credit_after + credit.incoming > credit.ceiling
        ):
            return TOO_MUCH
        debit.posted, credit.posted = debit_after, credit_after
        batch, number = self._batch, self._next
        self._next = number + 1
        row = new_row(Row, (
            number, debit_id, credit_id, amount, debit_after, credit_after, debit.last, credit.last,
            0 if line.effective_at is None else micros(line.effective_at), digest,
            1, code or self._code(line.code), 0, 1,
        ))  # fmt: skip
        debit.last = credit.last = number
        debit.entries = entries = debit.entries + 1
        if not entries % CHECKPOINT_ENTRIES:
            batch.checkpoints.append((debit_id, number, debit_after))
        credit.entries = entries = credit.entries + 1
        if not entries % CHECKPOINT_ENTRIES:
            batch.checkpoints.append((credit_id, number, credit_after))
        batch.touched[debit_id] = debit
        batch.touched[credit_id] = credit
        return [row]

    def _post_group(self, lines: Sequence[Line], digest: bytes) -> list[Row] | Refused:
        pairs: list[tuple[Account, Account]] = []
        for line in lines:
            pair = self._pair(line)
            if isinstance(pair, Refused):
                return pair
            pairs.append(pair)
        moved: list[tuple[int, int]] = []
        for line, (debit, credit) in zip(lines, pairs, strict=True):
            if not self._move(debit, credit, line.amount):
                for (back, forth), earlier in zip(pairs[: len(moved)], lines, strict=False):
                    back.posted -= back.side * earlier.amount
                    forth.posted += forth.side * earlier.amount
                return TOO_MUCH
            moved.append((debit.posted, credit.posted))
        rows = []
        for place, line in enumerate(lines):
            debit, credit = pairs[place]
            detail = 0 if line.effective_at is None else micros(line.effective_at)
            code = self._code(line.code)
            after, count = moved[place], len(lines)
            rows.append(self._write(debit, credit, line.amount, after, 1, detail, code, digest, place, count))
        return rows

    def _hold(self, order: PlaceHold, digest: bytes) -> list[Row] | Refused:
        pair = self._pair(order)
        if isinstance(pair, Refused):
            return pair
        debit, credit = pair
        if not debit.reserved(debit.side * order.amount):
            return TOO_MUCH
        if not credit.reserved(-credit.side * order.amount):
            debit.give_back(debit.side * order.amount)
            return TOO_MUCH
        expires, code = micros(order.expires_at), self._code(order.code)
        row = self._write_one(debit, credit, order.amount, Kind.HOLD, expires, code, digest)
        self._keep(OpenHold(row.id, order.debit, order.credit, order.amount, code, expires))
        return [row]

    def _capture(self, order: Capture, digest: bytes) -> list[Row] | Refused:
        hold = self.holds.get(order.hold)
        if hold is None:
            return self._no_hold(order.hold)
        part = hold.left if order.amount is None else order.amount
        if part <= 0:
            return UNSOUND
        if part > hold.left:
            return TOO_MUCH
        debit, credit = self.accounts[hold.debit], self.accounts[hold.credit]
        freed = hold.left if order.last or order.amount is None else part
        # What was set aside was within every limit, so giving it back first lets the move pass.
        self._unreserve(debit, credit, freed)
        moved = self._move(debit, credit, part)
        assert moved, "a capture never needs more than was held"
        hold.left -= freed
        row = self._write_one(debit, credit, part, kind_of(order), hold.id, hold.code, digest)
        self._keep(hold)
        return [row]

    def _end(self, order: Release | Expire, digest: bytes) -> list[Row] | Refused:
        hold = self.holds.get(order.hold)
        if hold is None:
            return self._no_hold(order.hold)
        debit, credit = self.accounts[hold.debit], self.accounts[hold.credit]
        self._unreserve(debit, credit, hold.left)
        row = self._write_one(debit, credit, hold.left, kind_of(order), hold.id, hold.code, digest)
        hold.left = 0
        self._keep(hold)
        return [row]

    def _reverse(self, order: Reverse, digest: bytes) -> list[Row] | Refused:
        original = self._facts.by_id.get(order.transfer) or self._booked_now(order.transfer)
        if original is None or original.kind not in MOVING:
            return NO_TRANSFER
        if original.id in self._facts.reversed_before or original.id in self._batch.reversals:
            return REVERSED_BEFORE
        if not self._room_for(order.code):
            return UNSOUND
        debit, credit = self.accounts[original.credit], self.accounts[original.debit]
        if not self._move(debit, credit, original.amount):
            return TOO_MUCH
        code = self._code(order.code)
        row = self._write_one(debit, credit, original.amount, Kind.REVERSAL, original.id, code, digest)
        self._batch.reversals[original.id] = row.id
        return [row]

    def _booked_now(self, number: int) -> Row | None:
        """A row of this very batch."""
        rows = self._batch.rows
        place = number - rows[0].id if rows else -1
        return rows[place] if 0 <= place < len(rows) else None

    def _no_hold(self, number: int) -> Refused:
        if number in self._batch.holds:
            return ENDED  # by an order before this one in the batch: nobody looked it up, for it was open
        row = self._facts.by_id.get(number) or self._booked_now(number)
        return ENDED if row is not None and row.kind == Kind.HOLD else NO_HOLD

    @staticmethod
    def _move(debit: Account, credit: Account, amount: int) -> bool:
        if not debit.moved(debit.side * amount):
            return False
        if not credit.moved(-credit.side * amount):
            debit.posted -= debit.side * amount
            return False
        return True

    @staticmethod
    def _unreserve(debit: Account, credit: Account, amount: int) -> None:
        debit.give_back(debit.side * amount)
        credit.give_back(-credit.side * amount)

    def _keep(self, hold: OpenHold) -> None:
        """Note what became of a hold."""
        if hold.left:
            self.holds[hold.id] = self._batch.holds[hold.id] = hold
        else:
            self.holds.pop(hold.id, None)
            self._batch.holds[hold.id] = None

    def _room_for(self, code: str) -> bool:
        return code in self.codes or (
            len(self.codes) < CODES_MAX and 0 < len(code) <= CODE_CHARACTERS_MAX and code.isprintable()
        )

    def _code(self, code: str) -> int:
        number = self.codes.get(code)
        if number is None:
            number = self.codes[code] = len(self.codes) + 1
            self._batch.codes.append((number, code))
        return number

    def _write_one(
        self, debit: Account, credit: Account, amount: int, kind: Kind, detail: int, code: int, digest: bytes
    ) -> Row:
        after = (debit.posted, credit.posted)
        return self._write(debit, credit, amount, after, kind, detail, code, digest, 0, 1)

    def _write(
        self, debit: Account, credit: Account, amount: int, after: tuple[int, int],
        kind: int, detail: int, code: int, digest: bytes, line: int, lines: int,
    ) -> Row:  # fmt: skip
        """A row, tied to the rows before it on both accounts."""
        batch, number = self._batch, self._next
        self._next = number + 1
        key = digest if line == 0 else key_of_line(digest, line)
        debit_after, credit_after = after
        row = new_row(Row, (
            number, debit.id, credit.id, amount, debit_after, credit_after, debit.last, credit.last,
            detail, key, kind, code, line, lines,
        ))  # fmt: skip
        debit.last = credit.last = number
        debit.entries += 1
        credit.entries += 1
        if not debit.entries % CHECKPOINT_ENTRIES:
            batch.checkpoints.append((debit.id, number, debit_after))
        if not credit.entries % CHECKPOINT_ENTRIES:
            batch.checkpoints.append((credit.id, number, credit_after))
        batch.touched[debit.id] = debit
        batch.touched[credit.id] = credit
        return row
