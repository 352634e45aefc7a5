"""What the mirror node writes about blocks, contract results, logs, topics and accounts.

Source: hedera-docs openapi.yaml. Amounts are tinybar.
"""

import base64
from typing import Any

from eth_hash.auto import keccak

from juapesa.sandbox.hedera.consensus import NANOS, stamp
from juapesa.sandbox.hedera.entities import Entities, entity_id
from juapesa.sandbox.hedera.history import SUCCESS, Block, Executed
from juapesa.sandbox.hedera.topics import RUNNING_HASH_VERSION, Message, Topic
from juapesa.sandbox.hedera.units import CHAIN_ID, weibars

HAPI_VERSION = "0.78.2"


def record_hash(block_hash: str) -> str:
    """Record files are hashed with SHA-384: 48 bytes, of which the relay shows the first 32."""
    return block_hash + keccak(bytes.fromhex(block_hash[2:]))[:16].hex()


def block_entry(block: Block) -> dict[str, Any]:
    return {
        "count": len(block.transactions),
        "gas_used": block.gas_used,
        "hapi_version": HAPI_VERSION,
        "hash": record_hash(block.hash),
        "logs_bloom": block.bloom,
        "name": f"{stamp(block.first).replace('.', '_')}.rcd.gz",
        "number": block.number,
        "previous_hash": record_hash(block.parent),
        "size": block.size,
        "timestamp": {"from": stamp(block.first), "to": stamp(block.last)},
    }


def result_entry(
    executed: Executed, block: Block, entities: Entities, *, hbar: bool = True
) -> dict[str, Any]:
    """A contract result. With ``hbar`` false, amounts are weibar as in the relay."""
    signed, amount = executed.envelope, int(executed.evm["value"], 16)
    price = int(executed.receipt["effectiveGasPrice"], 16)
    target = executed.created or executed.to
    scale = (lambda value: value) if hbar else weibars
    return {
        "address": target,
        "amount": scale(amount),
        "bloom": executed.receipt["logsBloom"],
        "call_result": executed.output,
        "contract_id": entity_id(entities.number(target)) if target else None,
        "created_contract_ids": [entity_id(entities.number(executed.created))] if executed.created else [],
        "error_message": executed.error,
        "from": executed.sender,
        "function_parameters": executed.evm["input"],
        "gas_consumed": executed.gas_used,
        "gas_limit": int(executed.evm["gas"], 16),
        "gas_used": executed.gas_used,
        "timestamp": stamp(executed.consensus),
        "to": target,
        "hash": executed.hash,
        "block_hash": record_hash(block.hash),
        "block_number": block.number,
        "block_gas_used": int(executed.receipt["cumulativeGasUsed"], 16),
        "result": executed.result,
        "transaction_index": executed.index,
        "status": executed.receipt["status"],
        "failed_initcode": executed.evm["input"] if not executed.to and executed.result != SUCCESS else None,
        "access_list": "0x",
        "chain_id": hex(CHAIN_ID),
        "gas_price": hex(scale(price)),
        "max_fee_per_gas": "0x" if signed is None or signed.priority is None else hex(signed.max_fee),
        "max_priority_fee_per_gas": "0x"
        if signed is None or signed.priority is None
        else hex(signed.priority),
        "nonce": int(executed.evm["nonce"], 16),
        "r": f"0x{signed.r if signed else 0:064x}",
        "s": f"0x{signed.s if signed else 0:064x}",
        "type": signed.type if signed else 0,
        "v": signed.v if signed else 0,
    }


def result_details(executed: Executed, block: Block, entities: Entities, *, hbar: bool) -> dict[str, Any]:
    """One contract result with its logs."""
    logs = [
        {
            "address": log["address"],
            "bloom": "0x",
            "contract_id": entity_id(entities.number(log["address"])),
            "data": log["data"],
            "index": at,
            "topics": log["topics"],
        }
        for at, log in enumerate(executed.logs)
    ]
    return {**result_entry(executed, block, entities, hbar=hbar), "logs": logs, "state_changes": []}


def log_entry(executed: Executed, index: int, block: Block, entities: Entities) -> dict[str, Any]:
    """``index`` counts within the transaction."""
    log, target = executed.logs[index], executed.created or executed.to
    return {
        "address": log["address"],
        "bloom": "0x",
        "contract_id": entity_id(entities.number(log["address"])),
        "data": log["data"],
        "index": index,
        "topics": log["topics"],
        "block_hash": record_hash(block.hash),
        "block_number": block.number,
        "root_contract_id": entity_id(entities.number(target)) if target else None,
        "timestamp": stamp(executed.consensus),
        "transaction_hash": executed.hash,
        "transaction_index": executed.index,
    }


def topic_entry(topic: Topic) -> dict[str, Any]:
    return {
        "admin_key": _key(topic.admin_key),
        "auto_renew_account": None,
        "auto_renew_period": 7_776_000,
        "created_timestamp": stamp(topic.created),
        "custom_fees": {"created_timestamp": stamp(topic.created), "fixed_fees": []},
        "deleted": False,
        "fee_exempt_key_list": [],
        "fee_schedule_key": None,
        "memo": topic.memo,
        "submit_key": _key(topic.submit_key),
        "timestamp": {"from": stamp(topic.created), "to": None},
        "topic_id": entity_id(topic.number),
    }


def message_entry(message: Message, topic: Topic, *, as_text: bool = False) -> dict[str, Any]:
    """``as_text``: the message as UTF-8 instead of base64."""
    chunk = message.chunk
    return {
        "chunk_info": None
        if chunk is None
        else {
            "initial_transaction_id": {
                "account_id": entity_id(chunk.payer),
                "nonce": 0,
                "scheduled": False,
                "transaction_valid_start": stamp(chunk.valid_start),
            },
            "number": chunk.number,
            "total": chunk.total,
        },
        "consensus_timestamp": stamp(message.consensus),
        "message": message.content.decode("utf-8", "replace")
        if as_text
        else base64.b64encode(message.content).decode(),
        "payer_account_id": entity_id(message.payer),
        "running_hash": base64.b64encode(message.running_hash).decode(),
        "running_hash_version": RUNNING_HASH_VERSION,
        "sequence_number": message.sequence,
        "topic_id": entity_id(topic.number),
    }


def account_entry(
    number: int,
    address: str,
    *,
    tinybars: int,
    nonce: int,
    seen: int,
    tokens: list[dict[str, Any]],
    automatic: int,
) -> dict[str, Any]:
    """An account or a contract; ``seen`` is the mirror's newest consensus time, ``automatic`` how many
    tokens associate themselves with it (-1: any number).
    """
    return {
        "account": entity_id(number),
        "alias": None,
        "auto_renew_period": 7_776_000,
        "balance": {"balance": tinybars, "timestamp": stamp(seen), "tokens": tokens},
        "created_timestamp": None,
        "decline_reward": False,
        "deleted": False,
        "ethereum_nonce": nonce,
        "evm_address": address,
        "expiry_timestamp": None,
        "key": None,
        "max_automatic_token_associations": automatic,
        "memo": "",
        "pending_reward": 0,
        "receiver_sig_required": False,
        "staked_account_id": None,
        "staked_node_id": None,
        "stake_period_start": None,
    }


def rate_entry(hbar: int, cents: int, seen: int) -> dict[str, Any]:
    """The exchange rate now and for the next hour."""
    hour = (seen // NANOS // 3_600 + 1) * 3_600
    rate = {"cent_equivalent": cents, "hbar_equivalent": hbar}
    return {
        "current_rate": {**rate, "expiration_time": hour},
        "next_rate": {**rate, "expiration_time": hour + 3_600},
        "timestamp": stamp(seen),
    }


def _key(serialized: bytes) -> dict[str, str] | None:
    return {"_type": "ProtobufEncoded", "key": serialized.hex()} if serialized else None
