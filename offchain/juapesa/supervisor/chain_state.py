"""The memory of a chain of our own: what survives a kill, and whether our books speak of this one."""

import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from juapesa.supervisor.errors import ChainLost, ProcessFailed
from juapesa.supervisor.plan import last_words

SAVE_SECONDS_MIN = 5.0
PIECE_BYTES = 1 << 20
SAVE_SHARE_MAX = 0.02  # saving may take this share of the time at most: a long chain is saved less often


class OwnChain:
    """A node of ours, through its JSON-RPC. What differs from one kind to the other is below."""

    keeps_itself = True  # nobody need tell it to save

    def __init__(self, url: str, deployment: Path) -> None:
        self._url = url
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

    def inherit(self) -> None:
        """What is to be done before it starts."""

    async def mine_by_time(self, block_seconds: float) -> None:
        """From now on a block every so often, as Hedera's."""

    async def save(self) -> None:
        """Have everything on the disk. Raises ProcessFailed."""

    async def require_known(self, transactions: Sequence[str]) -> None:
        """Raise ChainLost when one of these is in no block: the database is ahead of this chain."""
        for tx in transactions:
            if await self.rpc("eth_getTransactionReceipt", tx) is None:
                raise ChainLost(
                    f"The database knows the transaction {tx} as mined, but the local chain does not: it was "
                    "killed before it could write itself down. `jua up --fresh` starts again with empty data."
                )

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


class LocalChain(OwnChain):
    """anvil alone: we write it down."""

    keeps_itself = False

    def __init__(self, url: str, dump: Path, deployment: Path) -> None:
        super().__init__(url, deployment)
        self._dump = dump

    def inherit(self) -> None:
        """Take over what the chain wrote down as it ended: newer than any dump of ours, if it is whole.

        Before the first dump there is no finished deployment, and what was begun is begun anew.
        """
        words = last_words(self._dump)
        if self._dump.exists() and words.exists() and _is_whole(words):
            words.replace(self._dump)
        words.unlink(missing_ok=True)

    async def mine_by_time(self, block_seconds: float) -> None:
        """It mined each transaction at once until now."""
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


class SandboxChain(OwnChain):
    """The Hedera sandbox, which has its own pace and writes itself down every few seconds."""

    async def save(self) -> None:
        """Now rather than in a few seconds."""
        try:
            async with httpx.AsyncClient(timeout=30.0, trust_env=False) as client:
                (await client.post(f"{self._url}/_sandbox/saves")).raise_for_status()
        except httpx.HTTPError as problem:
            raise ProcessFailed(f"The chain does not save itself: {problem!r}.") from problem


def _is_whole(dump: Path) -> bool:
    """Whether a dump was written to its end, and is on the disk.

    One that was cut off has braces that nothing closes; no text in it holds a brace, for all are
    names of fields and hexadecimal numbers.
    """
    depth = 0
    with dump.open("rb") as file:
        os.fsync(file.fileno())
        while piece := file.read(PIECE_BYTES):
            depth += piece.count(b"{") - piece.count(b"}")
        return depth == 0 and file.tell() > 0
