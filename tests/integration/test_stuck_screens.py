"""What is stuck, as operators see it: by program, in a browser, on the command line, in `jua doctor`."""

import base64
import json
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from juapesa import cli
from juapesa.api.app import build_app
from juapesa.api.clients import Clients, Proof, Scope
from juapesa.api.ports import CallbackDesk
from juapesa.api.programs import program_routes
from juapesa.assembly import Parts
from juapesa.cli import pay
from juapesa.cli._checks import examine
from juapesa.db import Database
from support.books import assert_books_verify
from support.payments_house import House, payments_house
from support.stuck_payments import history, stand_still, stuck, work_until


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


@pytest.fixture
def standing(house: House) -> tuple[House, str, str]:
    """A house with one stuck collection: its code, and its payer's number."""
    payer = house.phone()
    house.mpesa.fault("collect", "late", phone=payer[1:], seconds=30)
    code = house.fill(payer, 500).code
    work_until(house, lambda: "collect pending" in history(house, code))
    stand_still(house)
    return house, code, payer


@contextmanager
def served(parts: Parts) -> Iterator[TestClient]:
    desk = CallbackDesk(parts.urls, parts.inbox, {})
    app = build_app(parts.settings, parts.db, parts.receipts, desk, program_routes(parts))
    with TestClient(app, raise_server_exceptions=False) as http:
        yield http


def test_operators_see_what_is_stuck_by_program_and_by_browser_and_nobody_else_does(
    standing: tuple[House, str, str],
) -> None:
    house, code, payer = standing
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        clients = Clients(parts.sealer, parts.clock)
        ours = clients.add(uow, "desk", [Scope.OPERATIONS_READ], Proof.BEARER).secret
        theirs = clients.add(uow, "shop", [Scope.PAYMENTS_READ], Proof.BEARER).secret
    with served(parts) as http:
        told = http.get("/api/ops/stuck", headers={"Authorization": f"Bearer {ours}"})
        [leg] = told.json()
        assert (leg["code"], leg["kind"], leg["choices"]) == (code, "collect", ["try-again", "give-up"])
        for lang, word in (("en", "Payments that need a person"), ("sw", "Malipo yanayohitaji mtu")):
            page = http.get(f"/ops/stuck?lang={lang}", headers=basic("anybody", ours))
            assert page.status_code == 200
            assert word in page.text
            assert f'href="/p/{code}"' in page.text
            assert "<script" not in page.text
            assert payer[1:] not in page.text + told.text
        turned_away = http.get("/ops/stuck")
        assert turned_away.status_code == 401
        assert turned_away.headers["www-authenticate"].startswith("Basic ")
        assert code not in turned_away.text
        for headers in (basic("desk", "cl_0.wrong"), {"Authorization": "Basic ###"}):
            assert http.get("/ops/stuck", headers=headers).status_code == 401
        for path in ("/ops/stuck", "/api/ops/stuck"):
            assert http.get(path, headers={"Authorization": f"Bearer {theirs}"}).status_code == 403
        assert http.get("/api/ops/stuck").status_code == 401


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_doctor_names_the_first_payment_that_needs_a_person(
    standing: tuple[House, str, str],
) -> None:
    house, code, _ = standing
    settings = house.settings.model_copy(update={"database_url": SecretStr(house.db._pool.conninfo)})
    [found] = [each for each in examine(settings) if each.name == "payments"]
    assert (found.ok, found.detail) == (False, f"1 need a person, the first is {code}")
    assert "jua pay stuck" in found.advice


def assembling(house: House) -> Callable[..., AbstractContextManager[Parts]]:
    """What the command line assembles: the house's own parts."""

    @contextmanager
    def assembled(*, name: str) -> Iterator[Parts]:
        yield house.parts()

    return assembled


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(["pay", *arguments])
    said = capsys.readouterr()
    return int(str(ended.value.code)), said.out, said.err


def test_an_operator_sees_and_releases_from_the_command_line(
    standing: tuple[House, str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house, code, payer = standing
    monkeypatch.setattr(pay, "assemble", assembling(house))

    def jua(*arguments: str) -> tuple[int, str, str]:
        told = command(capsys, *arguments)
        assert payer[1:] not in told[1] + told[2]
        return told

    status, out, _ = jua("stuck", "--json")
    assert status == 0
    [leg] = json.loads(out)["stuck"]
    assert (leg["code"], leg["seq"], leg["state"]) == (code, 0, "pending")
    status, out, err = jua("stuck")
    assert f"{code}  leg 0  collect pending" in out
    assert err == "1 stuck\n"
    monkeypatch.setenv("LOGNAME", "somebody-else")  # a word of the environment proves nothing
    user = pwd.getpwuid(os.getuid()).pw_name
    order = ("release", code, "--leg", "0", "--because", "the customer has left")
    status, out, err = jua(*order, "--decision", "noted")
    assert (status, out) == (2, "")
    assert "not-safe" in err
    status, out, _ = jua(*order, "--decision", "give-up", "--json")
    first = json.loads(out)
    assert (status, first["decision"]) == (0, "give-up")
    assert (first["by"], first["machine_user"], first["proven"]) == (user, user, False)
    status, out, _ = jua(*order, "--decision", "give-up", "--json")
    assert json.loads(out) == first
    assert house.status(code) == "failed"
    status, _, err = jua("release", code, "--leg", "0", "--because", "again")
    assert status == 2
    assert "not-stuck" in err


def test_what_takes_two_people_takes_two_tokens(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "late", phone=payee[1:], seconds=60)
    code = house.send(payer, payee, 1_000).code
    house.live_until(code, "pending")
    stand_still(house)
    [leg] = stuck(house)
    monkeypatch.setattr(pay, "assemble", assembling(house))
    parts = house.parts()
    with house.db.unit_of_work() as uow:
        clients = Clients(parts.sealer, parts.clock)
        amina, baraka = (
            clients.add(uow, name, [Scope.OPERATIONS_DECIDE], Proof.BEARER).secret
            for name in ("Amina", "Baraka")
        )
        reader = clients.add(uow, "desk", [Scope.OPERATIONS_READ], Proof.BEARER).secret

    def states(token: str) -> tuple[int, str, str]:
        monkeypatch.setenv(pay.TOKEN, token)
        order = ("release", code, "--leg", str(leg.seq), "--decision", "not-paid", "--json")
        return command(capsys, *order, "--because", "their letter 17")

    assert "not-authenticated" in states("cl_0.wrong")[2]
    assert "scope-missing" in states(reader)[2]
    first = json.loads(states(amina)[1])
    assert (first["by"], first["proven"], first["acted"]) == ("Amina", True, False)
    assert json.loads(states(amina)[1]) == first
    second = json.loads(states(baraka)[1])
    assert (second["by"], second["acted"]) == ("Baraka", True)
    house.live(code)
    assert house.status(code) == "refunded"
    assert_books_verify(house.db)
