"""The agent as a process and the commands around it, from a new key to a checked topic."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from juapesa import config
from juapesa.cli._checks import Finding, examine
from juapesa.db import Database
from juapesa.ledger import AccountKind, Transfer
from juapesa.ledger.engine.sealer import Sealer
from support.books import Books, kes
from support.commands import environment, status_of
from support.evm import Chain
from support.hedera import Sandbox, sandbox
from support.postgres import PostgresForTests

pytestmark = pytest.mark.needs_evm


@pytest.fixture
def net() -> Iterator[Sandbox]:
    with sandbox() as made:
        yield made


@pytest.fixture
def house(
    net: Sandbox,
    chain: Chain,
    postgres: PostgresForTests,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Database]:
    """A database, a chain and a network, as the environment names them."""
    with postgres.fresh() as url:
        wanted = {
            **environment(tmp_path, url, chain),
            "JUA_ANCHOR__MIRROR_URL": net.mirror_url,
            "JUA_ANCHOR__NODES": json.dumps({"0.0.3": net.state()["hapi"]}),
        }
        for name, value in wanted.items():
            monkeypatch.setenv(name, value)
        database = Database.connect(url)
        yield database
        database.close()


def agent(*arguments: str) -> int:
    command = [sys.executable, "-m", "juapesa_agents.anchor", "--once", *arguments]
    paths = os.pathsep.join(sys.path)
    return subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, timeout=60, check=False
    ).returncode


def made_topic(net: Sandbox, capsys: pytest.CaptureFixture[str]) -> str:
    """By the command, with a key that has just been paid."""
    status_of(["anchor", "key"])
    net.give(capsys.readouterr().out.strip(), 100)
    assert status_of(["anchor", "topic"]) == 0
    return capsys.readouterr().out.strip()


def doctor() -> Finding:
    return {each.name: each for each in examine(config.load())}["anchors"]


def test_from_a_new_key_to_a_ledger_that_is_checked_against_its_anchors(
    net: Sandbox,
    house: Database,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing = "there is no topic, so nothing is anchored; `jua anchor topic` makes one"
    assert doctor() == Finding("anchors", True, nothing)
    assert agent() == 0
    assert status_of(["anchor", "topic"]) == 2
    assert "Pay some HBAR" in capsys.readouterr().err
    assert status_of(["anchor", "key"]) == 0
    net.give(capsys.readouterr().out.strip(), 100)
    assert status_of(["anchor", "topic", "--memo", "a test"]) == 0
    topic = capsys.readouterr().out.strip()
    about = net.seen(f"/api/v1/topics/{topic}")
    assert about["memo"] == "a test"
    assert about["submit_key"] is not None
    assert about["admin_key"] is None

    Books(house).wallet(1, kes(5))
    Sealer(house).run()
    assert not doctor().ok
    assert agent("--dry-run") == 0
    assert not doctor().ok
    assert agent() == 0
    assert doctor().ok
    assert f"message 1 of topic {topic}" in doctor().detail

    assert status_of(["anchor", "list"]) == 0
    [listed] = capsys.readouterr().out.splitlines()
    assert json.loads(listed)["sequence"] == 1
    assert json.loads(listed)["message"]["ledger"]["batch"] == 1
    where = ["--topic", topic, "--mirror", net.mirror_url]
    assert status_of(["ledger", "verify", "--json", *where]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "ok": True,
        "transfers": 1,
        "first_fault": None,
        "anchored_heads": 1,
    }
    assert status_of(["ledger", "verify", "--topic", topic]) == 2
    Books(house).wallet(1, kes(5))
    Sealer(house).run()
    assert doctor().ok, "a minute is no reason to worry"
    with house.unit_of_work() as uow:
        uow.execute("UPDATE transparency.anchor SET anchored_at = anchored_at - interval '11 minutes'")
    assert not doctor().ok
    assert "more is to be anchored since message 1" in doctor().detail
    with house.unit_of_work() as uow:
        for table in ("batches", "accounts", "codes"):
            uow.execute(f"ALTER TABLE book.{table} DISABLE TRIGGER USER")
        uow.execute("DELETE FROM book.batches")
        uow.execute("UPDATE book.accounts SET batch = NULL")
        uow.execute("UPDATE book.codes SET batch = NULL")
    Books(house).wallet(2, kes(7))
    Sealer(house).run()
    capsys.readouterr()
    assert status_of(["ledger", "verify", "--json"]) == 0
    assert status_of(["ledger", "verify", "--json", *where]) == 1
    assert "batch 1: not the head that was anchored" in capsys.readouterr().out


def test_a_topic_that_is_set_counts_before_the_one_that_was_made(
    net: Sandbox, house: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = made_topic(net, capsys)
    assert config.topic_of(config.load()) == made
    monkeypatch.setenv("JUA_ANCHOR__TOPIC", "0.0.77")
    assert config.topic_of(config.load()) == "0.0.77"


def test_statements_of_what_is_owed_are_checked_against_the_topic(
    net: Sandbox, house: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--topic", made_topic(net, capsys), "--mirror", net.mirror_url]
    books = Books(house)
    float_held, capital = books.house(AccountKind.FLOAT, "mpesa-ke"), books.house(AccountKind.CAPITAL)
    with house.unit_of_work() as uow:
        books.post(uow, Transfer(float_held, capital, kes(100), "opening"))
    books.wallet(1, kes(5))
    assert status_of(["liabilities", "make"]) == 0
    stated = json.loads(capsys.readouterr().out)
    assert agent() == 0
    assert status_of(["liabilities", "check", *where]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked == {"ok": True, "fault": None, **stated}
    assert status_of(["liabilities", "check", *where[:2]]) == 2

    with house.unit_of_work() as uow:
        uow.execute("ALTER TABLE transparency.statement DISABLE TRIGGER USER")
        uow.execute("UPDATE transparency.statement SET root = sha256(root)")
    books.wallet(2, kes(7))
    assert status_of(["liabilities", "make"]) == 0
    capsys.readouterr()
    assert status_of(["liabilities", "check"]) == 0, "the newest is sound by itself"
    capsys.readouterr()
    assert status_of(["liabilities", "check", *where]) == 1
    assert "statement 1 is not the one that was anchored" in json.loads(capsys.readouterr().out)["fault"]
    books.assert_balanced()
