"""What `jua pay bench` counts stays small, and `jua pay kill` loses nothing."""

from pathlib import Path

import pytest

from juapesa.measure.recovery import Recovery
from juapesa.measure.sagas import Operators, SagaBench


def quiet(line: str) -> None:
    """Nobody reads the progress of a test."""


def test_a_batch_of_payments_takes_few_statements_each(tmp_path: Path) -> None:
    found = SagaBench(tmp_path, quiet, payments=40, rounds=1).run()
    assert found["saga_units_of_work"]["median"] < 1
    assert found["saga_statements"]["median"] < 6
    assert found["saga_python_ms"]["median"] > 0


@pytest.mark.slow
def test_two_settlers_share_the_payments_and_every_one_ends(tmp_path: Path) -> None:
    found = SagaBench(tmp_path, quiet, payments=80, rounds=1, settlers=2).run()
    assert found["settlers"] == 2
    assert found["saga_a_second"]["median"] > 0


@pytest.mark.slow
def test_what_killed_settlers_had_is_carried_on_and_every_payment_ends(tmp_path: Path) -> None:
    found = Recovery(tmp_path, quiet, kills=2, load=10).run()
    assert found["survivor"]["legs"] + found["restarted"]["legs"] > 0
    assert set(found) == {"kills", "survivor", "restarted", "completed"}


@pytest.mark.slow
def test_payments_pass_through_the_operators_wire_and_every_one_ends(tmp_path: Path) -> None:
    bench = SagaBench(tmp_path, quiet, payments=20, rounds=1, settlers=2, operators=Operators.HTTP)
    found = bench.run()
    # Both rounds, the first warms up: each payment is told of once collected, and once paid out.
    assert found["callbacks"] == {"sent": 80, "failed": 0, "dropped": 0}
    assert found["saga_operators_ms"]["median"] > 0
    assert found["saga_api_ms"]["median"] > 0
    assert not list((tmp_path / "run").glob("*.pid"))
