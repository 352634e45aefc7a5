"""`jua gas`: every action has a figure, and the figures are those on record."""

import json
from pathlib import Path

import pytest

from juapesa.cli import main

pytestmark = pytest.mark.needs_evm

RECORD = Path(__file__).resolve().parents[2] / "audits" / "gas.json"


def test_gas_is_what_the_record_says(forge_output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A change to the record is reviewed like code: say in its commit what moved the figure."""
    with pytest.raises(SystemExit) as ended:
        main(["gas", "--json"])
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out) == json.loads(RECORD.read_text())["gas"]
