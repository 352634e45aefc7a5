"""A data folder belongs to the chain that its database speaks of."""

from pathlib import Path

import pytest

from juapesa.config.settings import LOCAL_NETWORK, SANDBOX_NETWORK
from juapesa.supervisor.errors import ChainLost
from juapesa.supervisor.folder import keep_network


def test_a_folder_keeps_to_the_network_that_it_began_with(tmp_path: Path) -> None:
    keep_network(tmp_path, SANDBOX_NETWORK)
    keep_network(tmp_path, SANDBOX_NETWORK)
    with pytest.raises(ChainLost, match=SANDBOX_NETWORK):
        keep_network(tmp_path, LOCAL_NETWORK)


def test_a_folder_from_before_there_were_two_is_of_the_plain_one(tmp_path: Path) -> None:
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "state.json").touch()
    with pytest.raises(ChainLost):
        keep_network(tmp_path, SANDBOX_NETWORK)
    keep_network(tmp_path, LOCAL_NETWORK)
