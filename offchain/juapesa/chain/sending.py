"""One transaction after another, each followed to its block: for people at a command line.

The relayer does not use this: what it sends must survive its death.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from juapesa.chain.courier import Courier, Landed, Letter
from juapesa.chain.native_ids import TransactionId
from juapesa.chain.purse import gas_limit
from juapesa.chain.rpc import Frozen, Rpc, RpcRefused
from juapesa.chain.transactions import SignedTransaction, sign_call
from juapesa.crypto import Signer
from juapesa.errors import Conflict, Unavailable

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
        at = await self.rpc.freeze()
        signed = sign_call(
            self.signer,
            chain_id=self.chain_id,
            nonce=await at.nonce(self.signer.address),
            gas_price=await self.rpc.gas_price(),
            gas=gas_limit(await self._gas(at, to, data)),
            to=to,
            data=data,
        )
        receipt = await self._receipt(signed)
        if int(receipt["status"], 16) != 1:
            raise TransactionRefused(f"The chain refused it in its block ({receipt['transactionHash']}).")
        return receipt

    async def _gas(self, at: Frozen, to: str, data: bytes) -> int:
        """What it will use; a call that would revert is refused here, before it costs anything."""
        try:
            return await at.estimate_gas(self.signer.address, to, data)
        except RpcRefused as refused:
            said = refused.data if isinstance(refused.data, str) else ""
            revert_data = bytes.fromhex(said.removeprefix("0x"))
            raise TransactionRefused(f"The chain would refuse it: {refused.message}", revert_data) from None

    async def _receipt(self, signed: SignedTransaction) -> dict[str, Any]:
        forms = [signed]

        async def keep(another: SignedTransaction, _native: TransactionId | None) -> None:
            forms.append(another)

        courier, until = Courier(self.rpc, self.signer, self.chain_id), time.monotonic() + RECEIPT_SECONDS_MAX
        while time.monotonic() < until:
            newest, hashes = forms[-1], tuple(each.hash for each in forms)
            fate = await courier.deliver(Letter(newest.nonce, newest.raw, newest.hash, hashes), keep)
            if isinstance(fate, Landed):
                return fate.receipt
            await asyncio.sleep(POLL_SECONDS)
        raise TransactionPending(f"{signed.hash} is in no block yet. Look for it before you try again.")
