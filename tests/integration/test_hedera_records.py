"""Receipts and records of a consensus node as hiero-sdk-python asks for them, unchanged."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hiero_sdk_python import (
    Client,
    EthereumTransaction,
    Hbar,
    PrivateKey,
    ResponseCode,
    TransactionGetReceiptQuery,
    TransactionId,
    TransactionRecordQuery,
)
from hiero_sdk_python.exceptions import MaxAttemptsError, PrecheckError

from juapesa.sandbox.hedera.hapi import node
from support.hapi import client_of
from support.hedera import LOGS, QUICK, Sandbox, sandbox

pytestmark = pytest.mark.needs_evm


@pytest.fixture(scope="module")
def net() -> Iterator[Sandbox]:
    with sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def client(net: Sandbox) -> Iterator[Client]:
    made = client_of(net)
    yield made
    made.close()


def sent(net: Sandbox, client: Client, **fields: Any) -> tuple[TransactionId, str]:
    """An Ethereum transaction through the native door; its id and hash."""
    raw, tx_hash = net.sign(**fields)
    receipt = EthereumTransaction(ethereum_data=bytes.fromhex(raw[2:])).execute(client)
    return receipt.transaction_id, tx_hash


def test_a_record_tells_what_an_ethereum_transaction_did_before_the_mirror_shows_it() -> None:
    with sandbox() as net:
        target, client = net.deploy(LOGS), client_of(net)
        number = net.seen(f"/api/v1/contracts/{target}")["contract_id"]
        net.option(lag_low_seconds=600, lag_high_seconds=600)
        asked, tx_hash = sent(net, client, to=target, value=3 * 10**10)
        record = TransactionRecordQuery(asked).execute(client)
        assert net.ask("eth_getTransactionReceipt", tx_hash) is None
        client.close()
    assert record.receipt.status == ResponseCode.SUCCESS
    assert "0x" + record.ethereum_hash.hex() == tx_hash
    (log,) = record.call_result.log_info
    assert str(record.call_result.contract_id) == str(log.contract_id) == number
    assert [int.from_bytes(each) for each in log.topics] == [1]
    assert int.from_bytes(log.data) == 3, "tinybar inside the EVM"
    assert record.call_result.gas_used > 21_000


def test_a_record_costs_a_hundredth_of_a_cent_and_a_receipt_nothing(net: Sandbox, client: Client) -> None:
    asked, _ = sent(net, client, to=net.deploy(LOGS))
    assert 0 < TransactionRecordQuery(asked).get_cost(client).to_tinybars() < 1_000_000
    poor = client_of(net, key=PrivateKey.generate_ecdsa())
    assert TransactionGetReceiptQuery(asked).execute(poor).status == ResponseCode.SUCCESS
    with pytest.raises(PrecheckError, match="INVALID_SIGNATURE"):
        TransactionRecordQuery(asked).execute(poor)
    with pytest.raises(PrecheckError, match="INSUFFICIENT_TX_FEE"):
        TransactionRecordQuery(asked).set_query_payment(Hbar.from_tinybars(1)).execute(client)


def test_a_node_forgets_after_three_minutes(
    net: Sandbox, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, _ = sent(net, client, to=net.deploy(LOGS))
    client.max_attempts = 1
    monkeypatch.setattr(node, "REMEMBERED_SECONDS", 0.0)
    with pytest.raises((PrecheckError, MaxAttemptsError), match="NOT_FOUND"):
        TransactionGetReceiptQuery(asked).execute(client)
    with pytest.raises((PrecheckError, MaxAttemptsError), match="NOT_FOUND"):
        TransactionRecordQuery(asked).execute(client)


def test_what_was_throttled_natively_is_refused_at_the_relay_too(net: Sandbox, client: Client) -> None:
    net.fault("hapi", "throttled")
    raw, tx_hash = net.sign(nonce=net.nonce())
    receipt = EthereumTransaction(ethereum_data=bytes.fromhex(raw[2:])).execute(client)
    assert receipt.status == ResponseCode.THROTTLED_AT_CONSENSUS
    with pytest.raises(Exception, match="-32003"):
        net.ask("eth_getTransactionReceipt", tx_hash)


def test_a_transaction_on_its_way_has_the_receipt_unknown() -> None:
    with sandbox(QUICK.__class__(block_seconds=1.5, lag_low_seconds=0, lag_high_seconds=0)) as net:
        client = client_of(net)
        client.max_attempts = 10  # the SDK's own: three are over when the block comes, or before it
        raw, _ = net.sign(nonce=0)
        answer = EthereumTransaction(ethereum_data=bytes.fromhex(raw[2:])).execute(
            client, wait_for_receipt=False
        )
        began, query = time.monotonic(), TransactionGetReceiptQuery(answer.transaction_id)
        assert query.execute(client).status == ResponseCode.SUCCESS, "the SDK waits while it is UNKNOWN"
        assert time.monotonic() - began > 0.3
        client.close()
