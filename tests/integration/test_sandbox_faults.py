"""Every fault at both operators: what the client sees, and how often money moved."""

import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from support.sandboxes import ALICE, BOB, Daraja, Momo, Receiver, daraja, eventually, momo, receiver

PENDING_QUERY = "500.001.1001"


@pytest.fixture
def shop() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def mpesa() -> Iterator[Daraja]:
    with daraja() as client:
        yield client


@pytest.fixture
def mtn() -> Iterator[Momo]:
    with momo() as client:
        yield client


def new() -> str:
    return str(uuid.uuid4())


LATE_SECONDS = 3.0  # nothing may have happened when we look, be the machine ever so busy


def settle_down() -> None:
    """Long enough for a callback that should not come."""
    time.sleep(0.4)


def test_reject_ends_a_collection_with_the_operators_code(mpesa: Daraja, shop: Receiver) -> None:
    mpesa.fault("collect", "reject", count=1)
    mpesa.stk(shop.url + "/a")
    assert shop.wait("/a")[0]["Body"]["stkCallback"]["ResultCode"] == 1032
    mpesa.fault("collect", "reject", count=1, code="1037")
    mpesa.stk(shop.url + "/b")
    assert shop.wait("/b")[0]["Body"]["stkCallback"]["ResultCode"] == 1037
    mpesa.fault("collect", "reject", count=1, code="500.003.03")
    refused = mpesa.post("/mpesa/stkpush/v1/processrequest", mpesa.stk_body(shop.url + "/c"))
    assert (refused.status_code, refused.json()["errorCode"]) == (500, "500.003.03")
    mpesa.stk(shop.url + "/d")
    assert shop.wait("/d")[0]["Body"]["stkCallback"]["ResultCode"] == 0


def test_reject_ends_a_payout(mpesa: Daraja, mtn: Momo, shop: Receiver) -> None:
    mpesa.fault("payout", "reject", count=1)
    mpesa.b2c(shop.url + "/result", own="no")
    assert shop.wait("/result")[0]["Result"]["ResultCode"] == 2040
    assert mpesa.order("no")["times_moved"] == 0
    own = new()
    mtn.fault("payout", "reject", count=1)
    mtn.send("transfer", own)
    assert mtn.done(own)["times_moved"] == 0
    assert mtn.status("transfer", own)["reason"] == "PAYEE_NOT_ALLOWED_TO_RECEIVE"
    mtn.fault("payout", "reject", count=1, code="400:NOT_ALLOWED")
    assert mtn.send("transfer", new()).status_code == 400


def test_a_fault_with_a_phone_spares_everybody_else(mpesa: Daraja, shop: Receiver) -> None:
    fault = mpesa.fault("collect", "reject", phone="+" + ALICE)
    mpesa.stk(shop.url + "/alice")
    mpesa.stk(shop.url + "/bob", phone=BOB)
    assert shop.wait("/alice")[0]["Body"]["stkCallback"]["ResultCode"] == 1032
    assert shop.wait("/bob")[0]["Body"]["stkCallback"]["ResultCode"] == 0
    shown = mpesa.web.get(f"{mpesa.url}/_sandbox/faults/{fault}").json()
    assert (shown["hits"], shown["fault"]) == (1, "reject")
    mpesa.clear()
    mpesa.stk(shop.url + "/alice2")
    assert shop.wait("/alice2")[0]["Body"]["stkCallback"]["ResultCode"] == 0


def test_silent_moves_the_money_sends_nothing_and_tells_only_who_asks_later(
    mpesa: Daraja, mtn: Momo, shop: Receiver
) -> None:
    mpesa.fault("collect", "silent", count=1, seconds=LATE_SECONDS)
    checkout = mpesa.stk(shop.url + "/silent")["CheckoutRequestID"]
    assert mpesa.done(checkout)["times_moved"] == 1
    assert mpesa.stk_query(checkout).json()["errorCode"] == PENDING_QUERY
    eventually(lambda: mpesa.stk_query(checkout).status_code == 200, 3 * LATE_SECONDS)
    assert mpesa.stk_query(checkout).json()["ResultCode"] == "0"
    own = new()
    mtn.fault("payout", "silent", count=1, seconds=LATE_SECONDS)
    mtn.send("transfer", own, callback=shop.url + "/silent")
    assert mtn.done(own)["times_moved"] == 1
    assert mtn.status("transfer", own)["status"] == "PENDING"
    eventually(lambda: mtn.status("transfer", own)["status"] == "SUCCESSFUL", 3 * LATE_SECONDS)
    assert shop.got == []


def test_lost_moves_the_money_and_the_status_is_true_at_once(
    mpesa: Daraja, mtn: Momo, shop: Receiver
) -> None:
    mpesa.fault("collect", "lost", count=1)
    checkout = mpesa.stk(shop.url + "/lost")["CheckoutRequestID"]
    mpesa.done(checkout)
    assert mpesa.stk_query(checkout).json()["ResultCode"] == "0"
    own = new()
    mtn.fault("collect", "lost", count=1)
    mtn.send("requesttopay", own, callback=shop.url + "/lost")
    mtn.done(own)
    assert mtn.status("requesttopay", own)["status"] == "SUCCESSFUL"
    settle_down()
    assert shop.got == []


def test_late_decides_late_and_then_calls_back(mpesa: Daraja, mtn: Momo, shop: Receiver) -> None:
    mpesa.fault("collect", "late", count=1, seconds=LATE_SECONDS)
    checkout = mpesa.stk(shop.url + "/late")["CheckoutRequestID"]
    settle_down()
    assert mpesa.order(checkout)["times_moved"] == 0
    assert mpesa.stk_query(checkout).json()["errorCode"] == PENDING_QUERY
    assert shop.wait("/late", seconds=3 * LATE_SECONDS)[0]["Body"]["stkCallback"]["ResultCode"] == 0
    own = new()
    mtn.fault("payout", "late", count=1, seconds=LATE_SECONDS)
    mtn.send("transfer", own, callback=shop.url + "/late2")
    settle_down()
    assert mtn.status("transfer", own)["status"] == "PENDING"
    assert shop.wait("/late2", seconds=3 * LATE_SECONDS)[0]["status"] == "SUCCESSFUL"


def test_duplicate_calls_back_twice_and_moves_once(mpesa: Daraja, mtn: Momo, shop: Receiver) -> None:
    mpesa.fault("collect", "duplicate", count=1, seconds=0.1)
    checkout = mpesa.stk(shop.url + "/twice")["CheckoutRequestID"]
    first, second = shop.wait("/twice", 2)
    assert first == second
    assert mpesa.order(checkout)["times_moved"] == 1
    own = new()
    mtn.fault("payout", "duplicate", count=1, seconds=0.1)
    mtn.send("transfer", own, callback=shop.url + "/twice2")
    assert len(shop.wait("/twice2", 2)) == 2
    assert mtn.order(own)["times_moved"] == 1


def test_reorder_lets_a_later_callback_pass(mpesa: Daraja, shop: Receiver) -> None:
    mpesa.fault("collect", "reorder", count=1)
    first = mpesa.stk(shop.url + "/first")["CheckoutRequestID"]
    mpesa.done(first)
    settle_down()
    assert shop.at("/first") == []
    mpesa.stk(shop.url + "/second", phone=BOB)
    shop.wait("/first")
    assert [path for _, path, _ in shop.got] == ["/second", "/first"]


def test_forge_posts_a_false_success_for_an_order_that_fails(
    mpesa: Daraja, mtn: Momo, shop: Receiver
) -> None:
    mpesa.fault("collect", "forge", count=1)
    checkout = mpesa.stk(shop.url + "/forged")["CheckoutRequestID"]
    false, true = shop.wait("/forged", 2)
    assert false["Body"]["stkCallback"]["ResultCode"] == 0
    assert true["Body"]["stkCallback"]["ResultCode"] == 1032
    assert mpesa.order(checkout)["times_moved"] == 0
    assert mpesa.stk_query(checkout).json()["ResultCode"] == "1032"
    own = new()
    mtn.fault("collect", "forge", count=1)
    mtn.send("requesttopay", own, callback=shop.url + "/forged2")
    false, true = shop.wait("/forged2", 2)
    assert (false["status"], true["status"]) == ("SUCCESSFUL", "FAILED")
    assert mtn.order(own)["times_moved"] == 0


def test_outage_takes_nothing_in(mpesa: Daraja, mtn: Momo, shop: Receiver) -> None:
    mpesa.fault("collect", "outage", seconds=0.5)
    down = mpesa.post("/mpesa/stkpush/v1/processrequest", mpesa.stk_body(shop.url + "/out"))
    assert (down.status_code, down.json()["errorCode"]) == (503, "500.003.1001")
    assert mpesa.state()["orders"] == []
    eventually(
        lambda: (
            mpesa.post("/mpesa/stkpush/v1/processrequest", mpesa.stk_body(shop.url + "/out")).status_code
            == 200
        )
    )
    mtn.fault("payout", "outage", count=2)
    own = new()
    for _ in range(2):
        down = mtn.send("transfer", own)
        assert (down.status_code, down.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert mtn.send("transfer", own).status_code == 202


def test_rate_limit_is_each_operators_own(mpesa: Daraja, mtn: Momo, shop: Receiver) -> None:
    mpesa.fault("payout", "rate-limit", count=1)
    limited = mpesa.post("/mpesa/b2c/v3/paymentrequest", mpesa.b2c_body(shop.url + "/result"))
    assert (limited.status_code, limited.json()["errorCode"]) == (500, "500.003.02")
    mtn.fault("collect", "rate-limit", count=1, seconds=3)
    limited = mtn.send("requesttopay", new())
    assert limited.status_code == 429
    assert limited.headers["Retry-After"] == "3"
    assert limited.json()["statusCode"] == 429


def test_timeout_after_accept_keeps_the_answer_and_does_the_work(
    mpesa: Daraja, mtn: Momo, shop: Receiver
) -> None:
    mpesa.fault("payout", "timeout-after-accept", count=1)
    body = mpesa.b2c_body(shop.url + "/result", own="unheard")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{mpesa.url}/mpesa/b2c/v3/paymentrequest",
            json=body,
            headers={"Authorization": f"Bearer {mpesa.login()}"},
            timeout=0.5,
        )
    assert mpesa.done("unheard")["times_moved"] == 1
    again = mpesa.post("/mpesa/b2c/v3/paymentrequest", body)
    assert again.json()["errorCode"] == "500.002.1001"
    own = new()
    mtn.fault("collect", "timeout-after-accept", count=1, seconds=0.3)
    assert mtn.send("requesttopay", own).status_code == 504
    assert mtn.done(own)["times_moved"] == 1
    assert mtn.send("requesttopay", own).status_code == 409


def test_queue_timeout_goes_to_the_other_address_though_the_money_moved(
    mpesa: Daraja, shop: Receiver
) -> None:
    mpesa.fault("payout", "queue-timeout", count=1)
    mpesa.b2c(shop.url + "/q/result", own="queued")
    note = shop.wait("/q/timeout")[0]["Result"]
    assert note["OriginatorConversationID"] == "queued"
    assert note["ResultCode"] != 0
    assert shop.at("/q/result") == []
    assert mpesa.order("queued")["times_moved"] == 1


def test_faults_on_asking(mpesa: Daraja, mtn: Momo, shop: Receiver) -> None:
    mpesa.fault("status", "silent", count=1)
    checkout = mpesa.stk(shop.url + "/s")["CheckoutRequestID"]
    shop.wait("/s")
    assert mpesa.stk_query(checkout).json()["errorCode"] == PENDING_QUERY
    assert mpesa.stk_query(checkout).json()["ResultCode"] == "0"
    mpesa.fault("balance", "lost", count=1)
    mpesa.ask("/mpesa/accountbalance/v1/query", "AccountBalance", shop.url + "/b1/result")
    mpesa.ask("/mpesa/accountbalance/v1/query", "AccountBalance", shop.url + "/b2/result")
    shop.wait("/b2/result")
    assert shop.at("/b1/result") == []
    own = new()
    mtn.send("requesttopay", own)
    mtn.done(own)
    mtn.fault("status", "silent", count=1)
    assert mtn.status("requesttopay", own)["status"] == "PENDING"
    mtn.fault("status", "outage", count=1)
    assert mtn.get("collection", f"requesttopay/{own}").status_code == 503
    mtn.fault("balance", "reject", count=1)
    assert mtn.get("collection", "account/balance").status_code == 500
    assert mtn.status("requesttopay", own)["status"] == "SUCCESSFUL"


def test_faults_on_tokens(mpesa: Daraja, mtn: Momo) -> None:
    mpesa.fault("token", "outage", count=1)
    asked = {"params": {"grant_type": "client_credentials"}, "auth": (mpesa.key, mpesa.secret)}
    assert mpesa.web.get(f"{mpesa.url}/oauth/v1/generate", **asked).status_code == 503
    mpesa.fault("token", "reject", count=1)
    assert mpesa.web.get(f"{mpesa.url}/oauth/v1/generate", **asked).json()["errorCode"] == "400.008.01"
    mpesa.login()
    mtn.fault("token", "rate-limit", count=1)
    key, user, secret = mtn.users["collection"]
    headers = {"Ocp-Apim-Subscription-Key": key}
    limited = mtn.web.post(f"{mtn.url}/collection/token/", auth=(user, secret), headers=headers)
    assert limited.status_code == 429
    mtn.login("collection")


def test_faults_on_callbacks_of_every_kind(mpesa: Daraja, mtn: Momo, shop: Receiver) -> None:
    mpesa.fault("callback", "lost", count=1)
    checkout = mpesa.stk(shop.url + "/cb1")["CheckoutRequestID"]
    mpesa.done(checkout)
    mtn.fault("callback", "duplicate", count=1, seconds=0.05)
    mtn.send("transfer", new(), callback=shop.url + "/cb2")
    assert len(shop.wait("/cb2", 2)) == 2
    mpesa.fault("callback", "late", count=1, seconds=0.5)
    late = mpesa.stk(shop.url + "/cb3")["CheckoutRequestID"]
    mpesa.done(late)
    assert shop.at("/cb3") == []
    shop.wait("/cb3")
    mpesa.fault("callback", "forge", count=1)
    mpesa.stk(shop.url + "/cb4", phone="254799001032")
    codes = [each["Body"]["stkCallback"]["ResultCode"] for each in shop.wait("/cb4", 2)]
    assert sorted(codes) == [0, 1032]
    assert shop.at("/cb1") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"on": "collect"},
        {"on": "nothing", "fault": "reject"},
        {"on": "token", "fault": "duplicate"},
        {"on": "collect", "fault": "reject", "count": 0},
        {"on": "collect", "fault": "reject", "count": "1"},
        {"on": "collect", "fault": "late", "seconds": -1},
        {"on": "collect", "fault": "late", "seconds": "soon"},
        {"on": "collect", "fault": "reject", "colour": "red"},
        [],
    ],
)
def test_a_fault_that_means_nothing_is_refused(mpesa: Daraja, body: object) -> None:
    assert mpesa.web.post(f"{mpesa.url}/_sandbox/faults", json=body).status_code == 422
    assert mpesa.web.get(f"{mpesa.url}/_sandbox/faults/f99").status_code == 404
    assert mpesa.web.get(f"{mpesa.url}/_sandbox/faults").json() == {"faults": []}
