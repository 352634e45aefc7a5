"""The ABI files that Python ships are those of the contracts as they compile now."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs_evm

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "abi.py"


def test_the_abi_files_are_what_forge_wrote(forge_output: Path) -> None:
    spec = importlib.util.spec_from_file_location("abi_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.different(forge_output) == [], "run scripts/abi.py"
