"""Our Ethereum transactions through a consensus node's own door, and what became of them from its own memory.

The signed bytes go into a native ``EthereumTransaction``, whose id is ours; the account that pays natively
is the sender's own, and pays nothing for what succeeds (HIP-1084: gas is the signer's). A node knows at
consensus what a relay tells only once the mirror has it, two to six seconds later: a receipt is free, the
record with the logs costs about 0.0002 USD with its payment. Both are forgotten after three minutes, and a
node may be silent or unwilling: then the relay is asked, which knows the same transaction by its hash.

Only what is certain is said. EXECUTED and REFUSED are the codes of which a mirror has a contract result and
of which it has none (hiero-json-rpc-relay, HEDERA_SPECIFIC_REVERT_STATUSES); any other is left to the mirror.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from juapesa.chain.courier import Handed, Seen
from juapesa.chain.native_ids import BACKDATED_SECONDS, NANOS, TransactionId, entity_number
from juapesa.chain.native_nodes import (
    DUPLICATE,
    OK,
    SUCCESS,
    UNKNOWN,
    NativeNodes,
    NodeUnreachable,
    QueryRefused,
)
from juapesa.errors import Unavailable
from juapesa.observability import get_logger

SEND_SECONDS_MAX = 2.0  # a node that has not answered by then is asked for the receipt instead
REST_SECONDS = 15.0  # before nodes that do not serve us are tried again
RECORD_TINYBARS_MAX = 10_000_000  # a tenth of an HBAR, a hundred times what a record costs
MARGIN_PERCENT = 10  # the exchange rate may move between two records

_ETHEREUM = "/proto.SmartContractService/callEthereum"
TAKEN = frozenset({OK, DUPLICATE})
AGAIN = frozenset(
    {
        "BUSY",
        "PLATFORM_NOT_ACTIVE",
        "PLATFORM_TRANSACTION_NOT_CREATED",
        "INVALID_NODE_ACCOUNT",  # another node's address: the next one is asked
        "INVALID_TRANSACTION_START",  # its clock is behind
    }
)
EXECUTED = frozenset({SUCCESS, "CONTRACT_REVERT_EXECUTED", "CONTRACT_EXECUTION_EXCEPTION"})
# The last is an offer under the network's price, which goes up: nothing ran and the nonce is free
# (hiero-consensus-node, CustomGasCharging and TransactionProcessor).
REFUSED = frozenset(
    {"WRONG_NONCE", "THROTTLED_AT_CONSENSUS", "CONSENSUS_GAS_EXHAUSTED", "BUSY", "INSUFFICIENT_TX_FEE"}
)


class NativeSending:
    """A courier's native path. ``find_payer`` gives the account 0.0.N of the key, None while it has none."""

    def __init__(self, nodes: NativeNodes, find_payer: Callable[[], str | None]) -> None:
        self._nodes = nodes
        self._find_payer = find_payer
        self._payer: int | None = None
        self._newest = 0  # the start of the last id: no two are the same
        self._sent: TransactionId | None = None
        self._silences = 0
        self._resting_until = 0.0
        self._cost = 0

    async def new_id(self) -> TransactionId | None:
        """An id that nobody has used; None while this path is closed."""
        if self._rests() or (payer := await self._paying()) is None:
            return None
        self._newest = max(self._newest + 1, time.time_ns() - BACKDATED_SECONDS * NANOS)
        return TransactionId(payer, self._newest)

    async def send(self, raw: bytes, transaction: TransactionId) -> Handed | None:
        """Offer it to the nodes; None when none takes it and the relay should. The same id: another node."""
        if self._rests():
            return None
        if transaction == self._sent:
            self._nodes.turn()
        self._sent, busy = transaction, False
        for _ in range(len(self._nodes)):
            try:
                code = await self._nodes.send(
                    _ETHEREUM, transaction, ethereumTransaction={"ethereum_data": raw}
                )
            except NodeUnreachable as silent:
                if silent.reached:
                    return Handed.UNKNOWN
                continue
            if code in TAKEN:
                return Handed.TAKEN
            if code not in AGAIN:
                self._rest(code)
                return None
            busy = True
            self._nodes.turn()
        if busy:
            return Handed.NOT_TAKEN
        self._rest("no node can be reached")
        return None

    async def look(self, transaction: TransactionId, to: str) -> dict[str, Any] | Seen:
        """A receipt in JSON-RPC's form (without a block, which a node does not tell), or how far it has come.

        ``to`` is the contract that was called; other contracts' logs have addresses made of their numbers.
        """
        if self._rests():
            return Seen.NOTHING
        try:
            status = (await self._nodes.receipt(transaction)).status
            self._silences = 0
            if status == UNKNOWN:
                return Seen.UNDER_WAY
            if status in REFUSED:
                return Seen.REFUSED
            if status in EXECUTED:
                record = await self._record(transaction)
                # Without gas used the EVM never ran, whatever the code: the mirror will tell.
                return as_receipt(record, to, status) if record.contractCallResult.gasUsed else Seen.NOTHING
        except NodeUnreachable:
            self._silences += 1
            if self._silences >= len(self._nodes):
                self._rest("no node answers")
        except QueryRefused as refused:
            self._cost = 0
            if refused.code != "INSUFFICIENT_TX_FEE":  # the price has risen: it is asked for again
                self._rest(refused.code)
        return Seen.NOTHING

    async def close(self) -> None:
        """Hang up."""
        await self._nodes.close()

    async def _record(self, transaction: TransactionId) -> Any:
        payment = await self.new_id()
        if payment is None:
            raise QueryRefused("no account pays")
        if not self._cost:
            cost = await self._nodes.record_cost(transaction)
            if cost > RECORD_TINYBARS_MAX:
                raise QueryRefused(f"a record costs {cost} tinybars")
            self._cost = cost + cost * MARGIN_PERCENT // 100
        return await self._nodes.record(transaction, payment, self._cost)

    async def _paying(self) -> int | None:
        if self._payer is None:
            try:
                found = await asyncio.to_thread(self._find_payer)
            except Unavailable as silence:
                self._rest(silence.slug)
                return None
            if found is None:
                self._rest("the key has no account yet")
                return None
            self._payer = entity_number(found)
        return self._payer

    def _rests(self) -> bool:
        return time.monotonic() < self._resting_until

    def _rest(self, why: str) -> None:
        get_logger("native").warning("the native path rests; the relay serves", why=why)
        self._silences = 0
        self._resting_until = time.monotonic() + REST_SECONDS


def as_receipt(record: Any, to: str, status: str) -> dict[str, Any]:
    """A TransactionRecord of an Ethereum transaction to ``to`` as far as JSON-RPC's receipts go."""
    result = record.contractCallResult
    called = result.contractID.contractNum

    def address(number: int) -> str:
        return to if number and number == called else "0x" + number.to_bytes(20).hex()

    return {
        "status": "0x1" if status == SUCCESS else "0x0",
        "transactionHash": "0x" + record.ethereum_hash.hex(),
        "blockNumber": None,
        "gasUsed": hex(result.gasUsed),
        "logs": [
            {
                "address": address(log.contractID.contractNum),
                "topics": ["0x" + topic.hex() for topic in log.topic],
                "data": "0x" + log.data.hex(),
            }
            for log in result.logInfo
        ],
    }
