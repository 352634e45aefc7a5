"""The local chain's memory: dumps that survive a kill, blocks by time, whether contracts are still there."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import httpx

from juapesa.supervisor.errors import ChainLost, ProcessFailed

SAVE_SECONDS_MIN = 5.0
SAVE_SHARE_MAX = 0.02  # saving may take this share of the time at most: a long chain is saved less often


class LocalChain:
    """anvil, through its JSON-RPC."""

    def __init__(self, url: str, dump: Path, deployment: Path) -> None:
        self._url = url
        self._dump = dump
        self._deployment = deployment
        self._finished = deployment.with_suffix(".finished")

    async def rpc(self, method: str, *params: Any) -> Any:
        """One call. Raises ProcessFailed when the node does not answer or answers with an error."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            async with httpx.AsyncClient(timeout=30.0, trust_env=False) as client:
                answer = (await client.post(self._url, json=body)).json()
        except (httpx.HTTPError, ValueError) as problem:
            raise ProcessFailed(f"The chain does not answer {method}: {problem!r}.") from problem
        if "result" not in answer:
            raise ProcessFailed(f"The chain refuses {method}: {answer.get('error')}.")
        return answer["result"]

    async def mine_by_time(self, block_seconds: float) -> None:
        """From now on a block every so often, as Hedera's."""
        await self.rpc("evm_setIntervalMining", max(1, round(block_seconds)))  # whole seconds only

    async def save(self) -> None:
        """Write the whole chain (blocks, receipts, state) beside the old dump and swap them."""
        packed = bytes.fromhex((await self.rpc("anvil_dumpState"))[2:])
        self._dump.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._dump.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(gzip.decompress(packed))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._dump)

    async def finish_deployment(self) -> None:
        """Keep what was just deployed for good; from now on losing it is a fault."""
        await self.save()
        self._finished.touch()

    async def deployed(self) -> bool:
        """Whether a deployment was finished and its contracts are on this chain.

        False: there is none yet, or it was interrupted and is to be run again. Raises ChainLost
        when the file names contracts that this chain lacks: the database speaks of another chain.
        """
        if not self._finished.exists():
            return False
        contracts = json.loads(self._deployment.read_text())["contracts"]
        for name, contract in contracts.items():
            if await self.rpc("eth_getCode", contract["address"], "latest") in {"0x", "0x0"}:
                raise ChainLost(
                    f"{self._deployment} says that the contract '{name}' is at {contract['address']}, "
                    "but the local chain has nothing there: its saved state is gone or another's, while the "
                    "database still speaks of it. `jua up --fresh` starts again with empty data."
                )
        return True
