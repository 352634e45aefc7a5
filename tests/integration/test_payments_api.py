"""The API of programs against a real database, with a worker that carries payments out."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from juapesa.api import accounts, shapes
from juapesa.api.clients import REQUESTS_PER_MINUTE_MAX, Clients, Proof, Scope
from juapesa.api.payment_models import State, state_of
from juapesa.db import Database
from juapesa.ledger.engine.sealer import Sealer
from juapesa.ledger.engine.tree import link
from juapesa.transparency import liabilities
from juapesa.transparency.merkle import includes
from support.office import Office, open_office, slug


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    with open_office(database, tmp_path) as made:
        yield made


def send(payer: str, payee: str, amount: str = "1000.00") -> dict[str, Any]:
    return {
        "kind": "send",
        "payer": payer,
        "amount": {"amount": amount, "currency": "KES"},
        "to": {"phone": payee},
    }


def test_a_program_pays_across_a_border_and_follows_it_to_the_end(office: Office) -> None:
    program, house = office.program(), office.house
    payer, payee = house.phone(), house.phone("NG")
    quoted = program.post("/api/payments/initiate", send(payer, payee))
    assert (quoted.status_code, quoted.json()["state"]) == (201, "initiated")
    assert quoted.json()["via"] == "MTN MoMo"
    confirmed = program.post("/api/payments/confirm", {"token": quoted.json()["token"]})
    assert (confirmed.status_code, confirmed.json()["state"]) == (202, "processing")
    code = confirmed.json()["code"]
    house.live(code)
    shown = program.get(f"/api/payments/{code}")
    # The played chain writes no log, so the payment is complete and not settled.
    assert shown.json()["state"] == "completed"
    assert [step["name"] for step in shown.json()["steps"]] == ["confirmed", "collect", "chain", "payout"]
    assert payer[1:] not in shown.text
    assert payee[1:] not in shown.text
    assert len(house.moved(house.momo, "payout", payee)) == 1
    house.assert_square()


def test_the_same_key_and_body_give_the_first_answer_and_another_body_is_refused(office: Office) -> None:
    program, house = office.program(), office.house
    given = send(house.phone(), house.phone("NG"))
    first = program.post("/api/payments/initiate", given, "order-0001")
    again = program.post("/api/payments/initiate", given, "order-0001")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    other = program.post("/api/payments/initiate", {**given, "payer": house.phone()}, "order-0001")
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")
    token = first.json()["token"]
    elsewhere = program.post("/api/payments/confirm", {"token": token}, "order-0001")
    assert slug(elsewhere) == "idempotency-key-reused"
    assert office.program().post("/api/payments/initiate", given, "order-0001").json()["token"] != token
    assert office.payments() == 0


def test_twins_at_once_pay_once(office: Office) -> None:
    program, house = office.program(), office.house
    payer = house.phone()
    token = program.quote(send(payer, house.phone("NG")))

    def confirm(number: int) -> Response:
        key = "the-same-key" if number % 2 else f"another-key-{number}"
        return program.post("/api/payments/confirm", {"token": token}, key)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(confirm, range(8)))
    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["code"] for each in answers}) == 1
    assert office.payments() == 1
    house.live(answers[0].json()["code"])
    assert len(house.moved(house.mpesa, "collect", payer)) == 1
    house.assert_square()


def test_a_crash_before_the_commit_leaves_the_key_free_and_nothing_paid(office: Office) -> None:
    program, house = office.program(), office.house
    token = program.quote(send(house.phone(), house.phone("NG")))
    with house.db.unit_of_work() as uow:
        uow.execute("ALTER TABLE api.answer ADD CONSTRAINT cut CHECK (status IS NULL) NOT VALID")
    broken = program.post("/api/payments/confirm", {"token": token}, "order-0002")
    assert (broken.status_code, office.payments()) == (500, 0)
    with house.db.unit_of_work() as uow:
        uow.execute("ALTER TABLE api.answer DROP CONSTRAINT cut")
    assert program.post("/api/payments/confirm", {"token": token}, "order-0002").status_code == 202
    assert office.payments() == 1


def test_a_post_without_a_key_or_with_anything_unknown_in_it_is_refused(office: Office) -> None:
    program, house = office.program(), office.house
    given = send(house.phone(), house.phone("NG"))
    assert slug(program.post("/api/payments/initiate", given, "")) == "idempotency-key-missing"
    wrong = [
        {**given, "note": "x"},
        {**given, "amount": {"amount": 1000, "currency": "KES"}},
        {**given, "amount": {"amount": "1e3", "currency": "KES"}},
        {**given, "payer": "0712345678"},
        {**given, "to": None},
        {**given, "kind": "receive"},
        {**given, "kind": "convert", "to": {"currency": "USDC"}, "source": "rail"},
    ]
    for each in wrong:
        answer = program.post("/api/payments/initiate", each)
        assert (answer.status_code, slug(answer)) == (422, "invalid-input"), each
        assert given["payer"][1:] not in answer.text


def test_a_request_that_is_changed_late_or_replayed_is_not_let_in(office: Office) -> None:
    program, path = office.program(), "/api/payments/confirm"
    body = json.dumps({"token": "0" * 64}).encode()
    good = program.signed("POST", path, body, "order-0003")
    assert slug(office.http.post(path, content=body, headers=good)) == "unknown-payment"
    replayed = office.http.post(path, content=body, headers=good)
    assert (replayed.status_code, slug(replayed)) == (401, "not-authenticated")
    assert "www-authenticate" in replayed.headers
    late = program.signed("POST", path, body, "order-0003", ago=62)
    early = program.signed("POST", path, body, "order-0003", ago=-62)
    fresh = program.signed("POST", path, body, "order-0003")
    tampered = [
        (path, body, late),
        (path, body, early),
        (path, body + b" ", fresh),
        (path + "?x=1", body, fresh),
        ("/api/payments/refund", body, fresh),
        (path, body, {**fresh, "Idempotency-Key": "order-0004"}),
        (path, body, {**fresh, "Authorization": "Bearer " + program.known.client.id + ".x"}),
        (path, body, {**fresh, "Authorization": "Basic eDp5"}),
    ]
    for target, content, headers in tampered:
        assert office.http.post(target, content=content, headers=headers).status_code == 401, target


def test_a_bearer_token_does_what_its_scopes_allow_until_it_is_ended(office: Office) -> None:
    known = office.program(Scope.PAYMENTS_READ, proof=Proof.BEARER).known
    headers = {"Authorization": f"Bearer {known.secret}", "Idempotency-Key": "order-0005"}
    asked = office.http.get("/api/payments/0000000000", headers=headers)
    assert slug(asked) == "unknown-payment"
    refused = office.http.post("/api/payments/confirm", json={"token": "0" * 64}, headers=headers)
    assert (refused.status_code, slug(refused)) == (403, "scope-missing")
    parts = office.house.parts()
    with office.house.db.unit_of_work() as uow:
        Clients(parts.sealer, parts.clock).end(uow, known.client.id)
    assert office.http.get("/api/payments/0000000000", headers=headers).status_code == 401


def test_a_client_has_a_hundred_requests_a_minute_and_another_client_its_own(office: Office) -> None:
    known = office.program(proof=Proof.BEARER).known
    headers = {"Authorization": f"Bearer {known.secret}"}
    path = "/api/payments/0000000000"
    statuses = [
        office.http.get(path, headers=headers).status_code for _ in range(REQUESTS_PER_MINUTE_MAX + 1)
    ]
    assert statuses == [404] * REQUESTS_PER_MINUTE_MAX + [429]
    over = office.http.get(path, headers=headers)
    assert slug(over) == "too-many-requests"
    assert 1 <= int(over.headers["retry-after"]) <= 60
    assert office.program().get(path).status_code == 404


def test_a_client_sees_and_confirms_only_what_it_asked_for(office: Office) -> None:
    mine, other, house = office.program(), office.program(), office.house
    given = send(house.phone(), house.phone("NG"))
    stolen = other.post("/api/payments/confirm", {"token": mine.quote(given)})
    assert (stolen.status_code, slug(stolen)) == (404, "unknown-payment")
    code = mine.pay(given)
    assert other.get(f"/api/payments/{code}").status_code == 404
    assert slug(other.post("/api/payments/refund", {"code": code})) == "unknown-payment"


def test_only_a_client_of_that_person_spends_from_a_wallet(office: Office) -> None:
    house, payer = office.house, office.house.phone()
    owner, stranger = office.program(owner=payer), office.program()
    money = {"amount": "500.00", "currency": "KES"}
    filled = owner.pay({"kind": "receive", "payer": payer, "amount": money})
    house.live(filled)
    convert = {
        "kind": "convert",
        "payer": payer,
        "amount": {"amount": "300.00", "currency": "KES"},
        "to": {"currency": "USDC"},
    }
    assert slug(stranger.post("/api/payments/initiate", convert)) == "owners-only"
    foreign = {"kind": "receive", "payer": house.phone(), "amount": money}
    assert slug(owner.post("/api/payments/initiate", foreign)) == "owners-only"
    code = owner.pay(convert)
    house.live(code)
    assert owner.state(code) == "completed"
    kept = owner.post("/api/payments/refund", {"code": filled})
    assert (kept.status_code, slug(kept)) == (409, "not-refundable")
    assert "own wallet" in kept.json()["detail"]
    house.assert_square()


def test_a_refund_is_refused_with_the_reason_while_it_is_under_way_and_when_it_is_delivered(
    office: Office,
) -> None:
    program, house = office.program(), office.house
    code = program.pay(send(house.phone(), house.phone("NG")))
    assert "under way" in program.post("/api/payments/refund", {"code": code}).json()["detail"]
    house.live(code)
    late = program.post("/api/payments/refund", {"code": code}, "refund-0001")
    assert (late.status_code, slug(late)) == (409, "not-refundable")
    assert "only they" in late.json()["detail"]
    house.assert_square()


def test_a_payment_is_settled_once_its_log_entries_are_public(office: Office) -> None:
    receipt = office.house.parts().receipts
    program, house = office.program(), office.house
    code = program.pay(send(house.phone(), house.phone("NG")))
    house.live(code)
    with house.db.unit_of_work() as uow:
        found = receipt.receipt(uow, code)
    assert state_of(found) is State.COMPLETED
    logged = tuple(replace(each, leaf_indexes=(4,)) if each.name == "chain" else each for each in found.steps)
    assert state_of(replace(found, steps=logged)) is State.SETTLED


def test_an_owner_reads_accounts_entries_holds_and_a_statement(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, payer = office.house, office.house.phone()
    owner = office.program(owner=payer)
    for shillings in ("500.00", "300.00"):
        money = {"amount": shillings, "currency": "KES"}
        house.live(owner.pay({"kind": "receive", "payer": payer, "amount": money}))
    [account] = owner.get("/api/accounts").json()
    assert account["available"] == {"amount": "800.00", "currency": "KES"}
    path = f"/api/accounts/{account['id']}"
    newest = owner.get(f"{path}/entries?limit=1").json()
    assert newest["entries"][0]["change"] == {"amount": "300.00", "currency": "KES"}
    oldest = owner.get(f"{path}/entries?limit=1&cursor={newest['next']}").json()
    assert oldest["entries"][0]["after"] == {"amount": "500.00", "currency": "KES"}
    assert oldest["next"] is None
    lines = owner.get(f"{path}/statement.csv").text.splitlines()
    assert len(lines) == 3
    assert ",300.00,800.00,KES" in lines[1]
    monkeypatch.setattr(accounts, "STATEMENT_ENTRIES_MAX", 1)
    newer = owner.get(f"{path}/statement.csv")
    assert newer.headers["content-disposition"] == f'attachment; filename="statement-{account["id"]}.csv"'
    assert newer.text.splitlines() == lines[:2]
    older = owner.get(newer.links["next"]["url"])
    assert older.text.splitlines() == [lines[0], lines[2]]
    assert "link" not in older.headers
    convert = {
        "kind": "convert",
        "payer": payer,
        "amount": {"amount": "300.00", "currency": "KES"},
        "to": {"currency": "USDC"},
    }
    assert owner.get(f"{path}/holds").json() == []
    code = owner.pay(convert)
    [held] = owner.get(f"{path}/holds").json()
    assert held["amount"]["currency"] == "KES"
    house.live(code)
    assert slug(office.program(owner=house.phone()).get(f"{path}/entries")) == "no-such-account"
    assert slug(office.program().get("/api/accounts")) == "owners-only"
    house.assert_square()


def test_whoever_has_a_receipts_code_can_check_that_its_bookings_are_sealed(office: Office) -> None:
    program, house = office.program(), office.house
    code = program.pay(send(house.phone(), house.phone("NG")))
    assert office.http.get(f"/api/receipts/{code}").json()["ledger_rows"] == []
    house.live(code)
    rows = office.http.get(f"/api/receipts/{code}").json()["ledger_rows"]
    # Collected; fee and exchange as three lines; the payout's hold and its capture.
    assert len(rows) == 1 + 3 + 2
    assert slug(office.http.get(f"/api/receipts/{code}/proofs")) == "unknown-transfer"
    Sealer(house.db).run()
    proofs = office.http.get(f"/api/receipts/{code}/proofs").json()["rows"]
    assert [each["row"] for each in proofs] == rows
    for each in proofs:
        leaf, root, chain = (bytes.fromhex(each[name]) for name in ("leaf", "root", "chain"))
        path = [bytes.fromhex(node) for node in each["path"]]
        assert includes(leaf, each["index"], each["leaves"], path, root)
        assert link(bytes.fromhex(each["before"]), each["batch"], each["leaves"], root) == chain
        assert "image" not in each, "it would show balances"
    page = office.http.get(f"/p/{code}").text
    assert f"/api/receipts/{code}/proofs" in page
    house.assert_square()


def test_a_person_reads_the_proof_that_they_are_counted(office: Office) -> None:
    house, payer = office.house, office.house.phone()
    owner = office.program(owner=payer)
    assert slug(owner.get("/api/accounts/liabilities")) == "no-statement"
    money = {"amount": "500.00", "currency": "KES"}
    house.live(owner.pay({"kind": "receive", "payer": payer, "amount": money}))
    parts, bound = house.parts(), Sealer(house.db).settle()
    assert bound is not None
    with house.db.unit_of_work() as uow:
        liabilities.make(uow, bound, parts.keystore.secret(liabilities.KEY_NAME))
    told = owner.get("/api/accounts/liabilities").json()
    assert told["amounts"] == [50_000]
    assert liabilities.is_counted(told)
    [published] = office.http.get("/api/transparency/liabilities").json()
    assert published.items() <= told.items()
    assert published["covered"] is True
    assert slug(office.program().get("/api/accounts/liabilities")) == "owners-only"


def test_a_stranger_hears_that_they_are_one_and_nothing_else(office: Office) -> None:
    for path in ("initiate", "confirm", "refund"):
        answer = office.http.post(f"/api/payments/{path}", json={"kind": "nothing"})
        assert (answer.status_code, slug(answer)) == (401, "not-authenticated")
    for path in ("api/payments/initiate", "attesters/requests/1/signature", "attesters/requests/1/refusal"):
        for body in (b"", b"{", b'{"kind": "nothing"}'):
            answer = office.http.post(f"/{path}", content=body, headers={"content-type": "application/json"})
            assert answer.status_code in {401, 403}, (path, body, answer.text)


def test_a_body_that_cannot_be_read_is_refused_in_words_without_what_was_sent(office: Office) -> None:
    program, path = office.program(owner=office.house.phone()), "/api/payments/initiate"

    def refused(body: bytes, kind: str = "application/json") -> tuple[int, str, str]:
        answer = program.post_raw(path, body, kind)
        return answer.status_code, slug(answer), str(answer.json()["detail"])

    assert refused(b"kind=send", "text/plain")[:2] == (415, "unsupported-media-type")
    status, name, detail = refused(b'{"kind": "send", "secret"')
    assert (status, name) == (422, "invalid-input")
    assert detail == "The request cannot be read: body: is not JSON."
    assert refused(b"[1]")[2] == "The request cannot be read: body: a JSON object is needed."
    assert "kind: Input should be 'send', 'receive' or 'convert'" in refused(b'{"kind": "secret"}')[2]
    assert "secret" not in refused(b'{"kind": "secret", "payer": "secret", "secret": "secret"}')[2]
    unreadable = refused(json.dumps(send("0712345678", "+254712345678", "1,000")).encode())[2]
    assert "payer: a phone number with + and the country's code is needed" in unreadable
    assert "amount.amount: an amount is needed in digits with a decimal point" in unreadable
    entries = slug(answer := program.get("/api/accounts/1/entries?limit=0"))
    assert entries == "invalid-input"
    assert answer.json()["detail"].endswith("limit: Input should be greater than or equal to 1.")


def test_every_pattern_of_the_api_has_words_for_a_refusal(office: Office) -> None:
    described = json.dumps(office.http.get("/api/openapi.json").json())
    patterns = {json.loads(f'"{each}"') for each in re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', described)}
    assert len(patterns) >= 5
    assert patterns <= set(shapes.IN_WORDS)
