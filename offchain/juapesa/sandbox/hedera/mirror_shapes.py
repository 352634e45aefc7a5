"""What the mirror node writes about blocks, contract results, logs, topics and accounts.

Source: hedera-docs openapi.yaml. Amounts are tinybar.
"""

import base64
from collections.abc import Iterable
from typing import Any

from eth_hash.auto import keccak

from juapesa.sandbox.hedera.consensus import NANOS, stamp
from juapesa.sandbox.hedera.entities import Entities, entity_id
from juapesa.sandbox.hedera.history import SUCCESS, Block, Executed
from juapesa.sandbox.hedera.topics import RUNNING_HASH_VERSION, Message, Topic
from juapesa.sandbox.hedera.units import CHAIN_ID, TINYBARS_PER_HBAR, weibars

HAPI_VERSION = "0.78.2"
ADDRESS_BOOK = "0.0.102"  # the file of the address book that mirror nodes read
TOTAL_HBAR = 50_000_000_000
RENEWAL_SECONDS = 7_776_000


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
        "auto_renew_period": RENEWAL_SECONDS,
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
    balance: tuple[int, int, list[dict[str, Any]]] | None,
    nonce: int,
    automatic: int,
    key: dict[str, str] | None,
    created: int | None,
) -> dict[str, Any]:
    """An account or a contract; ``automatic`` is how many tokens associate themselves with it (-1: any).

    ``balance`` is tinybars, the mirror's newest consensus time and the tokens; None where it is not wanted.
    """
    tinybars, seen, tokens = balance or (0, 0, [])
    return {
        "account": entity_id(number),
        "alias": None,
        "auto_renew_period": RENEWAL_SECONDS,
        "balance": {"balance": tinybars, "timestamp": stamp(seen), "tokens": tokens} if balance else None,
        "created_timestamp": _time(created),
        "decline_reward": False,
        "deleted": False,
        "ethereum_nonce": nonce,
        "evm_address": address,
        "expiry_timestamp": _expiry(created),
        "key": key,
        "max_automatic_token_associations": automatic,
        "memo": "",
        "pending_reward": 0,
        "receiver_sig_required": False,
        "staked_account_id": None,
        "staked_node_id": None,
        "stake_period_start": None,
    }


def contract_entry(number: int, address: str, *, nonce: int, created: int | None) -> dict[str, Any]:
    """A contract as lists show it; ``created`` where a transaction itself created it."""
    return {
        "admin_key": None,
        "auto_renew_account": None,
        "auto_renew_period": RENEWAL_SECONDS,
        "contract_id": entity_id(number),
        "created_timestamp": _time(created),
        "deleted": False,
        "evm_address": address,
        "expiration_timestamp": _expiry(created),
        "file_id": None,
        "max_automatic_token_associations": 0,
        "memo": "",
        "nonce": nonce,
        "obtainer_id": None,
        "permanent_removal": None,
        "proxy_account_id": None,
        "timestamp": {"from": _time(created), "to": None},
    }


def node_entry(certificate_hash: str | None, endpoints: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """The network's one node; without TLS its certificate's hash is empty. Nobody has staked anything."""
    return {
        "admin_key": None,
        "decline_reward": False,
        "description": "the sandbox's one node",
        "file_id": ADDRESS_BOOK,
        "grpc_proxy_endpoint": None,
        "max_stake": None,
        "memo": "0.0.3",
        "min_stake": None,
        "node_account_id": "0.0.3",
        "node_cert_hash": certificate_hash or "0x",
        "node_id": 0,
        "public_key": None,
        "reward_rate_start": 0,
        "service_endpoints": [
            {"domain_name": "", "ip_address_v4": host, "port": port} for host, port in endpoints
        ],
        "stake": 0,
        "stake_not_rewarded": None,
        "stake_rewarded": 0,
        "staking_period": None,
        "timestamp": {"from": stamp(0), "to": None},
    }


def supply_entry(released: int, seen: int) -> dict[str, str]:
    """The network's HBAR, and how much of it has left the treasury."""
    return {
        "released_supply": str(released),
        "timestamp": stamp(seen),
        "total_supply": str(TOTAL_HBAR * TINYBARS_PER_HBAR),
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


def _time(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else stamp(nanoseconds)


def _expiry(created: int | None) -> str | None:
    return None if created is None else stamp(created + RENEWAL_SECONDS * NANOS)


def _key(serialized: bytes) -> dict[str, str] | None:
    return {"_type": "ProtobufEncoded", "key": serialized.hex()} if serialized else None
