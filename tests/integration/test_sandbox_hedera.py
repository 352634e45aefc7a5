"""Hedera's sandbox itself: lag, faults on demand, faults at random, and the process around it."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa.chain import Rpc
from juapesa.sandbox.hedera import Pace, trouble
from juapesa.sandbox.hedera.entities import long_zero
from juapesa.sandbox.hedera.system_contracts.etched import runtime_code
from support.hedera import HBAR, LOGS, Refused, Sandbox, sandbox

pytestmark = pytest.mark.needs_evm

NOBODY = "0x" + "42" * 20
WEEK_SECONDS = 604_800


@pytest.fixture(scope="module")
def net() -> Iterator[Sandbox]:
    with sandbox() as made:
        yield made


def code_of(net: Sandbox, method: str, *params: object) -> int:
    with pytest.raises(Refused) as caught:
        net.ask(method, *params)
    return caught.value.code


def test_what_consensus_decided_is_seen_only_after_the_lag() -> None:
    with sandbox(Pace(0.0, 0.6, 0.8)) as net:
        time.sleep(0.9)
        raw, tx_hash = net.sign(to=NOBODY, value=HBAR)
        nonce, sent = net.nonce(), time.monotonic()
        net.ask("eth_sendRawTransaction", raw)
        assert net.state()["consensus_block"] > net.state()["mirror_block"]
        assert net.ask("eth_getTransactionReceipt", tx_hash) is None
        assert net.nonce() == nonce, "the mirror's nonce is as old as its blocks"
        assert net.ask("eth_getBalance", NOBODY, "latest") == "0x0"
        net.receipt(tx_hash)
        assert time.monotonic() - sent > 0.55
        assert int(net.ask("eth_getBalance", NOBODY, "latest"), 16) == HBAR
        assert net.nonce() == nonce + 1


def test_a_resend_inside_the_lag_is_taken_and_refused_by_consensus() -> None:
    with sandbox(Pace(0.0, 0.5, 0.5)) as net:
        time.sleep(0.6)
        nonce = net.nonce()
        raw, _ = net.sign(nonce=nonce)
        again, twin = net.sign(nonce=nonce, to=NOBODY)
        net.ask("eth_sendRawTransaction", raw)
        assert net.ask("eth_sendRawTransaction", again) == twin
        with pytest.raises(Refused, match="WRONG_NONCE"):
            net.receipt(twin)


def test_the_pending_nonce_counts_what_waits_for_a_block() -> None:
    with sandbox(Pace(30.0, 0.0, 0.0)) as net:
        first, tx_hash = net.sign(nonce=0)
        net.ask("eth_sendRawTransaction", first)
        net.ask("eth_sendRawTransaction", net.sign(nonce=1)[0])
        assert net.ask("eth_getTransactionCount", net.address, "pending") == "0x2"
        assert net.nonce() == 0
        assert net.ask("eth_getTransactionReceipt", tx_hash) is None
        net.mine()
        assert net.receipt(tx_hash)["status"] == "0x1"
        assert net.nonce() == 2


def test_busy_takes_nothing_and_throttled_takes_only_the_hash(net: Sandbox) -> None:
    nonce = net.nonce()
    raw, tx_hash = net.sign(nonce=nonce)
    net.fault("send", "busy")
    with pytest.raises(Refused, match="BUSY"):
        net.ask("eth_sendRawTransaction", raw)
    assert net.ask("eth_getTransactionReceipt", tx_hash) is None
    for fault, status in (("throttled", "THROTTLED_AT_CONSENSUS"), ("wrong-nonce", "WRONG_NONCE")):
        net.fault("send", fault)
        assert net.ask("eth_sendRawTransaction", raw) == tx_hash
        with pytest.raises(Refused, match=status) as caught:
            net.ask("eth_getTransactionReceipt", tx_hash)
        assert caught.value.code == -32003
    assert net.nonce() == nonce
    assert net.ask("eth_sendRawTransaction", raw) == tx_hash
    assert net.receipt(tx_hash)["status"] == "0x1", "the same bytes may be sent again"


def test_a_timeout_after_acceptance_still_lands_once(net: Sandbox) -> None:
    raw, tx_hash = net.sign(to=NOBODY, value=HBAR)
    net.fault("send", "timeout-after-accept", seconds=0.1)
    assert code_of(net, "eth_sendRawTransaction", raw) == -32010
    assert net.receipt(tx_hash)["status"] == "0x1"
    assert code_of(net, "eth_sendRawTransaction", raw) == -32000, "its nonce is used"


def test_a_stalled_mirror_shows_nothing_new_and_then_everything(net: Sandbox) -> None:
    net.fault("read", "stall", seconds=0.6)
    head = net.ask("eth_blockNumber")
    net.mine(2)
    assert net.ask("eth_blockNumber") == head
    time.sleep(0.7)
    assert int(net.ask("eth_blockNumber"), 16) == int(head, 16) + 2


def test_outage_and_rate_limit_stand_at_the_door(net: Sandbox) -> None:
    net.fault("read", "outage")
    assert net.web.post(net.url, json={}).status_code == 400
    assert (
        net.web.post(net.url, content=b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}').status_code == 503
    )
    net.fault("read", "rate-limit")
    with pytest.raises(Refused) as caught:
        net.ask("eth_chainId")
    assert (caught.value.code, caught.value.status) == (-32605, 429)


def test_faults_at_random_follow_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "TIMEOUT_SECONDS", 0.0)  # what is told of a time-out, without the waiting

    def outcomes(seed: int) -> list[str]:
        with sandbox(Pace(30.0, 0.0, 0.0), seed=seed) as net:  # no block comes in between
            net.option(fault_percent=50)
            found = []
            for _ in range(12):
                waiting = int(net.ask("eth_getTransactionCount", net.address, "pending"), 16)
                raw, tx_hash = net.sign(nonce=waiting, to=NOBODY)
                try:
                    net.ask("eth_sendRawTransaction", raw)
                    net.ask("eth_getTransactionReceipt", tx_hash)
                    found.append("taken")
                except Refused as fault:
                    found.append(fault.message.split()[-1])
            return found

    first = outcomes(3)
    assert first == outcomes(3)
    assert first != outcomes(4)
    assert len(set(first)) == 4, "nothing, and each of the three"


def test_a_synchronous_relay_waits_for_the_block_and_says_why_not() -> None:
    with sandbox(Pace(0.3, 0.0, 0.0)) as net:
        net.option(sync=True)
        raw, tx_hash = net.sign()
        net.ask("eth_sendRawTransaction", raw)
        assert net.ask("eth_getTransactionReceipt", tx_hash) is not None
        with pytest.raises(Refused, match="Nonce too high"):
            net.ask("eth_sendRawTransaction", net.sign(nonce=9)[0])


def test_many_addresses_may_ask_for_a_thousand_blocks_and_one_for_more(net: Sandbox) -> None:
    contract = net.deploy(LOGS)
    net.mine(1_002)
    head = int(net.ask("eth_blockNumber"), 16)
    wide = {"fromBlock": hex(head - 1_001), "toBlock": hex(head)}
    assert code_of(net, "eth_getLogs", wide) == -32000
    assert code_of(net, "eth_getLogs", {**wide, "address": [contract, NOBODY]}) == -32000
    assert net.ask("eth_getLogs", {**wide, "address": contract}) == []
    assert net.ask("eth_getLogs", {**wide, "fromBlock": hex(head - 1_000)}) == []
    just_beyond = {"fromBlock": hex(head), "toBlock": hex(head + 3), "address": contract}
    assert net.ask("eth_getLogs", just_beyond) == [], "silently none"


def test_no_question_about_logs_may_span_more_than_seven_days() -> None:
    with sandbox() as net:
        contract = net.deploy(LOGS)
        net.mine(1, seconds=WEEK_SECONDS - 60)
        asked = {"fromBlock": "0x1", "toBlock": "latest", "address": contract}
        assert net.ask("eth_getLogs", asked) == []
        net.mine(1, seconds=120)
        assert code_of(net, "eth_getLogs", asked) == -32004


def test_hbar_can_arrive_without_running_any_code(net: Sandbox) -> None:
    contract = net.deploy(LOGS)
    body = {"to": contract, "tinybars": 5}
    assert net.web.post(f"{net.url}/_sandbox/transfers", json=body).status_code == 201
    assert net.ask("eth_getBalance", contract, "latest") == hex(5 * 10**10)
    assert net.ask("eth_getLogs", {"fromBlock": "0x0", "address": contract}) == []


def test_switches_and_faults_that_mean_nothing_are_refused(net: Sandbox) -> None:
    put = lambda body: net.web.put(f"{net.url}/_sandbox/options", json=body).status_code  # noqa: E731
    assert put({"fault_percent": 101}) == 422
    assert put({"lag_low_seconds": 9}) == 422
    assert put({"nonsense": 1}) == 422
    post = net.web.post(f"{net.url}/_sandbox/faults", json={"on": "read", "fault": "busy"})
    assert post.status_code == 422
    assert net.web.post(f"{net.url}/_sandbox/transfers", json={"to": "0x1"}).status_code == 422


def test_logs_of_one_block_keep_their_order_though_each_transaction_counts_from_zero() -> None:
    with sandbox(Pace(30.0, 0.0, 0.0)) as net:
        net.option(block_seconds=0)
        contract = net.deploy(LOGS[:-1] + LOGS)
        net.option(block_seconds=30)
        first = net.nonce()
        for number in range(4):
            net.ask(
                "eth_sendRawTransaction", net.sign(nonce=first + number, to=contract, value=number * HBAR)[0]
            )
        net.mine()
        shown = net.ask("eth_getLogs", {"fromBlock": "0x0", "address": contract})
        assert {each["logIndex"] for each in shown} == {"0x0", "0x1"}
        head = int(net.ask("eth_blockNumber"), 16)
        ordered = asyncio.run(Rpc(net.url).logs([contract], 0, head))
        assert [int(each["data"], 16) // 10**8 for each in ordered] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_restart_forgets_nothing_that_was_decided(tmp_path: Path) -> None:
    with sandbox(state=tmp_path) as net:
        contract = net.deploy(LOGS)
        receipt = net.send(to=contract, value=HBAR)
        gap, refused = net.sign(nonce=50)
        net.ask("eth_sendRawTransaction", gap)
        tx_hash = receipt["transactionHash"]
        shown = net.ask("eth_getTransactionByHash", tx_hash)
        result = net.seen(f"/api/v1/contracts/results/{tx_hash}")
        logs = net.seen(f"/api/v1/contracts/{contract}/results/logs")
        blocks = net.seen("/api/v1/blocks", order="asc")["blocks"]
        accounts = net.state()["accounts"]
    with sandbox(state=tmp_path) as net:
        assert net.receipt(tx_hash) == receipt
        assert net.ask("eth_getTransactionByHash", tx_hash) == shown
        assert net.seen(f"/api/v1/contracts/results/{tx_hash}") == result
        assert net.seen(f"/api/v1/contracts/{contract}/results/logs") == logs
        assert net.seen("/api/v1/blocks", order="asc")["blocks"][: len(blocks)] == blocks
        assert net.state()["accounts"] == accounts
        assert code_of(net, "eth_getTransactionReceipt", refused) == -32003
        later = net.send(to=contract, value=HBAR)
        assert int(later["blockNumber"], 16) > int(receipt["blockNumber"], 16)
        newest, *_ = net.seen(f"/api/v1/contracts/{contract}/results/logs")["logs"]
        assert newest["timestamp"] > logs["logs"][0]["timestamp"]
    assert len(list(tmp_path.glob("evm-*.json"))) == 1


NONSENSE: tuple[object, ...] = (
    *(None, 1, -1, True, "", "0x", "0xzz", "0x-5", "latest", "0x" + "f" * 200, [], {}, [1], 1e30),
    *("0x" + "11" * 20, "0x" + "11" * 32, {"to": 5}, {"gas": -1}, {"value": "0x-1"}, {"address": 5}),
    *({"fromBlock": 5, "topics": [[None]]}, {"blockHash": 5}, {"data": "0x1"}, {"topics": [["0xzz"]]}),
)


def test_a_network_that_comes_back_has_the_system_contracts_of_today(tmp_path: Path) -> None:
    token_service, code = long_zero(0x167), runtime_code("HtsSystemContract")
    with sandbox(state=tmp_path) as net:
        older = {"jsonrpc": "2.0", "id": 1, "method": "anvil_setCode", "params": [token_service, "0x00"]}
        net.web.post(net.state()["evm"], json=older)
        assert net.ask("eth_getCode", token_service, "latest") == "0x00"
    with sandbox(state=tmp_path) as net:
        assert net.ask("eth_getCode", token_service, "latest") == code


def test_nonsense_is_refused_and_never_breaks_the_server(net: Sandbox) -> None:
    draw = random.Random(11)
    for method in methods_with_parameters():
        for count in (0, 1, 2, 3):
            params = [draw.choice(NONSENSE) for _ in range(count)]
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            reply = net.web.post(net.url, json=body)
            assert reply.status_code in (200, 400), (method, params, reply.text)
            assert {"result", "error"} & reply.json().keys()
    for raw in (b"", b"[]", b"{}", b"[1]", b"null", b"[" * 5_000, b"\xff\xfe", b'{"id": 1, "method": 5}'):
        assert net.web.post(net.url, content=raw).status_code in (200, 400)
    for path in (
        "blocks/x",
        "blocks?timestamp=x",
        "contracts/xx/results",
        "contracts/results?from=zz",
        "topics/x",
    ):
        assert net.mirror(f"/api/v1/{path}").status_code in (400, 404)
    for call in ({"to": 5}, {"gas": "x"}, {"gas": -5}, {"value": "x"}, {"block": "zz"}):
        assert net.mirror_call(**call).status_code == 400


def methods_with_parameters() -> list[str]:
    """The methods that take parameters, by what the relay's own documentation lists."""
    blocks = ("Hash", "Number")
    return [
        *(f"eth_getBlockBy{each}" for each in blocks),
        *(f"eth_getBlockTransactionCountBy{each}" for each in blocks),
        *(f"eth_getTransactionByBlock{each}AndIndex" for each in blocks),
        *(
            "eth_call",
            "eth_estimateGas",
            "eth_feeHistory",
            "eth_getBalance",
            "eth_getCode",
            "eth_getStorageAt",
        ),
        *("eth_getTransactionCount", "eth_getTransactionByHash", "eth_getTransactionReceipt", "web3_sha3"),
        *("eth_getLogs", "eth_newFilter", "eth_getFilterLogs", "eth_getFilterChanges", "eth_uninstallFilter"),
        *("eth_sendRawTransaction", "eth_getBlockReceipts"),
    ]
