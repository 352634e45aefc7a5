"""What the description of the API shows is what the application does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from juapesa.db import Database
from juapesa.errors import JuaError
from juapesa.ledger.engine.sealer import Sealer
from juapesa.transparency import liabilities
from support.office import Office, open_office, slug
from support.stuck_payments import stand_still


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    with open_office(database, tmp_path) as made:
        yield made


def test_every_example_of_the_description_is_true_of_the_application(office: Office) -> None:
    program, house = office.program(), office.house
    described = office.http.get("/api/openapi.json").json()
    assert set(described["components"]["securitySchemes"]) == {"signature", "bearer"}
    found: dict[str, str] = {}
    for name in ("initiate", "confirm", "refund"):
        operation = described["paths"][f"/api/payments/{name}"]["post"]
        assert operation["security"] == [{"signature": []}, {"bearer": []}]
        for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
            given = {key: found.get(key, value) for key, value in example["value"].items()}
            answer = program.post(f"/api/payments/{name}", given)
            shown = operation["responses"][str(answer.status_code)]["content"]
            if name == "refund":
                assert (answer.status_code, slug(answer)) == (409, "not-refundable")
                continue
            assert answer.json().keys() == shown["application/json"]["example"].keys()
            if name == "confirm":
                assert answer.json()["state"] == shown["application/json"]["example"]["state"]
            found |= {key: answer.json()[key] for key in ("token", "code") if key in answer.json()}
    operation = described["paths"]["/api/payments/{code}"]["get"]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    answer = program.get(f"/api/payments/{found['code']}")
    # The description leaves out what is null, and a payment that is under way has not ended.
    assert (answer.status_code, answer.json().keys()) == (200, shown.keys() | {"ended_at"})
    assert answer.json()["steps"][0].keys() == shown["steps"][0].keys() | {"tx_hash"}
    house.live(found["code"])
    house.assert_square()


def unlike(shown: Any, real: Any, where: str = "") -> list[str]:
    """Where an answer has another form than its example, which may leave out what is null."""
    if isinstance(shown, dict) and isinstance(real, dict):
        told = {name for name, value in real.items() if value is not None}
        odd = [f"{where}/{name}" for name in (told - shown.keys()) | (shown.keys() - real.keys())]
        return odd + [
            each
            for name in shown.keys() & real.keys()
            for each in unlike(shown[name], real[name], f"{where}/{name}")
        ]
    if isinstance(shown, list) and isinstance(real, list):
        return [each for row in real for each in unlike(shown[0], row, f"{where}/*")] if shown else []
    return [] if real is None or shown is None or type(shown) is type(real) else [where]


def test_every_example_of_a_page_that_is_read_has_the_form_of_the_page(office: Office) -> None:
    house, payer = office.house, office.house.phone()
    owner = office.program(owner=payer)
    for amount in ("500.00", "300.00"):
        given = {"kind": "receive", "payer": payer, "amount": {"amount": amount, "currency": "KES"}}
        house.live(code := owner.pay(given))
    bound = Sealer(house.db).settle()
    assert bound is not None
    with house.db.unit_of_work() as uow:
        liabilities.make(uow, bound, house.parts().keystore.secret(liabilities.KEY_NAME))
    dollars = {"kind": "convert", "payer": payer, "to": {"currency": "USDC"}}
    owner.pay({**dollars, "amount": {"amount": "300.00", "currency": "KES"}})
    stand_still(house)
    [account] = [each["id"] for each in owner.get("/api/accounts").json() if each["held"]["amount"] != "0.00"]
    described = office.http.get("/api/openapi.json").json()["paths"]
    reading = [path for path, methods in described.items() if path.startswith("/api/") and "get" in methods]
    # A payment's own page stands in the test above, the books of the house in test_ledger_api.py.
    elsewhere = {"/api/payments/{code}", "/api/ledger/accounts"}
    pages = [path for path in reading if path not in elsewhere]
    assert len(pages) >= 10
    for path in pages:
        answer = owner.get(path.format(code=code, account=account))
        assert answer.status_code == 200, (path, answer.text)
        content = described[path]["get"]["responses"]["200"]["content"]
        if path.endswith(".csv"):
            assert answer.headers["content-type"].startswith("text/csv")
            assert answer.text.splitlines()[0] == content["text/csv"]["example"].splitlines()[0]
            continue
        real = answer.json()
        assert real, path
        assert unlike(content["application/json"]["example"], real) == [], path


def test_every_problem_of_the_description_is_one_that_the_house_has(office: Office) -> None:
    def kinds(parent: type[JuaError]) -> Iterator[tuple[str, int]]:
        yield parent.slug, parent.http_status
        for child in parent.__subclasses__():
            yield from kinds(child)

    ours = {f"urn:juapesa:problem:{slug}": status for slug, status in kinds(JuaError)}
    described = office.http.get("/api/openapi.json").json()["paths"]["/api/payments/initiate"]["post"]
    told = {
        status: answer["content"]["application/problem+json"]["example"]
        for status, answer in described["responses"].items()
        if status >= "4"
    }
    assert len(told) == 7
    for status, example in told.items():
        assert (example["status"], ours[example["type"]]) == (int(status), int(status))
