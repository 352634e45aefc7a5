"""`jua doctor` on a machine where almost nothing runs."""

import json
from pathlib import Path

import pytest

from juapesa import config
from juapesa.cli import main
from juapesa.cli._checks import Finding, examine


def found(tmp_path: Path, **settings: object) -> dict[str, Finding]:
    nowhere = dict.fromkeys(("api", "ussd", "chain", "daraja", "momo", "africastalking", "oracle"), 1)
    settings = {"data_dir": tmp_path, "ports": nowhere} | settings
    return {finding.name: finding for finding in examine(config.load(**settings))}


def test_everything_that_does_not_run_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUA_DATABASE_URL", raising=False)
    findings = found(tmp_path)
    bad = {name for name, finding in findings.items() if not finding.ok}
    assert bad == set(findings) - {"configuration", "anchors"}, "without a topic nothing is to be anchored"
    assert all(findings[name].advice for name in bad)


def test_a_migrated_database_is_good_and_a_wrong_address_is_not(tmp_path: Path, database_url: str) -> None:
    assert found(tmp_path, database_url=database_url)["database"].ok
    wrong = found(tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none")["database"]
    assert not wrong.ok
    assert "JUA_DATABASE_URL" in wrong.advice


def test_a_quorum_that_cannot_be_reached_is_bad(tmp_path: Path) -> None:
    assert not found(tmp_path, attesters=2, attester_quorum=3)["configuration"].ok


def test_json_is_one_object_and_the_status_says_whether_all_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUA_PORTS__CHAIN", "1")
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
