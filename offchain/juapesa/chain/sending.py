"""One transaction after another, each followed to its block: for people at a command line.

The relayer does not use this: what it sends must survive its death.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from juapesa.chain.rpc import Rpc, RpcRefused
from juapesa.chain.transactions import GAS_MAX, sign_call
from juapesa.crypto import Signer
from juapesa.errors import Conflict, Unavailable

GAS_HEADROOM_PERCENT = 25
RECEIPT_SECONDS_MAX = 90.0
POLL_SECONDS = 0.5


class TransactionRefused(Conflict):
    """The contract would revert, or did; ``data`` is what it said. Nothing was changed."""

    slug = "transaction-refused"

    def __init__(self, detail: str, data: bytes = b"") -> None:
        super().__init__(detail)
        self.data = data


class TransactionPending(Unavailable):
    """It was sent and is in no block yet; it may still be. Look before sending it again."""

    slug = "transaction-pending"


@dataclass(frozen=True)
class Sender:
    """An account that pays for its own calls."""

    rpc: Rpc
    signer: Signer
    chain_id: int

    async def send(self, to: str, data: bytes) -> dict[str, Any]:
        """Sign, hand over and wait; the receipt. Raises TransactionRefused, TransactionPending."""
        sender = self.signer.address
        gas = await self._gas(to, data)
        signed = sign_call(
            self.signer,
            chain_id=self.chain_id,
            nonce=await self.rpc.nonce(sender),
            gas_price=await self.rpc.gas_price(),
            gas=min(gas + gas * GAS_HEADROOM_PERCENT // 100, GAS_MAX),
            to=to,
            data=data,
        )
        await self.rpc.send_raw(signed.raw)
        receipt = await self._receipt(signed.hash)
        if int(receipt["status"], 16) != 1:
            raise TransactionRefused(f"The chain refused it in its block ({signed.hash}).")
        return receipt

    async def _gas(self, to: str, data: bytes) -> int:
        """What it will use; a call that would revert is refused here, before it costs anything."""
        try:
            return await self.rpc.estimate_gas(self.signer.address, to, data)
        except RpcRefused as refused:
            said = refused.data if isinstance(refused.data, str) else ""
            revert_data = bytes.fromhex(said.removeprefix("0x"))
            raise TransactionRefused(f"The chain would refuse it: {refused.message}", revert_data) from None

    async def _receipt(self, tx_hash: str) -> dict[str, Any]:
        until = time.monotonic() + RECEIPT_SECONDS_MAX
        while time.monotonic() < until:
            found = await self.rpc.receipt(tx_hash)
            if found is not None and found.get("blockNumber"):
                return found
            await asyncio.sleep(POLL_SECONDS)
        raise TransactionPending(f"{tx_hash} is in no block yet. Look for it before you try again.")
