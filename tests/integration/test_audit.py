"""An outsider checks the attestation log; whatever is wrong with it is found and named."""

import json
from typing import Any

import pytest

from juapesa.crypto import checksum_address, keccak256
from juapesa.money import CKES, CNGN
from juapesa.transparency.entries import APPENDED, ATTESTED, ATTESTERS_CHANGED
from juapesa.transparency.merkle import EMPTY_ROOT
from juapesa.transparency.node import NodeFault
from juapesa.transparency.verify import NotARegistry, Verdict, verify
from support.commands import status_of
from support.evm import Chain
from support.lying_node import Lie, lying_node
from support.settlements import busy

pytestmark = pytest.mark.needs_evm

MILLION = 10**12
ACCOUNTS_SLOT = 70  # of the registry: where each token's supply stands


def check(chain: Chain, lie: Lie | None = None) -> Verdict:
    if lie is None:
        return verify(chain.node.url, chain.deployment.registry)
    with lying_node(chain.node.url, lie) as url:
        return verify(url, chain.deployment.registry)


def of_kind(result: list[dict[str, Any]], kind: bytes) -> list[dict[str, Any]]:
    return [log for log in result if log["topics"][0] == "0x" + kind.hex()]


def lie_about(kind: bytes, number: int, change: Any) -> Lie:
    """Change the ``number``-th event of a kind; ``change`` gets the log, and None back removes it."""

    def lie(method: str, result: Any) -> Any:
        if method != "eth_getLogs" or not of_kind(result, kind):
            return result
        target = of_kind(result, kind)[number]
        changed = change(dict(target))
        return [changed if log is target else log for log in result if log is not target or changed]

    return lie


def with_word(log: dict[str, Any], position: int, value: int) -> dict[str, Any]:
    """The log with one 32-byte word of its data replaced."""
    data = log["data"][2:]
    start = position * 64
    return log | {
        "data": "0x" + data[:start] + (value % 2**256).to_bytes(32, "big").hex() + data[start + 64 :]
    }


def plus(log: dict[str, Any], position: int, more: int) -> dict[str, Any]:
    """The log with something added to one 32-byte word of its data."""
    at = 2 + position * 64
    return with_word(log, position, int(log["data"][at : at + 64], 16) + more)


def with_kind(kind: int) -> Any:
    """Say that a log's entries are of another kind."""

    def change(log: dict[str, Any]) -> dict[str, Any]:
        return log | {"topics": [*log["topics"][:3], "0x" + kind.to_bytes(32, "big").hex()]}

    return change


def raise_supply(chain: Chain, token: str, units: int) -> None:
    """Write into the registry's storage, past all its doors."""
    slot = keccak256(bytes(12) + bytes.fromhex(token[2:]) + ACCOUNTS_SLOT.to_bytes(32, "big"))
    where = ("0x" + slot.hex(), "latest")
    word = int(chain.node.ask("eth_getStorageAt", chain.deployment.registry, *where), 16)
    more = "0x" + (word + units).to_bytes(32, "big").hex()
    chain.node.ask("anvil_setStorageAt", chain.deployment.registry, where[0], more)


def test_a_true_log_passes_with_the_contracts_root_and_supplies(chain: Chain) -> None:
    busy(chain)
    verdict = check(chain)
    assert verdict.first_fault is None
    assert verdict.entries == 6
    figures = {each.token.lower(): each for each in verdict.tokens}
    for token in (CKES, CNGN):
        assert figures[chain.deployment.tokens[token]].supply == chain.supply(token)
    assert figures[chain.deployment.tokens[CKES]].custody == 14 * MILLION


def test_an_empty_log_passes(chain: Chain) -> None:
    assert check(chain) == Verdict(0, "0x" + EMPTY_ROOT.hex(), [], None, chain.deployment.chain_id)


def test_logs_are_asked_for_in_windows_of_a_thousand_blocks(chain: Chain) -> None:
    hub = busy(chain)
    for _ in range(5):  # anvil takes its time
        chain.node.ask("anvil_mine", hex(210))
    hub.settle(hub.mint(CKES, 10**6))
    assert check(chain).entries == 7


@pytest.mark.parametrize(
    ("kind", "number", "change", "fault"),
    [
        (APPENDED, 2, lambda log: None, "entry 3: entry 2 should come here"),
        (APPENDED, 5, lambda log: None, "entry 5: the contract counts 6 entries, the events 5"),
        (APPENDED, 0, lambda log: with_word(log, 0, 1), "entry 0: supply does not follow"),
        (APPENDED, 2, lambda log: plus(log, 6, 1 << 192), "entry 2 is not one that its statement covers"),
        (APPENDED, 3, lambda log: plus(log, 6, 1 << 192), "entries 2 to 3: the leaves are not those"),
        (APPENDED, 3, lambda log: plus(log, 7, 1 << 192), "entries 2 to 3: the leaves are not those"),
        (APPENDED, 1, lambda log: with_word(log, 3, 7), "entry 1: the statement was not fresh"),
        (APPENDED, 5, lambda log: plus(log, 3, 1), "entries 4 to 5: the leaves are not those"),
        (APPENDED, 3, lambda log: plus(log, 3, -100_000), "entry 3: time runs backwards"),
        (APPENDED, 3, lambda log: with_word(log, 1, 5), "entry 3: a burn names a statement"),
        (APPENDED, 3, with_kind(1), "entry 3: minted without its custody statement"),
        (APPENDED, 3, with_kind(5), "entry 3: a report that nobody signed"),
        (ATTESTED, 1, lambda log: None, "entry 1: minted without its custody statement"),
        (
            ATTESTED,
            0,
            lambda log: with_word(log, 4, 2**63),
            "statement before entry 0: its id is not its digest",
        ),
        (ATTESTERS_CHANGED, 0, lambda log: None, "statement before entry 0: a signer is no attester"),
        (APPENDED, 4, lambda log: log | {"data": "0x"}, "cannot be read"),
    ],
    ids=(
        "removed",
        "last removed",
        "supply",
        "amount minted",
        "amount burnt",
        "receipt burnt",
        "time of a mint",
        "time",
        "time far back",
        "statement",
        "kind",
        "report",
        "unattested",
        "custody",
        "attesters",
        "unreadable",
    ),
)
def test_a_changed_history_is_found_and_named(
    chain: Chain, kind: bytes, number: int, change: Any, fault: str
) -> None:
    busy(chain)
    verdict = check(chain, lie_about(kind, number, change))
    assert not verdict.ok
    assert verdict.first_fault is not None
    assert fault in verdict.first_fault


def test_a_supply_beside_the_log_is_found(chain: Chain) -> None:
    busy(chain)
    token, supply = chain.deployment.tokens[CNGN], chain.supply(CNGN)
    raise_supply(chain, token, 1)
    named = checksum_address(bytes.fromhex(token[2:]))
    said = f"token {named}: its supply is {supply + 1}, the log's sum {supply}"
    assert check(chain).first_fault == said


def test_a_root_that_is_not_the_leaves_is_found(chain: Chain) -> None:
    busy(chain)
    real = check(chain).root

    def lie(method: str, result: Any) -> Any:
        return "0x" + "ab" * 32 if result == real else result

    assert "the leaves are not those of the contract's root" in str(check(chain, lie).first_fault)


def test_the_command_prints_one_object_and_exits_by_the_verdict(
    chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    busy(chain)
    arguments = [
        "audit",
        "verify",
        "--rpc",
        chain.node.url,
        "--registry",
        chain.deployment.registry,
        "--json",
    ]
    assert status_of(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said) == ["ok", "entries", "root", "tokens", "first_fault"]
    assert said["ok"] is True
    assert set(said["tokens"][0]) == {"token", "supply", "custody"}
    raise_supply(chain, chain.deployment.tokens[CKES], 5)
    assert status_of(arguments) == 1
    assert "its supply is" in json.loads(capsys.readouterr().out)["first_fault"]


def test_a_wrong_node_or_address_gets_a_clear_answer(
    chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = chain.deployment.registry
    with pytest.raises(NodeFault, match="No node answers"):
        verify("http://127.0.0.1:9", registry)
    for address, why in (
        ("0x1234", "40 hexadecimal digits"),
        ("0x" + "11" * 20, "no contract at"),
        (chain.deployment.router, "no attestation registry"),
    ):
        with pytest.raises(NotARegistry, match=why):
            verify(chain.node.url, address)
    assert status_of(["audit", "verify", "--rpc", "nonsense", "--registry", registry, "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["ok"] is False
    assert "No node answers" in printed.err
