"""Faults of the agents that Hedera punishes and a plain EVM forgives: each must be noticed by a test.

Every case puts one fault into a copy of the Python code and runs the tests that are to notice it against the
strict sandbox. Half a minute each on a small machine, so only with ``--slow``. The contracts' own faults are
in test_hedera_mutants.py.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa.supervisor.tools import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.needs_evm]

COURIER, RPC, FAILOVER = "chain/courier.py", "chain/rpc.py", "chain/failover.py"
PURSE, TRANSACTIONS = "chain/purse.py", "chain/transactions.py"
MIRROR, EVENTS, NATIVE = "issuance/mirror.py", "chain/events.py", "chain/native_sending.py"

# File, what is there, what stands there instead, and the tests that notice (a file, and which of it).
FAULTS = {
    "a refused call is signed again with a new nonce": (
        TRANSACTIONS,
        "[int.from_bytes(nonce), gas_price",
        "[int.from_bytes(nonce) + 1, gas_price",
        ("courier", "refused"),
    ),
    "a refusal at consensus is taken for silence": (
        COURIER,
        "return Refused.YES",
        "return Refused.NO",
        ("courier", "refused"),
    ),
    "BUSY is taken for an acceptance": (
        COURIER,
        "(_NOT_TAKEN, Handed.NOT_TAKEN)",
        "(_NOT_TAKEN, Handed.TAKEN)",
        ("courier", "busy"),
    ),
    "after a time-out it is sent again at once": (
        COURIER,
        "return hand.pause if hand.answer is Handed.NOT_TAKEN else self.unseen_seconds",
        "return hand.pause if hand.answer is not Handed.TAKEN else self.unseen_seconds",
        ("courier", "time_out"),
    ),
    "what was never taken is never sent again": (
        COURIER,
        "time.monotonic() - hand.at < self._wait(hand)",
        "hand.answer is not Handed.NOT_TAKEN",
        ("courier", "silent_relay"),
    ),
    "the next goes out while the first is in doubt": (
        COURIER,
        "if not first:",
        "if False:",
        ("courier", "doubt"),
    ),
    "a nonce that is shown before its receipt is lost": (
        COURIER,
        "if time.monotonic() - since < self.lost_seconds:",
        "if False:",
        ("courier", "shown_before"),
    ),
    "the nonce is not read again before a resend": (
        COURIER,
        "if await at.nonce(self.address) > letter.nonce:",
        "if False:",
        ("courier", "somebody_else"),
    ),
    "value goes with a call": (
        TRANSACTIONS,
        "bytes.fromhex(to[2:]), 0, data]",
        "bytes.fromhex(to[2:]), 1, data]",
        ("courier", "busy"),
    ),
    "tinybar is taken for weibar": (
        PURSE,
        "WEIBARS_PER_HBAR = 10**18",
        "WEIBARS_PER_HBAR = 10**8",
        ("courier", "purse"),
    ),
    "any fee is paid": (
        PURSE,
        "if price * gas > self.fee_max_hbar * WEIBARS_PER_HBAR:",
        "if False:",
        ("courier", "purse"),
    ),
    "a call is given more gas than there is": (
        PURSE,
        "return min(estimate + estimate * GAS_HEADROOM_PERCENT // 100, GAS_MAX)",
        "return estimate + estimate * GAS_HEADROOM_PERCENT // 100",
        ("courier", "room_above"),
    ),
    "more room is paid for than is free": (
        PURSE,
        "GAS_HEADROOM_PERCENT = 25",
        "GAS_HEADROOM_PERCENT = 40",
        ("courier", "room_above"),
    ),
    "what was written is not waited for": (
        RPC,
        "if block < not_before:",
        "if False:",
        ("failover", "seen_before"),
    ),
    "a span of more than seven days is given up": (
        RPC,
        "SPAN_TOO_LONG = -32004",
        "SPAN_TOO_LONG = -1",
        ("courier", "seven_days"),
    ),
    "another chain will do": (
        FAILOVER,
        "await endpoint.rpc.chain_id() == self._wanted",
        "await endpoint.rpc.chain_id() > 0",
        ("failover", "another_chain"),
    ),
    "a send without an answer goes to the other endpoint": (
        FAILOVER,
        'if method == SENDING and getattr(failed, "reached", False):',
        "if False:",
        ("failover", "not_repeated"),
    ),
    "an endpoint that is behind is kept": (
        FAILOVER,
        "if 0 <= height < newest - BEHIND_BLOCKS_MAX:",
        "if height < 0:",
        ("failover", "lagging"),
    ),
    "a decision wanders between endpoints": (
        FAILOVER,
        "return Frozen(self._current.rpc, block)",
        "return Frozen(self, block)",
        ("failover", "lagging"),
    ),
    "a log is read in one piece": (
        EVENTS,
        "BLOCKS_AT_ONCE = 1_000",
        "BLOCKS_AT_ONCE = 5_000",
        ("mirror_on_hedera", "long_log"),
    ),
    "spans do not overlap": (
        EVENTS,
        "OVERLAP_BLOCKS = 4",
        "OVERLAP_BLOCKS = 0",
        ("mirror_on_hedera", "long_log"),
    ),
    "a cursor goes on behind an older mirror": (
        MIRROR,
        "self.events.sight(not_before=done)",
        "self.events.sight()",
        ("mirror_on_hedera", "cursor"),
    ),
    "what a busy node may take is offered under a new id each time": (
        COURIER,
        "return ids[-1] if ids and",
        "return None if ids and",
        ("courier_natively", "busy"),
    ),
    "a node that is silent has taken nothing": (
        NATIVE,
        "if silent.reached:",
        "if not silent.reached:",
        ("courier_natively", "after_a_silence"),
    ),
    "a record is paid for at any price": (
        NATIVE,
        "if cost > RECORD_TINYBARS_MAX:",
        "if False:",
        ("courier_natively", "cannot_be_paid"),
    ),
    "a mirror is asked for more than seven days": (
        EVENTS,
        "SPAN_NANOS_MAX = 7 *",
        "SPAN_NANOS_MAX = 8 *",
        ("events_by_consensus", "seven_days"),
    ),
    "times do not overlap": (
        EVENTS,
        "OVERLAP_NANOS = 30 *",
        "OVERLAP_NANOS = 0 *",
        ("events_by_consensus", "seven_days"),
    ),
    "a mirror that lacks our contracts is believed": (
        EVENTS,
        "if began is None or None in known:",
        "if began is None:",
        ("events_by_consensus", "does_not_have"),
    ),
    "any certificate will do": (
        "chain/native_tls.py",
        "if not hmac.compare_digest(",
        "if False and not hmac.compare_digest(",
        ("native_tls", "another_certificate"),
    ),
    # Eighteen are refused by Money itself: nothing of ours starts with them.
    "other decimals than the registry gives": (
        "money/currencies.py",
        'CKES = Currency("cKES", 6)',
        'CKES = Currency("cKES", 8)',
        ("../unit/token_decimals", "decimals"),
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the Python code and its tests; what is large is only pointed to."""
    folder = tmp_path_factory.mktemp("agents")
    for part in ("offchain", "agents", "tests"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    shutil.copytree(REPOSITORY / "contracts" / "hedera", folder / "contracts" / "hedera")
    (folder / "node_modules").symlink_to((REPOSITORY / "node_modules").resolve())
    yield folder
    shutil.rmtree(folder)


def run(project: Path, tests: tuple[str, str]) -> str:
    file, which = tests
    environment = os.environ | {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    path = project / "tests" / "integration" / f"test_{file}.py"
    if file.startswith("../"):
        kind, _, name = file.removeprefix("../").partition("/")
        path = project / "tests" / kind / f"test_{name}.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-x", str(path), "-k", which],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("tests", sorted({each[3] for each in FAULTS.values()}), ids="-".join)
def test_without_a_fault_all_is_well(project: Path, tests: tuple[str, str]) -> None:
    said = run(project, tests)
    assert " passed" in said, said
    assert "failed" not in said


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(project: Path, fault: str) -> None:
    file, old, new, tests = FAULTS[fault]
    source = (REPOSITORY / "offchain" / "juapesa" / file).read_text()
    assert source.count(old) == 1, "the fault has its one place"
    (project / "offchain" / "juapesa" / file).write_text(source.replace(old, new))
    try:
        assert "1 failed" in run(project, tests)
    finally:
        (project / "offchain" / "juapesa" / file).write_text(source)
