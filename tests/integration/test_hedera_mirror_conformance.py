"""What Hedera's mirror node says and how it pages; runs like test_hedera_conformance.py.

The reader here is plain HTTP: it follows `links.next` and nothing else.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from coincurve import PrivateKey

from support.hedera import HBAR, LOGS, REVERTS, Network, network
from support.sandboxes import eventually

pytestmark = pytest.mark.needs_evm

STAMP = re.compile(r"\d{10}\.\d{9}")
ROUNDS = 7


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def contract(net: Network) -> str:
    """A contract that has logged seven times."""
    made = net.deploy(LOGS)
    hashes = [net.send(to=made, value=(n + 1) * HBAR)["transactionHash"] for n in range(ROUNDS)]
    eventually(lambda: net.mirror(f"/api/v1/contracts/results/{hashes[-1]}").status_code == 200, 30)
    return made


def follow(net: Network, path: str, rows: str, **query: Any) -> list[dict[str, Any]]:
    """Every row of every page."""
    page = net.seen(path, **query)
    found = list(page[rows])
    while (following := page["links"]["next"]) is not None:
        assert following.startswith("/api/v1/"), "a path, without a host"
        page = net.mirror(following).json()
        found += page[rows]
    return found


def stamps(rows: list[dict[str, Any]], name: str = "timestamp") -> list[str]:
    return [row[name] for row in rows]


def message_of(net: Network, path: str, status: int, **query: Any) -> str:
    reply = net.mirror(path, **query)
    assert reply.status_code == status, reply.text
    return str(reply.json()["_status"]["messages"][0]["message"])


def test_logs_come_newest_first_and_page_to_the_last(net: Network, contract: str) -> None:
    """hedera-docs openapi.yaml /contracts/{id}/results/logs."""
    path = f"/api/v1/contracts/{contract}/results/logs"
    newest_first = follow(net, path, "logs", limit=3)
    assert len(newest_first) == ROUNDS
    assert stamps(newest_first) == sorted(stamps(newest_first), reverse=True)
    oldest_first = follow(net, path, "logs", limit=2, order="asc")
    assert oldest_first == newest_first[::-1]
    assert [int(row["data"], 16) for row in oldest_first] == [(n + 1) * 10**8 for n in range(ROUNDS)]
    assert all(STAMP.fullmatch(row["timestamp"]) and row["index"] == 0 for row in oldest_first)


def test_a_cursor_of_time_and_index_goes_on_where_it_stopped(net: Network, contract: str) -> None:
    """hedera-docs: cursor (timestamp, index)."""
    path = f"/api/v1/contracts/{contract}/results/logs"
    rows = follow(net, path, "logs", order="asc")
    middle = rows[3]
    query = {"order": "asc", "timestamp": f"gte:{middle['timestamp']}", "index": f"gt:{middle['index']}"}
    assert follow(net, path, "logs", **query) == rows[4:]


def test_searching_topics_needs_a_range_of_seven_days_at_most(net: Network, contract: str) -> None:
    """hiero-mirror-node docs/configuration.md maxTimestampRange."""
    path = f"/api/v1/contracts/{contract}/results/logs"
    (row, *_) = follow(net, path, "logs", order="asc")
    assert "timestamp range" in message_of(net, path, 400, topic0=row["topics"][0])
    second = int(row["timestamp"].split(".")[0])
    week = {"timestamp": [f"gte:{second}", f"lt:{second + 604_800}"]}
    assert len(follow(net, path, "logs", topic0=row["topics"][0], **week)) == ROUNDS
    assert (
        len(follow(net, "/api/v1/contracts/results/logs", "logs", topic0=row["topics"][0], **week)) >= ROUNDS
    )
    over = {"timestamp": [f"gte:{second}", f"lt:{second + 604_801}"]}
    assert "7d" in message_of(net, path, 400, topic0=row["topics"][0], **over)


def test_limits_are_a_hundred_at_most_and_twenty_five_by_default(net: Network) -> None:
    """hiero-mirror-node response.limit."""
    assert len(net.seen("/api/v1/blocks", limit=1)["blocks"]) == 1
    for wrong in ("0", "x", "-1"):
        assert message_of(net, "/api/v1/blocks", 400, limit=wrong) == "Invalid parameter: limit"
    assert message_of(net, "/api/v1/blocks", 400, order="up") == "Invalid parameter: order"
    assert message_of(net, "/api/v1/blocks", 400, colour="red") == "Unknown query parameter: colour"


def test_everything_that_is_wrong_with_a_request_is_said(net: Network, contract: str) -> None:
    """hiero-mirror-node rest/utils.js: validateReq, filterValidityChecks, filterDependencyCheck."""

    def said(path: str, **query: str) -> list[str]:
        reply = net.mirror(f"/api/v1{path}", **query)
        assert reply.status_code == 400, reply.text
        return [str(each["message"]) for each in reply.json()["_status"]["messages"]]

    assert said("/blocks", limit="0", order="up", colour="red") == [
        "Invalid parameter: limit",
        "Invalid parameter: order",
        "Unknown query parameter: colour",
    ]
    invalid: list[tuple[str, str, str]] = [
        ("/blocks", "block.number", "gte:-5"),
        ("/blocks", "timestamp", "12345678901"),
        ("/blocks", "timestamp", "gte:1:2"),
        ("/contracts/results", "block.hash", "0x00"),
        ("/contracts/results", "from", "nobody"),
        ("/contracts/results", "internal", "maybe"),
        (f"/contracts/{contract}/results/logs", "index", "x"),
        ("/tokens", "type", "banana"),
        ("/tokens", "publickey", "zz"),
        ("/tokens", "name", "ab"),
        ("/balances", "account.balance", "gt:x"),
    ]
    for path, name, value in invalid:
        assert f"Invalid parameter: {name}" in said(path, **{name: value}), (path, name, value)
    alone = said("/contracts/results", **{"transaction.index": "0"})
    assert alone[0].startswith("Invalid parameter usage: transaction.index - ")
    assert said("/blocks/zz") == ["Invalid parameter: hashOrNumber"]
    assert said("/contracts/results/0x12")[0].startswith("Invalid Transaction id.")
    assert message_of(net, "/api/v1/nowhere", 404) == "Not found"


def test_results_are_those_of_the_block_and_place_that_were_asked_for(net: Network, contract: str) -> None:
    """hedera-docs openapi.yaml /contracts/results: block.hash, block.number, transaction.index, hbar."""
    receipt = net.send(to=contract, value=3 * HBAR)
    one = net.seen(f"/api/v1/contracts/results/{receipt['transactionHash']}")
    path, hashed = "/api/v1/contracts/results", {"block.hash": one["block_hash"]}
    place = {"transaction.index": str(one["transaction_index"])}
    by_hash = follow(net, path, "results", **hashed)
    assert {row["block_hash"] for row in by_hash} == {one["block_hash"]}
    assert by_hash == follow(net, path, "results", **{"block.hash": one["block_hash"][:66]})
    (row,) = follow(net, path, "results", **hashed, **place)
    assert (row["hash"], row["amount"]) == (one["hash"], 3 * 10**8)
    (row,) = follow(net, path, "results", hbar="false", **hashed, **place)
    assert row["amount"] == 3 * HBAR
    assert follow(net, path, "results", **{"block.hash": "0x" + "00" * 32}) == []
    assert follow(net, path, "results", **hashed, **{"transaction.index": "9999"}) == []


def test_balances_are_a_list_from_the_highest_number_down(net: Network, contract: str) -> None:
    """hedera-docs openapi.yaml /balances."""
    own = net.seen(f"/api/v1/accounts/{net.address}")["account"]
    number = int(own.rpartition(".")[2])
    page = net.seen("/api/v1/balances", limit=2)
    assert re.fullmatch(r"\d{10}\.\d{9}", page["timestamp"])
    listed = [int(row["account"].rpartition(".")[2]) for row in page["balances"]]
    assert len(listed) == 2
    assert listed == sorted(listed, reverse=True)
    assert page["links"]["next"] == f"/api/v1/balances?limit=2&account.id=lt:0.0.{listed[-1]}"
    (row,) = net.seen("/api/v1/balances", **{"account.id": [f"gte:{own}", f"lte:0.0.{number}"]})["balances"]
    assert row["account"] == own
    rich = {"account.id": own, "account.balance": f"gte:{row['balance']}"}
    assert net.seen("/api/v1/balances", **rich)["balances"] == [row]
    poor = {"account.id": own, "account.balance": f"lt:{row['balance']}"}
    assert net.seen("/api/v1/balances", **poor)["balances"] == []
    assert net.seen("/api/v1/balances", **{"account.id": "0.0.999999999"})["balances"] == []


def test_accounts_are_a_list_from_the_lowest_number_up(net: Network, contract: str) -> None:
    """hiero-mirror-node rest/api/v1/openapi.yml /accounts; rest/accounts.js: ascending, with balances."""
    net.send()
    one = net.seen(f"/api/v1/accounts/{net.address}")
    (row,) = net.seen("/api/v1/accounts", **{"account.id": one["account"]})["accounts"]
    assert row == {name: told for name, told in one.items() if name not in ("transactions", "links")}
    page = net.seen("/api/v1/accounts", limit=2)
    listed = [int(each["account"].rpartition(".")[2]) for each in page["accounts"]]
    assert listed == sorted(listed)
    assert page["links"]["next"] == f"/api/v1/accounts?limit=2&account.id=gt:0.0.{listed[-1]}"
    rich = {"account.id": one["account"], "account.balance": f"gte:{row['balance']['balance']}"}
    assert [each["account"] for each in net.seen("/api/v1/accounts", **rich)["accounts"]] == [one["account"]]
    poor = {"account.id": one["account"], "account.balance": f"lt:{row['balance']['balance']}"}
    assert net.seen("/api/v1/accounts", **poor)["accounts"] == []
    (bare,) = net.seen("/api/v1/accounts", balance="false", **poor)["accounts"]
    assert bare == {**row, "balance": None}, "without balances none is looked at"
    of_contract = net.seen("/api/v1/accounts", **{"account.id": contract})["accounts"]
    assert [each["evm_address"] for each in of_contract] == [contract.lower()]


def test_an_account_that_has_signed_is_found_by_its_public_key(net: Network) -> None:
    """hiero-mirror-node rest/api/v1/openapi.yml /accounts, account.publickey; hollow accounts: HIP-583."""
    net.send()
    own = net.seen(f"/api/v1/accounts/{net.address}")
    key = PrivateKey(bytes.fromhex(net.key.removeprefix("0x"))).public_key.format().hex()
    assert own["key"] == {"_type": "ECDSA_SECP256K1", "key": key}
    for written in (key, "0x" + key.upper()):
        found = net.seen("/api/v1/accounts", **{"account.publickey": written})["accounts"]
        assert [each["account"] for each in found] == [own["account"]]
    assert net.seen("/api/v1/accounts", **{"account.publickey": "02" + "00" * 32})["accounts"] == []
    wrong = message_of(net, "/api/v1/accounts", 400, **{"account.publickey": "zz"})
    assert wrong == "Invalid parameter: account.publickey"


def test_contracts_are_a_list_from_the_highest_number_down(net: Network, contract: str) -> None:
    """hiero-mirror-node rest/api/v1/openapi.yml /contracts: descending, contract.id."""
    one = net.seen(f"/api/v1/contracts/{contract}")
    (row,) = net.seen("/api/v1/contracts", **{"contract.id": one["contract_id"]})["contracts"]
    assert row == {name: told for name, told in one.items() if not name.endswith("bytecode")}
    assert one["bytecode"].endswith(LOGS.hex())
    assert one["runtime_bytecode"] == "0x" + LOGS.hex()
    other = net.seen(f"/api/v1/contracts/{net.deploy(REVERTS)}")["contract_id"]
    since = {"contract.id": f"gte:{one['contract_id']}"}
    page = net.seen("/api/v1/contracts", limit=1, **since)
    assert page["links"]["next"].endswith(f"&contract.id=lt:{page['contracts'][0]['contract_id']}")
    listed = [each["contract_id"] for each in follow(net, "/api/v1/contracts", "contracts", limit=1, **since)]
    assert other in listed
    assert listed[-1] == one["contract_id"]
    account = net.seen(f"/api/v1/accounts/{net.address}")["account"]
    assert net.seen("/api/v1/contracts", **{"contract.id": account})["contracts"] == []
    created = net.seen("/api/v1/contracts/results", **{"from": net.address, "limit": 100})["results"]
    assert row["created_timestamp"] in stamps(created)


def test_a_contract_result_is_found_by_its_contract_and_time(net: Network, contract: str) -> None:
    """hiero-mirror-node rest/api/v1/openapi.yml /contracts/{id}/results/{timestamp}."""
    receipt = net.send(to=contract, value=2 * HBAR)
    one = net.seen(f"/api/v1/contracts/results/{receipt['transactionHash']}")
    path = f"/api/v1/contracts/{contract}/results/{one['timestamp']}"
    assert net.seen(path) == one
    assert net.seen(path, hbar="false")["amount"] == 2 * HBAR
    other = net.deploy(REVERTS)
    assert message_of(net, f"/api/v1/contracts/{other}/results/{one['timestamp']}", 404) == "Not found"
    assert message_of(net, f"/api/v1/contracts/{contract}/results/1.000000001", 404) == "Not found"
    said = message_of(net, f"/api/v1/contracts/{contract}/results/yesterday", 400)
    assert said == "Invalid parameter: timestamp"


def test_the_address_book_names_every_node_and_where_it_listens(net: Network) -> None:
    """hiero-mirror-node rest/api/v1/openapi.yml /network/nodes; rest/controllers/networkController.js."""
    nodes = follow(net, "/api/v1/network/nodes", "nodes")
    assert {"admin_key", "file_id", "memo", "public_key", "stake", "timestamp"} <= nodes[0].keys()
    numbers = [each["node_id"] for each in nodes]
    assert numbers == sorted(numbers)
    assert all(each["file_id"] == "0.0.102" and each["service_endpoints"] for each in nodes)
    first = {"node.id": str(numbers[0])}
    assert net.seen("/api/v1/network/nodes", **first)["nodes"] == nodes[:1]
    assert net.seen("/api/v1/network/nodes", **{"node.id": "gt:4000000"})["nodes"] == []
    assert len(net.seen("/api/v1/network/nodes", **{"file.id": "0.0.101"})["nodes"]) > 0
    unequal = message_of(net, "/api/v1/network/nodes", 400, **{"file.id": "gt:0.0.1"})
    assert unequal == "Only equals (eq) comparison operator is supported for file.id"


def test_fifty_thousand_million_hbar_are_there_and_some_are_released(net: Network) -> None:
    """hiero-mirror-node rest/api/v1/openapi.yml /network/supply."""
    supply = net.seen("/api/v1/network/supply")
    assert supply["total_supply"] == "5000000000000000000"
    own = net.seen(f"/api/v1/accounts/{net.address}")["balance"]["balance"]
    assert own <= int(supply["released_supply"]) <= int(supply["total_supply"])
    assert STAMP.fullmatch(supply["timestamp"])


def test_a_contract_associates_no_token_by_itself(net: Network, contract: str) -> None:
    """HIP-904: only the native ContractCreate can ask for automatic associations."""
    assert net.seen(f"/api/v1/accounts/{contract}")["max_automatic_token_associations"] == 0


def test_a_contract_result_is_found_by_its_hash_in_tinybars_or_weibars(net: Network, contract: str) -> None:
    """hedera-docs openapi.yaml /contracts/results/{transactionIdOrHash}, hbar=false."""
    receipt = net.send(to=contract, value=2 * HBAR)
    path = f"/api/v1/contracts/results/{receipt['transactionHash']}"
    found = net.seen(path)
    assert (found["result"], found["status"], found["amount"]) == ("SUCCESS", "0x1", 2 * 10**8)
    assert net.seen(path, hbar="false")["amount"] == 2 * HBAR
    assert found["from"].lower() == net.address.lower()
    assert found["block_number"] == int(receipt["blockNumber"], 16)
    assert found["block_hash"].startswith(receipt["blockHash"]), "48 bytes; the relay shows the first 32"
    assert len(found["block_hash"]) == 2 + 96
    assert found["logs"][0]["address"].lower() == contract.lower()
    assert message_of(net, "/api/v1/contracts/results/0x" + "00" * 32, 404) == "Not found"


def test_a_revert_is_named_and_carries_its_data(net: Network) -> None:
    """hedera-docs: result CONTRACT_REVERT_EXECUTED, error_message is the revert data."""
    receipt = net.send(to=net.deploy(REVERTS))
    found = net.seen(f"/api/v1/contracts/results/{receipt['transactionHash']}")
    assert (found["result"], found["status"]) == ("CONTRACT_REVERT_EXECUTED", "0x0")
    assert found["error_message"].startswith("0x08c379a0")


def test_a_contract_created_by_a_transaction_has_a_number(net: Network, contract: str) -> None:
    """hedera-docs openapi.yaml /contracts/{id}: by number or by EVM address."""
    by_address = net.seen(f"/api/v1/contracts/{contract}")
    number = by_address["contract_id"]
    assert re.fullmatch(r"0\.0\.\d+", number)
    by_number = net.seen(f"/api/v1/contracts/{number}")
    assert by_number == by_address
    assert net.seen(f"/api/v1/contracts/{number}/results", limit=1)["results"][0]["contract_id"] == number


def test_blocks_tell_the_span_of_time_they_hold(net: Network) -> None:
    """hedera-docs openapi.yaml /blocks; HIP-415."""
    receipt = net.send()
    block = net.seen(f"/api/v1/blocks/{int(receipt['blockNumber'], 16)}")
    shown = net.ask("eth_getBlockByHash", receipt["blockHash"], False)
    first, last = block["timestamp"]["from"], block["timestamp"]["to"]
    assert int(first.split(".")[0]) == int(shown["timestamp"], 16)
    result = net.seen(f"/api/v1/contracts/results/{receipt['transactionHash']}")
    assert first <= result["timestamp"] <= last
    assert net.seen(f"/api/v1/blocks/{block['hash']}") == block
    around = net.seen("/api/v1/blocks", order="asc", **{"block.number": f"gte:{block['number']}"})
    assert around["blocks"][0] == block
    assert message_of(net, "/api/v1/blocks/999999999999", 404) == "Not found"


def test_an_account_is_one_under_its_number_and_its_address(net: Network) -> None:
    """hedera-docs openapi.yaml /accounts/{idOrAliasOrEvmAddress}, /balances."""
    by_address = net.seen(f"/api/v1/accounts/{net.address}")
    by_number = net.seen(f"/api/v1/accounts/{by_address['account']}")
    assert by_number["evm_address"] == by_address["evm_address"] == net.address.lower()
    assert by_address["ethereum_nonce"] == net.nonce()
    weibars = int(net.ask("eth_getBalance", net.address, "latest"), 16)
    assert by_address["balance"]["balance"] * 10**10 == weibars
    (row,) = net.seen("/api/v1/balances", **{"account.id": by_address["account"]})["balances"]
    assert row["account"] == by_address["account"]
    assert message_of(net, "/api/v1/accounts/0x" + "77" * 20, 404) == "Not found"
    assert "Invalid parameter" in message_of(net, "/api/v1/accounts/nobody", 400)


def test_fees_and_the_exchange_rate_agree_with_the_gas_price(net: Network) -> None:
    """hedera-docs openapi.yaml /network/fees, /network/exchangerate; 852 tinycents per 1,000 gas."""
    fees = {row["transaction_type"]: row["gas"] for row in net.seen("/api/v1/network/fees")["fees"]}
    assert abs(fees["EthereumTransaction"] * 10**10 - net.gas_price) <= 2 * 10**10
    rate = net.seen("/api/v1/network/exchangerate")["current_rate"]
    assert rate["cent_equivalent"] > 0
    assert rate["hbar_equivalent"] > 0


def test_the_mirror_simulates_calls(net: Network, contract: str) -> None:
    """hedera-docs openapi.yaml POST /contracts/call."""
    assert net.mirror_call(to=contract, data="0x", block="latest").json() == {"result": "0x"}
    dear = net.mirror_call(to=contract, value=2**62, **{"from": net.address})
    assert dear.status_code == 400, "nobody has so much"
    refused = net.mirror_call(to=net.deploy(REVERTS), data="0x")
    assert refused.status_code == 400
    assert refused.json()["_status"]["messages"][0]["message"] == "CONTRACT_REVERT_EXECUTED"


def test_more_than_fifty_requests_a_second_are_too_many(net: Network) -> None:
    """hedera-docs: the public mirror node takes 50 requests a second from one address."""
    url = f"{net.mirror_url}/api/v1/blocks?limit=1"
    codes = [net.web.get(url).status_code for _ in range(120)]
    assert 429 in codes
    eventually(lambda: net.web.get(url).status_code == 200, 5)
