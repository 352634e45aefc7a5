"""A writer with a keeper: the next one follows at once, and neither outlives the other."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa.ledger.engine.keeper import Tie, keep
from juapesa.ledger.engine.session import EXIT_DOUBTFUL
from juapesa.ledger.engine.trials.processes import WriterChild, children_of
from support.postgres import PostgresForTests


@pytest.fixture
def kept(postgres: PostgresForTests, tmp_path: Path) -> Iterator[WriterChild]:
    with postgres.fresh() as url:
        writer = WriterChild(url, tmp_path)
        writer.start("--keep")
        yield writer
        writer.stop()


def ends(pid: int, seconds: float = 10.0) -> bool:
    """Whether a process that need not be our child is gone in time."""
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_killed_writer_is_followed_without_a_new_start(kept: WriterChild) -> None:
    for _ in range(3):
        one = kept.kept_pid
        os.kill(one, signal.SIGKILL)
        kept.expect(b"ended (-9)")
        kept.expect(b"listens")
        assert kept.kept_pid != one


def test_a_writer_ends_with_its_keeper(kept: WriterChild) -> None:
    writer = kept.kept_pid
    os.kill(kept.pid, signal.SIGKILL)
    assert kept.wait() == -signal.SIGKILL
    assert ends(writer)


def test_a_keeper_that_is_asked_to_stop_ends_with_its_writer(kept: WriterChild) -> None:
    writer = kept.kept_pid
    kept.signal(signal.SIGTERM)
    assert kept.wait(20) == 0
    assert ends(writer)


def test_a_writer_that_is_refused_is_not_started_again(kept: WriterChild, tmp_path: Path) -> None:
    other = WriterChild("postgresql://nobody@/none?host=/nowhere", tmp_path)
    with pytest.raises(RuntimeError, match="cannot be reached"):
        other.start("--keep")
    assert other.wait(20) == 2
    assert kept.alive()


def test_what_ends_in_doubt_is_started_again_with_the_session_to_follow() -> None:
    def write(tie: Tie) -> None:
        if tie.before is None:
            tie.tell_session(4711)
            os._exit(EXIT_DOUBTFUL)
        os._exit(0 if tie.before == 4711 else 3)

    said: list[str] = []
    others = children_of(os.getpid())
    assert keep(write, said.append) == 0
    assert said == ["the ledger's writer ended (75); the next one starts"]
    assert children_of(os.getpid()) == others
