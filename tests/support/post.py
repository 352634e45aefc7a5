"""A sender that keeps its forms in memory, and counts what it hands to the relay."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

from juapesa.chain import Rpc
from juapesa.chain.courier import Courier, Landed, Letter, NativePath, OnItsWay, Overtaken, Wrapped
from juapesa.chain.native_ids import TransactionId
from juapesa.chain.purse import gas_limit
from juapesa.chain.transactions import SignedTransaction, sign_call
from juapesa.crypto import Signer
from support.hedera import LOGS, PLAY_KEY, Sandbox

SECONDS_MAX = 20.0
GAS_USED = 40_000


class CountingRpc(Rpc):
    """Remembers what was handed over."""

    sent: list[bytes]
    shows_receipts: bool

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sent = []
        self.shows_receipts = True

    async def send_raw(self, raw: bytes) -> None:
        self.sent.append(raw)
        await super().send_raw(raw)

    async def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        return await super().receipt(tx_hash) if self.shows_receipts else None


@dataclass
class Post:
    """A sender's record, as a caller keeps it; the contract it calls logs once each time."""

    net: Sandbox
    target: str
    rpc: CountingRpc
    courier: Courier
    forms: dict[int, list[SignedTransaction]] = field(default_factory=dict)  # by nonce
    wrapped: dict[int, list[Wrapped]] = field(default_factory=dict)

    async def build(self, nonce: int | None = None) -> int:
        """A transaction on record, which nobody has seen; its nonce."""
        at = await self.rpc.freeze()
        signed = sign_call(
            self.courier.signer,
            chain_id=298,
            nonce=await at.nonce(self.courier.address) if nonce is None else nonce,
            gas_price=await self.rpc.gas_price(),
            gas=gas_limit(GAS_USED),
            to=self.target,
            data=b"",
        )
        await self.keep(signed, await self.courier.new_id())
        return signed.nonce

    async def deliver(self, nonce: int, *, first: bool = True) -> Landed | Overtaken | OnItsWay:
        """One look."""
        newest, hashes = self.forms[nonce][-1], tuple(each.hash for each in self.forms[nonce])
        letter = Letter(nonce, newest.raw, newest.hash, hashes, tuple(self.wrapped.get(nonce, ())))
        return await self.courier.deliver(letter, self.keep, first=first)

    async def keep(self, signed: SignedTransaction, native: TransactionId | None) -> None:
        forms = self.forms.setdefault(signed.nonce, [])
        if signed not in forms:
            forms.append(signed)
        if native is not None:
            self.wrapped.setdefault(signed.nonce, []).append(Wrapped(signed.hash, native))

    async def follow(self, *nonces: int) -> list[Landed | Overtaken]:
        """To the end of each, as a relayer does it: in order, none after one that is in doubt."""
        ended: dict[int, Landed | Overtaken] = {}
        until = time.monotonic() + SECONDS_MAX
        while len(ended) < len(nonces):
            assert time.monotonic() < until, f"ended: {sorted(ended)}"
            clear = True
            for nonce in (each for each in nonces if each not in ended):
                fate = await self.deliver(nonce, first=clear)
                if isinstance(fate, OnItsWay):
                    clear = clear and fate.taken
                else:
                    ended[nonce] = fate
            await asyncio.sleep(0.05)
        return [ended[each] for each in nonces]

    def landed_once(self, *nonces: int) -> bool:
        """Whether the contract has logged once for each, and the account's nonce is the next."""
        wanted = {"address": self.target, "fromBlock": "0x0", "toBlock": "latest"}
        logs = self.net.ask("eth_getLogs", wanted)
        hashes = [{each.hash for each in self.forms[nonce]} for nonce in nonces]
        each_once = all(sum(log["transactionHash"] in mine for log in logs) == 1 for mine in hashes)
        return each_once and self.net.nonce() == max(nonces) + 1


def post_on(net: Sandbox, *, code: bytes = LOGS, native: NativePath | None = None, **changes: float) -> Post:
    rpc = CountingRpc(net.url)
    courier = Courier(rpc, Signer.from_private_key(bytes.fromhex(PLAY_KEY[2:])), 298, native)
    return Post(net, net.deploy(code), rpc, replace(courier, **changes))
