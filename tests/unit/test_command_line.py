"""The `jua` command as a person meets it."""

import resource
import subprocess
import sys

import pytest

from juapesa import cli
from juapesa.cli._topics import Topic, find_topics


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "juapesa.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_every_topic_has_a_line_of_help_and_can_be_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    topics = find_topics()
    assert {"up", "doctor", "db"} <= topics.keys()
    for topic in topics.values():
        assert topic.help, topic.name
        assert topic.run(["--help"]) == 0, topic.name
        said = capsys.readouterr().out
        assert "completion" not in said, topic.name
        assert "╭" not in said, "one look for all"


def test_help_is_quick_because_it_loads_no_topic() -> None:
    assert min(_seconds("--help") for _ in range(3)) < 0.4


def _seconds(*arguments: str) -> float:
    """Processor time, so that a busy machine changes nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(*arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_an_unknown_command_suggests_the_near_one() -> None:
    answer = run("docter")
    assert answer.returncode == 2
    assert "jua doctor" in answer.stderr


def test_an_expected_failure_is_one_line_and_a_bug_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "find_topics", lambda: {"t": Topic("t", "", __name__, "fails")})
    with pytest.raises(SystemExit) as ended:
        cli.main(["t"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "jua t: It is not there. (not-found)\n"
    monkeypatch.setattr(cli, "find_topics", lambda: {"t": Topic("t", "", __name__, "breaks")})
    with pytest.raises(ZeroDivisionError):
        cli.main(["t"])


def fails() -> None:
    """An expected failure."""
    from juapesa.errors import NotFound

    raise NotFound("It is not there.")


def breaks() -> None:
    """A bug."""
    raise ZeroDivisionError


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUA_PORTS__API", "my-secret")
    answer = run("db", "url")
    assert answer.returncode == 2
    assert "ports.api" in answer.stderr
    assert "my-secret" not in answer.stderr
