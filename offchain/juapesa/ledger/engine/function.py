"""The back for many writers and no daemon: the rules as the function ``book.apply`` in the database."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from juapesa.db import UnitOfWork
from juapesa.ledger.engine.orders import REFUSALS, Answer, Done, Moved, Order


class _Found(Struct, gc=False):
    """An answer as the function gives it."""

    ok: bool
    rows: tuple[Moved, ...] = ()
    repeated: bool = False
    slug: str = ""


_found = msgspec.json.Decoder(list[_Found])


def apply_orders(uow: UnitOfWork, orders: Sequence[Order]) -> list[Answer]:
    """Book inside the caller's transaction; an order that is refused does not disturb the others.

    An engine that holds the books makes the database refuse (SQLSTATE JL010).
    """
    row = uow.one("SELECT book.apply(%s::jsonb)::text AS answers", (as_json(orders),))
    assert row is not None
    return answers_of(row["answers"])


def as_json(orders: Sequence[Order]) -> str:
    """The orders as the function takes them."""
    return msgspec.json.encode(orders).decode()


def answers_of(text: str) -> list[Answer]:
    """What the function has answered, as JSON."""
    return [
        Done(each.rows, each.repeated) if each.ok else REFUSALS[each.slug] for each in _found.decode(text)
    ]
