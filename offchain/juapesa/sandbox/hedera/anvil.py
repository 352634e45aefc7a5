"""anvil as the EVM underneath: started, asked, and ended with us, however we end."""

import asyncio
import itertools
import socket
from pathlib import Path
from typing import Any

import httpx

from juapesa.errors import Unavailable
from juapesa.sandbox.hedera.units import CHAIN_ID, GAS_PER_BLOCK

START_SECONDS_MAX = 15.0
STOP_SECONDS_MAX = 5.0
ASK_SECONDS_MAX = 30.0
STATES_KEPT = 300  # ten minutes of blocks can be called into; blocks and receipts all stay

# The shell holds our pipe: when it closes, because we stopped or because we were killed, anvil ends.
_GUARD = '"$0" "$@" </dev/null & cat >/dev/null; kill $!; wait $!'


class EvmRefused(Exception):
    """anvil's own error answer."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Anvil:
    """One anvil on a loopback port of its own, mining only when told to."""

    def __init__(self, program: Path, load: Path | None = None) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._command = [str(program), *_rules(port), *(("--load-state", str(load)) if load else ())]
        self._http: httpx.AsyncClient | None = None
        self._guard: asyncio.subprocess.Process | None = None
        self._ids = itertools.count(1)

    async def start(self) -> None:
        """Start it and wait until it answers. Raises Unavailable."""
        self._http = httpx.AsyncClient(timeout=ASK_SECONDS_MAX, trust_env=False)
        self._guard = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _GUARD,
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; it ends after us
        )
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                while not await self._answers():  # noqa: ASYNC110 - another process has no events
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise Unavailable("anvil does not answer; is the program complete?") from None

    async def stop(self) -> None:
        """End it."""
        if self._http is not None:
            await self._http.aclose()
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            await asyncio.wait_for(self._guard.wait(), STOP_SECONDS_MAX)

    async def ask(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call. Raises EvmRefused for an error answer, Unavailable when there is none."""
        assert self._http is not None, "started first"
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        try:
            answer = (await self._http.post(self.url, json=body)).json()
        except (httpx.HTTPError, ValueError) as fault:
            raise Unavailable(f"anvil does not answer {method}: {type(fault).__name__}.") from None
        if "error" in answer:
            error = answer["error"]
            raise EvmRefused(int(error["code"]), str(error["message"]), error.get("data"))
        return answer["result"]

    async def _answers(self) -> bool:
        assert self._guard is not None, "started first"
        try:
            return int(await self.ask("eth_chainId"), 16) == CHAIN_ID
        except Unavailable:
            return False


def _rules(port: int) -> list[str]:
    """No base fee and no priority fee: the shim sends every transaction at the network's price."""
    return [
        *("--port", str(port), "--chain-id", str(CHAIN_ID), "--hardfork", "prague"),
        *("--gas-limit", str(GAS_PER_BLOCK), "--block-base-fee-per-gas", "0", "--gas-price", "0"),
        *("--disable-min-priority-fee", "--order", "fifo", "--no-mining", "--auto-impersonate"),
        *("--prune-history", str(STATES_KEPT), "--balance", "1", "--no-cors", "--quiet"),
    ]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
