"""The same script on the Hedera sandbox, with tokens of the token service and a mirror that lags."""

import json
from pathlib import Path
from typing import Any

import pytest

from juapesa.money import CKES, CNGN, USDC, XAUT
from juapesa.sandbox.hedera import Pace
from support.evm import play_key
from support.hedera import Sandbox
from support.hedera_hub import NETWORK, Deployed, deploy

pytestmark = pytest.mark.needs_evm

SLOW = Pace(block_seconds=0.5, lag_low_seconds=0.2, lag_high_seconds=0.6)
INT64_MAX = 2**63 - 1
ALLOWANCE = "0xdd62ed3e"


def allowance(net: Sandbox, token: str, owner: str, spender: str) -> int:
    words = "".join(each.lower().removeprefix("0x").rjust(64, "0") for each in (owner, spender))
    return int(net.ask("eth_call", {"to": token, "data": ALLOWANCE + words}, "latest"), 16)


def token_named(net: Sandbox, symbol: str) -> dict[str, Any]:
    """What the mirror tells of the one token of this symbol."""
    listed = net.seen("/api/v1/tokens", limit=100)["tokens"]
    (found,) = (each["token_id"] for each in listed if each["symbol"] == symbol)
    return net.seen(f"/api/v1/tokens/{found}")


def test_the_registry_owns_the_local_tokens_and_a_second_run_makes_none(
    deployed_network: Deployed, tmp_path: Path
) -> None:
    with deployed_network.awake(tmp_path, SLOW) as (net, chain):
        first, made = json.loads((tmp_path / "chains" / f"{NETWORK}.json").read_text()), chain.deployment
        registry = net.seen(f"/api/v1/accounts/{made.registry}")["account"]
        pools = net.seen(f"/api/v1/accounts/{made.pools}/tokens")["tokens"]
        router = net.seen(f"/api/v1/accounts/{made.router}/tokens")["tokens"]
        for currency in (CKES, CNGN):
            token = token_named(net, currency.code)
            assert int(made.tokens[currency], 16) == int(token["token_id"].rpartition(".")[2])
            assert token["treasury_account_id"] == token["auto_renew_account"] == registry
            keys = {name for name in token if name.endswith("_key") and token[name] is not None}
            assert keys == {"supply_key"}
            assert token["decimals"] == "6"
            assert allowance(net, made.tokens[currency], made.router, made.pools) == INT64_MAX
            assert allowance(net, made.tokens[currency], made.router, made.registry) == INT64_MAX
        ids = {unit: f"0.0.{int(address, 16)}" for unit, address in made.tokens.items()}
        assert {each["token_id"] for each in pools} == set(ids.values())
        assert {each["token_id"] for each in router} == set(ids.values()) - {ids[XAUT]}, (
            "no transfer goes by gold"
        )
        assert allowance(net, made.tokens[USDC], made.router, made.pools) == INT64_MAX
        height = net.state()["consensus_block"]
        nonce = net.ask("eth_getTransactionCount", play_key("deployer").address, "latest")
        forgotten = {**first, "tokens": {}}
        (tmp_path / "chains" / f"{NETWORK}.json").write_text(json.dumps(forgotten))
        assert deploy(net, tmp_path)["tokens"] == first["tokens"], "found by the registry's log"
        assert net.ask("eth_getTransactionCount", play_key("deployer").address, "latest") == nonce
        assert net.state()["consensus_block"] >= height
