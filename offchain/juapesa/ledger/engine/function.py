"""The back for many writers and no daemon: the rules as the function ``book.apply`` in the database."""

from collections.abc import Sequence

import msgspec

from juapesa.db import UnitOfWork
from juapesa.ledger.engine.orders import REFUSALS, Answer, Done, Expire, Moved, Order


def apply_orders(uow: UnitOfWork, orders: Sequence[Order]) -> list[Answer]:
    """Book inside the caller's transaction; an order that is refused does not disturb the others.

    An engine that holds the books makes the database refuse (SQLSTATE JL010).
    """
    wire = [
        msgspec.to_builtins(each) | ({"do": "expire"} if isinstance(each, Expire) else {}) for each in orders
    ]
    row = uow.one("SELECT book.apply(%s::jsonb) AS answers", (msgspec.json.encode(wire).decode(),))
    assert row is not None
    return [_answer(each) for each in row["answers"]]


def _answer(found: dict[str, object]) -> Answer:
    if not found["ok"]:
        return REFUSALS[str(found["slug"])]
    rows = msgspec.convert(found["rows"], tuple[Moved, ...])
    return Done(rows, repeated=bool(found["repeated"]))
