"""The trials themselves: they pass on the engine, and they notice when it is broken."""

from pathlib import Path

import pytest

from juapesa.ledger.engine.accounts import Account
from juapesa.ledger.engine.trials.bench import Bench
from juapesa.ledger.engine.trials.crash import Crash
from juapesa.ledger.engine.trials.simulate import World, simulate


def quiet(line: str) -> None:
    """Nobody reads the progress of a test."""


def test_three_hundred_seeded_histories_hold() -> None:
    found = simulate(300, 1, quiet)
    assert (found.failed_seed, found.fault) == (None, None)
    assert found.rows > 2_000


def test_a_seed_replays_the_same_history() -> None:
    one, other = World(77), World(77)
    assert one.run() == other.run() > 0
    assert one.disk.rows == other.disk.rows


def test_a_simulation_notices_a_limit_that_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def generous(self: Account, change: int) -> bool:
        self.posted += change
        return True

    monkeypatch.setattr(Account, "moved", generous)
    found = simulate(300, 1, quiet)
    assert found.failed_seed is not None
    assert "limits" in str(found.fault)


def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    report = Crash(tmp_path, quiet, kills=18, seed=5).run()
    wrong = {name: report[name] for name in ("lost", "duplicated", "unbalanced", "zombies_alive")}
    assert wrong == {"lost": 0, "duplicated": 0, "unbalanced": 0, "zombies_alive": 0}
    assert report["acks"] > 100
    assert {"kill", "freeze"} & report["back_seconds"].keys()


def test_kills_of_a_writer_that_shares_lose_and_double_nothing(tmp_path: Path) -> None:
    report = Crash(tmp_path, quiet, kills=12, seed=3, shared=True).run()
    wrong = {name: report[name] for name in ("lost", "duplicated", "unbalanced", "zombies_alive", "held_up")}
    assert not any(wrong.values()), wrong
    assert report["acks"] > report["booked_beside"] > 100


@pytest.mark.slow
def test_the_benchmark_reports_every_figure(tmp_path: Path) -> None:
    report = Bench(tmp_path, quiet, 22_150, seconds=0.5, rounds=2, open_seconds=2, open_rate=100).run()
    assert set(report) >= {
        "raw_pg_hot", "http_single_hot", "http_bulk_hot", "engine_hot", "engine_uniform", "ratios",
        "http_single_shared", "http_bulk_shared",
        "p50_ms", "p99_ms", "cpu_us_per_transfer", "bytes_per_transfer",
    }  # fmt: skip
    assert report["http_single_hot"]["median"] > 0
