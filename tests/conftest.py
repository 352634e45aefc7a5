"""Fixtures of every test, and which tests this machine can run.

A test that wants a system package skips where it is missing and names it; with JUA_REQUIRE_ALL=1
(as in `.ci/run`) it fails instead, so that nothing is left out unnoticed.
"""

import os
import shutil
import tempfile

import pytest

from juapesa.supervisor.tools import ToolMissing, evm_tool

pytest_plugins = [
    "support.postgres",
    "support.evm",
    "support.hub",
    "support.hedera_hub",
    "support.daraja_sandbox",
]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")
    parser.addoption("--deaths", type=int, default=0, help="workers that die at each side of a commit point")
    parser.addoption("--deaths-seed", type=int, default=1, help="which deaths they die")


def pytest_configure(config: pytest.Config) -> None:
    """A temporary folder of this session's own.

    pytest closes the one that all sessions of a user share at each start. A PostgreSQL of another session,
    which runs as a user of its own when that user is root, would lose its files in the middle.
    """
    root = tempfile.mkdtemp(prefix="jua-")
    os.environ["PYTEST_DEBUG_TEMPROOT"] = root
    config.add_cleanup(lambda: shutil.rmtree(root, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """When files are spread over several processes: those that share a house stay together."""
    for item in items:
        shared = item.path.parent if item.path.parent.name == "acceptance" else item.path
        group = str(shared.relative_to(item.config.rootpath))
        if "deployed_network" in getattr(item, "fixturenames", ()):
            group = "deployed_network"
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("slow") and not item.config.getoption("--slow"):
        pytest.skip("takes minutes; asked for with --slow")
    if item.get_closest_marker("needs_chromium") and _chromium() is None:
        _missing("wants a Chromium: Debian's package 'chromium' (apt-get install chromium)")
    if item.get_closest_marker("needs_evm") and not _evm_there():
        _missing("wants anvil and forge: run scripts/test, which installs them")


def _missing(what: str) -> None:
    if os.environ.get("JUA_REQUIRE_ALL") == "1":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def _chromium() -> str | None:
    return next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)


def _evm_there() -> bool:
    try:
        evm_tool("anvil")
        evm_tool("forge")
    except ToolMissing:
        return False
    return True


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium; for tests marked ``needs_chromium``."""
    found = _chromium()
    assert found is not None, "mark the test with needs_chromium"
    return found
