"""Payments that stand still are seen and released; one that breaks at every touch stops no other."""

import asyncio
import base64
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from juapesa import cli
from juapesa.api.app import build_app
from juapesa.api.clients import Clients, Proof, Scope
from juapesa.api.ports import CallbackDesk
from juapesa.api.programs import program_routes
from juapesa.assembly import Parts, build_parts
from juapesa.cli import pay
from juapesa.cli._checks import examine
from juapesa.db import Database
from juapesa.errors import InvalidInput, JuaError
from juapesa.payments.callbacks import TRIES_MAX, Callbacks
from juapesa.payments.decisions import Decision
from juapesa.payments.errors import NotSafe, NotStuck, UnknownPayment
from juapesa.payments.saga import ANOTHER_AMOUNT, CallOperator, LegKind
from juapesa.payments.stuck import StuckLeg
from juapesa.payments.stuck_store import Release
from juapesa.payments.stumbles import STUMBLES_MAX
from juapesa.rails.ports import CallbackNews, PayoutOrder, Rail, RailAnswer
from juapesa_agents.common.options import Options
from juapesa_agents.settler import Settler
from support.books import assert_books_verify
from support.payments_house import DEPLOYMENT, House, payments_house

SECONDS_MAX = 20.0
POISON = b"poison"


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with payments_house(database, tmp_path) as made:
        yield made


@dataclass
class Brittle:
    """A rail whose adapter breaks on the payouts to some numbers, before the operator hears of them, and on
    one callback."""

    inner: Rail
    numbers: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def payout(self, order: PayoutOrder) -> RailAnswer:
        if order.phone in self.numbers:
            raise KeyError(order.phone)
        return await self.inner.payout(order)

    def parse_callback(self, kind: str, body: bytes) -> CallbackNews:
        if body == POISON:
            raise KeyError("status")
        return self.inner.parse_callback(kind, body)


def work_until(house: House, true: Callable[[], object], breaks_on: frozenset[str] = frozenset()) -> None:
    """A settler that works until this holds; it raises nothing."""

    async def work() -> None:
        parts = build_parts(house.settings, "", house.db, DEPLOYMENT)
        brittle: Any = Brittle(parts.rails["momo-ng"], set(breaks_on))
        rails = {**parts.rails, "momo-ng": brittle}
        work = replace(parts.work, rails=rails)
        parts = replace(parts, work=work, callbacks=Callbacks(rails, work))
        settler = Settler(parts, house.texts, Options(once=True, dry_run=False, number=1))
        try:
            async with asyncio.timeout(SECONDS_MAX):
                while not true():
                    await settler.tick()
                    house.play_chain()
                    await asyncio.sleep(0.01)
        finally:
            await parts.rails.close()

    asyncio.run(work())


def stuck(house: House) -> list[StuckLeg]:
    with house.db.unit_of_work() as uow:
        return house.parts().stuck.stuck(uow)


def stuck_leg(house: House, code: str) -> StuckLeg | None:
    return next((each for each in stuck(house) if each.code == code), None)


def release(
    house: House,
    code: str,
    seq: int,
    decision: Decision = Decision.TRY_AGAIN,
    because: str = "it is mended",
    by: str = "operations",
) -> Release:
    with house.db.unit_of_work() as uow:
        return house.parts().stuck.release(uow, code, seq, decision, by=by, because=because)


def stand_still(house: House) -> None:
    """As if everything under way had been so for an hour."""
    with house.db.unit_of_work() as uow:
        uow.execute(
            "UPDATE payments.leg SET asked_at = now() - interval '1 hour'"
            " WHERE state IN ('due', 'asking', 'pending', 'unknown')"
        )


def history(house: House, code: str) -> list[str]:
    with house.db.unit_of_work() as uow:
        return [each.name for each in house.parts().receipts.trace(uow, code)]


def test_a_payment_that_breaks_every_time_is_parked_and_the_others_go_on(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    payer, cursed, blessed = house.phone(), house.phone("NG"), house.phone("NG")
    poison = house.send(payer, cursed, 700).code
    work_until(house, lambda: stuck_leg(house, poison), frozenset({cursed}))
    others = [house.send(house.phone(), blessed, 500 + each).code for each in range(3)]
    work_until(house, lambda: all(house.status(each) == "completed" for each in others), frozenset({cursed}))
    [found] = stuck(house)
    assert (found.code, found.kind, found.next_at) == (poison, LegKind.PAYOUT, None)
    assert found.last_word == "bug-KeyError"
    assert found.reason == f"parked: its payout stumbled {STUMBLES_MAX} times, last over bug-KeyError"
    assert history(house, poison).count("payout stumbled") == STUMBLES_MAX
    assert "bug-KeyError at test_stuck_payments.py" in caplog.text
    assert cursed[1:] not in caplog.text  # what was raised held the number
    release(house, poison, found.seq)
    work_until(house, lambda: house.status(poison) == "completed")
    assert stuck(house) == []
    assert len(house.moved(house.momo, "payout", cursed)) == 1
    house.assert_square()


def test_a_callback_that_breaks_every_time_is_given_up_and_the_others_go_on(house: House) -> None:
    reference = str(uuid.uuid4())
    with house.db.unit_of_work() as uow:
        house.parts().inbox.record(uow, "momo-ng", "collect", reference, POISON)

    def poison() -> dict[str, Any]:
        with house.db.unit_of_work() as uow:
            [row] = uow.all(
                "SELECT state, attempts, why FROM rails.callback WHERE reference = %s", (reference,)
            )
        return row

    code = house.send(house.phone(), house.phone("NG"), 500).code
    work_until(house, lambda: house.status(code) == "completed" and poison()["state"] != "new")
    assert poison() == {
        "state": "given-up",
        "attempts": TRIES_MAX,
        "why": f"stumbled {TRIES_MAX} times: bug-KeyError",
    }
    house.assert_square()


def test_a_silent_payout_is_never_given_up_on_and_is_asked_about_at_once_when_released(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "late", phone=payee[1:], count=1, seconds=3)
    code = house.send(payer, payee, 1_000).code
    house.live_until(code, "pending")
    stand_still(house)
    found = stuck_leg(house, code)
    assert found is not None
    assert found.choices == (Decision.TRY_AGAIN, Decision.PAID, Decision.NOT_PAID)
    with pytest.raises(NotSafe, match="try-again"):
        release(house, code, found.seq, Decision.GIVE_UP)
    with house.db.unit_of_work() as uow:
        uow.execute("UPDATE payments.leg SET next_at = now() + interval '1 hour' WHERE kind = 'payout'")
    release(house, code, found.seq)
    found = stuck_leg(house, code)
    assert found is not None
    assert found.next_at is not None
    assert found.next_at <= house.parts().clock.now() + timedelta(seconds=1)
    house.live(code)
    assert house.status(code) == "completed"
    assert len(house.moved(house.momo, "payout", payee)) == 1
    house.assert_square()


def test_a_payout_that_the_operator_keeps_refusing_to_take_can_be_given_up_and_is_paid_back(
    house: House,
) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "rate-limit", phone=payee[1:])
    code = house.send(payer, payee, 1_000).code
    work_until(house, lambda: "payout put off" in history(house, code))
    stand_still(house)
    found = stuck_leg(house, code)
    assert found is not None
    assert found.choices == (Decision.TRY_AGAIN, Decision.GIVE_UP)
    release(house, code, found.seq, Decision.GIVE_UP, "their service is closed for today")
    house.live(code)
    assert house.status(code) == "refunded"
    assert house.moved(house.momo, "payout", payee) == []
    assert house.moved(house.mpesa, "payout", payer) == house.moved(house.mpesa, "collect", payer)
    assert stuck_leg(house, code) is None
    house.assert_square()


@pytest.mark.parametrize(("decision", "end"), [(Decision.PAID, "completed"), (Decision.NOT_PAID, "refunded")])
def test_what_an_operator_states_counts_when_two_people_say_so(
    house: House, decision: Decision, end: str
) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "late", phone=payee[1:], seconds=60)
    code = house.send(payer, payee, 1_000).code
    house.live_until(code, "pending")
    stand_still(house)
    found = stuck_leg(house, code)
    assert found is not None
    first = release(house, code, found.seq, decision, "their letter 17", by="Amina")
    assert not first.acted
    assert release(house, code, found.seq, decision, "their letter 17", by="Amina") == first
    assert not release(house, code, found.seq, decision, "I am sure", by="Amina").acted  # still one person
    assert house.status(code) == "pending"
    other = Decision.NOT_PAID if decision is Decision.PAID else Decision.PAID
    assert not release(house, code, found.seq, other, "their letter 17", by="Baraka").acted  # not the same
    assert not release(house, code, found.seq, decision, "their letter 17", by="Amina").acted
    assert release(house, code, found.seq, decision, "their letter 17", by="Baraka").acted
    house.live(code)
    assert house.status(code) == end
    assert "release wanted" in history(house, code)
    assert stuck(house) == []
    assert_books_verify(house.db)


def test_a_collection_given_up_by_a_person_is_paid_back_when_it_succeeds_after_all(house: House) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "late", phone=payer[1:], count=1, seconds=2)
    code = house.fill(payer, 500).code
    work_until(house, lambda: "collect pending" in history(house, code))
    stand_still(house)
    found = stuck_leg(house, code)
    assert found is not None
    release(house, code, found.seq, Decision.GIVE_UP, "the customer asks for it")
    assert house.status(code) == "failed"
    with house.db.unit_of_work() as uow:
        uow.execute("UPDATE payments.leg SET next_at = now() + interval '2 seconds' WHERE state = 'failed'")
    work_until(house, lambda: house.status(code) == "refunded")
    assert house.wallet(payer).minor == 0
    house.assert_square()


def test_what_the_chain_refused_too_often_is_tried_once_more_when_released(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "reject", phone=payee[1:], count=1)
    house.refuse_chain = lambda orders: (
        orders["mint"] is not None and orders["mint"]["source"] == "payout_failed"
    )
    code = house.send(payer, payee, 1_000).code
    work_until(house, lambda: stuck_leg(house, code))
    found = stuck_leg(house, code)
    assert found is not None
    assert found.reason == "the chain refused the unwind 5 times"
    assert found.choices == (Decision.TRY_AGAIN,)
    house.refuse_chain = lambda _: False
    first = release(house, code, found.seq)
    assert release(house, code, found.seq) == first  # said twice, done once
    house.live(code)
    assert house.status(code) == "refunded"
    assert history(house, code).count("unwind started") == 6
    assert history(house, code).count("released") == 1
    house.assert_square()


def test_a_call_that_no_rule_would_repeat_stays_until_what_was_tried_again_has_ended(house: House) -> None:
    payer, payee = house.phone(), house.phone("NG")
    house.momo.fault("payout", "late", phone=payee[1:], count=1, seconds=2)
    code = house.send(payer, payee, 1_000).code
    house.live_until(code, "pending")
    with house.db.unit_of_work() as uow:
        [row] = uow.all("SELECT payment_id, seq FROM payments.leg WHERE kind = 'payout'")
        call = [CallOperator(ANOTHER_AMOUNT)]
        house.parts().work.execution.run(uow, row["payment_id"], row["seq"], call)
    release(house, code, row["seq"])
    found = stuck_leg(house, code)
    assert found is not None
    assert found.reason == ANOTHER_AMOUNT
    house.live(code)
    assert house.status(code) == "completed"
    assert stuck(house) == []
    house.assert_square()


def test_a_report_that_contradicts_an_end_is_called_out_until_somebody_has_dealt_with_it(
    house: House,
) -> None:
    code = house.fill(house.phone(), 500).code
    house.live(code)
    assert stuck(house) == []
    with house.db.unit_of_work() as uow:
        [row] = uow.all("SELECT payment_id FROM payments.leg WHERE kind = 'collect'")
        call = [CallOperator("a collect that ended done is now reported failed")]
        house.parts().work.execution.run(uow, row["payment_id"], 0, call)
    found = stuck_leg(house, code)
    assert found is not None
    assert (found.seq, found.choices) == (0, (Decision.NOTED,))
    with pytest.raises(NotSafe):
        release(house, code, 0)
    release(house, code, 0, Decision.NOTED, "their mistake, see their letter of today")
    assert stuck(house) == []
    house.assert_square()


@pytest.mark.parametrize(
    ("seq", "because", "refusal"),
    [
        (0, "no reason", NotStuck),
        (7, "no reason", NotStuck),
        (0, "call +254 713 000 001", InvalidInput),
        (0, "  ", InvalidInput),
        (0, "x" * 301, InvalidInput),
    ],
)
def test_what_is_not_stuck_or_not_said_well_is_refused(
    house: House, seq: int, because: str, refusal: type[JuaError]
) -> None:
    code = house.fill(house.phone(), 500).code
    with pytest.raises(refusal):
        release(house, code, seq, because=because)
    with pytest.raises(UnknownPayment):
        release(house, "0000000000", seq)
    assert "released" not in history(house, code)


def test_what_was_decided_stays_on_record(house: House) -> None:
    payer = house.phone()
    house.mpesa.fault("collect", "late", phone=payer[1:], seconds=30)
    code = house.fill(payer, 500).code
    work_until(house, lambda: "collect pending" in history(house, code))
    stand_still(house)
    release(house, code, 0, because="asked by  support")
    with house.db.unit_of_work() as uow:
        [row] = uow.all("SELECT decision, by, because, acted FROM payments.release")
    assert tuple(row.values()) == ("try-again", "operations", "asked by support", True)
    with pytest.raises(psycopg.Error, match="append-only"), house.db.unit_of_work() as uow:
        uow.execute("DELETE FROM payments.release")


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


def test_an_operator_sees_and_releases_from_the_command_line(
    standing: tuple[House, str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house, code, payer = standing

    @contextmanager
    def assembled(*, name: str) -> Iterator[Parts]:
        yield house.parts()

    monkeypatch.setattr(pay, "assemble", assembled)

    def jua(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["pay", *arguments])
        said = capsys.readouterr()
        assert payer[1:] not in said.out + said.err
        return int(str(ended.value.code)), said.out, said.err

    status, out, _ = jua("stuck", "--json")
    assert status == 0
    [leg] = json.loads(out)["stuck"]
    assert (leg["code"], leg["seq"], leg["state"]) == (code, 0, "pending")
    status, out, err = jua("stuck")
    assert f"{code}  leg 0  collect pending" in out
    assert err == "1 stuck\n"
    order = ("release", code, "--leg", "0", "--because", "the customer has left", "--by", "desk")
    status, out, err = jua(*order, "--decision", "noted")
    assert (status, out) == (2, "")
    assert "not-safe" in err
    status, out, _ = jua(*order, "--decision", "give-up", "--json")
    first = json.loads(out)
    assert (status, first["decision"], first["by"]) == (0, "give-up", "desk")
    status, out, _ = jua(*order, "--decision", "give-up", "--json")
    assert json.loads(out) == first
    assert house.status(code) == "failed"
    status, _, err = jua("release", code, "--leg", "0", "--because", "again", "--by", "desk")
    assert status == 2
    assert "not-stuck" in err
