"""The JSON-RPC methods of the relay.

Source: hiero-json-rpc-relay docs/rpc-api.md and packages/relay/src/lib/services/ethService.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from eth_hash.auto import keccak

from juapesa.sandbox.hedera import checks, refusals
from juapesa.sandbox.hedera.chain import Chain
from juapesa.sandbox.hedera.envelope import Envelope
from juapesa.sandbox.hedera.evm_calls import EvmCalls
from juapesa.sandbox.hedera.history import SUCCESS, Block, Executed
from juapesa.sandbox.hedera.logs import Filters, block_number, get_logs
from juapesa.sandbox.hedera.shapes import block_shape, receipt_shape, transaction_shape
from juapesa.sandbox.hedera.trouble import Trouble
from juapesa.sandbox.hedera.units import CHAIN_ID, weibars

CLIENT_VERSION = "relay/0.82.0"
FEE_HISTORY_BLOCKS_MAX = 10

Method = Callable[..., Awaitable[Any]]


class Relay:
    """``methods`` by their names. Each raises RpcFault for what the relay refuses."""

    def __init__(self, chain: Chain, calls: EvmCalls, trouble: Trouble, *, sync: Callable[[], bool]) -> None:
        self._chain = chain
        self._history = chain.history
        self._calls = calls
        self._trouble = trouble
        self._sync = sync
        self._filters = Filters(chain.history)
        self.methods: dict[str, Method] = {
            "eth_blockNumber": self._block_number,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_feeHistory": self._fee_history,
            "eth_gasPrice": self._gas_price,
            "eth_getBalance": self._balance,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getBlockTransactionCountByHash": self._count_by_hash,
            "eth_getBlockTransactionCountByNumber": self._count_by_number,
            "eth_getCode": self._code,
            "eth_getFilterChanges": self._filter_changes,
            "eth_getFilterLogs": self._filter_logs,
            "eth_getLogs": self._logs,
            "eth_getStorageAt": self._storage,
            "eth_getTransactionByBlockHashAndIndex": self._transaction_in_hash,
            "eth_getTransactionByBlockNumberAndIndex": self._transaction_in_number,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionCount": self._nonce,
            "eth_getTransactionReceipt": self._receipt,
            "eth_newBlockFilter": self._new_block_filter,
            "eth_newFilter": self._new_filter,
            "eth_sendRawTransaction": self._send_raw,
            "eth_uninstallFilter": self._forget_filter,
            "web3_sha3": self._sha3,
            **{name: _always(value) for name, value in _CONSTANTS.items()},
            **dict.fromkeys(_UNSUPPORTED, _unsupported),
        }

    async def _block_number(self) -> str:
        return hex(self._history.head().number)

    async def _call(self, request: Any, at: object = "latest", *_: object) -> str:
        return await self._calls.call(request, at)

    async def _estimate(self, request: Any, at: object = "latest", *_: object) -> str:
        return await self._calls.estimate(request, at)

    async def _gas_price(self) -> str:
        return hex(weibars(self._chain.rate.gas_tinybars()))

    async def _fee_history(self, count: Any, newest: object, percentiles: Any = None) -> dict[str, Any]:
        number = block_number(newest, self._history.head().number)
        asked = count if isinstance(count, int) else _quantity(count)
        blocks = max(0, min(asked, FEE_HISTORY_BLOCKS_MAX, number + 1))
        history: dict[str, Any] = {
            "oldestBlock": hex(number - blocks + 1),
            "baseFeePerGas": [await self._gas_price()] * (blocks + 1),
            "gasUsedRatio": [0.5] * blocks,
        }
        if isinstance(percentiles, list) and percentiles:
            history["reward"] = [["0x0"] * len(percentiles)] * blocks
        return history

    async def _balance(self, address: str, at: object = "latest") -> str:
        return await self._calls.balance(_address(address), at)

    async def _code(self, address: str, at: object = "latest") -> str:
        return await self._calls.code(_address(address), at)

    async def _storage(self, address: str, slot: str, at: object = "latest") -> str:
        return await self._calls.storage(_address(address), slot, at)

    async def _nonce(self, address: str, at: object = "latest") -> str:
        """With ``pending`` the relay adds what waits in its own pool to what the mirror shows."""
        account = _address(address)
        shown = await self._calls.nonce(account, at)
        return hex(shown + (await self._chain.waiting(account) if at == "pending" else 0))

    async def _block_by_hash(self, block_hash: str, full: object = None) -> dict[str, Any] | None:
        block = self._history.by_hash(_hash(block_hash))
        return None if block is None else block_shape(block, full=full is True)

    async def _block_by_number(self, at: object, full: object = None) -> dict[str, Any] | None:
        block = self._at(at)
        return None if block is None else block_shape(block, full=full is True)

    async def _block_receipts(self, at: str) -> list[dict[str, Any]] | None:
        block = self._history.by_hash(_hash(at)) if len(str(at)) == 66 else self._at(at)
        return None if block is None else [receipt_shape(each, block) for each in block.transactions]

    async def _count_by_hash(self, block_hash: str) -> str | None:
        block = self._history.by_hash(_hash(block_hash))
        return None if block is None else hex(len(block.transactions))

    async def _count_by_number(self, at: object) -> str | None:
        block = self._at(at)
        return None if block is None else hex(len(block.transactions))

    async def _transaction_in_hash(self, block_hash: str, index: str) -> dict[str, Any] | None:
        return _transaction_at(self._history.by_hash(_hash(block_hash)), index)

    async def _transaction_in_number(self, at: object, index: str) -> dict[str, Any] | None:
        return _transaction_at(self._at(at), index)

    async def _transaction(self, tx_hash: str) -> dict[str, Any] | None:
        found = self._history.executed(_hash(tx_hash))
        return None if found is None else transaction_shape(found, self._block_of(found))

    async def _receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """None while it is on its way; an error once the network refused it without executing it."""
        found = self._history.executed(_hash(tx_hash))
        if found is not None:
            return receipt_shape(found, self._block_of(found))
        if status := self._chain.rejection(_hash(tx_hash)):
            raise refusals.rejected(status)
        return None

    async def _logs(self, request: Any) -> list[dict[str, Any]]:
        return get_logs(self._history, _object(request))

    async def _new_filter(self, request: Any = None) -> str:
        return self._filters.logs(_object(request or {}))

    async def _new_block_filter(self) -> str:
        return self._filters.blocks()

    async def _filter_logs(self, filter_id: str) -> list[dict[str, Any]]:
        return self._filters.everything(filter_id)

    async def _filter_changes(self, filter_id: str) -> list[Any]:
        return self._filters.changes(filter_id)

    async def _forget_filter(self, filter_id: str) -> bool:
        return self._filters.forget(filter_id)

    async def _sha3(self, data: str) -> str:
        return "0x" + keccak(_bytes(data)).hex()

    async def _send_raw(self, raw: str) -> str:
        """The hash, at once; with ``sync``, once the transaction is in a block. Raises RpcFault."""
        envelope = checks.parse(_bytes(raw))
        checks.before_the_network(envelope, self._chain.rate.gas_tinybars())
        await self._check_account(envelope)
        checks.no_access_list(envelope)
        fault = self._trouble.on_send()
        match fault.kind:
            case "busy":
                raise refusals.rejected("BUSY")
            case "throttled":
                return self._refuse_later(envelope, "THROTTLED_AT_CONSENSUS")
            case "wrong-nonce":
                return self._refuse_later(envelope, "WRONG_NONCE")
        status = await self._chain.submit(envelope)
        if fault.kind == "timeout-after-accept":
            await asyncio.sleep(fault.seconds)
            raise refusals.request_timeout()
        if self._sync():
            await self._outcome(envelope, status)
        return envelope.hash

    async def _check_account(self, envelope: Envelope) -> None:
        balance, nonce, waiting = await asyncio.gather(
            self._calls.tinybars(envelope.sender),
            self._calls.nonce(envelope.sender),
            self._chain.waiting(envelope.sender),
        )
        if not balance and not nonce and not await self._calls.exists(envelope.sender):
            raise refusals.not_found(f"address '{envelope.sender}'.")
        checks.of_the_account(envelope, nonce + waiting, balance)

    async def _outcome(self, envelope: Envelope, status: str) -> None:
        if status == SUCCESS:
            await self._chain.decided(envelope.hash)
            return
        nonce = await self._calls.nonce(envelope.sender)
        if status == "WRONG_NONCE" and envelope.nonce > nonce:
            raise refusals.nonce_too_high(envelope.nonce, nonce)
        if status == "WRONG_NONCE" and envelope.nonce < nonce:
            raise refusals.nonce_too_low(envelope.nonce, nonce)
        raise refusals.rejected(status)

    def _refuse_later(self, envelope: Envelope, status: str) -> str:
        self._chain.reject(envelope.hash, status)
        return envelope.hash

    def _at(self, at: object) -> Block | None:
        return self._history.at(block_number(at, self._history.head().number))

    def _block_of(self, executed: Executed) -> Block:
        return self._history.blocks[executed.block]


_CONSTANTS: dict[str, Any] = {
    "eth_accounts": [],
    "eth_chainId": hex(CHAIN_ID),
    "eth_getUncleByBlockHashAndIndex": None,
    "eth_getUncleByBlockNumberAndIndex": None,
    "eth_getUncleCountByBlockHash": "0x0",
    "eth_getUncleCountByBlockNumber": "0x0",
    "eth_hashrate": "0x0",
    "eth_maxPriorityFeePerGas": "0x0",
    "eth_mining": False,
    "eth_submitWork": False,
    "eth_syncing": False,
    "net_listening": True,
    "net_peerCount": "0x0",
    "net_version": str(CHAIN_ID),
    "web3_clientVersion": CLIENT_VERSION,
}
_UNSUPPORTED = (
    "eth_coinbase",
    "eth_createAccessList",
    "eth_getProof",
    "eth_getWork",
    "eth_newPendingTransactionFilter",
    "eth_protocolVersion",
    "eth_sendTransaction",
    "eth_sign",
    "eth_signTransaction",
    "eth_submitHashrate",
    "debug_traceTransaction",
)


def _always(value: Any) -> Method:
    async def answer(*_: object) -> Any:
        return value

    return answer


async def _unsupported(*_: object) -> Any:
    raise refusals.unsupported_method()


def _transaction_at(block: Block | None, index: str) -> dict[str, Any] | None:
    at = _quantity(index)
    if block is None or at >= len(block.transactions):
        return None
    return transaction_shape(block.transactions[at], block)


def _bytes(text: object) -> bytes:
    try:
        return bytes.fromhex(str(text).removeprefix("0x"))
    except ValueError:
        raise refusals.invalid_parameter(0, "Expected 0x prefixed hexadecimal value") from None


def _quantity(text: object) -> int:
    try:
        read = int(str(text), 16)
    except ValueError:
        read = -1
    if read < 0:
        raise refusals.invalid_parameter(1, "Expected 0x prefixed hexadecimal value")
    return read


def _hash(value: object) -> str:
    text = str(value).lower()
    if len(text) != 66 or not text.startswith("0x") or set(text[2:]) - set("0123456789abcdef"):
        raise refusals.invalid_parameter(0, "Expected 0x prefixed string representing the hash (32 bytes)")
    return text


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refusals.invalid_parameter(0, "Expected FilterObject")
    return value


def _address(value: object) -> str:
    text = str(value).lower()
    if len(text) != 42 or not text.startswith("0x") or set(text[2:]) - set("0123456789abcdef"):
        raise refusals.invalid_parameter(0, "Expected 0x prefixed string representing the address (20 bytes)")
    return text
