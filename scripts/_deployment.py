"""What a deployment is made from and where it is written down; `deploy.py` does the work.

The plan is ``deployments/networks/<network>.toml``; the record is ``<deployments>/<network>.json``:
``{"network", "chain_id", "rpc_url"?, "contracts": {name: {"address", "block", "transaction",
"abi_hash", "code_hash"}}, "tokens": {symbol: {"address", "decimals"}}}``. Hashes are SHA-256, of the
contract's ABI file as Python ships it and of the creation code, both in hex.
"""

import hashlib
import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import is_address, to_checksum_address

REPOSITORY = Path(__file__).resolve().parents[1]
NETWORKS = REPOSITORY / "deployments" / "networks"
FORGE_OUT = REPOSITORY / "out"
COUNCIL = "council"  # in the place of the admin: the k-of-n account that this deployment makes


class DeploymentFault(Exception):
    """The deployment cannot go on; the message says what to change."""


@dataclass(frozen=True)
class Artifact:
    """A contract as forge compiled it."""

    name: str
    abi: list[dict[str, Any]]
    creation_code: str
    runtime_code: str

    @property
    def abi_hash(self) -> str:
        """SHA-256 of the canonical ABI file (scripts/abi.py writes the same bytes)."""
        text = json.dumps(self.abi, sort_keys=True, separators=(",", ":")) + "\n"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def code_hash(self) -> str:
        """SHA-256 of the creation code, without constructor arguments."""
        return hashlib.sha256(bytes.fromhex(self.creation_code.removeprefix("0x"))).hexdigest()


def artifact(contract: str) -> Artifact:
    """Forge's output for a contract. Raises DeploymentFault when it was not built."""
    file = FORGE_OUT / f"{contract}.sol" / f"{contract}.json"
    if not file.exists():
        raise DeploymentFault(f"{file.relative_to(REPOSITORY)} is missing: run `forge build` first.")
    built = json.loads(file.read_text())
    return Artifact(contract, built["abi"], built["bytecode"]["object"], built["deployedBytecode"]["object"])


@dataclass(frozen=True)
class Roles:
    """Who may do what, as addresses."""

    admin: str
    guardian: str
    relayer: str
    publishers: list[str]
    attesters: list[str]
    quorum: int


@dataclass(frozen=True)
class Council:
    """Who governs together: ``quorum`` of the members, heard ``delay_seconds`` before it is done."""

    members: list[str]
    quorum: int
    delay_seconds: int


@dataclass(frozen=True)
class Plan:
    """A network's file, read."""

    network: str
    chain_id: int
    max_statement_age_seconds: int
    local: dict[str, Any] | None
    sandbox: dict[str, Any] | None
    native_tokens: bool  # local tokens are Hedera's own, made by the registry
    roles: dict[str, str]
    council: dict[str, Any] | None
    tokens: dict[str, dict[str, Any]]
    pools: dict[str, dict[str, Any]]

    def resolved_roles(self, deployer: str) -> Roles:
        """Roles with the environment and the deployer filled in. Raises DeploymentFault."""
        said = {name: _said(value, deployer) for name, value in self.roles.items()}
        single = {name: address(said[name]) for name in ("guardian", "relayer")}
        admin = COUNCIL if said["admin"] == COUNCIL else address(said["admin"])
        return Roles(
            **single,
            admin=admin,
            publishers=_ascending(said["publishers"]),
            attesters=_ascending(said["attesters"]),
            quorum=int(said["quorum"]),
        )

    def resolved_council(self, deployer: str) -> Council:
        """The council, where the administrator is one. Raises DeploymentFault."""
        if self.council is None:
            raise DeploymentFault("The admin is a council, and the network's file has no [council].")
        members = _ascending(_said(self.council["members"], deployer))
        return Council(members, int(self.council["quorum"]), int(self.council["delay_seconds"]))


def _ascending(listed: str) -> list[str]:
    """Addresses with commas between, in the order that the contracts want."""
    return sorted({address(each) for each in listed.split(",")}, key=lambda each: int(each, 16))


def address(text: str) -> str:
    """The address with its checksum. Raises DeploymentFault when it is none."""
    if not is_address(text.strip()):
        raise DeploymentFault(f"{text.strip()!r} is no address.")
    return to_checksum_address(text.strip())


def _said(value: str, deployer: str) -> str:
    if value == "deployer":
        return deployer
    if not value.startswith("$"):
        return value
    defaults = {"JUA_DEPLOY_QUORUM": "2"}
    found = os.environ.get(value[1:], defaults.get(value[1:], ""))
    if not found:
        raise DeploymentFault(f"{value[1:]} is not set; the network's file asks for it.")
    return found


def read_plan(network: str) -> Plan:
    """The plan for a network. Raises DeploymentFault when there is none."""
    folder = Path(os.environ.get("JUA_DEPLOY_NETWORKS_DIR", NETWORKS))
    file = folder / f"{network}.toml"
    if not file.exists():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml")))
        raise DeploymentFault(f"There is no {network}.toml in {folder}; known: {known or 'none'}.")
    said = tomllib.loads(file.read_text())
    return Plan(
        network=said["network"],
        chain_id=said["chain_id"],
        max_statement_age_seconds=said["max_statement_age_seconds"],
        local=said.get("local"),
        sandbox=said.get("sandbox"),
        native_tokens=said.get("native_tokens", False),
        roles={name: str(value) for name, value in said["roles"].items()},
        council=said.get("council"),
        tokens=said["tokens"],
        pools=said["pools"],
    )


class Record:
    """The JSON file that tells everybody else where things are; written after every step."""

    def __init__(self, file: Path, plan: Plan, rpc_url: str | None) -> None:
        self.file = file
        self.body: dict[str, Any] = {"network": plan.network, "chain_id": plan.chain_id}
        if rpc_url is not None:
            self.body["rpc_url"] = rpc_url
        self.body |= {"contracts": {}, "tokens": {}}
        if file.exists():
            known = json.loads(file.read_text())
            if known["chain_id"] != plan.chain_id:
                raise DeploymentFault(f"{file} is of chain {known['chain_id']}; move it away first.")
            self.body = known | {key: self.body[key] for key in ("network", "rpc_url") if key in self.body}

    @property
    def contracts(self) -> dict[str, dict[str, Any]]:
        return dict(self.body["contracts"])

    def forget(self) -> None:
        """Start again: the chain (or, locally, the code) is another one."""
        self.body["contracts"] = {}
        self.body["tokens"] = {}

    def add(self, name: str, entry: dict[str, Any]) -> None:
        self.body["contracts"][name] = entry
        self._write()

    def add_token(self, symbol: str, address: str) -> None:
        self.body["tokens"][symbol] = {"address": address, "decimals": 6}
        self._write()

    def _write(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(self.body, indent=2) + "\n")
        draft.replace(self.file)
