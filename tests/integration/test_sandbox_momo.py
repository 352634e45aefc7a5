"""MoMo's sandbox, spoken to as MTN's pages say."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from juapesa.sandbox.engine import Delay
from support.sandboxes import Momo, Receiver, eventually, momo, receiver

ADA = "2348031230001"


@pytest.fixture(scope="module")
def shop() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def mtn() -> Iterator[Momo]:
    with momo() as client:
        yield client


def new() -> str:
    return str(uuid.uuid4())


def test_a_token_is_given_and_a_second_one_does_not_end_the_first(mtn: Momo) -> None:
    key, user, secret = mtn.users["collection"]
    url, headers = f"{mtn.url}/collection/token/", {"Ocp-Apim-Subscription-Key": key}
    given = mtn.web.post(url, auth=(user, secret), headers=headers).json()
    assert given["token_type"] == "access_token"
    assert given["expires_in"] == 3600
    mtn.tokens["collection"] = given["access_token"]
    assert mtn.web.post(url, auth=(user, secret), headers=headers).status_code == 200
    assert mtn.get("collection", "account/balance").status_code == 200
    wrong = mtn.web.post(url, auth=(user, "wrong"), headers=headers)
    assert wrong.status_code == 401


def test_subscription_keys_and_tokens_belong_to_their_product(mtn: Momo) -> None:
    url = f"{mtn.url}/collection/v1_0/account/balance"
    headers = mtn.headers("collection")
    missing = {name: value for name, value in headers.items() if name != "Ocp-Apim-Subscription-Key"}
    refused = mtn.web.get(url, headers=missing)
    assert refused.status_code == 401
    assert refused.json()["statusCode"] == 401
    assert "missing subscription key" in refused.json()["message"]
    other = {**headers, "Ocp-Apim-Subscription-Key": "sandbox-disbursement-key"}
    assert "invalid subscription key" in mtn.web.get(url, headers=other).json()["message"]
    foreign = {**headers, "Authorization": mtn.headers("disbursement")["Authorization"]}
    assert mtn.web.get(url, headers=foreign).status_code == 401


def test_a_request_to_pay_is_accepted_empty_then_successful(mtn: Momo, shop: Receiver) -> None:
    own = new()
    accepted = mtn.send("requesttopay", own, callback=shop.url + "/paid")
    assert (accepted.status_code, accepted.content) == (202, b"")
    body = shop.wait("/paid")[0]
    assert ("PUT", "/paid", body) in shop.got
    status = mtn.status("requesttopay", own)
    assert status == body
    assert status["status"] == "SUCCESSFUL"
    assert status["amount"] == "5000"
    assert status["currency"] == "NGN"
    assert status["externalId"] == "order-1"
    assert status["payer"] == {"partyIdType": "MSISDN", "partyId": ADA}
    assert status["financialTransactionId"].isdecimal()
    assert "reason" not in status
    assert mtn.state()["float"] == "200005000.00"
    assert mtn.state()["people"][ADA] == "1995000.00"


def test_an_open_request_is_pending() -> None:
    with momo(delay=Delay(5, 5)) as mtn:
        own = new()
        mtn.send("requesttopay", own)
        status = mtn.status("requesttopay", own)
        assert status["status"] == "PENDING"
        assert "financialTransactionId" not in status


def test_a_transfer_pays_once_and_the_same_reference_is_a_conflict(mtn: Momo, shop: Receiver) -> None:
    own = new()
    assert mtn.send("transfer", own, callback=shop.url + "/payout").status_code == 202
    again = mtn.send("transfer", own)
    assert again.status_code == 409
    assert again.json() == {
        "message": "Duplicated reference id. Creation of resource failed.",
        "code": "RESOURCE_ALREADY_EXIST",
    }
    shop.wait("/payout")
    assert mtn.status("transfer", own)["payee"]["partyId"] == ADA
    assert mtn.order(own)["times_moved"] == 1
    assert mtn.state()["accounts"] == {"collection": "0.00", "disbursement": "199995000.00"}


def test_a_reference_that_never_arrived_is_not_found(mtn: Momo) -> None:
    reply = mtn.get("collection", f"requesttopay/{new()}")
    assert reply.status_code == 404
    assert reply.json() == {"message": "Requested resource was not found.", "code": "RESOURCE_NOT_FOUND"}
    assert mtn.get("collection", "requesttopay/not-a-uuid").status_code == 400


@pytest.mark.parametrize(
    ("own", "change", "status"),
    [
        ("not-a-uuid", {}, 400),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", {}, 400),
        (None, {"amount": 5000}, 400),
        (None, {"amount": "0"}, 400),
        (None, {"amount": "-1"}, 400),
        (None, {"amount": "1e9"}, 400),
        (None, {"amount": "1.005"}, 400),
        (None, {"payer": {"partyIdType": "EMAIL", "partyId": "a@b"}}, 400),
        (None, {"payer": {"partyIdType": "MSISDN", "partyId": "+2348031230001"}}, 400),
        (None, {"payer": "x"}, 400),
        (None, {"payerMessage": "x" * 161}, 400),
        (None, {"currency": "EUR"}, 500),
    ],
)
def test_a_bad_request_is_refused_and_nothing_moves(
    mtn: Momo, own: str | None, change: dict[str, Any], status: int
) -> None:
    reply = mtn.send("requesttopay", own or new(), **change)
    assert reply.status_code == status
    assert set(reply.json()) == {"message", "code"}
    if status == 500:
        assert reply.json() == {"message": "Currency not supported.", "code": "INVALID_CURRENCY"}
    assert mtn.state()["orders"] == []


def test_each_environment_has_its_currency(mtn: Momo) -> None:
    mtn.environment, mtn.currency = "sandbox", "EUR"
    own = new()
    assert mtn.send("requesttopay", own, amount="12.50").status_code == 202
    mtn.done(own)
    assert mtn.status("requesttopay", own)["currency"] == "EUR"
    assert mtn.get("collection", "account/balance").json() == {
        "availableBalance": "12.50",
        "currency": "EUR",
    }
    mtn.environment = "mtnmoon"
    refused = mtn.send("requesttopay", new())
    assert refused.status_code == 500
    assert refused.json()["code"] == "NOT_ALLOWED_TARGET_ENVIRONMENT"


def test_the_documented_test_numbers_end_as_documented(mtn: Momo) -> None:
    mtn.environment, mtn.currency = "sandbox", "EUR"
    mtn.options(delayed_seconds=0.4)
    expected = {
        "450": "INTERNAL_PROCESSING_ERROR",
        "451": "APPROVAL_REJECTED",
        "452": "EXPIRED",
        "455": "PAYER_NOT_FOUND",
        "456": "PAYEE_NOT_ALLOWED_TO_RECEIVE",
        "457": "NOT_ALLOWED",
        "458": "NOT_ALLOWED_TARGET_ENVIRONMENT",
        "459": "INVALID_CALLBACK_URL_HOST",
        "460": "INVALID_CURRENCY",
        "461": "INTERNAL_PROCESSING_ERROR",
        "462": "SERVICE_UNAVAILABLE",
        "463": "COULD_NOT_PERFORM_TRANSACTION",
    }
    sent = {last: new() for last in [*expected, "453", "454"]}
    for last, own in sent.items():
        assert mtn.send("requesttopay", own, phone=f"46733123{last}").status_code == 202
    assert mtn.status("requesttopay", sent["454"])["status"] in {"CREATED", "SUCCESSFUL"}
    for last, reason in expected.items():
        mtn.done(sent[last])
        status = mtn.status("requesttopay", sent[last])
        assert (status["status"], status["reason"]) == ("FAILED", reason)
    mtn.done(sent["454"])
    assert mtn.status("requesttopay", sent["454"])["status"] == "SUCCESSFUL"
    assert mtn.status("requesttopay", sent["453"])["status"] == "PENDING"


def test_reason_and_callback_method_can_be_switched(mtn: Momo, shop: Receiver) -> None:
    mtn.options(reason_shape="object", callback_method="POST")
    own = new()
    mtn.send("requesttopay", own, phone="46733123451", callback=shop.url + "/posted")
    body = shop.wait("/posted")[0]
    assert ("POST", "/posted", body) in shop.got
    assert body["reason"]["code"] == "APPROVAL_REJECTED"
    assert body["reason"]["message"]


def test_callbacks_go_only_to_the_host_of_the_api_user(mtn: Momo) -> None:
    refused = mtn.send("requesttopay", new(), callback="http://elsewhere.example/x")
    assert refused.status_code == 500
    assert refused.json()["code"] == "INVALID_CALLBACK_URL_HOST"


def test_api_users_are_provisioned_as_in_mtns_sandbox(mtn: Momo, shop: Receiver) -> None:
    user, headers = new(), {"Ocp-Apim-Subscription-Key": "sandbox-collection-key"}
    url = f"{mtn.url}/v1_0/apiuser"
    made = mtn.web.post(
        url, json={"providerCallbackHost": "127.0.0.1"}, headers={**headers, "X-Reference-Id": user}
    )
    assert (made.status_code, made.content) == (201, b"")
    again = mtn.web.post(
        url, json={"providerCallbackHost": "127.0.0.1"}, headers={**headers, "X-Reference-Id": user}
    )
    assert again.status_code == 409
    shown = mtn.web.get(f"{url}/{user}", headers=headers).json()
    assert shown == {"providerCallbackHost": "127.0.0.1", "targetEnvironment": "sandbox"}
    key = mtn.web.post(f"{url}/{user}/apikey", headers=headers)
    assert key.status_code == 201
    mtn.users["collection"] = ("sandbox-collection-key", user, key.json()["apiKey"])
    own = new()
    assert mtn.send("requesttopay", own, callback=shop.url + "/own").status_code == 202
    shop.wait("/own")
    assert mtn.web.get(f"{url}/{new()}", headers=headers).status_code == 404


def test_payer_without_money_and_payout_beyond_the_float_fail(mtn: Momo) -> None:
    mtn.person(ADA, "100.00")
    first, second = new(), new()
    mtn.send("requesttopay", first)
    mtn.send("transfer", second, amount="200000001")
    for operation, own in (("requesttopay", first), ("transfer", second)):
        mtn.done(own)
        assert mtn.status(operation, own)["reason"] == "NOT_ENOUGH_FUNDS"


def test_account_holders_are_known(mtn: Momo) -> None:
    assert mtn.get("collection", f"accountholder/msisdn/{ADA}/active").json() == {"result": True}
    unknown = mtn.get("collection", "accountholder/msisdn/46733123455/active")
    assert unknown.json() == {"result": False}
    person = mtn.get("disbursement", f"accountholder/msisdn/{ADA}/basicuserinfo").json()
    assert {"given_name", "family_name", "status"} <= set(person)


def test_a_refund_returns_no_more_than_was_paid(mtn: Momo) -> None:
    paid, back, more = new(), new(), new()
    mtn.send("requesttopay", paid)
    mtn.done(paid)
    assert mtn.send("refund", back, amount="5000", referenceIdToRefund=paid).status_code == 202
    mtn.done(back)
    assert mtn.status("refund", back)["status"] == "SUCCESSFUL"
    assert mtn.send("refund", more, amount="1", referenceIdToRefund=paid).status_code == 400
    assert mtn.state()["people"][ADA] == "2000000.00"


def test_an_attester_may_read_and_never_order(mtn: Momo) -> None:
    own = new()
    mtn.send("requesttopay", own)
    mtn.done(own)
    attester = Momo(mtn.url)
    credentials = ("attester-1-momo-key", "6f1a3c0e-52a5-4c3b-9d1e-6a4b2f1c1001", "attester-1-momo-secret")
    attester.users = dict.fromkeys(("collection", "disbursement"), credentials)
    assert attester.status("requesttopay", own)["status"] == "SUCCESSFUL"
    assert attester.get("collection", "account/balance").json()["availableBalance"] == "5000.00"
    assert attester.get("disbursement", "account/balance").status_code == 200
    refused = attester.send("transfer", new())
    assert refused.status_code == 403
    assert refused.json() == {"statusCode": 403, "message": "Forbidden"}


def test_a_receiver_that_is_not_there_harms_nobody(mtn: Momo) -> None:
    mtn.send("requesttopay", new(), callback="http://127.0.0.1:9/nobody")
    eventually(lambda: mtn.state()["callbacks"]["failed"] == 1)
    assert mtn.get("collection", "account/balance").status_code == 200
