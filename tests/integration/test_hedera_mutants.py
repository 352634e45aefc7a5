"""Faults that Hedera punishes and a plain EVM forgives: each must be noticed by a contract test.

Every case puts one fault into a copy of the contracts and runs their tests against the strict token
service. A minute and more each on a small machine, so only with ``--slow``.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa.supervisor.tools import REPOSITORY, evm_tool, tools_path

pytestmark = [pytest.mark.slow, pytest.mark.needs_evm]

TOKENS = "libraries/HederaTokens.sol"
MOVES = "libraries/Tokens.sol"
REGISTRY = "hedera/HederaRegistry.sol"
POOLS = "hedera/HederaPools.sol"
ROUTER = "hedera/HederaRouter.sol"

# Faults of the library, which its own tests notice: what is there, and what stands there instead.
LIBRARY_FAULTS = {
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
    "associated already is a failure": (
        "joined := or(and(success, eq(code, 22)), eq(code, 194))",
        "joined := and(success, eq(code, 22))",
    ),
    "no association is needed": ("if (!joined) revert", "if (code == 0) revert"),
    "an association is asked of nobody": (
        "call(gas(), token, 0, 0, 4, 0, 32)",
        "staticcall(gas(), 4, 0, 4, 0, 32)",
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


# Faults of the protocol on Hedera's tokens: file, what is there, and what stands there instead.
PROTOCOL_FAULTS = {
    "what is minted stays in the treasury": (
        REGISTRY,
        "        HederaTokens.transfer(token, to, amount);\n",
        "",
    ),
    "nothing is drawn before the burn": (REGISTRY, "        HederaTokens.pull(token, from, amount);\n", ""),
    "nothing is burnt": (REGISTRY, "        HederaTokens.burn(token, amount);\n", ""),
    "any token is ours": (REGISTRY, "return made[token];", "return token != address(0);"),
    "a freeze key": (REGISTRY, "HederaTokens.SUPPLY_KEY, 0)", "HederaTokens.SUPPLY_KEY | 4, 0)"),
    "eight decimals": (REGISTRY, "DECIMALS = 6;", "DECIMALS = 8;"),
    "the change is the caller's": (REGISTRY, "msg.value, change)", "msg.value, payable(msg.sender))"),
    "anyone makes tokens": (REGISTRY, "        restricted\n", ""),
    "the pools are not associated with dollars": (POOLS, "        HederaTokens.associate(usdc_);\n", ""),
    "the pools join no other token": (
        POOLS,
        "        HederaTokens.associate(token);\n",
        "",
    ),
    "the router is not associated": (ROUTER, "        HederaTokens.associate(token);\n", ""),
    "the pools may not draw from the router": (
        ROUTER,
        "        HederaTokens.approve(token, address(_pools), MOST);\n",
        "",
    ),
    "the registry may not draw from the router": (
        ROUTER,
        "        if (local) HederaTokens.approve(token, address(_registry), MOST);\n",
        "",
    ),
    "an allowance of 2^256-1": (ROUTER, "MOST = uint64(type(int64).max);", "MOST = type(uint256).max;"),
    "the router takes on any token": (
        ROUTER,
        "        if (!local && token != _pools.usdc()) revert UnfitToken(token);\n",
        "",
    ),
    "a token's code is passed on without a name": (
        MOVES,
        "coded := eq(returndatasize(), 32)",
        "coded := eq(returndatasize(), 31)",
    ),
    "a refused payment is taken for made": (
        MOVES,
        "if (!good) _fail(token, done);",
        "if (!done && !good) return;",
    ),
}


def copied(folder: Path, contracts: tuple[str, ...], tests: tuple[str, ...]) -> Path:
    """A project of some of ours; what was compiled once stays for the next fault."""
    shutil.copy(REPOSITORY / "foundry.toml", folder)
    wanted = [Path("contracts", part) for part in contracts]
    for part in (*wanted, *(Path("tests/contracts", part) for part in tests)):
        source, target = REPOSITORY / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (folder / "scripts").mkdir()
    (folder / "scripts" / "solc").symlink_to(REPOSITORY / "scripts" / "solc")
    (folder / "node_modules").symlink_to((REPOSITORY / "node_modules").resolve())
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The library alone: quick to compile."""
    folder = tmp_path_factory.mktemp("library")
    parts = (
        "hedera/HederaKit.sol",
        "hedera/HederaTokens.t.sol",
        "hedera/SystemContracts.sol",
        "hedera/TokenKeeper.sol",
    )
    yield copied(folder, ("interfaces", "libraries", "sandbox", "pools/PoolTypes.sol"), ("Kit.sol", *parts))
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Every contract."""
    folder = tmp_path_factory.mktemp("protocol")
    every = tuple(each.name for each in (REPOSITORY / "contracts").iterdir())
    supports = tuple(each.name for each in (REPOSITORY / "tests/contracts").glob("*.sol"))
    yield copied(folder, every, (*supports, "hedera", "router"))
    shutil.rmtree(folder)


def run(project: Path, tests: str) -> str:
    environment = os.environ | {
        "FOUNDRY_OPTIMIZER": "false",
        "NO_COLOR": "1",
        "PATH": tools_path(os.environ["PATH"]),
    }
    done = subprocess.run(
        [
            str(evm_tool("forge")),
            "test",
            "--root",
            str(project),
            "--match-path",
            f"tests/contracts/hedera/{tests}",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def noticed(project: Path, file: str, old: str, new: str, tests: str) -> bool:
    """Whether the tests fail, and not for want of compiling."""
    source = (REPOSITORY / "contracts" / file).read_text()
    assert old in source, "the fault has its place"
    (project / "contracts" / file).write_text(source.replace(old, new))
    try:
        said = run(project, tests)
        assert "Suite result:" in said, said[-2_000:]
        return "Suite result: FAILED" in said
    finally:
        (project / "contracts" / file).write_text(source)


def test_without_a_fault_all_is_well(library: Path, protocol: Path) -> None:
    assert "Suite result: ok." in run(library, "HederaTokens.t.sol")
    assert "Suite result: ok." in run(protocol, "Protocol.t.sol")


@pytest.mark.parametrize("fault", LIBRARY_FAULTS)
def test_a_fault_of_the_library_is_noticed(library: Path, fault: str) -> None:
    assert noticed(library, TOKENS, *LIBRARY_FAULTS[fault], "HederaTokens.t.sol")


@pytest.mark.parametrize("fault", PROTOCOL_FAULTS)
def test_a_fault_of_the_protocol_is_noticed(protocol: Path, fault: str) -> None:
    assert noticed(protocol, *PROTOCOL_FAULTS[fault], "Protocol.t.sol")
