"""`jua ussd bench`: the figures that it promises, and no payment."""

import asyncio

import pytest

from juapesa.db import Database
from juapesa.errors import Unavailable
from juapesa.ussd.bench import Measured, measure
from support.ussd_server import SECRET, ussd_server

PATH = f"/ussd/africastalking/{SECRET}"


def test_a_crowd_reaches_quotes_and_pays_nothing(database: Database) -> None:
    with ussd_server(database) as (url, world):
        found = asyncio.run(measure(url, PATH, "*789#", sessions=5, seconds=2.0, think_seconds=0.0))
    report = found.report()
    assert report["quotes"] > 5
    assert report["pin_hops"] > 0
    assert report["surprises"] == 0
    assert 0 < report["p50_ms"] <= report["p95_ms"] <= report["max_ms"]
    assert report["hops_per_second"] > 10
    assert not world.payments.payments


def test_thinking_slows_the_crowd_and_not_the_time_it_takes(database: Database) -> None:
    with ussd_server(database) as (url, _):
        found = asyncio.run(measure(url, PATH, "*789#", sessions=4, seconds=2.0, think_seconds=0.4))
    assert found.seconds < 4.0
    assert found.report()["hops_per_second"] < 40


def test_percentiles_are_nearest_ranks() -> None:
    report = Measured(milliseconds=[float(each) for each in range(1, 101)], seconds=10.0).report()
    assert (report["p50_ms"], report["p95_ms"], report["p99_ms"]) == (50.0, 95.0, 99.0)
    assert report["hops_per_second"] == 10.0
    assert Measured().report()["p95_ms"] == 0.0


def test_a_wrong_secret_or_no_bridge_is_said(database: Database) -> None:
    with ussd_server(database) as (url, _), pytest.raises(Unavailable, match="refuses our hops"):
        asyncio.run(measure(url, "/ussd/africastalking/no", "*789#", sessions=1, seconds=1, think_seconds=0))
    with pytest.raises(Unavailable, match="Nobody listens"):
        asyncio.run(measure("http://127.0.0.1:9", PATH, "*789#", sessions=1, seconds=1, think_seconds=0))
