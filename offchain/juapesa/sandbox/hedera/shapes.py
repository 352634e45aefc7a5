"""Blocks, transactions, receipts and logs as the relay writes them.

Source: hiero-json-rpc-relay packages/relay/src/lib/factories.
"""

from typing import Any

from juapesa.sandbox.hedera.history import Block, Executed
from juapesa.sandbox.hedera.units import CHAIN_ID, GAS_PER_BLOCK, weibars

ZERO_ADDRESS = "0x" + "0" * 40
ZERO_HASH = "0x" + "0" * 64
EMPTY_TRIE = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
EMPTY_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"


def block_shape(block: Block, *, full: bool) -> dict[str, Any]:
    """``full`` gives whole transactions instead of hashes."""
    listed = [transaction_shape(each, block) if full else each.hash for each in block.transactions]
    return {
        "number": hex(block.number),
        "hash": block.hash,
        "parentHash": block.parent,
        "timestamp": hex(block.timestamp),
        "gasLimit": hex(GAS_PER_BLOCK),
        "gasUsed": hex(block.gas_used),
        "baseFeePerGas": "0x0",
        "logsBloom": block.bloom,
        "size": hex(block.size),
        "transactions": listed,
        "transactionsRoot": block.hash if listed else EMPTY_TRIE,
        "receiptsRoot": EMPTY_TRIE,
        "stateRoot": EMPTY_TRIE,
        "sha3Uncles": EMPTY_UNCLES,
        "uncles": [],
        "withdrawals": [],
        "withdrawalsRoot": ZERO_HASH,
        "miner": ZERO_ADDRESS,
        "mixHash": ZERO_HASH,
        "nonce": "0x" + "0" * 16,
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": "0x",
    }


def transaction_shape(executed: Executed, block: Block) -> dict[str, Any]:
    """A transaction in a block; what was signed is shown as it was signed."""
    signed = executed.envelope
    kind = signed.type if signed else 0
    shape: dict[str, Any] = {
        "hash": executed.hash,
        "blockHash": block.hash,
        "blockNumber": hex(block.number),
        "transactionIndex": hex(executed.index),
        "from": executed.sender,
        "to": executed.to,
        "type": hex(kind),
        "nonce": executed.evm["nonce"],
        "gas": executed.evm["gas"],
        "gasPrice": hex(weibars(int(executed.evm["gasPrice"], 16))),
        "value": hex(weibars(int(executed.evm["value"], 16))),
        "input": executed.evm["input"],
        "chainId": hex(CHAIN_ID),
        "v": hex(signed.v if signed else 0),
        "r": hex(signed.r if signed else 0),
        "s": hex(signed.s if signed else 0),
    }
    if signed is not None and signed.chain_id is None:
        del shape["chainId"]
    if signed is not None and kind > 0:
        shape |= {"accessList": [], "yParity": hex(signed.v)}
    if signed is not None and kind == 2:
        shape |= {
            "maxFeePerGas": hex(signed.max_fee),
            "maxPriorityFeePerGas": hex(signed.priority or 0),
        }
    return shape


def receipt_shape(executed: Executed, block: Block) -> dict[str, Any]:
    """A receipt; a failed transaction carries ``revertReason``."""
    receipt = executed.receipt
    shape = {
        "transactionHash": executed.hash,
        "transactionIndex": hex(executed.index),
        "blockHash": block.hash,
        "blockNumber": hex(block.number),
        "from": executed.sender,
        "to": executed.to,
        "contractAddress": executed.created,
        "cumulativeGasUsed": receipt["cumulativeGasUsed"],
        "gasUsed": receipt["gasUsed"],
        "effectiveGasPrice": hex(weibars(int(receipt["effectiveGasPrice"], 16))),
        "logs": [log_shape(log, executed) for log in executed.logs],
        "logsBloom": receipt["logsBloom"],
        "root": EMPTY_TRIE,
        "status": receipt["status"],
        "type": hex(executed.envelope.type if executed.envelope else 0),
    }
    if executed.error is not None:
        hexadecimal = executed.error.startswith("0x")
        shape["revertReason"] = executed.error if hexadecimal else "0x" + executed.error.encode().hex()
    return shape


def log_shape(log: dict[str, Any], executed: Executed) -> dict[str, Any]:
    """A log under the hash that the client knows; its index counts within the transaction, not the block."""
    return {
        "address": log["address"],
        "topics": log["topics"],
        "data": log["data"],
        "blockHash": log["blockHash"],
        "blockNumber": log["blockNumber"],
        "blockTimestamp": log.get("blockTimestamp"),
        "logIndex": log["logIndex"],
        "transactionHash": executed.hash,
        "transactionIndex": hex(executed.index),
        "removed": False,
    }
