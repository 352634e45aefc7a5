"""What a relay of Hedera does that another Ethereum node does not.

Runs against the sandbox here, and by JUA_HEDERA_RPC_URL, JUA_HEDERA_MIRROR_URL and JUA_HEDERA_KEY
against any network. Each case names its source. What only testnet can show: the exact gas and fees of
system contracts, the ops-duration throttle, real lag and finality, lazy account creation,
ED25519 accounts, network upgrades, what the issuers of USDC do with their keys.
"""

from collections.abc import Iterator

import pytest

from support.hedera import HBAR, LOGS, PRICES, REVERTS, Network, Refused, network

pytestmark = pytest.mark.needs_evm

TINYBAR = 10**10  # weibar
NOBODY = "0x" + "42" * 20


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    with network() as made:
        yield made


def refused(net: Network, method: str, *params: object) -> Refused:
    with pytest.raises(Refused) as caught:
        net.ask(method, *params)
    return caught.value


def refused_send(net: Network, **fields: object) -> Refused:
    return refused(net, "eth_sendRawTransaction", net.sign(**fields)[0])


# Units


def test_contracts_see_tinybars_where_the_envelope_says_weibars(net: Network) -> None:
    """CN HevmTransactionFactory effectiveTinybarValue; hedera-docs PR 700."""
    (log,) = net.send(to=net.deploy(LOGS), value=3 * HBAR)["logs"]
    assert int(log["data"], 16) == 3 * 10**8


def test_balances_and_values_outside_the_evm_are_weibars(net: Network) -> None:
    """hiero-json-rpc-relay docs/rpc-api.md eth_getBalance."""
    before = int(net.ask("eth_getBalance", NOBODY, "latest"), 16)
    receipt = net.send(to=NOBODY, value=HBAR, gas=800_000)
    assert int(net.ask("eth_getBalance", NOBODY, "latest"), 16) == before + HBAR
    shown = net.ask("eth_getTransactionByHash", receipt["transactionHash"])
    assert int(shown["value"], 16) == HBAR
    assert int(shown["gasPrice"], 16) >= TINYBAR


def test_a_value_below_a_tinybar_is_refused(net: Network) -> None:
    """relay Precheck.value."""
    fault = refused_send(net, value=TINYBAR - 1)
    assert (fault.code, fault.status) == (-32602, 400)
    assert "1 tinybar" in str(fault)


# What is checked before the network


def test_no_transaction_may_have_more_than_fifteen_million_gas(net: Network) -> None:
    """relay Precheck.gasLimit; HIP-1249 keeps the cap."""
    fault = refused_send(net, gas=15_000_001)
    assert fault.code == -32005
    assert "'15000000'" in str(fault)


def test_gas_below_the_intrinsic_cost_is_refused(net: Network) -> None:
    """relay Precheck.transactionIntrinsicGasCost."""
    assert refused_send(net, gas=20_999).code == -32003


def test_much_call_data_costs_the_floor_price(net: Network) -> None:
    """EIP-7623, live with CN 0.77: 21,000 + 40 for each non-zero byte, not 16."""
    data = b"\x01" * 10_000
    assert refused_send(net, data=data, gas=21_000 + 40 * 10_000 - 1).code == -32003
    assert net.send(data=data, gas=21_000 + 40 * 10_000, to=NOBODY)["status"] == "0x1"


def test_another_chains_signature_is_refused(net: Network) -> None:
    """relay Precheck.chainId."""
    fault = refused_send(net, chainId=1)
    assert fault.code == -32000
    assert "ChainId (0x1) not supported" in str(fault)


def test_a_gas_price_below_the_networks_is_refused(net: Network) -> None:
    """relay Precheck.gasPrice with GAS_PRICE_TINY_BAR_BUFFER."""
    assert refused_send(net, gasPrice=net.gas_price - 2 * TINYBAR).code == -32009


def test_blobs_are_refused_by_type(net: Network) -> None:
    """HIP-866; relay UNSUPPORTED_TRANSACTION_TYPE_3."""
    assert refused(net, "eth_sendRawTransaction", "0x03" + "c0").code in (-32611, -32000)


def test_access_lists_are_refused(net: Network) -> None:
    """relay Precheck.accessList."""
    listed = [{"address": NOBODY, "storageKeys": []}]
    assert refused_send(net, type=1, accessList=listed).code == -32601


def test_the_account_is_looked_at_before_an_access_list(net: Network) -> None:
    """relay Precheck.sendRawTransactionCheck: verifyAccount, nonce, balance, then accessList."""
    listed = [{"address": NOBODY, "storageKeys": []}]
    stranger = Network(net.url, net.mirror_url, "0x" + "37" * 32)
    assert refused_send(stranger, nonce=0, type=1, accessList=listed).code == -32001
    poor = refused_send(net, value=10**30, type=1, accessList=listed)
    assert (poor.code, "Insufficient funds" in str(poor)) == (-32000, True)
    cheap = net.gas_price - 2 * TINYBAR
    assert refused_send(net, gasPrice=cheap, type=1, accessList=listed).code == -32009


def test_garbage_is_an_invalid_argument(net: Network) -> None:
    """relay Precheck.parseRawTransaction."""
    assert refused(net, "eth_sendRawTransaction", "0xc0").code == -32000


def test_an_account_nobody_has_paid_does_not_exist(net: Network) -> None:
    """relay Precheck.verifyAccount."""
    stranger = Network(net.url, net.mirror_url, "0x" + "37" * 32)
    fault = refused_send(stranger, nonce=0)
    assert fault.code == -32001
    assert stranger.address.lower() in str(fault).lower()


def test_funds_are_checked_at_the_offered_price(net: Network) -> None:
    """relay Precheck.balance."""
    fault = refused_send(net, value=10**30)
    assert (fault.code, "Insufficient funds" in str(fault)) == (-32000, True)


def test_an_old_nonce_is_refused_by_number(net: Network) -> None:
    """relay NONCE_TOO_LOW; -32000 since 0.79."""
    used = int(net.ask("eth_getTransactionByHash", net.send()["transactionHash"])["nonce"], 16)
    fault = refused_send(net, nonce=used)
    assert fault.code == -32000
    assert f"Provided nonce: {used}, current nonce: {used + 1}" in str(fault)


def test_a_gap_in_nonces_never_lands_and_nothing_waits_for_it(net: Network) -> None:
    """HIP-410: no mempool. The relay says so at once, or answers -32003 for the receipt (0.81)."""
    nonce = net.nonce()
    raw, tx_hash = net.sign(nonce=nonce + 3, to=NOBODY, value=HBAR)
    with pytest.raises(Refused) as caught:
        net.land(raw, tx_hash)
    assert caught.value.code in (-32000, -32003)
    for _ in range(4):
        net.send()
    assert net.ask("eth_getTransactionByHash", tx_hash) is None


def test_a_dearer_twin_does_not_replace_a_transaction(net: Network) -> None:
    """HIP-410: no replacement; the second of one nonce is WRONG_NONCE."""
    nonce = net.nonce()
    first = net.send(nonce=nonce)
    raw, twin = net.sign(nonce=nonce, gasPrice=2 * net.gas_price)
    with pytest.raises(Refused):
        net.land(raw, twin)
    assert first["status"] == "0x1"


def test_every_price_above_the_networks_pays_the_networks(net: Network) -> None:
    """hedera-docs networks/fees: priority fee ignored, charged network price times gas used."""
    dear = net.send(gasPrice=5 * net.gas_price)
    assert int(dear["effectiveGasPrice"], 16) <= net.gas_price + TINYBAR
    modern = net.send(maxFeePerGas=3 * net.gas_price, maxPriorityFeePerGas=0, type=2)
    assert (modern["type"], int(modern["effectiveGasPrice"], 16)) == (
        "0x2",
        int(dear["effectiveGasPrice"], 16),
    )


def test_unused_gas_is_given_back_whole(net: Network) -> None:
    """HIP-1249: full refund; the pages that speak of 20 % are old."""
    before = int(net.ask("eth_getBalance", net.address, "latest"), 16)
    receipt = net.send(gas=10_000_000)
    paid = before - int(net.ask("eth_getBalance", net.address, "latest"), 16)
    assert paid == int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)


# The EVM


def test_the_base_fee_is_zero_and_the_gas_price_is_in_tinybars(net: Network) -> None:
    """hedera-docs evm/development/deploying: BASEFEE 0."""
    seen = net.ask("eth_call", {"to": net.deploy(PRICES), "from": net.address}, "latest")
    assert int(seen[66:], 16) == 0
    assert net.ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"] == "0x0"
    assert net.ask("eth_maxPriorityFeePerGas") == "0x0"


def test_a_revert_comes_with_its_reason_and_data(net: Network) -> None:
    """relay CONTRACT_REVERT: code 3 with HTTP 200, and revertReason in the receipt."""
    contract = net.deploy(REVERTS)
    fault = refused(net, "eth_call", {"to": contract}, "latest")
    assert (fault.code, fault.status) == (3, 200)
    assert "execution reverted: no" in str(fault)
    assert fault.data.startswith("0x08c379a0")
    receipt = net.send(to=contract)
    assert receipt["status"] == "0x0"
    assert receipt["revertReason"] == fault.data


def test_the_hash_that_was_signed_is_the_hash_everywhere(net: Network) -> None:
    """EIP-2718 hashes; relay transactionFactory."""
    receipt = net.send(to=net.deploy(LOGS))
    tx_hash = receipt["transactionHash"]
    block = net.ask("eth_getBlockByHash", receipt["blockHash"], False)
    assert tx_hash in block["transactions"]
    assert receipt["logs"][0]["transactionHash"] == tx_hash
    assert net.ask("eth_getTransactionByHash", tx_hash)["blockHash"] == receipt["blockHash"]
    index = receipt["transactionIndex"]
    assert net.ask("eth_getTransactionByBlockHashAndIndex", receipt["blockHash"], index)["hash"] == tx_hash
    assert tx_hash in [
        each["transactionHash"] for each in net.ask("eth_getBlockReceipts", receipt["blockHash"])
    ]


# Logs and filters


def test_logs_beyond_the_head_are_refused_or_silently_none(net: Network) -> None:
    """relay CommonService: REQUEST_BEYOND_HEAD_BLOCK past MAX_BLOCK_RANGE (5), nothing within it."""
    head = int(net.ask("eth_blockNumber"), 16)
    far = {"fromBlock": hex(head), "toBlock": hex(head + 1_000)}
    fault = refused(net, "eth_getLogs", far)
    assert (fault.code, "beyond head" in str(fault)) == (-32000, True)


def test_a_to_block_without_a_from_block_is_refused(net: Network) -> None:
    """relay MISSING_FROM_BLOCK_PARAM."""
    net.send()
    assert refused(net, "eth_getLogs", {"toBlock": "0x1"}).code == -32011


def test_a_range_that_runs_backwards_is_refused(net: Network) -> None:
    """relay INVALID_BLOCK_RANGE."""
    net.send()
    head = int(net.ask("eth_blockNumber"), 16)
    backwards = {"fromBlock": hex(head), "toBlock": hex(head - 1), "address": NOBODY}
    assert refused(net, "eth_getLogs", backwards).code in (-39013, -32000)


def test_logs_are_found_by_address_topic_and_block(net: Network) -> None:
    """relay docs/rpc-api.md eth_getLogs."""
    contract = net.deploy(LOGS)
    receipt = net.send(to=contract, value=TINYBAR)
    at = {"fromBlock": receipt["blockNumber"], "toBlock": receipt["blockNumber"]}
    topic = receipt["logs"][0]["topics"][0]
    for narrowed in (
        {"address": contract},
        {"topics": [topic]},
        {"address": [contract], "topics": [[topic]]},
    ):
        (log,) = net.ask("eth_getLogs", {**at, **narrowed})
        assert log["transactionHash"] == receipt["transactionHash"]
    assert net.ask("eth_getLogs", {"blockHash": receipt["blockHash"], "address": contract}) != []
    assert net.ask("eth_getLogs", {**at, "address": contract, "topics": ["0x" + "00" * 32]}) == []
    both = {"blockHash": receipt["blockHash"], "fromBlock": receipt["blockNumber"]}
    assert refused(net, "eth_getLogs", both).code == -32602


def test_filters_tell_each_thing_once_and_unknown_ones_are_refused(net: Network) -> None:
    """relay FilterService."""
    contract = net.deploy(LOGS)
    logs, blocks = net.ask("eth_newFilter", {"address": contract}), net.ask("eth_newBlockFilter")
    net.ask("eth_getFilterChanges", logs)
    receipt = net.send(to=contract)
    assert [each["transactionHash"] for each in net.ask("eth_getFilterChanges", logs)] == [
        receipt["transactionHash"]
    ]
    assert net.ask("eth_getFilterChanges", logs) == []
    assert receipt["blockHash"] in net.ask("eth_getFilterChanges", blocks)
    assert net.ask("eth_uninstallFilter", logs) is True
    fault = refused(net, "eth_getFilterChanges", logs)
    assert (fault.code, "Filter not found" in str(fault)) == (-32001, True)
    assert refused(net, "eth_newPendingTransactionFilter").code == -32601


# The server


def test_methods_of_wallets_and_miners_are_not_there(net: Network) -> None:
    """relay UNSUPPORTED_METHOD, METHOD_NOT_FOUND."""
    assert net.ask("eth_accounts") == []
    assert refused(net, "eth_sendTransaction", {"from": net.address}).code == -32601
    fault = refused(net, "anvil_setBalance", NOBODY, "0x1")
    assert (fault.code, fault.status) == (-32601, 400)
    assert "Method anvil_setBalance not found" in str(fault)


def test_batches_hold_a_hundred_and_no_filters(net: Network) -> None:
    """relay BATCH_REQUESTS_MAX_SIZE and batchRequestMethodIsNotAllowed."""
    call = {"jsonrpc": "2.0", "method": "eth_chainId", "params": []}
    many = net.web.post(net.url, json=[{**call, "id": each} for each in range(100)])
    assert [each["id"] for each in many.json()] == list(range(100))
    over = net.web.post(net.url, json=[{**call, "id": each} for each in range(101)]).json()
    fault = over[0]["error"] if isinstance(over, list) else over["error"]
    assert fault["code"] == -32203
    mixed = [{**call, "id": 1}, {**call, "id": 2, "method": "eth_newBlockFilter"}]
    assert [each.get("error", {}).get("code") for each in net.web.post(net.url, json=mixed).json()] == [
        None,
        -32007,
    ]


def test_errors_carry_a_request_id(net: Network) -> None:
    """relay RpcError: '[Request ID: …] '."""
    assert str(refused(net, "eth_nothing")).startswith("-32601 [Request ID: ")


def test_the_token_service_answers_whoever_asks_without_saying_who(net: Network) -> None:
    """CN AbstractNativeSystemContract: an unknown selector succeeds with nothing; SUCCESS is 22."""
    service = "0x" + "167".rjust(40, "0")
    for more in ({}, {"from": "0x" + "00" * 20}, {"from": net.address}):
        is_token = {"to": service, "data": "0x19f37361" + NOBODY[2:].rjust(64, "0"), **more}
        answer = str(net.ask("eth_call", is_token, "latest"))
        assert [int(answer[at : at + 64], 16) for at in (2, 66)] == [22, 0]
        assert net.ask("eth_call", {"to": service, "data": "0xdeadbeef", **more}, "latest") == "0x"
