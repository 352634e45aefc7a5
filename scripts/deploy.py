"""Deploy everything to a network: ``ape run deploy --network ethereum:hedera-local:http://…``.

The node is named on the command line as an ape network; what to deploy there, with which roles and
limits, is in ``deployments/networks/<network>.toml`` (its stem is ape's network name, or
``JUA_DEPLOY_NETWORK``; another folder than that can be named by ``JUA_DEPLOY_NETWORKS_DIR``). The
environment gives:

- ``JUA_DEPLOYER_KEYFILE`` — the deployer's key as an encrypted JSON key file (version 3),
- ``JUA_DEPLOYER_PASSPHRASE`` — what opens it,
- ``JUA_DEPLOYMENTS_DIR`` — where the record is written (default ``deployments/chains``),
- the ``$NAMES`` that the network's file asks for.

Running it again does nothing that is done: a contract that is recorded and has code is kept, a role
that is held is not granted, a hub that has dollars gets none. With ``--dry-run`` every step is said and
none is done.
"""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from ape import chain, networks
from ape.cli import ConnectedProviderCommand
from ape.contracts import ContractContainer, ContractInstance
from ape.logging import logger as ape_logger
from ape_accounts import KeyfileAccount
from eth_utils.crypto import keccak
from ethpm_types import ContractType
from scripts._deployment import (
    COUNCIL,
    REPOSITORY,
    Artifact,
    DeploymentFault,
    Plan,
    Record,
    Roles,
    address,
    artifact,
    read_plan,
)
from scripts._hedera import (
    VARIANTS,
    at_once,
    give_hbar,
    give_token,
    is_associated,
    made_token,
    make_token,
)
from scripts._rehearsal import NOWHERE, Draft, Rehearsal
from scripts._verification import write_verifications

INT64_MAX = 2**63 - 1
ADMIN_ROLE = 0  # OpenZeppelin's AccessManager: may do whatever no other role is named for
GUARDIAN_ROLE = 1
FLAG_OPEN = 1  # of a pool's settings
POOL_SETTINGS = (  # in the order of the contract's struct, after the flags
    "spread_ppm",
    "age_ppm_per_minute",
    "fresh_seconds",
    "max_age_seconds",
    "max_doubt_ppm",
    "skew_ppm",
    "heal_ppm",
    "target_ppm",
    "hour_ppm",
    "day_ppm",
    "buffer_ppm",
)
PLAY_MONEY = {"USDC": "TestUSDC", "XAUt": "TestGold"}


class Deployment:
    """One run: what is there already is found, what is missing is made."""

    def __init__(self, plan: Plan, record: Record, deployer: KeyfileAccount) -> None:
        self.plan = plan
        self.record = record
        self.deployer = deployer
        self.roles: Roles = plan.resolved_roles(deployer.address)
        self.options: dict[str, Any] = {"sender": deployer, "required_confirmations": 0}
        self.tokens: dict[str, ContractInstance] = {}

    def run(self) -> None:
        self._forget_another_chain()
        admin = self.deployer.address
        self.governance = self.contract("governance", "Governance", admin)
        self.registry = self.contract(
            "registry",
            "AttestationRegistry",
            self.governance.address,
            self.roles.attesters,
            self.roles.quorum,
            self.plan.max_statement_age_seconds,
        )
        for symbol, said in self.plan.tokens.items():
            self.tokens[symbol] = self.token(symbol, said)
        governance, usdc = self.governance.address, self.tokens["USDC"].address
        desk = self.contract("pools_desk", "PoolsDesk", governance, usdc)
        self.pools = self.contract("pools", "Pools", governance, usdc, desk.address)
        self.router = self.contract("router", "Router", governance, self.registry.address, self.pools.address)
        self.configure_tokens()
        self.configure_pools()
        self.appoint()
        self.prepare_hub()
        self.fund_hub()
        self.hand_over()

    def _forget_another_chain(self) -> None:
        """A record whose contracts have no code is of a chain that is gone (a local one restarted)."""
        known = self.record.contracts
        gone = [name for name, entry in known.items() if not chain.provider.get_code(entry["address"])]
        if gone and self.plan.local is None:
            raise DeploymentFault(f"Recorded but without code on this chain: {', '.join(gone)}.")
        changed = [
            name for name, entry in known.items() if self._code_of(name).code_hash != entry["code_hash"]
        ]
        if changed and self.plan.local is None:
            raise DeploymentFault(
                f"Deployed from other code: {', '.join(changed)}. Move the record away to deploy anew."
            )
        if gone or changed:
            self.record.forget()

    def _code_of(self, name: str) -> Artifact:
        named = {
            "council": "Council",
            "governance": "Governance",
            "registry": "AttestationRegistry",
            "pools": "Pools",
            "pools_desk": "PoolsDesk",
            "router": "Router",
        }
        if name in self.plan.tokens:
            is_play = self.plan.tokens[name]["create"] == "test"
            return self._artifact(PLAY_MONEY[name] if is_play else "LocalToken")
        return self._artifact(named[name])

    def made(self) -> dict[str, tuple[Artifact, dict[str, Any]]]:
        """Every recorded contract: its code and its entry."""
        return {name: (self._code_of(name), entry) for name, entry in self.record.contracts.items()}

    def _artifact(self, contract: str) -> Artifact:
        """The contract's code, in the variant that the network's tokens want."""
        return artifact(VARIANTS.get(contract, contract) if self.plan.native_tokens else contract)

    def contract(self, name: str, contract: str, *arguments: Any) -> ContractInstance:
        """The recorded contract, or a new one.

        The instance is made here, not by ape's `instance_at`, which prefers what its cache on disk
        remembers of an address: on a restarted local chain, another contract.
        """
        code = self._artifact(contract)
        kind = self.kind_of(contract, code)
        known = self.record.contracts.get(name)
        if known is not None:
            return ContractInstance(known["address"], kind)
        creation = ContractContainer(kind)(*arguments, **self.options)
        creation.sender = self.deployer.address
        receipt = self.deployer.call(creation)
        made_at = receipt.contract_address
        self.record.add(
            name,
            {
                "address": made_at,
                "block": receipt.block_number,
                "transaction": receipt.txn_hash,
                "abi_hash": code.abi_hash,
                "code_hash": code.code_hash,
            },
        )
        click.echo(f"{name}: {made_at}", err=True)
        return ContractInstance(made_at, kind)

    def kind_of(self, contract: str, code: Artifact) -> ContractType:
        """What ape wants to know of a contract."""
        return ContractType.model_validate(
            {
                "contractName": contract,
                "abi": _with_second_page(code),
                "deploymentBytecode": {"bytecode": code.creation_code},
                "runtimeBytecode": {"bytecode": code.runtime_code},
            }
        )

    def token(self, symbol: str, said: dict[str, Any]) -> ContractInstance:
        """A token that exists (``address``), play money (``test``), or one of ours (``local``)."""
        if "address" in said:
            token = self._at(symbol, address(said["address"]))
        elif said["create"] == "test":
            if self.plan.local is None:
                raise DeploymentFault(f"{symbol}: play money is for local networks; give an address.")
            if symbol not in PLAY_MONEY:
                raise DeploymentFault(f"{symbol}: there is play money for {', '.join(PLAY_MONEY)}.")
            token = self.contract(symbol, PLAY_MONEY[symbol])
        elif self.plan.native_tokens:
            token = self._at(symbol, self.native_token(symbol, said["name"]))
        else:
            token = self.contract(symbol, "LocalToken", said["name"], symbol, self.registry.address)
        self.record.add_token(symbol, token.address)
        return token

    def _at(self, symbol: str, at: str) -> ContractInstance:
        kind = ContractType.model_validate({"contractName": symbol, "abi": artifact("LocalToken").abi})
        return self.at(symbol, kind, at)

    def at(self, symbol: str, kind: ContractType, where: str) -> ContractInstance:  # noqa: ARG002 - a rehearsal's
        """A contract that is there already."""
        return ContractInstance(where, kind)

    def native_token(self, symbol: str, name: str) -> str:
        """Hedera's own token, made once: the registry's log remembers it when the record does not."""
        return self._real_token_made(symbol) or make_token(
            self.registry, name, symbol, self.deployer.address, **self.options
        )

    def _real_token_made(self, symbol: str) -> str | None:
        return made_token(self.registry, symbol, self.record.contracts["registry"]["block"])

    def our_tokens(self) -> dict[str, dict[str, Any]]:
        """Those that the registry mints: what the plan says of each."""
        return {symbol: said for symbol, said in self.plan.tokens.items() if said.get("create") == "local"}

    def configure_tokens(self) -> None:
        for symbol, said in self.our_tokens().items():
            token = self.tokens[symbol].address
            capacity, drain = said["mint_capacity"], said["mint_drain_seconds"]
            is_now = self.registry.account(token)
            if (is_now.listed, is_now.capacity, is_now.drainSeconds) != (True, capacity, drain):
                self.registry.configureToken(token, capacity, drain, **self.options)

    def configure_pools(self) -> None:
        for symbol, said in self.plan.pools.items():
            token = self.tokens[symbol].address
            if self.plan.native_tokens and not self.is_associated(token):
                self.pools.associate(token, **self.options)
            wanted = tuple(said[name] for name in POOL_SETTINGS)
            _reserves, is_now, _buckets = self.pools.state(token)
            flags, *there = tuple(is_now)
            if not flags & FLAG_OPEN or tuple(there) != wanted:
                self.pools.configure(token, (0, *wanted), **self.options)
            price = (said["max_step_ppm"], said["sources_min"])
            kept = self.pools.priceOf(token)
            if (kept.maxStepPpm, kept.sourcesMin) != price:
                self.pools.configurePrice(token, *price, **self.options)

    def is_associated(self, token: str) -> bool:
        """Whether the pools may receive the token."""
        return is_associated(token, self.pools.address)

    def appoint(self) -> None:
        """Who issues, trades batches, settles and publishes prices; and who may halt all that."""
        roles, router = self.roles, self.router.address
        for is_now, appoint, whom in (
            (self.registry.isIssuer, self.registry.setIssuer, [router]),
            (self.pools.isRouter, self.pools.setRouter, [router]),
            (self.router.isRelayer, self.router.setRelayer, [roles.relayer]),
            (self.pools.isPublisher, self.pools.setPublisher, roles.publishers),
        ):
            for each in whom:
                if not is_now(each):
                    appoint(each, True, **self.options)  # noqa: FBT003 - the contracts' own argument
        self.let_guardian_halt(self.registry.address, self.registry.pause)
        self.let_guardian_halt(self.pools.address, self.pools.pause, self.pools.pausePeg)
        if not self.governance.hasRole(GUARDIAN_ROLE, roles.guardian)[0]:
            self.governance.grantRole(GUARDIAN_ROLE, roles.guardian, 0, **self.options)

    def let_guardian_halt(self, target: str, *functions: Any) -> None:
        """The guardian's role calls these at once; everything else stays with the administrator."""
        selectors = [keccak(text=each.abis[0].selector)[:4] for each in functions]
        wanting = [
            each for each in selectors if self.governance.getTargetFunctionRole(target, each) != GUARDIAN_ROLE
        ]
        if wanting:
            self.governance.setTargetFunctionRole(target, wanting, GUARDIAN_ROLE, **self.options)

    def prepare_hub(self) -> None:
        """The pools' standing allowance over hub tokens, renewed when half of it is used.

        The hub carries dollars and what we mint. Gold goes between its traders and the pools.
        """
        for symbol in ("USDC", *self.our_tokens()):
            token = self.tokens[symbol]
            if token.allowance(self.router.address, self.pools.address) < INT64_MAX // 2:
                self.router.prepare(token.address, **self.options)

    def fund_hub(self) -> None:
        """Play dollars as the hub's claim; the relayer makes the pools' first liquidity of them.

        Local tokens come only through attested mints, never from here.
        """
        play = self.plan.local or self.plan.sandbox
        if play is None:
            return
        usdc, amount = self.tokens["USDC"], play["hub_usdc"]
        pooled = sum(self.pools.state(self.tokens[symbol].address)[0].usdc for symbol in self.plan.pools)
        if not amount or pooled or self.pools.balanceOf(self.router.address, usdc.address):
            return
        if self.plan.sandbox is not None:
            self.from_issuer("USDC", amount)
        else:
            usdc.mint(self.deployer.address, amount, **self.options)
        usdc.approve(self.pools.address, amount, **self.options)
        self.pools.deposit(usdc.address, amount, self.router.address, **self.options)

    def from_issuer(self, symbol: str, amount: int) -> None:
        """Play dollars, where the sandbox's issuer gives them."""
        give_token(symbol, self.deployer.address, amount)

    def hand_over(self) -> None:
        """Where the administrator is another account, or a council, the deployer keeps nothing."""
        if self.roles.admin == self.deployer.address:
            return
        admin, delay = self.roles.admin, 0
        if admin == COUNCIL:
            council = self.plan.resolved_council(self.deployer.address)
            admin = self.contract("council", "Council", council.members, council.quorum).address
            delay = council.delay_seconds
        if self.governance.hasRole(ADMIN_ROLE, self.deployer.address)[0]:
            self.governance.grantRole(ADMIN_ROLE, admin, delay, **self.options)
            self.governance.renounceRole(ADMIN_ROLE, self.deployer.address, **self.options)


class DryRun(Rehearsal, Deployment):
    """The same steps, said and not done."""

    def is_associated(self, token: str) -> bool:
        return self.pools.is_there and token != NOWHERE and super().is_associated(token)


def _with_second_page(code: Artifact) -> list[dict[str, Any]]:
    """What can be called at a contract's address; at that of the pools, the desk's functions too."""
    pages = [code.abi] if code.name not in ("Pools", "HederaPools") else [code.abi, artifact("PoolsDesk").abi]
    found = {json.dumps(each, sort_keys=True): each for page in pages[1:] for each in page}
    known = {json.dumps(each, sort_keys=True) for each in code.abi}
    other = [
        each for key, each in found.items() if key not in known and each["type"] in {"function", "event"}
    ]
    return [*code.abi, *other]


@contextmanager
def at_local_pace(plan: Plan, deployer: str, relayer: str) -> Iterator[None]:
    """On a chain of our own: gas money for those who send, and a block for each transaction."""
    if plan.sandbox is not None:
        with at_once():
            give_hbar(deployer, plan.sandbox["deployer_hbar"])
            give_hbar(relayer, plan.sandbox["relayer_hbar"])
            if anchor := os.environ.get("JUA_DEPLOY_ANCHOR"):
                give_hbar(address(anchor), plan.sandbox["anchor_hbar"])
            yield
        return
    if plan.local is None:
        yield
        return
    rpc = chain.provider.make_request
    for sender in (deployer, relayer):
        rpc("anvil_setBalance", [sender, hex(plan.local["balance_wei"])])
    was_automine = rpc("anvil_getAutomine", [])
    seconds = rpc("anvil_getIntervalMining", []) if not was_automine else None
    if plan.local["automine"] and not was_automine:
        rpc("evm_setAutomine", [True])
    try:
        yield
    finally:
        if seconds:
            rpc("evm_setIntervalMining", [seconds])


def deployer_account() -> KeyfileAccount:
    """The deployer from the environment, open for this run. Raises DeploymentFault."""
    file = Path(os.environ.get("JUA_DEPLOYER_KEYFILE", ""))
    passphrase = os.environ.get("JUA_DEPLOYER_PASSPHRASE")
    if not file.is_file() or passphrase is None:
        raise DeploymentFault("Set JUA_DEPLOYER_KEYFILE (an encrypted key file) and JUA_DEPLOYER_PASSPHRASE.")
    account = KeyfileAccount(keyfile_path=file)
    account.set_autosign(True, passphrase=passphrase)
    return account


def deploy(*, dry_run: bool = False, verification: Path | None = None) -> Path | None:
    """Deploy to the connected network; the record's path. Raises DeploymentFault.

    ``dry_run``: say what would be done; nothing is sent or written, and there is no record.
    ``verification``: a folder for what source verifiers want of each contract.
    """
    plan = read_plan(os.environ.get("JUA_DEPLOY_NETWORK") or networks.active_provider.network.name)
    if chain.chain_id != plan.chain_id:
        raise DeploymentFault(f"The node is on chain {chain.chain_id}, the plan is for {plan.chain_id}.")
    directory = Path(os.environ.get("JUA_DEPLOYMENTS_DIR", REPOSITORY / "deployments" / "chains"))
    file, public_rpc = directory / f"{plan.network}.json", os.environ.get("JUA_DEPLOY_PUBLIC_RPC")
    deployer = deployer_account()
    if dry_run:
        rehearsal = DryRun(plan, Draft(file, plan, public_rpc), deployer)
        told = rehearsal.begin()
        rehearsal.run()
        told.summary()
        return None
    record = Record(file, plan, public_rpc)
    deployment = Deployment(plan, record, deployer)
    with at_local_pace(plan, deployer.address, deployment.roles.relayer):
        deployment.run()
    if verification is not None:
        write_verifications(verification, plan.chain_id, deployment.made())
    return record.file


@click.command(cls=ConnectedProviderCommand)
@click.option("--dry-run", is_flag=True, help="Say what would be made and sent; send nothing.")
@click.option("--verification", type=Path, help="Write what source verifiers want into this folder.")
def cli(*, dry_run: bool, verification: Path | None) -> None:
    """Deploy registry, tokens, pools and router, and write down where they are."""
    ape_logger.set_level(logging.ERROR)
    try:
        if (file := deploy(dry_run=dry_run, verification=verification)) is not None:
            click.echo(file)
    except DeploymentFault as fault:
        raise click.ClickException(str(fault)) from None
