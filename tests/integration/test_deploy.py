"""The deployment script makes a working protocol, once, on whatever network its plan describes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from juapesa.chain import abi, load_deployment
from juapesa.crypto import keccak256
from juapesa.crypto.keyfile import write_keyfile
from juapesa.money import CKES, CNGN, USDC, XAUT
from juapesa.sandbox.hedera import Pace
from juapesa.supervisor.tools import tools_path
from support.evm import CHAIN_ID, REPOSITORY, Chain, Node, creation, play_key, running_anvil
from support.hedera import sandbox
from support.settlements import Hub

pytestmark = pytest.mark.needs_evm

DEPLOYER_SECRET = keccak256(b"juapesa tests deployer")
DEPLOYER = play_key("deployer").address
GOVERNS = abi.Function("hasRole", ("uint64", "address"), ("bool", "uint32"))
AUTHORITY = abi.Function("authority", (), ("address",))
MEMBERS = abi.Function("members", (), ("address[]", "uint8"))
PUBLISHERS = [play_key(f"publisher {number}").address for number in (1, 2, 3)]
ATTESTERS = [play_key(f"attester {number}").address for number in (1, 2, 3)]

ELSEWHERE = """
network = "elsewhere"
chain_id = {chain_id}
max_statement_age_seconds = 300
[roles]
admin = "$JUA_DEPLOY_ADMIN"
guardian = "deployer"
relayer = "$JUA_DEPLOY_RELAYER"
publishers = "$JUA_DEPLOY_PUBLISHERS"
attesters = "$JUA_DEPLOY_ATTESTERS"
quorum = "2"
[tokens.USDC]
address = "{usdc}"
[tokens.cKES]
create = "local"
name = "Kenyan Shilling"
mint_capacity = 1000
mint_drain_seconds = 3_600
[pools.cKES]
spread_ppm = 3000
age_ppm_per_minute = 100
fresh_seconds = 60
max_age_seconds = 300
max_doubt_ppm = 20000
skew_ppm = 20000
heal_ppm = 900000
target_ppm = 500000
hour_ppm = 200000
day_ppm = 500000
buffer_ppm = 100000
max_step_ppm = 10000
sources_min = 3
"""


def deploy(
    node: Node, folder: Path, network: str, *options: str, **said: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as `jua deploy` does; both outputs are in ``stdout``."""
    keyfile = folder / "deployer.json"
    if not keyfile.exists():
        write_keyfile(keyfile, DEPLOYER_SECRET, "open")
    environment = os.environ | {
        "PATH": tools_path(os.environ["PATH"]),
        "APE_DATA_FOLDER": str(folder / "ape"),
        "JUA_DEPLOYER_KEYFILE": str(keyfile),
        "JUA_DEPLOYER_PASSPHRASE": "open",
        "JUA_DEPLOYMENTS_DIR": str(folder / "chains"),
        "JUA_DEPLOY_RELAYER": play_key("relayer").address,
        "JUA_DEPLOY_PUBLISHERS": ",".join(PUBLISHERS),
        "JUA_DEPLOY_ATTESTERS": ",".join(ATTESTERS),
        **said,
    }
    return subprocess.run(
        [
            Path(sys.executable).parent / "ape",
            "run",
            "deploy",
            "--network",
            f"{network}:{node.url}",
            *options,
        ],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_local_deployment_settles_a_transfer_and_a_second_run_changes_nothing(
    forge_output: Path, tmp_path: Path
) -> None:
    with running_anvil() as node:
        node.ask("evm_setIntervalMining", 2)
        first = deploy(node, tmp_path, "ethereum:hedera-local")
        assert first.returncode == 0, first.stdout
        assert node.ask("anvil_getIntervalMining") == 2, "the node's own pace is given back"
        record = tmp_path / "chains" / "hedera-local.json"
        written, nonce = record.read_text(), node.ask("eth_getTransactionCount", DEPLOYER, "latest")

        again = deploy(node, tmp_path, "ethereum:hedera-local")
        assert again.returncode == 0, again.stdout
        assert record.read_text() == written
        assert node.ask("eth_getTransactionCount", DEPLOYER, "latest") == nonce

        node.ask("evm_setAutomine", True)
        deployment = load_deployment(tmp_path / "chains", "hedera-local")
        assert (deployment.chain_id, set(deployment.tokens)) == (CHAIN_ID, {USDC, CKES, CNGN, XAUT})
        hub = Hub(Chain(node, deployment))
        hub.liquidity()
        hub.settle(hub.transfer(1_000 * 10**6))


def test_a_deployment_is_told_before_it_is_done_and_goes_on_where_it_stopped(
    forge_output: Path, tmp_path: Path
) -> None:
    network, file = "ethereum:hedera-local", tmp_path / "chains" / "hedera-local.json"

    def told(node: Node) -> tuple[dict[str, str], str]:
        """The addresses of what would be created, and the last line."""
        said = deploy(node, tmp_path, network, "--dry-run")
        assert said.returncode == 0, said.stdout
        made = re.findall(
            r"^create +(\S+) \(\w+\) at (0x\w+), [\d,]+ gas or more$", said.stdout, re.MULTILINE
        )
        return dict(made), said.stdout.splitlines()[-1]

    def nonce(node: Node) -> int:
        return int(node.ask("eth_getTransactionCount", DEPLOYER, "latest"), 16)

    with running_anvil() as node:
        foretold, last = told(node)
        assert not file.exists()
        assert nonce(node) == 0
        assert last.endswith("Nothing was sent.")
        done = deploy(node, tmp_path, network, "--verification", str(tmp_path / "sources"))
        assert done.returncode == 0, done.stdout
        record = json.loads(file.read_text())
        assert {name: each["address"] for name, each in record["contracts"].items()} == foretold
        sent = nonce(node)
        assert last.startswith(f"{sent} transactions.")
        made, last = told(node)
        assert made == {}
        assert last.startswith("0 transactions.")
        verified_by_its_source(tmp_path / "sources" / "cKES.json", node, record["contracts"]["cKES"])

        cut = dict(list(record["contracts"].items())[:3])  # as if it had died there
        file.write_text(json.dumps({**record, "contracts": cut, "tokens": {}}))
        missing, _ = told(node)
        assert missing.keys() == record["contracts"].keys() - cut.keys()
        assert nonce(node) == sent
        assert deploy(node, tmp_path, network).returncode == 0
        resumed = json.loads(file.read_text())["contracts"]
        assert {name: each["address"] for name, each in resumed.items()} == {
            **{name: each["address"] for name, each in cut.items()},
            **missing,
        }


def verified_by_its_source(file: Path, node: Node, entry: dict[str, Any]) -> None:
    """Compile what a verifier is given, as it does, and compare with what the transaction created."""
    said = json.loads(file.read_text())
    assert said["path"] == f"/v2/verify/{CHAIN_ID}/{entry['address']}"
    body = said["body"]
    compiled = subprocess.run(
        [REPOSITORY / "scripts" / "solc" / "solc", "--standard-json"],
        input=json.dumps(body["stdJsonInput"]),
        env=os.environ | {"PATH": tools_path(os.environ["PATH"])},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    source, _, contract = body["contractIdentifier"].partition(":")
    code = json.loads(compiled.stdout)["contracts"][source][contract]["evm"]["bytecode"]["object"]
    created = node.ask("eth_getTransactionByHash", body["creationTransactionHash"])
    assert created["input"].startswith("0x" + code)


def test_another_network_is_a_matter_of_configuration(
    forge_output: Path, chain: Chain, tmp_path: Path
) -> None:
    """USDC exists there, governance is another account, nothing is play money."""
    node, usdc, admin = chain.node, chain.deployment.tokens[USDC], play_key("governance").address
    plan = ELSEWHERE.format(chain_id=CHAIN_ID, usdc=usdc)
    (tmp_path / "elsewhere.toml").write_text(plan)
    node.ask("anvil_setBalance", DEPLOYER, hex(10**20))
    said = {
        "JUA_DEPLOY_NETWORK": "elsewhere",
        "JUA_DEPLOY_NETWORKS_DIR": str(tmp_path),
        "JUA_DEPLOY_ADMIN": admin,
    }
    done = deploy(node, tmp_path, "ethereum:hedera-local", **said)
    assert done.returncode == 0, done.stdout
    found = json.loads((tmp_path / "chains" / "elsewhere.json").read_text())
    assert found["tokens"]["USDC"]["address"].lower() == usdc
    assert set(found["contracts"]) == {"governance", "registry", "cKES", "pools", "pools_desk", "router"}
    governance = found["contracts"]["governance"]["address"]
    assert node.read(governance, GOVERNS, 0, admin)[0] is True
    assert node.read(governance, GOVERNS, 0, DEPLOYER)[0] is False
    for name in ("registry", "pools", "router"):
        assert node.read(found["contracts"][name]["address"], AUTHORITY) == (governance.lower(),)


def test_a_council_governs_after_a_delay_and_the_deployer_keeps_nothing(chain: Chain, tmp_path: Path) -> None:
    node = chain.node
    plan = ELSEWHERE.format(chain_id=CHAIN_ID, usdc=chain.deployment.tokens[USDC])
    plan = plan.replace('admin = "$JUA_DEPLOY_ADMIN"', 'admin = "council"')
    plan += '[council]\nmembers = "$JUA_DEPLOY_COUNCIL"\nquorum = 2\ndelay_seconds = 86400\n'
    (tmp_path / "elsewhere.toml").write_text(plan)
    node.ask("anvil_setBalance", DEPLOYER, hex(10**20))
    said = {
        "JUA_DEPLOY_NETWORK": "elsewhere",
        "JUA_DEPLOY_NETWORKS_DIR": str(tmp_path),
        "JUA_DEPLOY_ADMIN": play_key("governance").address,
        "JUA_DEPLOY_COUNCIL": ",".join(ATTESTERS),
    }
    done = deploy(node, tmp_path, "ethereum:hedera-local", **said)
    assert done.returncode == 0, done.stdout
    contracts = json.loads((tmp_path / "chains" / "elsewhere.json").read_text())["contracts"]
    governance, council = contracts["governance"]["address"], contracts["council"]["address"]
    assert node.read(governance, GOVERNS, 0, council) == (True, 86_400)
    assert node.read(governance, GOVERNS, 0, DEPLOYER)[0] is False
    members, quorum = node.read(council, MEMBERS)
    assert (sorted(members), quorum) == (sorted(each.lower() for each in ATTESTERS), 2)
    for name in ("registry", "pools", "router"):
        assert node.read(contracts[name]["address"], AUTHORITY) == (governance.lower(),)
    again = deploy(node, tmp_path, "ethereum:hedera-local", **said)
    assert again.returncode == 0, again.stdout


def test_what_is_missing_or_wrong_is_said_before_anything_is_sent(chain: Chain, tmp_path: Path) -> None:
    said = deploy(chain.node, tmp_path, "ethereum:hedera-local", JUA_DEPLOY_NETWORK="nowhere")
    assert said.returncode != 0
    assert "There is no nowhere.toml" in said.stdout
    (tmp_path / "elsewhere.toml").write_text(ELSEWHERE.format(chain_id=CHAIN_ID + 1, usdc="0x"))
    other = {"JUA_DEPLOY_NETWORK": "elsewhere", "JUA_DEPLOY_NETWORKS_DIR": str(tmp_path)}
    said = deploy(chain.node, tmp_path, "ethereum:hedera-local", **other)
    assert said.returncode != 0
    assert f"The node is on chain {CHAIN_ID}, the plan is for {CHAIN_ID + 1}." in said.stdout


def test_the_same_script_deploys_through_a_relay_that_lags(forge_output: Path, tmp_path: Path) -> None:
    """Hedera's rules instead of anvil's: no unlocked accounts, no play money, reads a little in the past."""
    with sandbox(Pace(block_seconds=0.5, lag_low_seconds=0.2, lag_high_seconds=0.6)) as net:
        net.give(DEPLOYER, 10_000)
        usdc = net.send(to=None, data=creation("TestUSDC"), gas=3_000_000)["contractAddress"]
        (tmp_path / "elsewhere.toml").write_text(ELSEWHERE.format(chain_id=CHAIN_ID, usdc=usdc))
        said = {
            "JUA_DEPLOY_NETWORK": "elsewhere",
            "JUA_DEPLOY_NETWORKS_DIR": str(tmp_path),
            "JUA_DEPLOY_ADMIN": play_key("governance").address,
        }
        done = deploy(Node(net.url), tmp_path, "ethereum:hedera-local", **said)
        assert done.returncode == 0, done.stdout
        found = json.loads((tmp_path / "chains" / "elsewhere.json").read_text())
        for entry in found["contracts"].values():
            assert net.receipt(entry["transaction"])["contractAddress"] == entry["address"].lower()
