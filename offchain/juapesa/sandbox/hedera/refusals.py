"""The relay's errors with its own codes and messages, and the HTTP status each travels with.

Sources: hiero-json-rpc-relay packages/relay/src/lib/errors/JsonRpcError.ts and
packages/server/src/koaJsonRpc/lib/httpErrorMapper.ts; nonce errors carry -32000 since 0.79, a
transaction that consensus refused -32003 since 0.81.
"""

from typing import Any

_HTTP_STATUS = {3: 200, -32603: 500, -32605: 429}
SEVEN_DAYS_SECONDS = 604_800
GAS_PRICE_TOO_LOW = -32009


class RpcFault(Exception):
    """An error answer: ``code``, ``message`` and perhaps ``data`` (0x-hex of a revert)."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def http_status(self) -> int:
        return _HTTP_STATUS.get(self.code, 400)


def reverted(reason: str, data: str) -> RpcFault:
    return RpcFault(3, f"execution reverted: {reason}" if reason else "execution reverted", data)


def could_not_simulate(message: str) -> RpcFault:
    return RpcFault(-32000, f"Error occurred during transaction simulation: {message}")


def gas_limit_too_high(gas: int, most: int) -> RpcFault:
    return RpcFault(-32005, f"Transaction gas limit '{gas}' exceeds max gas per sec limit '{most}'")


def gas_limit_too_low(gas: int, needed: int) -> RpcFault:
    return RpcFault(
        -32003,
        f"Transaction gas limit provided '{gas}' is insufficient of intrinsic gas required '{needed}'",
    )


def gas_price_too_low(price: int, least: int) -> RpcFault:
    return RpcFault(GAS_PRICE_TOO_LOW, f"Gas price '{price}' is below configured minimum gas price '{least}'")


def insufficient_funds() -> RpcFault:
    return RpcFault(-32000, "Insufficient funds for transfer")


def internal(message: str) -> RpcFault:
    return RpcFault(-32603, f"Error invoking RPC: {message}")


def invalid_arguments(message: str) -> RpcFault:
    return RpcFault(-32000, f"Invalid arguments: {message}")


def invalid_parameter(which: int | str, message: str) -> RpcFault:
    return RpcFault(-32602, f"Invalid parameter {which}: {message}")


def missing_parameter(which: int | str) -> RpcFault:
    return RpcFault(-32602, f"Missing value for required parameter {which}")


def invalid_request() -> RpcFault:
    return RpcFault(-32600, "Invalid request")


def not_json() -> RpcFault:
    return RpcFault(-32700, "Unable to parse JSON")


def rate_limited(method: str) -> RpcFault:
    return RpcFault(-32605, f"IP Rate limit exceeded on {method}")


def missing_from_block() -> RpcFault:
    return RpcFault(-32011, "Provided toBlock parameter without specifying fromBlock")


def nonce_too_low(nonce: int, current: int) -> RpcFault:
    return RpcFault(-32000, f"Nonce too low. Provided nonce: {nonce}, current nonce: {current}")


def nonce_too_high(nonce: int, current: int) -> RpcFault:
    return RpcFault(-32000, f"Nonce too high. Provided nonce: {nonce}, current nonce: {current}")


def block_range_too_large(most: int) -> RpcFault:
    return RpcFault(-32000, f"Exceeded maximum block range: {most}")


def time_range_too_large(first: int, first_at: str, last: int, last_at: str) -> RpcFault:
    return RpcFault(
        -32004,
        "The provided fromBlock and toBlock contain timestamps that exceed the maximum allowed duration of"
        f" 7 days ({SEVEN_DAYS_SECONDS} seconds): fromBlock: {hex(first)} ({first_at}),"
        f" toBlock: {hex(last)} ({last_at})",
    )


def beyond_head(requested: int, head: int) -> RpcFault:
    return RpcFault(-32000, f"Request beyond head block: requested {requested}, head {head}")


def request_timeout() -> RpcFault:
    return RpcFault(-32010, "Request timeout. Please try again.")


def not_found(message: str) -> RpcFault:
    return RpcFault(-32001, f"Requested resource not found. {message}")


def filter_not_found() -> RpcFault:
    return RpcFault(-32001, "Filter not found")


def unknown_block() -> RpcFault:
    return RpcFault(-39012, "Unknown block")


def invalid_block_range() -> RpcFault:
    return RpcFault(-39013, "Invalid block range")


def unsupported_chain(asked: str, ours: str) -> RpcFault:
    return RpcFault(-32000, f"ChainId ({asked}) not supported. The correct chainId is {ours}")


def unsupported_method() -> RpcFault:
    return RpcFault(-32601, "Unsupported JSON-RPC method")


def method_not_found(method: str) -> RpcFault:
    return RpcFault(-32601, f"Method {method} not found")


def not_yet_implemented() -> RpcFault:
    return RpcFault(-32601, "Not yet implemented")


def unsupported_type(number: int) -> RpcFault:
    return RpcFault(-32611, f"Unsupported transaction type: txType={number}")


def value_too_low() -> RpcFault:
    return RpcFault(-32602, "Value can't be non-zero and less than 10_000_000_000 wei which is 1 tinybar")


def rejected(status: str) -> RpcFault:
    """Refused by the network before it was executed; it is in no block and never will be."""
    return RpcFault(-32003, f"Transaction rejected: {status}")


def transaction_oversized(size: int, most: int) -> RpcFault:
    return RpcFault(-32201, f"Oversized data: transaction size {size}, transaction limit {most}")


def call_data_oversized(size: int, most: int) -> RpcFault:
    return RpcFault(-32201, f"Oversized data: call data size {size}, call data size limit {most}")


def batch_too_large(amount: int, most: int) -> RpcFault:
    return RpcFault(-32203, f"Batch request amount {amount} exceeds max {most}")


def not_in_batch(method: str) -> RpcFault:
    return RpcFault(-32007, f"Method {method} is not permitted as part of batch requests")
