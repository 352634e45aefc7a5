"""What a person may decide about a stuck leg, and when that is safe. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from juapesa.payments.saga import ENDED, Answered, Fact, LegKind, LegState
from juapesa.rails.ports import Outcome, RailAnswer, Reason


class Decision(StrEnum):
    """What a person may decide about a stuck leg."""

    TRY_AGAIN = "try-again"  # ask now, or order what was never taken; what the chain refused, once more
    GIVE_UP = "give-up"  # what was never taken ends, and the money goes back
    PAID = "paid"  # the operator states that it has paid: two people say so
    NOT_PAID = "not-paid"  # the operator states that it has not paid and will not: two people say so
    NOTED = "noted"  # it has ended, and what was said about it since has been dealt with


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides. ``proven``: ``name`` is on the token that they showed; else it is the machine's user."""

    name: str
    machine_user: str
    proven: bool


TWO_PEOPLE = frozenset({Decision.PAID, Decision.NOT_PAID})
_STATED = "stated by the operator"
_PAYS = frozenset({LegKind.PAYOUT, LegKind.REFUND})


def choices(
    kind: LegKind, state: LegState, *, was_taken: bool, given_up: bool, still_asked: bool
) -> tuple[Decision, ...]:
    """What may be decided. Nobody gives up on a payout that an operator may have made.

    ``was_taken``: the operator may once have taken the order. ``given_up``: the chain refused it for good.
    ``still_asked``: it has ended, and an operator is still asked whether it was a success after all.
    """
    if given_up or still_asked:
        return (Decision.TRY_AGAIN,)
    if state in ENDED:
        return (Decision.NOTED,)
    if kind is LegKind.COLLECT or (kind in _PAYS and state is LegState.DUE and not was_taken):
        return (Decision.TRY_AGAIN, Decision.GIVE_UP)
    if kind in _PAYS and state is not LegState.DUE:
        return (Decision.TRY_AGAIN, Decision.PAID, Decision.NOT_PAID)
    return (Decision.TRY_AGAIN,)


def stated(decision: Decision) -> Fact:
    """What the operator has stated, as its answer; of those that take two people."""
    if decision is Decision.PAID:
        return Answered(RailAnswer(Outcome.SUCCESS, code=_STATED))
    return Answered(RailAnswer(Outcome.FAILED, Reason.OTHER, code=_STATED))
