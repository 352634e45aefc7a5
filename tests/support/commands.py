"""`jua` called as a command, in this process or in another, and the settings that it needs."""

import json
from pathlib import Path

import pytest

from juapesa.chain import Deployment
from juapesa.cli import main
from support.evm import Chain


def status_of(arguments: list[str]) -> int:
    """The exit status."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def environment(folder: Path, database_url: str, chain: Chain) -> dict[str, str]:
    """Settings for a database and a chain, whose record is written into the folder."""
    (folder / "hedera-local.json").write_text(record_of(chain.deployment))
    return {
        "JUA_DATA_DIR": str(folder),
        "JUA_DATABASE_URL": database_url,
        "JUA_CHAIN__DEPLOYMENTS_DIR": str(folder),
        "JUA_CHAIN__RPC_URL": chain.node.url,
    }


def record_of(deployment: Deployment) -> str:
    """The file that the deploy script writes, as far as it is read."""
    contracts = {"registry": deployment.registry, "router": deployment.router, "pools": deployment.pools}
    return json.dumps(
        {
            "network": "hedera-local",
            "chain_id": deployment.chain_id,
            "contracts": {
                name: {"address": address, "block": deployment.first_block}
                for name, address in contracts.items()
            },
            "tokens": {token.code: {"address": address} for token, address in deployment.tokens.items()},
        }
    )
