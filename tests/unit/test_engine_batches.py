"""What the writer's books answer about several orders of one batch, without a database."""

from datetime import UTC, datetime

import pytest

from juapesa.ledger.engine.accounts import Account
from juapesa.ledger.engine.books import Books, Facts
from juapesa.ledger.engine.orders import ENDED, NO_HOLD, Capture, Done, Order, PlaceHold, Release

LATER = datetime(2027, 1, 1, tzinfo=UTC)


def books() -> Books:
    """A float that the house may overdraw, and a customer."""
    return Books([Account(1, "KES", 1, None, None), Account(2, "KES", -1, None, None)])


@pytest.mark.parametrize("order", [Release("r", 1), Capture("c", 1)], ids=["released", "captured"])
@pytest.mark.parametrize("together", [True, False], ids=["placed in the same batch", "placed before"])
def test_a_hold_ends_once_in_a_batch_and_then_it_has_ended(order: Order, together: bool) -> None:
    place, again = PlaceHold("h", 1, 2, 500, "KES", "hold", LATER), Release("again", 1)
    mine = books()
    orders: list[Order] = [order, again]
    if together:
        orders.insert(0, place)
    else:
        mine.apply([place], Facts(), 1)
    answers = mine.apply(orders, Facts(), 1).answers
    assert isinstance(answers[-2], Done)
    assert answers[-1] == ENDED
    assert mine.holds == {}


def test_a_hold_that_nobody_placed_is_unknown() -> None:
    assert books().apply([Release("r", 1)], Facts(), 1).answers == [NO_HOLD]
