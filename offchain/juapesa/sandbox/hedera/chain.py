"""The consensus node: takes transactions in order, makes a block every two seconds, never reorders."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from juapesa.errors import Unavailable
from juapesa.sandbox.hedera.anvil import Anvil, EvmRefused
from juapesa.sandbox.hedera.consensus import NANOS, ConsensusClock
from juapesa.sandbox.hedera.envelope import Envelope, read
from juapesa.sandbox.hedera.history import SUCCESS, Block, Executed, History
from juapesa.sandbox.hedera.units import ExchangeRate, tinybars

REJECTIONS_KEPT = 10_000
WRONG_NONCE = "WRONG_NONCE"
INSUFFICIENT_PAYER_BALANCE = "INSUFFICIENT_PAYER_BALANCE"


class Chain:
    """Drives anvil. ``block_seconds`` 0 makes a block for every transaction at once."""

    def __init__(
        self, evm: Anvil, history: History, clock: ConsensusClock, *, block_seconds: float, rate: ExchangeRate
    ) -> None:
        self.evm = evm
        self.history = history
        self.clock = clock
        self.block_seconds = block_seconds
        self.rate = rate
        self._envelopes: dict[str, tuple[str, Envelope | None]] = {}  # by anvil's hash, until mined
        self._rejected: OrderedDict[str, str] = OrderedDict()
        self._past: dict[str, Any] = {"blocks": [], "executed": {}}
        self._lock = asyncio.Lock()
        self._mining: asyncio.Task[None] | None = None
        self._block_made = asyncio.Condition()

    async def start(self) -> None:
        """Begin to make blocks; what the chain holds already is read in first."""
        async with self._lock:
            await self._catch_up()
        self._mining = asyncio.create_task(self._mine_for_ever())

    def restore(self, document: dict[str, Any]) -> None:
        """What ``dump`` gave, before ``start``; anvil has loaded the state that belongs to it."""
        self._past = document
        self._rejected.update(document["rejected"])
        self.clock.pass_over(document["blocks"][-1][1])

    async def dump(self) -> tuple[bytes, dict[str, Any]]:
        """anvil's state, packed, and what it does not know of its own blocks."""
        async with self._lock:
            packed = bytes.fromhex((await self.evm.ask("anvil_dumpState"))[2:])
            blocks = list(self.history.blocks)
        executed = {
            each.evm["hash"]: [
                each.hash,
                each.envelope.raw.hex() if each.envelope else None,
                each.consensus,
                each.result,
                each.error,
            ]
            for block in blocks
            for each in block.transactions
        }
        stamps = [[block.first, block.last] for block in blocks]
        return packed, {"blocks": stamps, "executed": executed, "rejected": dict(self._rejected)}

    async def stop(self) -> None:
        """Make no more blocks."""
        if self._mining is not None:
            self._mining.cancel()
            await asyncio.gather(self._mining, return_exceptions=True)

    async def submit(self, envelope: Envelope) -> str:
        """Hand a signed transaction to consensus; ``SUCCESS`` or the status that refused it."""
        async with self._lock:
            status = await self._take(envelope)
        if status != SUCCESS:
            self.reject(envelope.hash, status)
        elif not self.block_seconds:
            await self.mine()
        return status

    async def order(self, client_hash: str, request: dict[str, Any]) -> str:
        """Execute a call for an account whose native signature was checked; its status.

        ``request`` is anvil's transaction (tinybar) without nonce and price.
        """
        async with self._lock:
            nonce = await self.evm.ask("eth_getTransactionCount", request["from"], "pending")
            status = await self._send(client_hash, None, {**request, "nonce": nonce})
        if status == SUCCESS and not self.block_seconds:
            await self.mine()
        return status

    def reject(self, tx_hash: str, status: str) -> None:
        """Remember that consensus refused a transaction; it is in no block."""
        self._rejected[tx_hash] = status
        if len(self._rejected) > REJECTIONS_KEPT:
            self._rejected.popitem(last=False)

    def rejection(self, tx_hash: str) -> str | None:
        """The status with which consensus refused this transaction and never executed it since."""
        return None if self.history.decided(tx_hash) else self._rejected.get(tx_hash)

    async def waiting(self, address: str) -> int:
        """How many transactions of this account are accepted and in no block yet."""
        pending, mined = await asyncio.gather(
            self.evm.ask("eth_getTransactionCount", address, "pending"),
            self.evm.ask("eth_getTransactionCount", address, "latest"),
        )
        return int(pending, 16) - int(mined, 16)

    async def decided(self, tx_hash: str) -> Executed:
        """Wait until the transaction is in a block."""
        async with self._block_made:
            await self._block_made.wait_for(lambda: self.history.decided(tx_hash) is not None)
        found = self.history.decided(tx_hash)
        assert found is not None, "waited for"
        return found

    async def mine(self, later_seconds: int = 0, empty: int = 0) -> Block:
        """Make a block of everything that waits; the network's time may jump forward.

        ``empty`` more blocks follow it, two seconds apart.
        """
        async with self._lock:
            block = await self._mine(later_seconds, empty)
        async with self._block_made:
            self._block_made.notify_all()
        return block

    async def credit(self, address: str, amount_tinybars: int) -> None:
        """HBAR that arrives by a native transfer: no code of the receiver runs. May be negative."""
        async with self._lock:
            held = int(await self.evm.ask("eth_getBalance", address, "latest"), 16)
            await self.evm.ask("anvil_setBalance", address, hex(max(0, held + amount_tinybars)))

    async def _take(self, envelope: Envelope) -> str:
        nonce = int(await self.evm.ask("eth_getTransactionCount", envelope.sender, "pending"), 16)
        if envelope.nonce != nonce:
            return WRONG_NONCE
        request = {
            "from": envelope.sender,
            "nonce": hex(nonce),
            "gas": hex(envelope.gas),
            "value": hex(tinybars(envelope.value)),
            "data": "0x" + envelope.data.hex(),
            **({"to": envelope.to} if envelope.to else {}),
        }
        return await self._send(envelope.hash, envelope, request)

    async def _send(self, client_hash: str, envelope: Envelope | None, request: dict[str, Any]) -> str:
        price = hex(self.rate.gas_tinybars())  # whatever was offered, the network's price is charged
        try:
            evm_hash = await self.evm.ask("eth_sendTransaction", {**request, "gasPrice": price})
        except EvmRefused as fault:
            if "nonce" in fault.message.lower():
                return WRONG_NONCE
            return INSUFFICIENT_PAYER_BALANCE if "funds" in fault.message.lower() else fault.message
        self._envelopes[evm_hash] = (client_hash, envelope)
        return SUCCESS

    async def _mine_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.block_seconds or 1.0)
            if self.block_seconds:
                with suppress(Unavailable):  # a slow machine; what waits is in the next block
                    await self.mine()

    async def _mine(self, later_seconds: int, empty: int) -> Block:
        newest = self.history.blocks[-1].timestamp
        await self.evm.ask("evm_mine", hex(max(newest, self.clock.seconds()) + later_seconds))
        if empty:
            await self.evm.ask("anvil_mine", hex(empty), hex(2))
        await self._catch_up()
        return self.history.blocks[-1]

    async def _catch_up(self) -> None:
        """Read every block that anvil has made and the history does not hold."""
        height = int(await self.evm.ask("eth_blockNumber"), 16)
        for number in range(len(self.history.blocks), height + 1):
            block = await self._read(number)
            self.history.add(block)
            for executed in block.transactions:
                self._envelopes.pop(executed.evm["hash"], None)

    async def _read(self, number: int) -> Block:
        found = await self.evm.ask("eth_getBlockByNumber", hex(number), True)  # noqa: FBT003 - a wire value
        receipts = await self.evm.ask("eth_getBlockReceipts", hex(number)) if found["transactions"] else []
        timestamp = int(found["timestamp"], 16)
        past = self._past["blocks"][number] if number < len(self._past["blocks"]) else None
        first = past[0] if past else self.clock.next(timestamp * NANOS)
        executed = [
            await self._executed(evm, receipt, first if at == 0 or past else self.clock.next(first))
            for at, (evm, receipt) in enumerate(zip(found["transactions"], receipts, strict=True))
        ]
        return Block(
            number=number,
            hash=found["hash"],
            parent=found["parentHash"],
            timestamp=timestamp,
            first=first,
            last=past[1] if past else self.clock.next(first),
            gas_used=int(found["gasUsed"], 16),
            bloom=found["logsBloom"],
            size=int(found["size"], 16),
            visible_at=0.0 if past else self.history.lag.visible_at(),
            transactions=executed,
        )

    async def _executed(self, evm: dict[str, Any], receipt: dict[str, Any], consensus: int) -> Executed:
        past = self._past["executed"].get(evm["hash"])
        client_hash, envelope = self._envelopes.get(evm["hash"], (evm["hash"], None))
        if past is not None:
            client_hash, envelope = past[0], read(bytes.fromhex(past[1])) if past[1] else None
        made = Executed(
            hash=client_hash,
            envelope=envelope,
            evm=evm,
            receipt=receipt,
            block=int(evm["blockNumber"], 16),
            index=int(evm["transactionIndex"], 16),
            consensus=past[2] if past else consensus,
            logs=[{**log, "logIndex": hex(at)} for at, log in enumerate(receipt.pop("logs"))],
        )
        if past is not None:
            made.result, made.error = past[3], past[4]
        elif receipt["status"] != "0x1":
            made.result, made.error = await self._what_failed(evm["hash"])
        return made

    async def _what_failed(self, evm_hash: str) -> tuple[str, str]:
        """The network's status and the revert data, or the status again when there is none."""
        trace = await self.evm.ask("debug_traceTransaction", evm_hash, {"tracer": "callTracer"})
        error = str(trace.get("error", ""))
        if "revert" in error.lower():
            return "CONTRACT_REVERT_EXECUTED", str(trace.get("output") or "0x")
        if "gas" in error.lower():
            return "INSUFFICIENT_GAS", "INSUFFICIENT_GAS"
        return "CONTRACT_EXECUTION_EXCEPTION", "CONTRACT_EXECUTION_EXCEPTION"
