"""The few questions an auditor asks an Ethereum JSON-RPC node; any node will do.

Logs are asked for by one address in windows of at most 1,000 blocks, which is what Hedera's relays
accept, and are put into chain order here.
"""

from dataclasses import dataclass
from typing import Any

import httpx
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from juapesa.crypto import keccak256
from juapesa.errors import Unavailable

WINDOW_BLOCKS_MAX = 1_000


class NodeFault(Unavailable):
    """The node does not answer, or not as an Ethereum node does."""

    slug = "chain-node"


@dataclass(frozen=True)
class Log:
    """One event. ``where`` is its place: block, transaction, index. For ordering and for people."""

    topics: list[bytes]
    data: bytes
    where: tuple[int, ...]


class Node:
    """A connection to a JSON-RPC URL. Every method raises NodeFault."""

    def __init__(self, url: str, timeout_seconds: float = 20.0) -> None:
        self._url = url
        self._client = httpx.Client(timeout=timeout_seconds)
        self._asked = 0

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def ask(self, method: str, *params: Any) -> Any:
        """One call; its result."""
        self._asked += 1
        request = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": list(params)}
        try:
            answer = self._client.post(self._url, json=request)
            body = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise NodeFault(f"No node answers at {self._url} ({type(fault).__name__}).") from fault
        except ValueError as fault:
            raise NodeFault(f"What answers at {self._url} is no JSON-RPC node.") from fault
        if not isinstance(body, dict) or ("result" not in body and "error" not in body):
            raise NodeFault(f"What answers at {self._url} is no JSON-RPC node.")
        if body.get("error"):
            raise NodeFault(f"The node refused {method}: {str(body['error'])[:300]}")
        return body["result"]

    def number(self, method: str, *params: Any) -> int:
        """A call whose result is a hexadecimal number."""
        found = self.ask(method, *params)
        try:
            return int(found, 16)
        except (TypeError, ValueError) as fault:
            raise NodeFault(f"The node's answer to {method} is no number.") from fault

    def has_code(self, address: str, block: int) -> bool:
        """Whether a contract stands at the address at that block."""
        return str(self.ask("eth_getCode", address, hex(block))) not in ("0x", "0x0", "None")

    def view(self, address: str, signature: str, returns: list[str], block: int, data: bytes = b"") -> Any:
        """A view call at a block, decoded. ``data`` is the encoded arguments."""
        call = {"to": address, "data": "0x" + (keccak256(signature.encode())[:4] + data).hex()}
        found = self.ask("eth_call", call, hex(block))
        try:
            return decode(returns, bytes.fromhex(str(found).removeprefix("0x")))
        except (DecodingError, ValueError) as fault:
            raise NodeFault(f"{address} does not answer {signature}; is it the right contract?") from fault

    def logs(self, address: str, first: int, last: int) -> list[Log]:
        """All events of one address in chain order."""
        found: list[Log] = []
        for start in range(first, last + 1, WINDOW_BLOCKS_MAX):
            end = min(start + WINDOW_BLOCKS_MAX - 1, last)
            where = {"address": address, "fromBlock": hex(start), "toBlock": hex(end)}
            found += [_log(each) for each in self.ask("eth_getLogs", where)]
        return sorted(found, key=lambda log: log.where)

    def first_block_with_code(self, address: str, last: int) -> int:
        """Where the contract was made, by halving; block 0 if the node keeps no old state."""
        low, high = 0, last
        try:
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if self.has_code(address, middle) else (middle + 1, high)
        except NodeFault:
            return 0
        return low


def _log(said: dict[str, Any]) -> Log:
    return Log(
        topics=[bytes.fromhex(topic[2:]) for topic in said["topics"]],
        data=bytes.fromhex(said["data"][2:]),
        # Hedera counts a log's index within its transaction, Ethereum within the block: this orders both.
        where=tuple(int(said[name], 16) for name in ("blockNumber", "transactionIndex", "logIndex")),
    )
