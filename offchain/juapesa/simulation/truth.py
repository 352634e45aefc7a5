"""What must hold after every step: our records against each other, the books and the operators.

Balances are worked out here from the states of legs alone, in other words than ``payments.bookings``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.payments.ports import Receipt
from juapesa.payments.saga import ANOTHER_AMOUNT
from juapesa.simulation.operators import Known, Operator

UNDER_WAY = frozenset({"due", "asking", "pending", "unknown"})
FINAL = frozenset({"completed", "failed", "refunded"})
IN_HAND = frozenset({"asking", "pending", "unknown"})

Place = tuple[str, str, str]  # kind of account, owner, currency


class Broken(BaseException):  # not an Exception: what the house does with a step that raises must not hide it
    """A promise is not kept."""


@dataclass(frozen=True, slots=True)
class LegSeen:
    """A leg as it is on record."""

    seq: int
    kind: str
    state: str
    reference: str
    held: bool
    comes_up_again: bool  # a time is set at which we look at it again


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment as it is on record, with its legs, oldest first. Amounts in minor units."""

    id: int
    code: str
    person: str
    kind: str
    source: str
    status: str
    why: str | None  # an operator has been called
    noted: bool  # a person has dealt with what was said about it after its end
    amount: int
    total: int
    receives: int
    unit: str
    other: str
    from_rail: str
    to_rail: str | None
    legs: tuple[LegSeen, ...]

    def count(self, kind: str, state: str) -> int:
        """How many legs of this kind are in this state."""
        return sum(leg.kind == kind and leg.state == state for leg in self.legs)


_PAYMENTS = """
SELECT p.id, p.code, p.status, p.needs_operator, p.person_id, q.kind, q.source, q.amount_minor,
       q.total_minor, q.receives_minor, q.from_currency, q.to_currency, q.from_rail, q.to_rail,
       EXISTS (SELECT FROM payments.release r WHERE r.payment_id = p.id AND r.decision = 'noted') AS noted,
       l.seq, l.kind AS leg, l.state, l.reference, l.hold_id, l.next_at
  FROM payments.payment p JOIN payments.quote q ON q.token = p.quote_token
  JOIN payments.leg l ON l.payment_id = p.id
 ORDER BY p.id, l.seq
"""
_BALANCES = (
    "SELECT kind, owner, currency, side, posted, held, incoming, floor, ceiling "
    "FROM book.accounts JOIN book.balances ON account = id"
)


def payments(uow: UnitOfWork) -> list[Seen]:
    """Every payment of this history. Raises Broken when a step of one has raised."""
    stumbled = uow.one("SELECT kind, stumbled_on FROM payments.leg WHERE stumbles > 0 LIMIT 1")
    if stumbled is not None:
        raise Broken(f"the step of a {stumbled['kind']} raised {stumbled['stumbled_on']}")
    found: dict[int, list[dict[str, Any]]] = {}
    for row in uow.all(_PAYMENTS):
        found.setdefault(row["id"], []).append(row)
    return [_seen(rows) for rows in found.values()]


def _seen(rows: list[dict[str, Any]]) -> Seen:
    first = rows[0]
    legs = tuple(
        LegSeen(
            row["seq"],
            row["leg"],
            row["state"],
            str(row["reference"]),
            row["hold_id"] is not None,
            row["next_at"] is not None,
        )
        for row in rows
    )
    return Seen(
        first["id"],
        first["code"],
        str(first["person_id"]),
        first["kind"],
        first["source"],
        first["status"],
        first["needs_operator"],
        first["noted"],
        first["amount_minor"],
        first["total_minor"],
        first["receives_minor"],
        first["from_currency"],
        first["to_currency"],
        first["from_rail"],
        first["to_rail"],
        legs,
    )


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has, as a debit (a float's money is positive, a wallet's negative), and its holds."""

    debit: int
    held: int
    incoming: int


def balances(uow: UnitOfWork) -> dict[Place, Balance]:
    """Every account. Raises Broken when a currency does not balance or a balance is under its limit."""
    found: dict[Place, Balance] = {}
    sums: Counter[str] = Counter()
    for row in uow.all(_BALANCES):
        place = (row["kind"], row["owner"], row["currency"])
        under = row["floor"] is not None and row["posted"] - row["held"] < row["floor"]
        over = row["ceiling"] is not None and row["posted"] + row["incoming"] > row["ceiling"]
        if under or over or min(row["held"], row["incoming"]) < 0:
            raise Broken(f"{place} is outside its limits: {row['posted']} of which {row['held']} held")
        sums[row["currency"]] += row["side"] * row["posted"]
        found[place] = Balance(row["side"] * row["posted"], row["held"], row["incoming"])
    if any(sums.values()):
        raise Broken(f"the books do not balance: {dict(sums)}")
    return found


def check_money(before: Mapping[Place, Balance], now: Mapping[Place, Balance], seen: Iterable[Seen]) -> None:
    """Each payment's money is in exactly one place, and that place's balance says so."""
    expected: Counter[Place] = Counter({place: balance.debit for place, balance in before.items()})
    held: Counter[Place] = Counter({place: balance.held for place, balance in before.items()})
    for payment in seen:
        for place, minor in _moved(payment):
            expected[place] += minor
        for place, minor in _reserved(payment):
            held[place] += minor
    for place in expected.keys() | held.keys() | now.keys():
        if place[0] not in {"float", "wallet", "in-transit"}:
            continue
        found = now.get(place, Balance(0, 0, 0))
        if found.debit != expected[place]:
            raise Broken(f"{place} has {found.debit}, the payments' legs say {expected[place]}")
        if place[0] != "in-transit" and found.held != held[place]:
            raise Broken(f"{place} holds {found.held}, the payments' legs say {held[place]}")


def _moved(payment: Seen) -> list[tuple[Place, int]]:
    """What a payment's finished legs have moved, as debits."""
    unit, other = payment.unit, payment.other
    mine, transit = ("wallet", payment.person, unit), ("in-transit", "", unit)
    across = ("in-transit", "", other)
    custody = ("float", payment.from_rail, unit)
    moved: list[tuple[Place, int]] = []

    def book(debit: Place, credit: Place, minor: int) -> None:
        moved.extend([(debit, minor), (credit, -minor)])

    book(custody, transit, payment.total * payment.count("collect", "done"))
    if payment.count("chain", "done"):
        if payment.source == "wallet":
            book(mine, transit, payment.total)
        end = across if payment.kind == "send" else ("wallet", payment.person, other)
        moved.extend([(transit, payment.total), (end, -payment.receives)])
    if payment.to_rail is not None:
        paid = payment.receives * payment.count("payout", "done")
        book(across, ("float", payment.to_rail, other), paid)
    at_once = payment.source == "rail" and unit == other
    unwound = payment.count("payout", "failed") if at_once else payment.count("unwind", "done")
    moved.extend([(across, payment.receives * unwound), (transit, -payment.total * unwound)])
    book(transit, custody, payment.total * payment.count("refund", "done"))
    to_wallet = payment.count("restore", "done")
    to_wallet += payment.count("unwind", "done") if payment.source == "wallet" else 0
    book(transit, mine, payment.total * to_wallet)
    return moved


def _reserved(payment: Seen) -> list[tuple[Place, int]]:
    """What a payment's unfinished legs hold on wallets and floats."""
    held: list[tuple[Place, int]] = []
    for leg in payment.legs:
        if not leg.held or leg.state in {"done", "failed"}:
            continue
        if leg.seq == 0 and payment.source == "wallet":
            held.append((("wallet", payment.person, payment.unit), payment.total))
        elif leg.kind == "payout":
            assert payment.to_rail is not None
            held.append((("float", payment.to_rail, payment.other), payment.receives))
        else:
            held.append((("float", payment.from_rail, payment.unit), payment.total))
    return held


def check_states(seen: Iterable[Seen], last: Mapping[int, str]) -> None:
    """Nothing has ended while money is under way; what is completed or paid back stays so."""
    for payment in seen:
        before = last.get(payment.id)
        if before in {"completed", "refunded"} and payment.status != before:
            raise Broken(f"{payment.code} was {before} and is {payment.status}")
        under_way = [leg for leg in payment.legs if leg.state in UNDER_WAY]
        if payment.status in FINAL and under_way:
            raise Broken(f"{payment.code} is {payment.status} and its {under_way[0].kind} is under way")
        if payment.status not in FINAL and not under_way and payment.why is None:
            raise Broken(f"{payment.code} is {payment.status} and nothing of it is under way")
        if payment.status == "completed" and any(leg.state != "done" for leg in payment.legs):
            raise Broken(f"{payment.code} is completed and not all its legs are done")


def check_operators(seen: Iterable[Seen], operators: Mapping[str, Operator]) -> None:
    """At most one collection, payout and refund of a payment, and no leg says what never happened."""
    known: dict[str, list[Known]] = {}
    for operator in operators.values():
        for order in operator.known:
            known.setdefault(order.reference, []).append(order)
    for payment in seen:
        moved: Counter[str] = Counter()
        for leg in payment.legs:
            orders = known.get(leg.reference, [])
            moves = [order for order in orders if order.will_move]
            moved[leg.kind] += len(moves)
            _check_leg(payment, leg, moves)
        if max(moved.values(), default=0) > 1:
            raise Broken(f"{payment.code}: an operator was made to move money twice: {dict(moved)}")
        if moved["payout"] and moved["refund"]:
            raise Broken(f"{payment.code} is paid out and paid back")
        if moved["payout"] and payment.status == "refunded":
            raise Broken(f"{payment.code} is paid out, and refunded into a wallet")


def _check_leg(payment: Seen, leg: LegSeen, moves: list[Known]) -> None:
    happened = [order for order in moves if order.moved is not None]
    if leg.kind in {"collect", "payout", "refund"} and leg.state == "done" and not happened:
        raise Broken(f"{payment.code}: the {leg.kind} is done, and the operator has moved nothing")
    if leg.kind in {"payout", "refund"} and leg.state == "failed" and moves:
        raise Broken(f"{payment.code}: the {leg.kind} has failed, and the operator pays it")
    lost = leg.kind == "collect" and leg.state == "failed" and moves and not leg.comes_up_again
    if lost and payment.why is None and not payment.noted:
        raise Broken(f"{payment.code}: the operator collects, and we shall not ask about it again")


def check_ended(seen: Iterable[Seen], receipts: Mapping[str, Receipt]) -> None:
    """After everything has healed: each payment has ended, or a person is called to what no rule may end.

    Operators have answered every question by then. Receipts are true.
    """
    for payment in seen:
        if payment.status not in FINAL and payment.why is None:
            raise Broken(f"{payment.code} stays {payment.status} and nobody is called")
        unanswered = [leg for leg in payment.legs if leg.state in IN_HAND]
        if unanswered and payment.why != ANOTHER_AMOUNT:
            raise Broken(f"{payment.code}: a person is called to what its operator would have said")
        receipt = receipts[payment.code]
        said = (receipt.status, receipt.paid.minor, receipt.receives.minor, len(receipt.steps))
        shown = sum(
            leg.state != "waiting" or payment.status in {"processing", "pending"} for leg in payment.legs
        )
        if said != (payment.status, payment.total, payment.receives, shown + 1):
            raise Broken(f"{payment.code}: its receipt says {said}")
        wrong = payment.status == "completed" and any(step.state != "done" for step in receipt.steps)
        if wrong:
            raise Broken(f"{payment.code}: a receipt of a completed payment shows steps that are not done")


def check_floats(
    now: Mapping[Place, Balance],
    seen: Iterable[Seen],
    operators: Mapping[str, Operator],
) -> None:
    """What an operator says we have is what our books say, but for payments that are a person's."""
    for name, operator in operators.items():
        unit = operator.unit.code
        place = ("float", name, unit)
        unexplained = operator.balance_now.minor - now[place].debit
        for payment in seen:
            if payment.why is None and not payment.noted:
                continue
            unexplained -= _difference(payment, name, operator)
        if unexplained:
            raise Broken(
                f"{name} has {operator.balance_now}, our books differ by {unexplained} without a reason"
            )


def _difference(payment: Seen, rail: str, operator: Operator) -> int:
    """What the operator has moved for a payment beyond what our legs say, minor units."""
    minor = 0
    for leg in payment.legs:
        mine = payment.to_rail if leg.kind == "payout" else payment.from_rail
        if mine != rail or leg.kind not in {"collect", "payout", "refund"}:
            continue
        sign = 1 if leg.kind == "collect" else -1
        told = payment.receives if leg.kind == "payout" else payment.total
        for order in operator.known:
            if order.reference == leg.reference and order.moved is not None:
                minor += sign * order.moved.minor
        minor -= sign * told if leg.state == "done" else 0
    return minor
