"""JSON-RPC to an Ethereum node or a Hedera relay, over plain HTTP.

Written on httpx instead of a full client library: a long-running agent needs eight methods, and
every megabyte counts ten times (docs/decisions).
"""

import itertools
from dataclasses import dataclass
from typing import Any

import httpx

from juapesa.errors import Unavailable

TIMEOUT_SECONDS = 10.0
SPAN_TOO_LONG = -32004  # Hedera's relay: more than seven days between two blocks


class ChainUnreachable(Unavailable):
    """The node did not answer; unless it was never ``reached``, nothing is known about what was asked."""

    slug = "chain-unreachable"

    def __init__(self, detail: str, *, reached: bool = True) -> None:
        super().__init__(detail)
        self.reached = reached


class ChainBehind(Unavailable):
    """The node shows an older chain than we have already seen; wait for it."""

    slug = "chain-behind"


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
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ChainUnreachable(f"{method}: {type(error).__name__}", reached=False) from error
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

    async def freeze(self, not_before: int = 0) -> "Frozen":
        """The chain as it is shown now, to be read as often as a decision needs it.

        Raises ChainBehind when the newest block is older than ``not_before``.
        """
        block = await self.block_number()
        if block < not_before:
            raise ChainBehind(f"The node shows block {block}; {not_before} was seen before.")
        return Frozen(self, block)

    async def nonce(self, address: str, *, block: int | None = None) -> int:
        """The next nonce, counting only what is in a block."""
        return int(await self.ask("eth_getTransactionCount", address, _at(block)), 16)

    async def balance(self, address: str, *, block: int | None = None) -> int:
        """What it holds for fees, in weibar (10^-18 HBAR)."""
        return int(await self.ask("eth_getBalance", address, _at(block)), 16)

    async def time(self, block: int) -> int:
        """A block's timestamp. Raises ChainBehind when the node does not show it."""
        found = await self.ask("eth_getBlockByNumber", hex(block), False)  # noqa: FBT003 - a wire value
        if found is None:
            raise ChainBehind(f"The node does not show block {block}.")
        return int(found["timestamp"], 16)

    async def gas_price(self) -> int:
        return int(await self.ask("eth_gasPrice"), 16)

    async def call(
        self, to: str, data: bytes, *, sender: str | None = None, block: int | None = None
    ) -> bytes:
        """``eth_call`` at a block (the newest when None)."""
        request = {"to": to, "data": "0x" + data.hex(), **({"from": sender} if sender else {})}
        return bytes.fromhex((await self.ask("eth_call", request, _at(block)))[2:])

    async def estimate_gas(self, sender: str, to: str, data: bytes, *, block: int | None = None) -> int:
        request = {"from": sender, "to": to, "data": "0x" + data.hex()}
        return int(await self.ask("eth_estimateGas", request, _at(block)), 16)

    async def send_raw(self, raw: bytes) -> None:
        """Hand over a signed transaction. Sending it again does no harm."""
        await self.ask("eth_sendRawTransaction", "0x" + raw.hex())

    async def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """The receipt, or None while the transaction is in no block."""
        found: dict[str, Any] | None = await self.ask("eth_getTransactionReceipt", tx_hash)
        return found

    async def logs(self, addresses: list[str], first: int, last: int) -> list[dict[str, Any]]:
        """Logs of these contracts in blocks ``first`` to ``last``, in order.

        A span that is more than the relay's seven days is asked for in halves.
        """
        try:
            return await self._logs(addresses, first, last)
        except RpcRefused as refused:
            if refused.code != SPAN_TOO_LONG or first >= last:
                raise
        middle = (first + last) // 2
        return await self.logs(addresses, first, middle) + await self.logs(addresses, middle + 1, last)

    async def _logs(self, addresses: list[str], first: int, last: int) -> list[dict[str, Any]]:
        wanted = {"address": addresses, "fromBlock": hex(first), "toBlock": hex(last)}
        found: list[dict[str, Any]] = await self.ask("eth_getLogs", wanted)
        return sorted(found, key=_place)

    async def code_size(self, address: str) -> int:
        return (len(await self.ask("eth_getCode", address, "latest")) - 2) // 2

    async def close(self) -> None:
        await self._http.aclose()


@dataclass(frozen=True, slots=True)
class Frozen:
    """One endpoint at one block: all reads of one decision, so that they belong together."""

    rpc: Rpc
    block: int

    async def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        """``eth_call``."""
        return await self.rpc.call(to, data, sender=sender, block=self.block)

    async def nonce(self, address: str) -> int:
        """The next nonce."""
        return await self.rpc.nonce(address, block=self.block)

    async def balance(self, address: str) -> int:
        """In weibar."""
        return await self.rpc.balance(address, block=self.block)

    async def estimate_gas(self, sender: str, to: str, data: bytes) -> int:
        """What a call would use here. Raises RpcRefused with the contract's words when it would revert."""
        return await self.rpc.estimate_gas(sender, to, data, block=self.block)

    async def time(self) -> int:
        """The block's timestamp, Unix seconds."""
        return await self.rpc.time(self.block)

    async def logs(self, addresses: list[str], first: int, last: int) -> list[dict[str, Any]]:
        """Logs up to a block that this endpoint shows: beyond it a relay would answer "none"."""
        assert last <= self.block, "not seen yet"
        return await self.rpc.logs(addresses, first, last)


def _at(block: int | None) -> str:
    return "latest" if block is None else hex(block)


def _place(log: dict[str, Any]) -> tuple[int, ...]:
    """Where a log stands: Hedera counts its index within the transaction, Ethereum within the block."""
    return tuple(int(log[name], 16) for name in ("blockNumber", "transactionIndex", "logIndex"))
