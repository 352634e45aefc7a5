"""JSON-RPC to an Ethereum node or a Hedera relay, over plain HTTP.

Written on httpx instead of a full client library: a long-running agent needs eight methods, and
every megabyte counts ten times (docs/decisions).
"""

import itertools
from typing import Any

import httpx

from juapesa.errors import Unavailable

TIMEOUT_SECONDS = 10.0


class ChainUnreachable(Unavailable):
    """The node did not answer; nothing is known about what was asked."""

    slug = "chain-unreachable"


class RpcRefused(Unavailable):
    """The node answered with an error. ``code`` and ``data`` are its own."""

    slug = "rpc-refused"

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.code = code
        self.message = message
        self.data = data


class Rpc:
    """One endpoint. Numbers go in and come out as int, data as 0x-hex text."""

    def __init__(self, url: str, http: httpx.AsyncClient | None = None) -> None:
        self._url = url
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)
        self._ids = itertools.count(1)

    async def ask(self, method: str, *params: Any) -> Any:
        """One call. Raises ChainUnreachable, RpcRefused."""
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
        try:
            response = await self._http.post(self._url, json=body)
            answer = response.json()
        except (httpx.TransportError, ValueError) as error:
            raise ChainUnreachable(f"{method}: {type(error).__name__}") from error
        if not isinstance(answer, dict):
            raise ChainUnreachable(f"{method}: the answer is no JSON-RPC")
        if answer.get("error"):
            fault = answer["error"]
            raise RpcRefused(method, int(fault.get("code", 0)), str(fault.get("message")), fault.get("data"))
        return answer.get("result")

    async def chain_id(self) -> int:
        return int(await self.ask("eth_chainId"), 16)

    async def block_number(self) -> int:
        return int(await self.ask("eth_blockNumber"), 16)

    async def nonce(self, address: str) -> int:
        """The next nonce, counting only what is in a block."""
        return int(await self.ask("eth_getTransactionCount", address, "latest"), 16)

    async def gas_price(self) -> int:
        return int(await self.ask("eth_gasPrice"), 16)

    async def call(
        self, to: str, data: bytes, *, sender: str | None = None, block: int | None = None
    ) -> bytes:
        """``eth_call`` at a block (the newest when None)."""
        request = {"to": to, "data": "0x" + data.hex(), **({"from": sender} if sender else {})}
        at = hex(block) if block is not None else "latest"
        return bytes.fromhex((await self.ask("eth_call", request, at))[2:])

    async def estimate_gas(self, sender: str, to: str, data: bytes) -> int:
        request = {"from": sender, "to": to, "data": "0x" + data.hex()}
        return int(await self.ask("eth_estimateGas", request), 16)

    async def send_raw(self, raw: bytes) -> None:
        """Hand over a signed transaction. Sending it again does no harm."""
        await self.ask("eth_sendRawTransaction", "0x" + raw.hex())

    async def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """The receipt, or None while the transaction is in no block."""
        found: dict[str, Any] | None = await self.ask("eth_getTransactionReceipt", tx_hash)
        return found

    async def logs(self, addresses: list[str], first: int, last: int) -> list[dict[str, Any]]:
        """Logs of these contracts in blocks ``first`` to ``last``, in order."""
        wanted = {"address": addresses, "fromBlock": hex(first), "toBlock": hex(last)}
        found: list[dict[str, Any]] = await self.ask("eth_getLogs", wanted)
        return sorted(found, key=_place)

    async def code_size(self, address: str) -> int:
        return (len(await self.ask("eth_getCode", address, "latest")) - 2) // 2

    async def close(self) -> None:
        await self._http.aclose()


def _place(log: dict[str, Any]) -> tuple[int, ...]:
    """Where a log stands: Hedera counts its index within the transaction, Ethereum within the block."""
    return tuple(int(log[name], 16) for name in ("blockNumber", "transactionIndex", "logIndex"))
