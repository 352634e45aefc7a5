"""The house's capital is ordered once, again when it failed, and what settings have grown by."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from juapesa.config import CapitalSettings
from juapesa.db import Database
from juapesa.issuance.domain import Orders
from juapesa.money import CKES, USDC, Money
from juapesa.payments.operator_errors import FloatBooked
from support.payments_house import House, payments_house


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


def opened(house: House, **changes: dict[str, int]) -> list[Orders]:
    """A relayer starts with these settings; what has been ordered for cKES so far, oldest first."""
    capital = house.parts().capital
    settings = CapitalSettings(**{**capital.settings.model_dump(), **changes})
    with house.db.unit_of_work() as uow:
        replace(capital, settings=settings).open(uow)
        rows = uow.all("SELECT orders FROM issuance.item ORDER BY number")
    orders = [Orders.from_json(row["orders"]) for row in rows]
    return [
        each
        for each in orders
        if (each.mint and each.mint.amount.currency == CKES)
        or (each.provide and each.provide.token.currency == CKES)
    ]


def test_what_settings_have_grown_by_is_ordered_once(house: House) -> None:
    settings = house.parts().capital.settings
    first = opened(house)
    assert len(first) == 2
    assert opened(house) == first
    pool, usdc = settings.pool_whole["cKES"], settings.pool_usdc_whole["cKES"]
    grown = {
        "pool_whole": {**settings.pool_whole, "cKES": pool + 1_000},
        "pool_usdc_whole": {**settings.pool_usdc_whole, "cKES": usdc + 8},
    }
    [mint, provide] = opened(house, **grown)[2:]
    assert mint.mint is not None
    assert mint.mint.amount == Money.whole(1_000, CKES)
    assert provide.provide is not None
    assert (provide.provide.token, provide.provide.usdc) == (Money.whole(1_000, CKES), Money.whole(8, USDC))
    assert len(opened(house, **grown)) == 4
    assert len(opened(house)) == 4  # settings that shrink order nothing, and undo nothing


def test_liquidity_grows_only_by_both_of_its_sides(house: House) -> None:
    settings = house.parts().capital.settings
    grown = {"pool_usdc_whole": {**settings.pool_usdc_whole, "cKES": settings.pool_usdc_whole["cKES"] + 8}}
    assert len(opened(house, **grown)) == 2


def test_what_failed_is_ordered_again(house: House) -> None:
    first = opened(house)
    with house.db.unit_of_work() as uow:
        uow.execute("UPDATE issuance.item SET state = 'failed' WHERE orders->'provide' <> 'null'")
    again = opened(house)
    assert [each.provide for each in again[2:]] == [first[1].provide]


def test_a_float_is_booked_once_and_another_amount_is_refused(house: House) -> None:
    settings = house.parts().capital.settings
    with pytest.raises(FloatBooked, match="mpesa-ke"):
        opened(house, float_minor={each: minor + 1 for each, minor in settings.float_minor.items()})
