"""An outsider checks the attestation log; whatever is wrong with it is found and named."""

import json
from typing import Any

import pytest

from juapesa.cli import main
from juapesa.crypto import checksum_address
from juapesa.money import CKES, CNGN
from juapesa.transparency.entries import APPENDED, ATTESTED, ATTESTERS_CHANGED
from juapesa.transparency.merkle import EMPTY_ROOT
from juapesa.transparency.node import NodeFault
from juapesa.transparency.verify import NotARegistry, Verdict, verify
from support.evm import Chain
from support.lying_node import Lie, lying_node
from support.settlements import Hub

pytestmark = pytest.mark.needs_evm

MILLION = 10**12
TOTAL_SUPPLY_SLOT = "0x" + (2).to_bytes(32, "big").hex()


def check(chain: Chain, lie: Lie | None = None) -> Verdict:
    if lie is None:
        return verify(chain.node.url, chain.deployment.registry)
    with lying_node(chain.node.url, lie) as url:
        return verify(url, chain.deployment.registry)


def busy(chain: Chain) -> Hub:
    """A chain with six entries: two capital mints, a transfer (mint, burn), a mint and a burn."""
    hub = Hub(chain)
    hub.liquidity()
    hub.settle(hub.transfer(1_000 * 10**6))
    hub.settle(hub.mint(CKES, 50 * 10**6, reserves=7 * MILLION), hub.burn(CKES, 20 * 10**6))
    return hub


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


def test_a_true_log_passes_with_the_contracts_root_and_supplies(chain: Chain) -> None:
    busy(chain)
    verdict = check(chain)
    assert verdict.first_fault is None
    assert verdict.entries == 6
    figures = {each.token.lower(): each for each in verdict.tokens}
    for token in (CKES, CNGN):
        assert figures[chain.deployment.tokens[token]].supply == chain.supply(token)
    assert figures[chain.deployment.tokens[CKES]].custody == 7 * MILLION


def test_an_empty_log_passes(chain: Chain) -> None:
    assert check(chain) == Verdict(0, "0x" + EMPTY_ROOT.hex(), [], None)


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
        (APPENDED, 0, lambda log: with_word(log, 0, 1), "entry 0: its leaf hash is another"),
        (APPENDED, 3, lambda log: with_word(log, 0, -1), "entry 3: its leaf hash is another"),
        (APPENDED, 1, lambda log: with_word(log, 5, 7), "entry 1: its leaf hash is another"),
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
        "amount",
        "sign",
        "time",
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
    more = "0x" + (supply + 1).to_bytes(32, "big").hex()
    chain.node.ask("anvil_setStorageAt", token, TOTAL_SUPPLY_SLOT, more)
    named = checksum_address(bytes.fromhex(token[2:]))
    said = f"token {named}: its supply is {supply + 1}, the log's sum {supply}"
    assert check(chain).first_fault == said


def test_a_root_that_is_not_the_leaves_is_found(chain: Chain) -> None:
    busy(chain)
    real = check(chain).root

    def lie(method: str, result: Any) -> Any:
        return "0x" + "ab" * 32 if result == real else result

    assert check(chain, lie).first_fault == "the root recomputed from 6 entries is not the contract's"


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
    more = "0x" + (1).to_bytes(32, "big").hex()
    chain.node.ask("anvil_setStorageAt", chain.deployment.tokens[CKES], TOTAL_SUPPLY_SLOT, more)
    assert status_of(arguments) == 1
    assert "its supply is 1" in json.loads(capsys.readouterr().out)["first_fault"]


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


def status_of(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)
