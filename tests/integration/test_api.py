"""The HTTP side against a real database: callbacks, receipts, problems, limits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from juapesa.api.app import build_app
from juapesa.api.ports import CallbackDesk
from juapesa.api.texts import TEXTS
from juapesa.clock import SystemClock
from juapesa.config import Settings
from juapesa.crypto import Sealer
from juapesa.db import Database, UnitOfWork
from juapesa.money import KES, NGN, Money
from juapesa.payments.domain import Kind, Status
from juapesa.payments.errors import UnknownPayment
from juapesa.payments.ports import Receipt, ReceiptStep
from juapesa.payments.saga import LegKind
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.inbox import Inbox

KEY = b"k" * 32
URLS = CallbackUrls(KEY, "http://testserver")
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
TX_HASH = "0x" + "ab" * 32


class Shelf:
    """Receipts by code."""

    def __init__(self, *receipts: Receipt) -> None:
        self._receipts = {receipt.code: receipt for receipt in receipts}

    def receipt(self, uow: UnitOfWork, code: str) -> Receipt:
        if code not in self._receipts:
            raise UnknownPayment("No payment has this code. Check it and try again.")
        return self._receipts[code]


def a_receipt(code: str = "ABC", status: str = "completed") -> Receipt:
    done = status == "completed"
    return Receipt(
        code=code,
        kind="send",
        status=status,
        paid=Money.whole(1_005, KES),
        receives=Money.whole(11_234, NGN),
        fees=Money.whole(5, KES),
        rate="1 KES = 11.2345 NGN",
        created_at=START,
        ended_at=START + timedelta(seconds=7) if done else None,
        steps=(
            ReceiptStep("confirmed", "done", START),
            ReceiptStep("collect", "done", START + timedelta(seconds=3)),
            ReceiptStep("chain", "done" if done else "now", START, TX_HASH, (4, 5)),
            ReceiptStep("payout", "done" if done else "waiting", None),
        ),
    )


def a_client(database: Database, *receipts: Receipt) -> TestClient:
    desk = CallbackDesk(
        URLS,
        Inbox(Sealer(KEY), KEY, SystemClock()),
        {"mpesa-ke": lambda kind: (200, b'{"ResultCode":0}', "application/json")},
    )
    app = build_app(Settings(), database, Shelf(*receipts), desk)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(database: Database) -> TestClient:
    return a_client(database, a_receipt("DONE"), a_receipt("LIVE", "processing"))


def kept(database: Database) -> int:
    with database.unit_of_work() as uow:
        row = uow.one("SELECT count(*) AS n FROM rails.callback")
    assert row is not None
    return int(row["n"])


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_callback_is_recorded_once_and_answered_as_the_operator_expects(
    client: TestClient, database: Database, method: str
) -> None:
    url = URLS.make("mpesa-ke", "collect", "order-1")
    for _ in range(2):
        answer = client.request(method, url, content=b'{"Body":{}}')
        assert (answer.status_code, answer.content) == (200, b'{"ResultCode":0}')
    assert kept(database) == 1
    assert 'jua_callbacks_total{rail="mpesa-ke",result="repeated"} 1' in client.get("/metrics").text


@pytest.mark.parametrize(
    "path",
    [
        "/callbacks/mpesa-ke/collect/order-1/" + "0" * 32,
        "/callbacks/mpesa-ke/collect/order-1/é",
        "/callbacks/nobody/collect/order-1/" + URLS.token("nobody", "collect", "order-1"),
        "/callbacks/mpesa-ke/payout/order-1/" + URLS.token("mpesa-ke", "collect", "order-1"),
    ],
)
def test_a_forged_callback_leaves_nothing_but_a_count(
    client: TestClient, database: Database, path: str
) -> None:
    answer = client.post(path, content=b"secret words")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:juapesa:problem:no-such-address"
    assert kept(database) == 0
    assert 'result="forged"} 1' in client.get("/metrics").text


def test_more_than_64_kilobytes_is_refused_whether_or_not_its_length_is_declared(
    client: TestClient, database: Database
) -> None:
    url = URLS.make("mpesa-ke", "collect", "order-1")
    declared = client.post(url, content=b"x" * 65_537)
    streamed = client.post(url, content=iter([b"x" * 40_000, b"x" * 40_000]))
    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert client.post(url, content=b"x" * 65_536).status_code == 200
    assert kept(database) == 1


def test_a_receipt_page_shows_every_step_in_english_and_swahili(client: TestClient) -> None:
    english = client.get("/p/DONE").text
    assert "11,234.00 NGN" in english
    assert "Completed" in english
    assert TX_HASH in english
    assert "Entry of the attestation log 4, 5" in english
    assert "Imekamilika" in client.get("/p/DONE", headers={"accept-language": "sw-KE,en;q=0.5"}).text
    assert "Imekamilika" in client.get("/p/DONE?lang=sw").text


def test_only_a_receipt_that_is_under_way_refreshes_itself(client: TestClient) -> None:
    assert 'http-equiv="refresh"' in client.get("/p/LIVE").text
    assert "fetch(" in client.get("/p/LIVE").text
    assert 'http-equiv="refresh"' not in client.get("/p/DONE").text
    assert "<script" not in client.get("/p/DONE").text


def test_an_unknown_code_is_a_page_for_people_and_a_problem_for_programs(client: TestClient) -> None:
    page = client.get("/p/<b>NOPE")
    assert page.status_code == 404
    assert "NOPE" not in page.text
    data = client.get("/api/receipts/NOPE")
    assert data.status_code == 404
    assert data.headers["content-type"] == "application/problem+json"
    assert data.json()["type"] == "urn:juapesa:problem:unknown-payment"


def test_receipt_data_holds_amounts_as_text_and_no_person(client: TestClient) -> None:
    body = client.get("/api/receipts/DONE").json()
    assert body["receives"] == {"amount": "11234.00", "currency": "NGN"}
    assert set(body) == {
        *("code", "kind", "status", "paid", "receives", "fees", "rate", "created_at", "ended_at", "steps"),
        "ledger_rows",
    }
    assert body["steps"][2]["leaf_indexes"] == [4, 5]


def test_every_answer_carries_strict_headers(client: TestClient) -> None:
    for path in ("/", "/p/DONE", "/health", "/nowhere"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_a_wrong_path_or_method_is_a_problem_too(client: TestClient) -> None:
    assert client.get("/nowhere").json()["status"] == 404
    assert client.delete("/health").json()["type"] == "urn:juapesa:problem:method-not-allowed"


def test_head_is_answered_as_get_without_a_body(client: TestClient) -> None:
    for path, status in (("/health", 200), ("/p/DONE", 200), ("/api/receipts/NOPE", 404)):
        asked, read = client.head(path), client.get(path)
        assert (asked.status_code, asked.content) == (status, b"")
        assert asked.headers["content-type"] == read.headers["content-type"]
    assert client.head("/callbacks/a/b/c/d").status_code == 405


def test_ready_asks_the_database_and_an_outage_is_503(client: TestClient, database: Database) -> None:
    assert client.get("/ready").json() == {"status": "ready"}
    database.close()
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200
    assert client.post(URLS.make("mpesa-ke", "collect", "order-1"), content=b"{}").status_code == 503


def test_a_bug_is_a_500_that_shows_nothing_of_the_inside(client: TestClient, database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.execute("ALTER TABLE rails.callback RENAME TO elsewhere")
    broken = client.post(URLS.make("mpesa-ke", "collect", "order-1"), content=b"{}")
    assert broken.status_code == 500
    assert "callback" not in broken.text


def test_looking_up_a_code_leads_to_its_page(client: TestClient) -> None:
    answer = client.get("/p?code=ab-12%20<x>", follow_redirects=False)
    assert answer.headers["location"] == "/p/ab12x"


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("language", list(TEXTS))
def test_every_status_and_kind_has_its_words(
    database: Database, status: Status, kind: Kind, language: str
) -> None:
    receipt = replace(a_receipt("A", status), kind=kind, steps=tuple(map(a_step, LegKind)))
    assert a_client(database, receipt).get(f"/p/A?lang={language}").status_code == 200


def a_step(leg: LegKind) -> ReceiptStep:
    return ReceiptStep(leg, "now", None)


def test_the_texts_of_all_languages_have_the_same_keys() -> None:
    assert TEXTS["en"].keys() == TEXTS["sw"].keys()
