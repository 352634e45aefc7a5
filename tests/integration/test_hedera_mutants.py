"""Faults that Hedera punishes and a plain EVM forgives: each must be noticed by a contract test.

Every case puts one fault into ``HederaTokens`` in a copy of the project and runs its tests against the
strict token service. A minute and more each on a small machine, so only with ``--slow``.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa.supervisor.tools import REPOSITORY, evm_tool, tools_path

pytestmark = [pytest.mark.slow, pytest.mark.needs_evm]

LIBRARY = "contracts/libraries/HederaTokens.sol"
TESTS = "tests/contracts/hedera/HederaTokens.t.sol"
FAULTS = {
    "the code is not looked at": (
        "if (code != HederaCodes.SUCCESS) revert",
        "if (code < 0) revert",
    ),
    "an answer of any length will do": (
        "success ? answer.length >= length || code != HederaCodes.SUCCESS : answer.length == 32",
        "success || answer.length == 32",
    ),
    "a revert is success": (
        "if (!whole || (!success && code == HederaCodes.SUCCESS)) code = HederaCodes.UNKNOWN;",
        "if (!whole) code = HederaCodes.UNKNOWN;",
    ),
    "the contract is not associated": (
        "(int64 code,) = _ask(call, 0, 32);\n        if (code != HederaCodes.TOKEN_ALREADY",
        "int64 code = HederaCodes.SUCCESS;\n        if (code != HederaCodes.TOKEN_ALREADY",
    ),
    "associated already is a failure": (
        "if (code != HederaCodes.TOKEN_ALREADY_ASSOCIATED_TO_ACCOUNT) _check(call, code);",
        "_check(call, code);",
    ),
    "approve the greatest number there is": (
        "_done(abi.encodeCall(IHTS.approve, (token, spender, amount)), 0, 32);",
        "_done(abi.encodeCall(IHTS.approve, (token, spender, type(uint256).max)), 0, 32);",
    ),
    "amounts are cut to 64 bits": (
        "if (amount > uint64(type(int64).max)) revert AmountOutOfRange(amount);",
        "",
    ),
    "value goes with every call": (
        "_done(abi.encodeCall(IHTS.mintToken, (token, amountOf(amount), new bytes[](0))), 0, 32);",
        "_done(abi.encodeCall(IHTS.mintToken, (token, amountOf(amount), new bytes[](0))), 1, 32);",
    ),
    "eighteen decimals": (
        "if (plan.decimals > DECIMALS_MAX) revert TooManyDecimals(plan.decimals);",
        "",
    ),
    "another is the treasury": ("token.treasury = address(this);", "token.treasury = msg.sender;"),
    "another holds the supply key": (
        "token.tokenKeys[0].key.contractId = address(this);",
        "token.tokenKeys[0].key.contractId = msg.sender;",
    ),
    "an admin key": (
        "token.tokenKeys[0].keyType = plan.keyMask;",
        "token.tokenKeys[0].keyType = plan.keyMask | 1;",
    ),
    "no renewal": (
        "token.expiry = IHTS.Expiry(0, address(this), RENEWAL_SECONDS);",
        "token.expiry = IHTS.Expiry(0, address(0), 0);",
    ),
    "all that was sent is kept": (
        "_refund(payer, sent - (before - address(this).balance));",
        "",
    ),
    "everything held is refunded": (
        "_refund(payer, sent - (before - address(this).balance));",
        "_refund(payer, address(this).balance);",
    ),
    "by delegate call": (
        "(success, answer) = TOKEN_SERVICE.call{value: value}(call);",
        "(success, answer) = TOKEN_SERVICE.delegatecall(call);\n        value;",
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the contracts; what was compiled once stays for the next fault."""
    folder = tmp_path_factory.mktemp("mutants")
    shutil.copy(REPOSITORY / "foundry.toml", folder)
    for part in ("interfaces", "libraries", "sandbox"):
        shutil.copytree(REPOSITORY / "contracts" / part, folder / "contracts" / part)
    shutil.copytree(REPOSITORY / "tests/contracts/hedera", folder / "tests/contracts/hedera")
    shutil.copy(REPOSITORY / "tests/contracts/Kit.sol", folder / "tests/contracts")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "solc").symlink_to(REPOSITORY / "scripts" / "solc")
    (folder / "node_modules").symlink_to((REPOSITORY / "node_modules").resolve())
    yield folder
    shutil.rmtree(folder)


def run(project: Path) -> str:
    environment = os.environ | {
        "FOUNDRY_OPTIMIZER": "false",
        "NO_COLOR": "1",
        "PATH": tools_path(os.environ["PATH"]),
    }
    done = subprocess.run(
        [str(evm_tool("forge")), "test", "--root", str(project), "--match-path", TESTS],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_without_a_fault_all_is_well(project: Path) -> None:
    assert "Suite result: ok." in run(project)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_noticed(project: Path, fault: str) -> None:
    old, new = FAULTS[fault]
    source = (REPOSITORY / LIBRARY).read_text()
    assert source.count(old) == 1, "the fault has one place in the library"
    (project / LIBRARY).write_text(source.replace(old, new))
    try:
        assert "Suite result: FAILED" in run(project)
    finally:
        (project / LIBRARY).write_text(source)
