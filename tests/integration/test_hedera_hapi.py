"""The native API as hiero-sdk-python uses it, unchanged, and as the mirror node shows it afterwards."""

import base64
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hiero_sdk_python import (
    AccountCreateTransaction,
    AccountId,
    Client,
    ContractCallQuery,
    ContractCreateTransaction,
    ContractExecuteTransaction,
    EthereumTransaction,
    Hbar,
    PrivateKey,
    ResponseCode,
    TopicCreateTransaction,
    TopicId,
    TopicInfoQuery,
    TopicMessageQuery,
    TopicMessageSubmitTransaction,
    TransactionId,
    TransferTransaction,
)
from hiero_sdk_python.client.network import Network
from hiero_sdk_python.contract.contract_id import ContractId
from hiero_sdk_python.exceptions import PrecheckError
from hiero_sdk_python.timestamp import Timestamp

from juapesa.sandbox.hedera.topics import next_hash
from support.hapi import KEY, client_of, status_of
from support.hedera import CALLERS, LOGS, REVERTS, Sandbox, sandbox
from support.sandboxes import eventually

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


def messages(net: Sandbox, topic: Any) -> list[dict[str, Any]]:
    page = net.seen(f"/api/v1/topics/{topic}/messages", order="asc", limit=100)
    return list(page["messages"])


def expected_hash(before: bytes, message: dict[str, Any]) -> bytes:
    """Recomputed from what the mirror says alone."""
    number = lambda text: int(text.rpartition(".")[2])  # noqa: E731
    seconds, nanos = message["consensus_timestamp"].split(".")
    return next_hash(
        before,
        number(message["payer_account_id"]),
        number(message["topic_id"]),
        int(seconds) * 10**9 + int(nanos),
        message["sequence_number"],
        base64.b64decode(message["message"]),
    )


def test_a_topic_keeps_its_messages_gap_free_under_a_running_hash(net: Sandbox, client: Client) -> None:
    created = TopicCreateTransaction(memo="heads", submit_key=KEY.public_key()).execute(client)
    assert created.status == ResponseCode.SUCCESS
    for number in range(3):
        sent = TopicMessageSubmitTransaction(created.topic_id, f"head {number}").execute(client)
        assert sent.status == ResponseCode.SUCCESS
    found = messages(net, created.topic_id)
    assert [each["sequence_number"] for each in found] == [1, 2, 3]
    assert [base64.b64decode(each["message"]) for each in found] == [b"head 0", b"head 1", b"head 2"]
    running = bytes(48)
    for each in found:
        running = expected_hash(running, each)
        assert base64.b64decode(each["running_hash"]) == running
    info = TopicInfoQuery(topic_id=created.topic_id).execute(client)
    assert (info.sequence_number, bytes(info.running_hash)) == (3, running)
    later = net.seen(
        f"/api/v1/topics/{created.topic_id}/messages", order="asc", sequencenumber="gt:1", limit=1
    )
    assert later["messages"] == [found[1]]
    assert net.mirror(later["links"]["next"]).json()["messages"] == [found[2]]
    assert net.seen(f"/api/v1/topics/messages/{found[0]['consensus_timestamp']}") == found[0]
    page = f"/api/v1/topics/{created.topic_id}/messages"
    assert net.seen(page)["messages"] == found, "oldest first, unlike other pages"
    assert net.seen(page, order="desc")["messages"] == found[::-1]
    assert [each["message"] for each in net.seen(page, encoding="utf-8")["messages"]] == [
        f"head {number}" for number in range(3)
    ]
    for wrong in ({"encoding": "latin1"}, {"sequencenumber": "0"}, {"sequencenumber": "gt:x"}):
        (name,) = wrong
        said = net.mirror(page, **wrong).json()["_status"]["messages"]
        assert said == [{"message": f"Invalid parameter: {name}"}]


def test_transactions_are_told_apart_by_kind_result_and_direction(net: Sandbox, client: Client) -> None:
    TopicCreateTransaction(memo="told apart").execute(client)
    payer = str(client.operator_account_id)
    page = "/api/v1/transactions"

    def kinds(**query: str) -> set[tuple[str, str]]:
        listed = net.seen(page, limit=100, **{"account.id": payer, **query})["transactions"]
        return {(each["name"], each["result"]) for each in listed}

    eventually(lambda: ("CONSENSUSCREATETOPIC", "SUCCESS") in kinds(), 10)
    assert {name for name, _ in kinds(transactiontype="consensuscreatetopic")} == {"CONSENSUSCREATETOPIC"}
    assert kinds(transactiontype="TOKENBURN") == set()
    assert {result for _, result in kinds(result="success")} == {"SUCCESS"}
    assert "SUCCESS" not in {result for _, result in kinds(result="fail")}
    assert kinds(type="debit") == kinds()
    assert kinds(type="credit") == set()
    said = net.mirror(page, type="both", result="maybe").json()["_status"]["messages"]
    assert [each["message"] for each in said] == ["Invalid parameter: type", "Invalid parameter: result"]
    assert "Invalid Transaction id" in net.mirror(f"{page}/0.0.5@17.3").text


def test_the_running_hash_frames_its_input_as_java_does() -> None:
    """hiero-consensus-node writes through ObjectOutputStream: two byte[48] with 76 bytes between them."""
    content = hashlib.sha384(b"x").digest()
    numbers = [3, 0, 0, 2, 0, 0, 7, 1_700_000_000]
    block = (
        b"".join(each.to_bytes(8, "big") for each in numbers)
        + (5).to_bytes(4, "big")
        + (1).to_bytes(8, "big")
    )
    assert len(block) == 0x4C
    array = b"\xac\xed\x00\x05" + b"\x75\x72\x00\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\x00\x00\x78\x70"
    stream = array + (48).to_bytes(4, "big") + bytes(48) + b"\x77\x4c" + block
    stream += b"\x75\x71\x00\x7e\x00\x00" + (48).to_bytes(4, "big") + content
    assert next_hash(bytes(48), 2, 7, 1_700_000_000 * 10**9 + 5, 1, b"x") == hashlib.sha384(stream).digest()


def test_a_long_message_comes_in_chunks_of_one_transaction_each(net: Sandbox, client: Client) -> None:
    topic = TopicCreateTransaction().execute(client).topic_id
    TopicMessageSubmitTransaction(topic, "x" * 2_500).execute(client)
    found = messages(net, topic)
    assert [(each["chunk_info"]["number"], each["chunk_info"]["total"]) for each in found] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert (
        len({each["chunk_info"]["initial_transaction_id"]["transaction_valid_start"] for each in found}) == 1
    )
    assert sum(len(base64.b64decode(each["message"])) for each in found) == 2_500
    assert len({each["consensus_timestamp"] for each in found}) == 3


def test_a_topic_with_a_submit_key_takes_no_strangers_message(net: Sandbox, client: Client) -> None:
    other = PrivateKey.generate_ed25519()
    topic = TopicCreateTransaction(submit_key=other.public_key()).execute(client).topic_id
    assert status_of(TopicMessageSubmitTransaction(topic, "mine?"), client) == "INVALID_SIGNATURE"
    signed = TopicMessageSubmitTransaction(topic, "ours").freeze_with(client).sign(other)
    assert signed.execute(client).status == ResponseCode.SUCCESS
    assert len(messages(net, topic)) == 1
    nowhere = TopicMessageSubmitTransaction(TopicId(0, 0, 99), "nowhere")
    assert status_of(nowhere, client) == "INVALID_TOPIC_ID"


def test_a_transaction_id_is_taken_once(net: Sandbox, client: Client) -> None:
    topic = TopicCreateTransaction().execute(client).topic_id
    same = TransactionId.generate(client.operator_account_id)
    for expected in (None, "DUPLICATE_TRANSACTION"):
        made = TopicMessageSubmitTransaction(topic, "once").set_transaction_id(same)
        if expected is None:
            made.execute(client)
            continue
        with pytest.raises(PrecheckError, match=expected):
            made.execute(client)
    assert len(messages(net, topic)) == 1


def test_the_door_checks_time_signature_and_fee(net: Sandbox, client: Client) -> None:
    def code_of(made: Any, by: Client = client) -> str:
        with pytest.raises(PrecheckError) as caught:
            made.execute(by)
        return ResponseCode(caught.value.status).name

    operator = client.operator_account_id
    for seconds, code in ((-500, "TRANSACTION_EXPIRED"), (500, "INVALID_TRANSACTION_START")):
        at = Timestamp(int(time.time()) + seconds, 0)._to_protobuf()
        assert code_of(TopicCreateTransaction().set_transaction_id(TransactionId(operator, at))) == code
    stranger = client_of(net, str(operator), PrivateKey.generate_ecdsa())
    assert code_of(TopicCreateTransaction(), stranger) == "INVALID_SIGNATURE"
    nobody = client_of(net, "0.0.777777777")
    assert code_of(TopicCreateTransaction(), nobody) == "PAYER_ACCOUNT_NOT_FOUND"
    cheap = TopicCreateTransaction()
    cheap.transaction_fee = 1
    assert code_of(cheap) == "INSUFFICIENT_TX_FEE"


def test_the_payer_pays_the_scheduled_fee_and_the_mirror_tells(net: Sandbox, client: Client) -> None:
    """hedera-docs networks/fees: a topic costs 1 cent; 10 cents buy 1 HBAR here."""
    before = int(net.ask("eth_getBalance", net.address, "latest"), 16) // 10**10
    created = TopicCreateTransaction().execute(client)
    net.mine()
    after = int(net.ask("eth_getBalance", net.address, "latest"), 16) // 10**10
    assert before - after == 10**8 // 10
    account = str(client.operator_account_id)
    newest = net.seen("/api/v1/transactions", **{"account.id": account})["transactions"][0]
    assert (newest["result"], newest["charged_tx_fee"]) == ("SUCCESS", 10**7)
    assert newest["name"] == "CONSENSUSCREATETOPIC"
    one = net.seen(f"/api/v1/transactions/{newest['transaction_id']}")["transactions"]
    assert one == [newest]
    assert net.seen(f"/api/v1/transactions/{newest['transaction_id']}", nonce=0)["transactions"] == one
    scheduled = net.mirror(f"/api/v1/transactions/{newest['transaction_id']}", scheduled="true")
    assert scheduled.status_code == 404
    assert created.topic_id is not None


def test_the_sdk_finds_the_node_by_the_mirrors_address_book(
    net: Sandbox, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """hiero-sdk-python client/network.py: /network/nodes?limit=100&order=desc."""
    monkeypatch.setitem(Network.MIRROR_NODE_URLS, "found", net.url)
    found = Client(Network("found"))
    found.set_operator(client.operator_account_id, KEY)
    assert [str(each._account_id) for each in found.network.nodes] == ["0.0.3"]
    assert TopicCreateTransaction().execute(found).status == ResponseCode.SUCCESS
    found.close()


def test_an_account_tells_its_transactions_and_its_key(net: Sandbox, client: Client) -> None:
    """hiero-mirror-node rest/api/v1/openapi.yml /accounts/{id}, /accounts?account.publickey."""
    key = PrivateKey.generate_ed25519().public_key()
    made = AccountCreateTransaction(key=key, initial_balance=Hbar(3)).execute(client).account_id
    TransferTransaction().add_hbar_transfer(client.operator_account_id, -1).add_hbar_transfer(
        made, 1
    ).execute(client)
    net.mine()
    (found,) = net.seen("/api/v1/accounts", **{"account.publickey": key.to_string_raw()})["accounts"]
    assert (found["account"], found["balance"]["balance"]) == (str(made), 3 * 10**8 + 1)
    assert found["key"] == {"_type": "ED25519", "key": key.to_string_raw()}
    der = {"account.publickey": "302a300506032b6570032100" + key.to_string_raw()}
    assert net.seen("/api/v1/accounts", **der)["accounts"] == [found]
    assert net.seen(f"/api/v1/accounts/{made}")["transactions"] == []
    path, payer = f"/api/v1/accounts/{client.operator_account_id}", str(client.operator_account_id)
    listed = net.seen("/api/v1/transactions", limit=2, **{"account.id": payer})
    own = net.seen(path, limit=2)
    assert own["transactions"] == listed["transactions"]
    older = net.mirror(own["links"]["next"]).json()["transactions"]
    assert older == net.mirror(listed["links"]["next"]).json()["transactions"]
    assert net.seen(path, transactions="false")["transactions"] == []


def test_a_busy_node_is_asked_again_and_a_throttled_transaction_is_not(net: Sandbox, client: Client) -> None:
    net.fault("hapi", "busy")
    assert TopicCreateTransaction().execute(client).status == ResponseCode.SUCCESS
    net.fault("hapi", "throttled")
    assert status_of(TopicCreateTransaction(), client) == "THROTTLED_AT_CONSENSUS"


def test_hbar_moves_natively_and_only_with_the_owners_signature(net: Sandbox, client: Client) -> None:
    mine, yours = (AccountId.from_string(each) for each in list(net.state()["accounts"])[:2])
    your_address = net.state()["accounts"][str(yours)]
    before = int(net.ask("eth_getBalance", your_address, "latest"), 16)
    TransferTransaction(hbar_transfers={mine: -100, yours: 100}).execute(client)
    net.mine()
    assert int(net.ask("eth_getBalance", your_address, "latest"), 16) == before + 100 * 10**10
    taken = TransferTransaction(hbar_transfers={mine: 100, yours: -100})
    assert status_of(taken, client) == "INVALID_SIGNATURE"


def test_a_new_account_signs_with_its_own_key(net: Sandbox, client: Client) -> None:
    key = PrivateKey.generate_ed25519()
    created = AccountCreateTransaction(key=key.public_key(), initial_balance=Hbar(5)).execute(client)
    own = client_of(net, str(created.account_id), key)
    assert TopicCreateTransaction().execute(own).status == ResponseCode.SUCCESS


def test_an_ethereum_transaction_goes_in_by_either_door(net: Sandbox, client: Client) -> None:
    raw, tx_hash = net.sign(to="0x" + "42" * 20, value=10**18)
    made = EthereumTransaction(ethereum_data=bytes.fromhex(raw[2:]))
    assert made.execute(client).status == ResponseCode.SUCCESS
    assert net.receipt(tx_hash)["status"] == "0x1"
    before = int(net.ask("eth_getBalance", net.address, "latest"), 16)
    gap = EthereumTransaction(ethereum_data=bytes.fromhex(net.sign(nonce=99)[0][2:]))
    assert status_of(gap, client) == "WRONG_NONCE"
    net.mine()
    paid = before - int(net.ask("eth_getBalance", net.address, "latest"), 16)
    assert paid == 21_000 * net.gas_price, "refused at consensus, the payer pays the intrinsic gas"


def test_contracts_are_made_called_and_asked_natively(net: Sandbox, client: Client) -> None:
    loader = bytes.fromhex(f"61{len(LOGS):04x}80600a3d393df3")
    made = ContractCreateTransaction().set_bytecode(loader + LOGS).set_gas(1_000_000)
    made.transaction_fee = Hbar(20).to_tinybars()
    contract = made.execute(client).contract_id
    shown = net.seen(f"/api/v1/contracts/{contract}")
    called = (
        ContractExecuteTransaction().set_contract_id(contract).set_gas(100_000).set_payable_amount(Hbar(2))
    )
    assert called.execute(client).status == ResponseCode.SUCCESS
    (log,) = net.seen(f"/api/v1/contracts/{contract}/results/logs")["logs"]
    assert int(log["data"], 16) == 2 * 10**8
    assert log["address"] == shown["evm_address"]
    asked = ContractCallQuery().set_contract_id(contract).set_gas(100_000)
    assert bytes(asked.execute(client).contract_call_result) == b""
    bad = net.seen(f"/api/v1/contracts/{net.deploy(REVERTS)}")["contract_id"]
    reverting = ContractExecuteTransaction().set_contract_id(ContractId.from_string(bad)).set_gas(100_000)
    assert status_of(reverting, client) == "CONTRACT_REVERT_EXECUTED"


def test_an_account_without_an_ecdsa_key_calls_contracts_by_its_number(net: Sandbox, client: Client) -> None:
    """Such an account signs no Ethereum transaction; natively it is a caller like any other."""
    key = PrivateKey.generate_ed25519()
    made = AccountCreateTransaction(key=key.public_key(), initial_balance=Hbar(50)).execute(client)
    own = client_of(net, str(made.account_id), key)
    target = net.seen(f"/api/v1/contracts/{net.deploy(CALLERS)}")["contract_id"]
    call = ContractExecuteTransaction().set_contract_id(ContractId.from_string(target)).set_gas(100_000)
    assert status_of(call, own) == "SUCCESS"
    (log,) = net.seen(f"/api/v1/contracts/{target}/results/logs")["logs"]
    assert int(log["topics"][0], 16) == made.account_id.num
    own.close()


def test_a_subscriber_hears_every_message_once(net: Sandbox, client: Client) -> None:
    topic = TopicCreateTransaction().execute(client).topic_id
    TopicMessageSubmitTransaction(topic, "before").execute(client)
    heard: list[Any] = []
    handle = TopicMessageQuery(topic_id=topic, start_time=Timestamp(0, 0).to_date()).subscribe(
        client, heard.append
    )
    TopicMessageSubmitTransaction(topic, "after").execute(client)
    eventually(lambda: len(heard) >= 2, 5)
    handle.cancel()
    assert [bytes(each.contents) for each in heard] == [b"before", b"after"]
    assert [each.sequence_number for each in heard] == [1, 2]


def test_what_the_native_api_does_not_do_yet_is_said(net: Sandbox, client: Client) -> None:
    """AccountBalanceQuery is throttled to nothing on the real network; the mirror has balances."""
    from hiero_sdk_python import CryptoGetAccountBalanceQuery, FileCreateTransaction

    with pytest.raises(PrecheckError, match="NOT_SUPPORTED"):
        FileCreateTransaction(keys=[KEY.public_key()], contents=b"x").execute(client)
    with pytest.raises(Exception, match=r"(?i)busy|attempts"):
        CryptoGetAccountBalanceQuery(account_id=client.operator_account_id).execute(client)


def test_topics_and_accounts_outlive_a_restart(tmp_path: Path) -> None:
    key = PrivateKey.generate_ed25519()
    with sandbox(state=tmp_path) as net:
        by = client_of(net)
        account = (
            AccountCreateTransaction(key=key.public_key(), initial_balance=Hbar(5)).execute(by).account_id
        )
        topic = TopicCreateTransaction(submit_key=key.public_key()).execute(by).topic_id
        own = client_of(net, str(account), key)
        TopicMessageSubmitTransaction(topic, "x" * 1_500).execute(own)
        before = messages(net, topic)
    with sandbox(state=tmp_path) as net:
        assert messages(net, topic) == before
        own = client_of(net, str(account), key)
        assert status_of(TopicMessageSubmitTransaction(topic, "after"), own) == "SUCCESS"
        after = messages(net, topic)
        assert [each["sequence_number"] for each in after] == [1, 2, 3]
        assert base64.b64decode(after[2]["running_hash"]) == expected_hash(
            base64.b64decode(before[1]["running_hash"]), after[2]
        )
        other = TopicCreateTransaction().execute(own).topic_id
        assert str(other) not in (str(topic), str(account)), "no number is given twice"
