"""A real chain for tests: anvil as Hedera, our contracts from forge's output, play keys for every role.

``tests/conftest.py`` loads this as a plugin. ``chain`` is fresh for each test (a snapshot is put
back) and mines each transaction at once.
"""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_abi import encode

from juapesa.chain import Deployment, Rpc, abi
from juapesa.crypto import Signer, keccak256
from juapesa.money import CKES, CNGN, USDC
from juapesa.supervisor.tools import evm_tool, tools_path

REPOSITORY = Path(__file__).resolve().parents[2]
CHAIN_ID = 298
ATTESTERS = 3
QUORUM = 2
STATEMENT_AGE_SECONDS = 600
START_SECONDS_MAX = 20.0
START_IN_PAST_SECONDS = 600
# USDC per whole token × 10^18
MIDS_E18 = {CKES: 7_720_000_000_000_000, CNGN: 650_000_000_000_000}
HUB_USDC = 250_000 * 10**6
PUBLISHERS = 3
# As on a network, with limits as large as the pool: tests trade more in an hour than people do.
SETTINGS = (0, 800, 100, 60, 900, 20_000, 20_000, 900_000, 500_000, 1_000_000, 1_000_000, 100_000)
MAX_STEP_PPM, SOURCES_MIN = 20_000, 3


def play_key(name: str) -> Signer:
    """The same key for the same name, on every machine. Opens nothing anywhere."""
    return Signer.from_private_key(keccak256(f"juapesa tests {name}".encode()))


@dataclass
class Node:
    """Synchronous JSON-RPC for arranging a chain; code under test brings its own client."""

    url: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))

    def ask(self, method: str, *params: Any) -> Any:
        answer = self.http.post(
            self.url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        ).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def send(self, data: bytes, to: str | None = None, sender: str | None = None) -> dict[str, Any]:
        """A transaction by an account whose key the node has (or plays); its receipt."""
        body = {"from": sender or self.account(), "data": "0x" + data.hex(), "gas": hex(14_000_000)}
        tx_hash = self.ask("eth_sendTransaction", body | ({"to": to} if to else {}))
        return self.succeeded(tx_hash)

    def succeeded(self, tx_hash: str) -> dict[str, Any]:
        """The receipt of a transaction that is in a block very soon, and did not revert."""
        until = time.monotonic() + START_SECONDS_MAX
        while (receipt := self.ask("eth_getTransactionReceipt", tx_hash)) is None:
            assert time.monotonic() < until, f"{tx_hash} is in no block"
            time.sleep(0.005)
        assert receipt["status"] == "0x1", receipt
        return dict(receipt)

    def read(self, to: str, function: abi.Function, *arguments: Any) -> tuple[Any, ...]:
        data = "0x" + function.call(*arguments).hex()
        return function.result(bytes.fromhex(self.ask("eth_call", {"to": to, "data": data}, "latest")[2:]))

    def account(self) -> str:
        """anvil's first account, which deploys and administers."""
        return str(self.ask("eth_accounts")[0])

    def now(self) -> int:
        """The newest block's time."""
        return int(self.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def set_time(self) -> None:
        """Let the chain's clock show the machine's time again."""
        self.ask("evm_setTime", max(int(time.time()), self.now() + 1))


@dataclass(frozen=True)
class Chain:
    """A deployed chain and the keys that may act on it."""

    node: Node
    deployment: Deployment
    relayer: Signer = field(default_factory=lambda: play_key("relayer"))
    publishers: tuple[Signer, ...] = field(
        default_factory=lambda: tuple(
            sorted((play_key(f"publisher {n}") for n in range(1, PUBLISHERS + 1)), key=_address)
        )
    )
    attesters: tuple[Signer, ...] = field(
        default_factory=lambda: tuple(
            sorted((play_key(f"attester {n}") for n in range(1, ATTESTERS + 1)), key=_address)
        )
    )

    def rpc(self) -> Rpc:
        return Rpc(self.node.url)

    def balance(self, token: Any, holder: str) -> int:
        return int(self.node.read(self.deployment.tokens[token], abi.BALANCE_OF, holder)[0])

    def supply(self, token: Any) -> int:
        return int(self.node.read(self.deployment.tokens[token], abi.TOTAL_SUPPLY)[0])

    def claim(self, token: Any, holder: str) -> int:
        """What the pools owe to somebody."""
        pools = self.deployment.pools
        return int(self.node.read(pools, abi.CLAIM_OF, holder, self.deployment.tokens[token])[0])

    def prices(self, publisher: Signer, at: int | None = None) -> dict[str, Any]:
        """What a publisher answers at ``/v1/prices``."""
        observed = at or int(time.time())
        listed = [
            {
                "symbol": token.code,
                "midE18": str(mid),
                "observedAt": observed,
                "signature": "0x" + self._price_signature(publisher, token, mid, observed).hex(),
            }
            for token, mid in MIDS_E18.items()
        ]
        return {"prices": listed, "publisher": publisher.address}

    def signed_prices(self, at: int) -> list[tuple[Any, ...]]:
        """Prices as the router takes them: each token's, in the order of their publishers."""
        return [
            (self.deployment.tokens[token], mid, at, self._price_signature(publisher, token, mid, at))
            for token, mid in MIDS_E18.items()
            for publisher in self.publishers
        ]

    def _price_signature(self, publisher: Signer, token: Any, mid: int, observed: int) -> bytes:
        digest = self.node.read(
            self.deployment.pools, PRICE_DIGEST, self.deployment.tokens[token], mid, observed
        )[0]
        return publisher.sign_digest(digest)


PRICE_DIGEST = abi.Function("priceDigest", ("address", "uint128", "uint64"), ("bytes32",))
_SETTINGS_TYPE = "(uint8,uint16,uint16,uint16,uint24,uint24,uint24,uint24,uint24,uint24,uint24,uint24)"
_APPOINTED = ("address", "bool")


def _address(signer: Signer) -> str:
    return signer.address.lower()


def creation(contract: str, types: Sequence[str] = (), values: Sequence[Any] = ()) -> bytes:
    """The bytes that create a contract: its compiled code and its constructor's arguments."""
    file = REPOSITORY / "out" / f"{contract}.sol" / f"{contract}.json"
    code = json.loads(file.read_text())["bytecode"]["object"]
    return bytes.fromhex(code.removeprefix("0x")) + encode(types, values)


def _deploy(node: Node) -> Chain:
    """As scripts/deploy.py does it for the local network, without its tools."""
    admin, empty = node.account(), Chain(node, Deployment("test", CHAIN_ID, "", "", "", {}, 0))

    def make(contract: str, types: Sequence[str] = (), values: Sequence[Any] = ()) -> str:
        return str(node.send(creation(contract, types, values))["contractAddress"])

    addresses = [each.address for each in empty.attesters]
    usdc = make("TestUSDC")
    governance = make("Governance", ("address",), (admin,))
    registry = make(
        "AttestationRegistry",
        ("address", "address[]", "uint8", "uint64"),
        (governance, addresses, QUORUM, STATEMENT_AGE_SECONDS),
    )
    named = {CKES: "Kenyan Shilling", CNGN: "Naira"}
    tokens = {
        token: make("LocalToken", ("string", "string", "address"), (name, token.code, registry))
        for token, name in named.items()
    }
    desk = make("PoolsDesk", ("address", "address"), (governance, usdc))
    three = ("address", "address", "address")
    pools = make("Pools", three, (governance, usdc, desk))
    router = make("Router", three, (governance, registry, pools))
    appointments = [
        (registry, "setIssuer", router),
        (pools, "setRouter", router),
        (router, "setRelayer", empty.relayer.address),
        *((pools, "setPublisher", each.address) for each in empty.publishers),
    ]
    for contract, function, whom in appointments:
        node.send(abi.Function(function, _APPOINTED).call(whom, True), contract)
    for token in tokens.values():
        limit = (token, 500_000_000 * 10**6, 500)
        node.send(abi.Function("configureToken", ("address", "uint64", "uint32")).call(*limit), registry)
        node.send(abi.Function("configure", ("address", _SETTINGS_TYPE)).call(token, SETTINGS), pools)
        price = abi.Function("configurePrice", ("address", "uint24", "uint8"))
        node.send(price.call(token, MAX_STEP_PPM, SOURCES_MIN), pools)
    for token in (usdc, *tokens.values()):
        node.send(abi.Function("prepare", ("address",)).call(token), router)
    node.send(abi.Function("mint", ("address", "uint64")).call(admin, HUB_USDC), usdc)
    node.send(abi.Function("approve", ("address", "uint256")).call(pools, HUB_USDC), usdc)
    deposit = abi.Function("deposit", ("address", "uint64", "address"))
    node.send(deposit.call(usdc, HUB_USDC, router), pools)
    node.ask("anvil_setBalance", empty.relayer.address, hex(10**21))
    where = {currency: at.lower() for currency, at in {USDC: usdc, **tokens}.items()}
    return Chain(
        node, Deployment("test", CHAIN_ID, registry.lower(), router.lower(), pools.lower(), where, 0)
    )


@contextmanager
def running_anvil() -> Iterator[Node]:
    """anvil with Hedera's rules, mining each transaction at once, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rules = ("--chain-id", str(CHAIN_ID), "--hardfork", "prague", "--gas-limit", "15000000")
    # Each block is at least a second after the last: a start in the past leaves room to deploy.
    past = ("--timestamp", str(int(time.time()) - START_IN_PAST_SECONDS))
    command = [evm_tool("anvil"), "--port", str(port), *rules, *past, "--block-base-fee-per-gas", "0"]
    command.append("--quiet")
    process = subprocess.Popen(command)
    try:
        node = Node(f"http://127.0.0.1:{port}")
        _wait(node, process)
        yield node
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(node: Node, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        assert process.poll() is None, "anvil ended at once"
        try:
            node.ask("eth_chainId")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("anvil does not answer")


@pytest.fixture(scope="session")
def forge_output() -> Path:
    """The compiled contracts; compiles what has changed."""
    environment = os.environ | {"PATH": tools_path(os.environ["PATH"])}
    subprocess.run([evm_tool("forge"), "build"], cwd=REPOSITORY, env=environment, check=True, timeout=300)
    return REPOSITORY / "out"


@pytest.fixture(scope="session")
def deployed_chain(forge_output: Path) -> Iterator[Chain]:
    """One deployed chain a session. Tests take ``chain``."""
    with running_anvil() as node:
        yield _deploy(node)


@pytest.fixture
def chain(deployed_chain: Chain) -> Iterator[Chain]:
    """The deployed chain as if new; every transaction is mined at once."""
    node = deployed_chain.node
    snapshot = node.ask("evm_snapshot")
    node.set_time()
    try:
        yield deployed_chain
    finally:
        node.ask("anvil_dropAllTransactions")
        node.ask("evm_revert", snapshot)


def run(work: Any) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(work)
