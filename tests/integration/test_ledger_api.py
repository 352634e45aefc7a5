"""Programs of the house book over HTTP through the shared writer: what they may, and what becomes of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from httpx import Response

from juapesa.api import ledger_rules
from juapesa.api.clients import Proof, Scope
from juapesa.api.ledger_accounts import NewKind, OpenKind
from juapesa.config import ledger_socket
from juapesa.db import Database
from juapesa.ledger import AccountKind, Ledger, Transfer
from juapesa.ledger.engine.orders import ORDERS_MAX, WireOrder
from juapesa.money import KES, Money
from support.books import assert_books_verify
from support.office import Office, Program, open_office, slug
from support.postgres import PostgresForTests
from support.writer import WriterProcess

PATH = "/api/ledger/orders"


@dataclass
class Desk:
    """The office with a writer behind it, a program that may book, and accounts."""

    office: Office
    writer: WriterProcess
    program: Program
    promotional: int
    wallet: int
    float_account: int

    def line(self, amount: int = 5, **changed: Any) -> dict[str, Any]:
        line = {"debit": self.promotional, "credit": self.wallet, "amount": amount, "currency": "KES"}
        return line | {"code": "house:prize"} | changed

    def post(self, key: str, amount: int = 5, **changed: Any) -> dict[str, Any]:
        return {"do": "post", "key": key, "lines": [self.line(amount, **changed)]}

    def send(self, given: Any) -> Response:
        return self.program.post(PATH, given)


@pytest.fixture(scope="module")
def desk(
    postgres: PostgresForTests, module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    ledger = Ledger()
    with open_office(module_database, tmp_path_factory.mktemp("ledger-api")) as office:
        with module_database.unit_of_work() as uow:
            row = uow.one("SELECT current_database() AS name")
            promotional = ledger.account(uow, AccountKind.PROMOTIONAL, "", KES)
            wallet = ledger.account(uow, AccountKind.WALLET, "4711", KES)
            float_account = ledger.account(uow, AccountKind.FLOAT, "mpesa-ke", KES)
            ledger.post(
                uow, "promised", [Transfer(float_account, promotional, Money(100_000, KES), "opening")]
            )
        assert row is not None
        socket = ledger_socket(office.house.parts().settings)
        writer = WriterProcess(postgres.server.url(row["name"]), socket.parent)
        try:
            writer.ready("--shared", "--queue", "300")
            program = office.program(Scope.LEDGER_WRITE)
            yield Desk(office, writer, program, promotional, wallet, float_account)
        finally:
            writer.stop_all()
        assert_books_verify(module_database)


def test_an_order_is_booked_repeated_and_refused_as_at_the_writers_own_door(desk: Desk) -> None:
    first = desk.send(desk.post("house:a"))
    assert first.status_code == 200
    assert first.json()["repeated"] is False
    again = desk.send(desk.post("house:a"))
    assert again.json() == {**first.json(), "repeated": True}
    assert (desk.send(desk.post("house:a", 6)).status_code, slug(desk.send(desk.post("house:a", 6)))) == (
        422,
        "key-reused",
    )
    assert slug(desk.send(desk.post("house:b", 10**9))) == "limit-exceeded"
    assert slug(desk.send(desk.post("house:c", credit=10**12))) == "unknown-account"
    listed = desk.send([desk.post("house:d"), desk.post("house:a"), desk.post("house:e", 10**9)])
    assert listed.status_code == 200
    assert [each.get("slug") for each in listed.json()] == [None, None, "limit-exceeded"]


def test_a_bearer_books_too_and_others_do_not(desk: Desk) -> None:
    known = desk.office.program(Scope.LEDGER_WRITE, proof=Proof.BEARER).known
    http, body = desk.office.http, json.dumps(desk.post("house:bearer")).encode()
    assert http.post(PATH, content=body, headers={"Authorization": f"Bearer {known.secret}"}).is_success
    assert slug(http.post(PATH, content=body)) == "not-authenticated"
    assert slug(desk.office.program(Scope.PAYMENTS_WRITE).post(PATH, desk.post("house:f"))) == "scope-missing"
    owned = desk.office.program(Scope.LEDGER_WRITE, owner=desk.office.house.phone())
    assert slug(owned.post(PATH, desk.post("house:f"))) == "house-only"


def test_what_payments_rest_on_is_closed_to_programs(desk: Desk) -> None:
    """Their accounts, their keys, their codes, and the rows that they booked; a list is refused whole."""
    ledger = Ledger()
    with desk.office.house.db.unit_of_work() as uow:
        money = Transfer(desk.promotional, desk.wallet, Money(7, KES), "convert")
        hold = ledger.hold(uow, "a-payment", money, datetime.now(UTC) + timedelta(hours=1))
    refused = [
        desk.post("house:g", debit=desk.float_account),
        desk.post("house:g", credit=desk.float_account),
        desk.post("opening/mpesa-ke"),
        desk.post("house:g", code="fee"),
        {"do": "capture", "key": "house:g", "hold": hold.id},
        {"do": "release", "key": "house:g", "hold": hold.id},
        {"do": "reverse", "key": "house:g", "transfer": hold.id, "code": "house:correction"},
        {
            "do": "hold",
            "key": "house:g",
            **desk.line(debit=desk.float_account),
            "expires_at": "2036-01-01T00:00:00Z",
        },
        {"do": "reverse", "key": "house:g", "transfer": 5},
    ]
    for order in refused:
        answer = desk.send(order)
        assert (answer.status_code, slug(answer)) == (403, "not-open-to-programs"), order
        listed = desk.send([desk.post("house:good"), order])
        assert slug(listed) == "not-open-to-programs"
        assert "Order 2" in listed.json()["detail"]
    with desk.office.house.db.unit_of_work() as uow:
        ledger.release(uow, "a-payment-ends", hold.id)
    assert not desk.send(desk.post("house:good")).json()["repeated"], "none of the lists was booked in part"


@pytest.mark.parametrize("kind", sorted(set(AccountKind) - ledger_rules.OPEN))
def test_every_kind_that_is_not_named_is_closed(desk: Desk, kind: AccountKind) -> None:
    with desk.office.house.db.unit_of_work() as uow:
        number = Ledger().account(uow, kind, "closed", KES)
    program = desk.office.program(Scope.LEDGER_WRITE)
    assert slug(program.post(PATH, desk.post("house:kind", credit=number))) == "not-open-to-programs"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "length >= 1"),
        (b'{"do":"expire","key":"house:x","hold":5}', "`$.do`"),
        (b'{"do":"post","key":"house:x","lines":[{"debit":"SECRET"}]}', "$.lines[0].debit"),
        (b'{"do":"SECRET"}', "`$.do`"),
    ],
)
def test_nonsense_is_told_where_it_is_wrong_and_never_repeated(desk: Desk, body: bytes, detail: str) -> None:
    answer = desk.program.post_raw(PATH, body, "application/json")
    assert (answer.status_code, slug(answer)) == (422, "invalid-input")
    assert detail in answer.json()["detail"]
    assert "SECRET" not in answer.text


ACCOUNTS = "/api/ledger/accounts"


def test_a_program_finds_and_opens_the_accounts_that_it_books_between(desk: Desk) -> None:
    wanted = {"kind": "escrow", "owner": "house:lottery", "currency": "KES"}
    opened = desk.program.post(ACCOUNTS, wanted)
    assert (opened.status_code, desk.program.post(ACCOUNTS, wanted).json()) == (200, opened.json())
    number = opened.json()["id"]
    assert opened.json() == {**wanted, "id": number, "posted": 0, "held": 0, "available": 0, "incoming": 0}
    assert desk.send(desk.post("house:stake", 40, credit=number)).is_success
    found = desk.program.get(f"{ACCOUNTS}?kind=escrow&owner=house:lottery").json()
    assert [(each["id"], each["posted"]) for each in found["accounts"]] == [(number, 40)]
    [promotional] = desk.program.get(f"{ACCOUNTS}?kind=promotional&currency=KES").json()["accounts"]
    assert promotional["id"] == desk.promotional
    assert desk.program.get(f"{ACCOUNTS}?kind=promotional&currency=NGN").json()["accounts"] == []


def test_accounts_are_listed_a_page_at_a_time_and_each_once(desk: Desk) -> None:
    made = [
        desk.program.post(ACCOUNTS, {"kind": "group", "owner": f"house:{n}", "currency": "KES"}).json()["id"]
        for n in range(5)
    ]
    listed, path = [], f"{ACCOUNTS}?kind=group&limit=2"
    page = desk.program.get(path).json()
    while page["next"] is not None:
        listed += page["accounts"]
        page = desk.program.get(f"{path}&cursor={page['next']}").json()
    assert [each["id"] for each in listed + page["accounts"]] == made


@pytest.mark.parametrize("kind", sorted(set(AccountKind) - ledger_rules.OPEN))
def test_no_account_that_payments_rest_on_is_shown_or_opened(desk: Desk, kind: AccountKind) -> None:
    assert slug(desk.program.get(f"{ACCOUNTS}?kind={kind}")) == "invalid-input"
    asked = {"kind": kind, "owner": "house:x", "currency": "KES"}
    assert slug(desk.program.post(ACCOUNTS, asked)) == "invalid-input"


@pytest.mark.parametrize(
    ("changed", "status", "wanted"),
    [
        ({"kind": "wallet"}, 422, "invalid-input"),
        ({"owner": "4711"}, 422, "invalid-input"),
        ({"owner": "house:" + "x" * 80}, 422, "invalid-input"),
        ({"owner": "house:a b"}, 422, "invalid-input"),
        ({"currency": "XXX"}, 422, "unknown-currency"),
        ({"floor": -1}, 422, "invalid-input"),
    ],
)
def test_an_account_that_is_not_a_programs_to_open_is_refused(
    desk: Desk, changed: dict[str, Any], status: int, wanted: str
) -> None:
    asked = {"kind": "escrow", "owner": "house:refused", "currency": "KES"} | changed
    answer = desk.program.post(ACCOUNTS, asked)
    assert (answer.status_code, slug(answer)) == (status, wanted)
    assert desk.program.get(f"{ACCOUNTS}?kind=escrow&owner=house:refused").json()["accounts"] == []


def test_accounts_are_for_programs_of_the_house_alone(desk: Desk) -> None:
    owned = desk.office.program(Scope.LEDGER_WRITE, owner=desk.office.house.phone())
    for answer in (
        owned.get(f"{ACCOUNTS}?kind=escrow"),
        owned.post(ACCOUNTS, {"kind": "escrow", "owner": "house:mine", "currency": "KES"}),
    ):
        assert (answer.status_code, slug(answer)) == (403, "house-only")
    other = desk.office.program(Scope.ACCOUNTS_READ)
    assert slug(other.get(f"{ACCOUNTS}?kind=escrow")) == "scope-missing"


def test_the_kinds_that_are_described_are_those_that_are_open() -> None:
    assert set(get_args(OpenKind)) == set(map(str, ledger_rules.OPEN))
    assert set(get_args(NewKind)) == set(get_args(OpenKind)) - {"wallet"}


def test_the_examples_of_accounts_have_their_form(desk: Desk) -> None:
    described = desk.office.http.get("/api/openapi.json").json()["paths"][ACCOUNTS]
    asked = {"kind": "escrow", "owner": "house:form", "currency": "KES"}
    answers = {
        "post": desk.program.post(ACCOUNTS, asked),
        "get": desk.program.get(f"{ACCOUNTS}?kind=escrow&limit=1"),
    }
    for method, answer in answers.items():
        shown = described[method]["responses"]["200"]["content"]["application/json"]["example"]
        assert _form(answer.json()) == _form(shown), method


def test_a_full_queue_is_handed_on_with_a_time_to_come_back(desk: Desk) -> None:
    answer = desk.office.program(Scope.LEDGER_WRITE).post(
        PATH, [desk.post(f"house:full-{number}", 1) for number in range(301)]
    )
    assert (answer.status_code, slug(answer), answer.headers["retry-after"]) == (429, "ledger-busy", "1")


def test_without_a_writer_it_is_503_and_the_same_order_may_be_sent_again(desk: Desk) -> None:
    program = desk.office.program(Scope.LEDGER_WRITE)
    desk.writer.stop_all()
    answer = program.post(PATH, desk.post("house:down"))
    assert (answer.status_code, slug(answer), answer.headers["retry-after"]) == (503, "ledger-down", "1")
    desk.writer.ready("--shared", "--queue", "300")
    assert program.post(PATH, desk.post("house:down")).json()["repeated"] is False


def test_every_example_of_the_description_is_true_of_the_application(desk: Desk) -> None:
    operation = desk.office.http.get("/api/openapi.json").json()["paths"][PATH]["post"]
    assert operation["security"] == [{"signature": []}, {"bearer": []}]
    content = operation["requestBody"]["content"]["application/json"]
    shown = operation["responses"]["200"]["content"]["application/json"]["examples"]
    program = desk.office.program(Scope.LEDGER_WRITE)
    rows: dict[str, int] = {}
    for name, example in content["examples"].items():
        text = json.dumps(example["value"])
        for wanted, real in {
            '"debit": 31': f'"debit": {desk.promotional}',
            '"credit": 15': f'"credit": {desk.wallet}',
        }.items():
            text = text.replace(wanted, real)
        text = text.replace(
            "29418957493503232", str(rows.get({"capture": "hold", "reverse": "one"}.get(name, ""), 0))
        )
        answer = program.post(PATH, json.loads(text))
        assert answer.status_code == 200, (name, answer.text)
        if name in shown:
            assert _form(answer.json()) == _form(shown[name]["value"])
        else:
            assert _form(answer.json()) == _form(shown["one"]["value"])
        if isinstance(answer.json(), dict):
            rows[name] = answer.json()["rows"][0]["id"]
    assert set(operation["responses"]) == {"200", "401", "403", "404", "409", "422", "429", "503"}


def _form(value: Any) -> Any:
    """What is there, and of which kind."""
    if isinstance(value, dict):
        return {name: _form(each) for name, each in value.items()}
    return [_form(each) for each in value] if isinstance(value, list) else type(value)


def test_the_description_is_the_one_that_orders_are_read_by(desk: Desk) -> None:
    """The published schema is the structs': their tags, properties, bounds and required names."""
    operation = desk.office.http.get("/api/openapi.json").json()["paths"][PATH]["post"]
    one, many = operation["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    published = {each["properties"]["do"]["enum"][0]: each for each in one["anyOf"]}
    for struct in get_args(WireOrder):
        shown = published.pop(struct.__struct_config__.tag)
        fields = msgspec.structs.fields(struct)
        assert shown["properties"].keys() - {"do"} == {each.name for each in fields}
        assert set(shown["required"]) - {"do"} == {each.name for each in fields if each.required}
        assert _bounds(shown) == _bounds(_referenced(struct))
    assert not published
    assert (many["items"], many["minItems"], many["maxItems"]) == (one, 1, ORDERS_MAX)


def _referenced(struct: type) -> Any:
    """A struct's schema with what it refers to."""
    [shown], parts = msgspec.json.schema_components([struct], ref_template="{name}")
    return json.loads(
        re.sub(r'{"\$ref": "(\w+)"}', lambda at: json.dumps(parts[at[1]]), json.dumps(parts[shown["$ref"]]))
    )


def _bounds(schema: Any) -> Any:
    """A schema without its words; numbers as FastAPI writes them."""
    if isinstance(schema, dict):
        words = {"title", "description", "default"}
        return {name: _bounds(each) for name, each in schema.items() if name not in words}
    if isinstance(schema, list):
        return [_bounds(each) for each in schema]
    return float(schema) if isinstance(schema, int) else schema
