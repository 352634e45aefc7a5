"""TLS to a consensus node: whoever shows another certificate than the address book's is told nothing."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hiero_sdk_python import AccountId, Client, ResponseCode, TopicCreateTransaction
from hiero_sdk_python.address_book.node_address import NodeAddress
from hiero_sdk_python.client.network import Network as SdkNetwork
from hiero_sdk_python.managed_node_address import _ManagedNodeAddress
from hiero_sdk_python.node import _Node

from juapesa import config
from juapesa.chain.consensus_service import ConsensusService
from juapesa.chain.native_ids import BACKDATED_SECONDS, NANOS, TransactionId, entity_number
from juapesa.chain.native_nodes import OK, SUCCESS, NodeUnreachable
from juapesa.cli._checks import Finding, examine
from juapesa.crypto import Signer, open_keystore
from support.hapi import KEY, NODE
from support.hedera import PLAY_KEY, Sandbox, sandbox

pytestmark = pytest.mark.needs_evm

SIGNER = Signer.from_private_key(bytes.fromhex(PLAY_KEY[2:]))
FEE_MAX = 100_000_000


@pytest.fixture(scope="module")
def net() -> Iterator[Sandbox]:
    with sandbox(tls=True) as made:
        yield made


def in_the_address_book(net: Sandbox) -> tuple[str, str]:
    """(address, hash) of the one node's TLS door, as the mirror tells them."""
    (node,) = net.seen("/api/v1/network/nodes")["nodes"]
    assert node["node_account_id"] == "0.0.3"
    doors = [f"{each['ip_address_v4']}:{each['port']}" for each in node["service_endpoints"]]
    plain, secure = doors
    assert plain == net.state()["hapi"]
    return secure, node["node_cert_hash"]


def topic_by(net: Sandbox, address: str, certificate: str, start: int) -> str:
    """The status of a topic made through that door."""

    async def made() -> str:
        network = ConsensusService({"0.0.3": address}, SIGNER, FEE_MAX, {"0.0.3": certificate})
        payer = entity_number(next(iter(net.state()["accounts"])))
        transaction = TransactionId(payer, start)
        try:
            assert await network.create_topic(transaction, "by TLS") == OK
            return (await network.receipt(transaction)).status
        finally:
            await network.close()

    return asyncio.run(made())


def now() -> int:
    return time.time_ns() - BACKDATED_SECONDS * NANOS


def test_a_node_is_known_by_the_address_books_hash(net: Sandbox) -> None:
    assert topic_by(net, *in_the_address_book(net), now()) == SUCCESS


def test_another_certificate_is_refused_and_nothing_sent(net: Sandbox) -> None:
    address, certificate = in_the_address_book(net)
    with sandbox(tls=True) as stranger:
        elsewhere, _ = in_the_address_book(stranger)
        topics = stranger.state()["topics"]
        with pytest.raises(NodeUnreachable, match="not its own") as refused:
            topic_by(stranger, elsewhere, certificate, now())
        assert not refused.value.reached
        assert stranger.state()["topics"] == topics
    flipped = f"{int(certificate, 16) ^ 1:#098x}"
    with pytest.raises(NodeUnreachable, match="not its own"):
        topic_by(net, address, flipped, now())


def test_a_door_without_tls_is_no_way_around(net: Sandbox) -> None:
    _, certificate = in_the_address_book(net)
    with pytest.raises(NodeUnreachable):
        topic_by(net, net.state()["hapi"], certificate, now())


def test_the_doctor_says_who_answers_by_tls_and_who_is_somebody_else(net: Sandbox, tmp_path: Path) -> None:
    address, certificate = in_the_address_book(net)
    open_keystore(config.load(data_dir=tmp_path)).signer("relayer")  # as the first start makes it

    def found(trusted: dict[str, str]) -> Finding:
        chain = {"native_nodes": {"0.0.3": address}, "native_certificates": trusted}
        findings = examine(config.load(data_dir=tmp_path, chain=chain))
        return next(each for each in findings if each.name == "node-0.0.3")

    assert found({"0.0.3": certificate}).detail == f"{address} answers by TLS"
    assert "not its own" in found({"0.0.3": "0x" + "00" * 48}).detail
    assert not found({}).ok, "a door for TLS is silent without it"


def test_the_sdk_is_served_by_the_same_door(net: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a door for TLS by its number alone, 50212."""
    address, certificate = in_the_address_book(net)
    monkeypatch.setattr(_ManagedNodeAddress, "TLS_PORTS", {int(address.rpartition(":")[2])})
    known = NodeAddress(account_id=NODE, cert_hash=certificate.encode())
    made = Client(SdkNetwork("localhost", nodes=[_Node(NODE, address, known)], mirror_address=address))
    made.set_operator(AccountId.from_string(next(iter(net.state()["accounts"]))), KEY)
    assert TopicCreateTransaction(memo="by the SDK").execute(made).status == ResponseCode.SUCCESS
    made.close()
