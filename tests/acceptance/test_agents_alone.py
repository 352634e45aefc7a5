"""Each agent and command by itself against the running house: useful alone, and changing nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from juapesa.db import EmbeddedPostgres
from juapesa.demo.stories import Teller, Told, order, send_answers
from support.house import House

AGENTS = ("relayer", "attester", "watcher", "settler", "ussd_bridge", "bookkeeper")
MONEY_SCHEMAS = ("book", "payments", "wallet")
SEALED_LATER = ("batches", "accounts", "codes", "verdicts")  # the house's own bookkeeper may be at it


@pytest.fixture(scope="module")
def paid(house: House) -> dict[str, Any]:
    """The receipt of a completed send."""

    async def scene(teller: Teller) -> dict[str, Any]:
        phone, to = teller.phone("KE"), teller.phone("NG")
        code = await order(phone, "Send", send_answers(phone, "700", to.number))
        return await teller.follow(code, Told("a send"))

    receipt = house.play(scene, first_phone=700)
    assert receipt["status"] == "completed"
    return receipt


def contents(house: House) -> dict[str, str]:
    """A fingerprint of each table whose rows an agent would write when money moves."""
    found = {}
    with psycopg.connect(EmbeddedPostgres(house.data_dir).url()) as connection:
        connection.read_only = True
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname = ANY (%s) AND NOT (schemaname = 'book' AND tablename = ANY (%s))",
            [list(MONEY_SCHEMAS), list(SEALED_LATER)],
        )
        for name in tables.fetchall():
            query = sql.SQL("SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {} t")
            row = connection.execute(query.format(sql.Identifier(*name))).fetchone()
            assert row is not None
            found[".".join(name)] = str(row[0])
    return found


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_looks_once_and_changes_nothing(house: House, paid: dict[str, Any], name: str) -> None:
    before = contents(house)
    ran = house.command("agent", name, "--once", "--dry-run")
    assert ran.status == 0, ran.err
    assert paid["status"] == "completed"
    assert contents(house) == before


def test_a_trace_tells_every_step_of_a_payment(house: House, paid: dict[str, Any]) -> None:
    told = house.command("pay", "trace", paid["code"])
    assert told.status == 0, told.err
    assert told.out.startswith(f"{paid['code']}  send  707.00 KES -> ")
    traced = house.command("pay", "trace", paid["code"], "--json")
    answer = json.loads(traced.out)
    assert answer["status"] == "completed"
    assert [step["name"] for step in answer["steps"]]
    assert len(told.out.splitlines()) == len(answer["steps"]) + 1


def test_a_trace_of_nobodys_code_ends_with_one_line(house: House) -> None:
    told = house.command("pay", "trace", "0000000000")
    assert told.status != 0
    assert "Traceback" not in told.err
    assert len(told.err.strip().splitlines()) == 1


def test_a_stranger_verifies_the_log_from_the_chain_alone(house: House, paid: dict[str, Any]) -> None:
    file = house.data_dir / "deployments" / "chains" / "hedera-local.json"
    registry = json.loads(file.read_text())["contracts"]["registry"]["address"]
    ran = house.command("audit", "verify", "--rpc", house.url("CHAIN"), "--registry", registry, "--json")
    assert ran.status == 0, ran.err
    verdict = json.loads(ran.out)
    leaves = [leaf for step in paid["steps"] for leaf in step["leaf_indexes"]]
    assert verdict["ok"] is True
    assert leaves
    assert verdict["entries"] > max(leaves)


def test_the_doctor_finds_the_house_well(house: House) -> None:
    ran = house.command("doctor", "--json")
    checks = json.loads(ran.out)["checks"]
    assert [check for check in checks if not check["ok"]] == []
    assert ran.status == 0


@pytest.fixture
def daraja(house: House) -> Iterator[str]:
    """`jua sandbox daraja --port 0` by itself; its address, as it prints it."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "juapesa.cli", "sandbox", "daraja", "--port", "0"],
        env={name: value for name, value in house.env.items() if not name.startswith("JUA_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    line = ""
    deadline = time.monotonic() + 30
    while not re.search(r"http://127\.0\.0\.1:\d+", line) and time.monotonic() < deadline:
        line = process.stdout.readline()
        assert line or process.poll() is None, "the sandbox ended"
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    yield found[0]
    process.send_signal(signal.SIGINT)
    assert process.wait(15) in {0, 130, -signal.SIGINT}
    process.stdout.close()


def test_an_operators_sandbox_starts_alone(daraja: str) -> None:
    for _ in range(50):
        try:
            answer = httpx.get(f"{daraja}/_sandbox/health", trust_env=False)
            break
        except httpx.TransportError:
            time.sleep(0.1)
    assert answer.json() == {"sandbox": "daraja", "ok": True}


def test_the_first_page_points_to_the_phone(house: House) -> None:
    page = httpx.get(house.url("API", "/"), trust_env=False)
    assert page.is_success
    assert f":{house.ports['USSD']}/phone" in page.text
    assert os.fspath(house.data_dir) not in page.text
