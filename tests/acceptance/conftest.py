"""One house for all acceptance tests, up and down once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import House

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them want anvil, for a house has a chain."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.needs_evm)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A whole open house, shared: take phones of your own, and leave its processes alone."""
    found = House(tmp_path_factory.mktemp("acceptance"))
    try:
        found.up()
        yield found
    finally:
        found.clean_up()
