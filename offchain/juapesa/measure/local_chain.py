"""A chain for measuring: anvil with plain rules, unlocked accounts, a block for each transaction."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from eth_abi.abi import encode

from juapesa.chain import abi
from juapesa.errors import JuaError, Unavailable
from juapesa.supervisor.tools import REPOSITORY, evm_tool

CHAIN_ID = 298
BLOCK_SECONDS = 3
START_SECONDS_MAX = 20.0
GAS_LIMIT = 15_000_000
START = 1_790_000_000  # always the same: times are call data, and zero bytes in it are cheaper


class MeasurementFailed(JuaError):
    """A transaction of a measurement did not succeed; the message says which."""

    slug = "measurement-failed"


@dataclass
class LocalChain:
    """Sends from unlocked accounts; each transaction is its own block, three seconds after the last."""

    url: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60, trust_env=False))
    accounts: list[str] = field(default_factory=list)

    def ask(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call. Raises MeasurementFailed with the node's words."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.http.post(self.url, json=body).json()
        if "error" in answer:
            raise MeasurementFailed(f"{method}: {answer['error'].get('message', answer['error'])}")
        return answer["result"]

    def deploy(self, contract: str, types: Sequence[str] = (), values: Sequence[Any] = ()) -> str:
        """The address of a new contract, from forge's output."""
        file = REPOSITORY / "out" / f"{contract}.sol" / f"{contract}.json"
        if not file.exists():
            raise Unavailable(f"out/{contract}.sol is missing. Run `forge build` (scripts/test does).")
        code = bytes.fromhex(json.loads(file.read_text())["bytecode"]["object"].removeprefix("0x"))
        receipt = self._receipt({"data": "0x" + (code + encode(types, values)).hex()}, contract)
        return str(receipt["contractAddress"]).lower()

    def send(self, to: str, function: abi.Function, *arguments: Any, sender: int = 0) -> int:
        """Gas used by one call, the transaction's own 21,000 and its call data included."""
        body = {"to": to, "data": "0x" + function.call(*arguments).hex()}
        receipt = self._receipt(body, function.name, sender)
        return int(receipt["gasUsed"], 16)

    def read(self, to: str, function: abi.Function, *arguments: Any) -> tuple[Any, ...]:
        """What a view answers."""
        data = "0x" + function.call(*arguments).hex()
        return function.result(bytes.fromhex(self.ask("eth_call", {"to": to, "data": data}, "latest")[2:]))

    def now(self) -> int:
        """The time of the next block, unix seconds."""
        newest = self.ask("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - without transactions
        return int(newest["timestamp"], 16) + BLOCK_SECONDS

    def _receipt(self, body: dict[str, Any], what: str, sender: int = 0) -> dict[str, Any]:
        self.ask("evm_setNextBlockTimestamp", self.now())
        tx_hash = self.ask(
            "eth_sendTransaction", body | {"from": self.accounts[sender], "gas": hex(GAS_LIMIT)}
        )
        until = time.monotonic() + START_SECONDS_MAX
        while (receipt := self.ask("eth_getTransactionReceipt", tx_hash)) is None:
            if time.monotonic() > until:
                raise MeasurementFailed(f"{what} is in no block.")
            time.sleep(0.002)
        if receipt["status"] != "0x1":
            raise MeasurementFailed(f"{what} reverted.")
        return dict(receipt)


@contextmanager
def local_chain() -> Iterator[LocalChain]:
    """anvil on a free port of loopback, ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rules = ("--chain-id", str(CHAIN_ID), "--hardfork", "cancun", "--gas-limit", str(GAS_LIMIT))
    quiet = ("--block-base-fee-per-gas", "0", "--timestamp", str(START), "--quiet")
    command = [str(evm_tool("anvil")), "--port", str(port), *rules, *quiet]
    process = subprocess.Popen(command)
    try:
        chain = LocalChain(f"http://127.0.0.1:{port}")
        _wait(chain, process)
        chain.accounts = [str(each) for each in chain.ask("eth_accounts")]
        yield chain
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(chain: LocalChain, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until and process.poll() is None:
        try:
            chain.ask("eth_chainId")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise Unavailable("The local chain did not start.")
