"""Tools that others wrote work as they are: cast, web3.py, ape. (hiero-sdk-python: test_hedera_hapi.)"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa.sandbox.hedera import Pace
from juapesa.supervisor.tools import evm_tool
from support.evm import REPOSITORY
from support.hedera import LOGS, PLAY_KEY, Sandbox, sandbox

pytestmark = pytest.mark.needs_evm

# As on the network, only quicker: a block now and then, and a mirror that lags.
LIVELY = Pace(block_seconds=0.5, lag_low_seconds=0.1, lag_high_seconds=0.4)
SOMEBODY = "0x1111111111111111111111111111111111111111"

WEB3 = """
import sys
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder
url, key, contract = sys.argv[1:]
w3 = Web3(Web3.HTTPProvider(url))
account = w3.eth.account.from_key(key)
w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
watched = w3.eth.filter({"address": contract})
sent = w3.eth.send_transaction(
    {"from": account.address, "to": contract, "value": 2 * 10**18, "gasPrice": w3.eth.gas_price}
)
receipt = w3.eth.wait_for_transaction_receipt(sent)
assert receipt["status"] == 1
assert receipt["transactionHash"] == sent
assert w3.eth.get_transaction(sent)["value"] == 2 * 10**18
logs = w3.eth.get_logs({"address": contract, "fromBlock": receipt["blockNumber"]})
assert [int.from_bytes(each["data"]) for each in logs] == [2 * 10**8]
assert [each["transactionHash"] for each in watched.get_new_entries()] == [sent]
print("done")
"""

APE = """
import sys
from ape import networks
from ape_test.accounts import TestAccount
from eth_account import Account
url, key, to = sys.argv[1:]
with networks.parse_network_choice("ethereum:hedera-local:" + url) as provider:
    account = TestAccount(index=0, address_str=Account.from_key(key).address, private_key=key)
    before = provider.get_balance(to)
    for kind in (0, 2):
        receipt = account.transfer(to, 10**18, required_confirmations=0, type=kind)
        assert receipt.status == 1
    assert provider.get_balance(to) == before + 2 * 10**18
print("done")
"""


@pytest.fixture(scope="module")
def net() -> Iterator[Sandbox]:
    with sandbox(LIVELY) as made:
        yield made


def output(*command: str, **environment: str) -> str:
    ended = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip()


def test_cast_reads_sends_and_waits(net: Sandbox) -> None:
    def cast(*arguments: str) -> str:
        return output(str(evm_tool("cast")), *arguments, ETH_RPC_URL=net.url)

    contract = net.deploy(LOGS)
    assert cast("chain-id") == "298"
    assert int(cast("balance", net.address)) == int(net.ask("eth_getBalance", net.address, "latest"), 16)
    for kind in ("--legacy", "--priority-gas-price=0"):
        sent = cast("send", kind, "--json", "--private-key", PLAY_KEY, contract, "--value", "1ether")
        receipt = json.loads(sent)
        assert receipt["status"] == "0x1"
        assert int(receipt["logs"][0]["data"], 16) == 10**8
        found = json.loads(
            cast("logs", "--json", "--from-block", receipt["blockNumber"], "--address", contract)
        )
        assert found[0]["transactionHash"] == receipt["transactionHash"]
    assert cast("code", contract) == "0x" + LOGS.hex()
    assert json.loads(cast("block", "latest", "--json"))["baseFeePerGas"] == "0x0"


def test_web3_py_signs_sends_filters_and_reads(net: Sandbox) -> None:
    contract = net.deploy(LOGS)
    checksummed = output(str(evm_tool("cast")), "to-check-sum-address", contract)
    assert output(sys.executable, "-c", WEB3, net.url, PLAY_KEY, checksummed).endswith("done")


def test_ape_transfers_in_both_kinds_of_transaction(net: Sandbox, tmp_path: Path) -> None:
    said = output(sys.executable, "-c", APE, net.url, PLAY_KEY, SOMEBODY, APE_DATA_FOLDER=str(tmp_path))
    assert said.endswith("done")
