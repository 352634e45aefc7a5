"""A Hedera network for tests: the sandbox here, or by URL and key any other with a relay and a mirror node.

`JUA_HEDERA_RPC_URL`, `JUA_HEDERA_MIRROR_URL` and `JUA_HEDERA_KEY` (an ECDSA account with some HBAR)
point the conformance suite at a network that exists; without them it starts one.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from eth_account import Account
from eth_utils import to_checksum_address

from juapesa.clock import SystemClock
from juapesa.sandbox.hedera import Pace, build
from juapesa.supervisor.tools import evm_tool
from support.sandboxes import eventually, served

# The first account of anvil's public test phrase; it opens nothing anywhere.
PLAY_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
QUICK = Pace(block_seconds=0.0, lag_low_seconds=0.0, lag_high_seconds=0.0)
RECEIPT_SECONDS_MAX = 30.0
HBAR = 10**18  # weibar


class Refused(Exception):
    """A JSON-RPC error."""

    def __init__(self, status: int, code: int, message: str, data: Any) -> None:
        super().__init__(f"{code} {message}")
        self.status, self.code, self.message, self.data = status, code, message, data


@dataclass
class Network:
    """What a client written from the documentation would do; it knows nothing of our code."""

    url: str
    mirror_url: str
    key: str = PLAY_KEY
    web: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60, trust_env=False))

    @property
    def address(self) -> str:
        return str(Account.from_key(self.key).address)

    @property
    def chain_id(self) -> int:
        return int(self.ask("eth_chainId"), 16)

    @property
    def gas_price(self) -> int:
        return int(self.ask("eth_gasPrice"), 16)

    def ask(self, method: str, *params: Any) -> Any:
        """The result. Raises Refused."""
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        reply = self.web.post(self.url, json=body)
        answer = reply.json()
        if "error" in answer:
            error = answer["error"]
            raise Refused(reply.status_code, error["code"], error["message"], error.get("data"))
        assert reply.status_code == 200
        assert answer["id"] == 7
        return answer["result"]

    def nonce(self) -> int:
        return int(self.ask("eth_getTransactionCount", self.address, "latest"), 16)

    def sign(self, **fields: Any) -> tuple[str, str]:
        """A signed transaction and its hash; what is not said is sensible."""
        usual: dict[str, Any] = {"to": "0x" + "11" * 20, "value": 0, "gas": 100_000, "chainId": self.chain_id}
        usual["nonce"] = fields.get("nonce") if "nonce" in fields else self.nonce()
        if "maxFeePerGas" not in fields:
            usual["gasPrice"] = self.gas_price
        made = {name: value for name, value in {**usual, **fields}.items() if value is not None}
        if "to" in made:
            made["to"] = to_checksum_address(made["to"])
        signed = Account.from_key(self.key).sign_transaction(made)
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()

    def send(self, **fields: Any) -> dict[str, Any]:
        """Sign, send and wait: the receipt."""
        return self.land(*self.sign(**fields))

    def land(self, raw: str, tx_hash: str) -> dict[str, Any]:
        """Send and wait: the receipt. Raises Refused, now or when consensus has refused it."""
        assert self.ask("eth_sendRawTransaction", raw) == tx_hash
        return self.receipt(tx_hash)

    def receipt(self, tx_hash: str) -> dict[str, Any]:
        until = time.monotonic() + RECEIPT_SECONDS_MAX
        while (found := self.ask("eth_getTransactionReceipt", tx_hash)) is None:
            assert time.monotonic() < until, f"{tx_hash} never came"
            time.sleep(0.05)
        return dict(found)

    def deploy(self, runtime: bytes) -> str:
        """The address of a contract with this code."""
        loader = bytes.fromhex(f"61{len(runtime):04x}80600a3d393df3")
        receipt = self.send(to=None, data=loader + runtime, gas=1_000_000)
        assert receipt["status"] == "0x1", receipt
        return str(receipt["contractAddress"])

    def mirror(self, path: str, **query: Any) -> httpx.Response:
        """The mirror's answer; told that it asks too much, it waits a little."""
        return self._patiently("GET", path, params=query or None)

    def mirror_call(self, **body: Any) -> httpx.Response:
        """The mirror's simulation of a call."""
        return self._patiently("POST", "/api/v1/contracts/call", json=body)

    def seen(self, path: str, **query: Any) -> dict[str, Any]:
        """The mirror's answer once it has one."""
        eventually(lambda: self.mirror(path, **query).status_code == 200, RECEIPT_SECONDS_MAX)
        return dict(self.mirror(path, **query).json())

    def _patiently(self, method: str, path: str, **more: Any) -> httpx.Response:
        while (reply := self.web.request(method, self.mirror_url + path, **more)).status_code == 429:
            time.sleep(0.3)
        return reply


@dataclass
class Sandbox(Network):
    """Our own network has a control port as well."""

    def option(self, **values: Any) -> None:
        assert self.web.put(f"{self.url}/_sandbox/options", json=values).status_code == 200

    def fault(self, on: str, fault: str, **more: Any) -> None:
        body = {"on": on, "fault": fault, "count": 1, **more}
        assert self.web.post(f"{self.url}/_sandbox/faults", json=body).status_code == 201

    def mine(self, blocks: int = 1, seconds: int = 0) -> None:
        """Blocks now, the first so many seconds in the network's future."""
        body = {"count": blocks, "seconds": seconds}
        assert self.web.post(f"{self.url}/_sandbox/blocks", json=body).status_code == 201

    def give(self, address: str, hbar: int) -> None:
        """HBAR from nowhere."""
        body = {"to": address, "tinybars": hbar * 10**8}
        assert self.web.post(f"{self.url}/_sandbox/transfers", json=body).status_code == 201

    def state(self) -> dict[str, Any]:
        return dict(self.web.get(f"{self.url}/_sandbox/state").json())


@contextlib.contextmanager
def sandbox(
    pace: Pace = QUICK, seed: int = 1, state: Path | None = None, *, tls: bool = False
) -> Iterator[Sandbox]:
    """A network of our own for as long as the block runs."""
    anvil, door = evm_tool("anvil"), 0 if tls else None
    with served(lambda: build(anvil, SystemClock(), pace, seed=seed, hapi_tls=door, state=state)) as url:
        yield Sandbox(url, url)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """The network that the environment names, else the sandbox."""
    named = os.environ.get("JUA_HEDERA_RPC_URL")
    if named is None:
        with sandbox() as made:
            yield made
        return
    yield Network(named, os.environ["JUA_HEDERA_MIRROR_URL"], os.environ["JUA_HEDERA_KEY"])


# Runtime code, written out: small enough to read.
# LOGS: log1(topic 0x01, the value of the call as the EVM sees it)
LOGS = bytes.fromhex("34600052600160206000a100")
# CALLERS: log1(topic: who calls, nothing)
CALLERS = bytes.fromhex("3360006000a100")
# REVERTS: revert(Error("no"))
REVERTS = (
    bytes.fromhex("7f" + "08c379a0" + "00" * 28 + "600052")
    + bytes.fromhex("7f" + "00000020" + "00" * 28 + "602052")
    + bytes.fromhex("7f" + "00000002" + "6e6f" + "00" * 26 + "604052")
    + bytes.fromhex("60646000fd")
)
# PRICES: return(gasprice, basefee)
PRICES = bytes.fromhex("3a6000524860205260406000f3")
