"""The plans for real networks say what a real network needs, and promise no play money."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

NETWORKS = Path(__file__).parents[2] / "deployments" / "networks"
# hedera-docs networks; Circle's list of USDC contracts: 0.0.456858, 0.0.429274.
REAL = {"hedera-mainnet": (295, 456_858), "hedera-testnet": (296, 429_274)}


def plan(network: str) -> dict[str, Any]:
    return tomllib.loads((NETWORKS / f"{network}.toml").read_text())


@pytest.mark.parametrize("network", sorted(each.stem for each in NETWORKS.glob("*.toml")))
def test_a_plan_is_named_for_its_network_and_lists_every_setting_of_a_pool(network: str) -> None:
    said, known = plan(network), plan("hedera-local")
    assert said["network"] == network
    assert said["tokens"].keys() == {"USDC", *said["pools"]}
    for pool in said["pools"].values():
        assert pool.keys() == known["pools"]["cKES"].keys()


@pytest.mark.parametrize("network", REAL)
def test_a_real_network_has_its_own_dollars_and_a_council_that_waits(network: str) -> None:
    said, (chain_id, usdc) = plan(network), REAL[network]
    assert said["chain_id"] == chain_id
    assert int(said["tokens"]["USDC"]["address"], 16) == usdc
    assert said["native_tokens"] is True
    assert not {"local", "sandbox"} & said.keys()
    assert said["roles"]["admin"] == "council"
    assert said["council"]["quorum"] >= 2
    assert said["council"]["delay_seconds"] >= 86_400
    assert "deployer" not in said["roles"].values()


@pytest.mark.parametrize("network", ["hedera-local", "hedera-sandbox"])
def test_gold_is_traded_on_terms_of_its_own(network: str) -> None:
    pools = plan(network)["pools"]
    gold, shilling = pools["XAUt"], pools["cKES"]
    wider, narrower = (
        ("spread_ppm", "age_ppm_per_minute"),
        ("max_doubt_ppm", "max_step_ppm", "hour_ppm", "day_ppm"),
    )
    assert all(gold[name] > shilling[name] for name in wider)
    assert all(gold[name] < shilling[name] for name in narrower)
