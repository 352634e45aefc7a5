"""Daraja's sandbox: tokens, prompts and their answers, spoken to as its pages say."""

import re
from typing import Any

import pytest

from juapesa.sandbox.engine import Delay
from support.daraja_sandbox import BALANCE, error
from support.sandboxes import ALICE, Daraja, Receiver, daraja


def test_a_token_is_given_as_documented_and_ends_the_one_before(mpesa: Daraja, shop: Receiver) -> None:
    reply = mpesa.web.get(
        f"{mpesa.url}/oauth/v1/generate?grant_type=client_credentials", auth=(mpesa.key, mpesa.secret)
    )
    assert reply.json()["expires_in"] == "3599"
    old = mpesa.login()
    mpesa.login()
    headers = {"Authorization": f"Bearer {old}"}
    body = mpesa.stk_body(shop.url + "/old")
    stale = mpesa.web.post(f"{mpesa.url}/mpesa/stkpush/v1/processrequest", json=body, headers=headers)
    assert error(stale, 404, "404.001.03") == "Invalid Access Token"


def test_an_attesters_token_leaves_ours_alone_and_orders_nothing(mpesa: Daraja, shop: Receiver) -> None:
    ours = mpesa.login()
    attester = Daraja(mpesa.url, "attester-1-consumer", "attester-1-consumer-secret")
    attester.login()
    assert mpesa.token == ours
    mpesa.stk(shop.url + "/mine")
    error(
        attester.post("/mpesa/stkpush/v1/processrequest", attester.stk_body("http://x/")), 401, "401.002.01"
    )
    error(attester.post("/mpesa/b2c/v3/paymentrequest", attester.b2c_body("http://x/")), 401, "401.002.01")
    asked = attester.ask(BALANCE, "AccountBalance", shop.url + "/attester/result", Initiator="attester-1")
    assert asked.json()["ResponseCode"] == "0"
    assert shop.wait("/attester/result")[0]["Result"]["ResultCode"] == 0


def test_bad_credentials_and_grant_types_are_refused_with_their_codes(mpesa: Daraja) -> None:
    url = f"{mpesa.url}/oauth/v1/generate"
    good = {"grant_type": "client_credentials"}
    error(mpesa.web.get(url, params=good, auth=("nobody", "x")), 400, "400.008.01")
    error(mpesa.web.get(url, params=good), 400, "400.008.01")
    error(mpesa.web.get(url, params={"grant_type": "x"}, auth=(mpesa.key, mpesa.secret)), 400, "400.008.02")


def test_a_push_is_accepted_then_paid_and_the_callback_says_so(mpesa: Daraja, shop: Receiver) -> None:
    accepted = mpesa.stk(shop.url + "/paid")
    assert accepted["ResponseCode"] == "0"
    assert set(accepted) == {
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResponseCode",
        "ResponseDescription",
        "CustomerMessage",
    }
    callback = shop.wait("/paid")[0]["Body"]["stkCallback"]
    assert callback["CheckoutRequestID"] == accepted["CheckoutRequestID"]
    assert callback["MerchantRequestID"] == accepted["MerchantRequestID"]
    assert callback["ResultCode"] == 0
    items = {each["Name"]: each.get("Value") for each in callback["CallbackMetadata"]["Item"]}
    assert items["Amount"] == 1000
    assert re.fullmatch(r"[A-Z0-9]{10}", items["MpesaReceiptNumber"])
    assert items["PhoneNumber"] == int(ALICE)
    assert re.fullmatch(r"20\d{12}", str(items["TransactionDate"]))
    assert "Balance" in items
    state = mpesa.state()
    assert state["people"][ALICE] == "199000.00"
    assert state["float"] == "20001000.00"
    assert mpesa.order(accepted["CheckoutRequestID"])["times_moved"] == 1


def test_a_query_says_being_processed_until_the_prompt_is_answered(shop: Receiver) -> None:
    with daraja(delay=Delay(1.0, 1.0)) as mpesa:
        checkout = mpesa.stk(shop.url + "/query")["CheckoutRequestID"]
        assert "being processed" in error(mpesa.stk_query(checkout), 500, "500.001.1001")
        mpesa.options(open_prompt="4999")
        assert mpesa.stk_query(checkout).json()["ResultCode"] == "4999"
        mpesa.done(checkout)
        answer = mpesa.stk_query(checkout)
        assert answer.status_code == 200
        assert answer.json()["ResultCode"] == "0"
        assert answer.json()["ResponseCode"] == "0"
        assert answer.json()["CheckoutRequestID"] == checkout


def test_a_query_for_nothing_says_that_it_does_not_exist(mpesa: Daraja) -> None:
    unknown = mpesa.stk_query("ws_CO_210220260000000123456789012")
    assert "does not" in error(unknown, 500, "500.001.1001")
    assert "CheckoutRequestID" in error(mpesa.stk_query("nonsense"), 400, "400.002.02")


@pytest.mark.parametrize(
    ("field", "value", "status", "code"),
    [
        ("Amount", "0", 400, "400.002.02"),
        ("Amount", "10.5", 400, "400.002.02"),
        ("Amount", "1e9", 400, "400.002.02"),
        ("Amount", "-5", 400, "400.002.02"),
        ("Amount", None, 400, "400.002.02"),
        ("Amount", True, 400, "400.002.02"),
        ("PhoneNumber", "0711000001", 400, "400.002.02"),
        ("PartyA", "12", 400, "400.002.02"),
        ("PartyB", "abc", 400, "400.002.02"),
        ("CallBackURL", "ftp://x", 400, "400.002.02"),
        ("CallBackURL", "", 400, "400.002.02"),
        ("AccountReference", "thirteen-long", 400, "400.002.02"),
        ("TransactionDesc", "fourteen chars", 400, "400.002.02"),
        ("TransactionType", "CustomerBuyGoodsOnline", 400, "400.002.02"),
        ("Timestamp", "20269999999999", 400, "400.002.02"),
        ("Password", "d3Jvbmc=", 500, "500.001.1001"),
        ("BusinessShortCode", "999999", 500, "500.001.1001"),
    ],
)
def test_a_bad_field_is_named_and_nothing_moves(
    mpesa: Daraja, field: str, value: Any, status: int, code: str
) -> None:
    body = {**mpesa.stk_body("http://127.0.0.1:9/x"), field: value}
    message = error(mpesa.post("/mpesa/stkpush/v1/processrequest", body), status, code)
    if code == "400.002.02":
        assert message == f"Bad Request - Invalid {field}"
    assert mpesa.state()["orders"] == []


def test_a_push_without_a_description_and_with_numbers_as_numbers_is_taken(
    mpesa: Daraja, shop: Receiver
) -> None:
    body = mpesa.stk_body(shop.url + "/numbers", amount=5)
    del body["TransactionDesc"]
    body |= {"BusinessShortCode": 174379, "PartyA": int(ALICE), "PhoneNumber": int(ALICE), "PartyB": 174379}
    assert mpesa.post("/mpesa/stkpush/v1/processrequest", body).status_code == 200
    assert shop.wait("/numbers")[0]["Body"]["stkCallback"]["ResultCode"] == 0


def test_garbage_wrong_paths_and_methods_get_daraja_errors(mpesa: Daraja) -> None:
    mpesa.login()
    headers = {"Authorization": f"Bearer {mpesa.token}"}
    path = f"{mpesa.url}/mpesa/stkpush/v1/processrequest"
    error(mpesa.web.post(path, content=b"{not json", headers=headers), 400, "400.002.05")
    error(mpesa.web.post(path, content=b"[" * 50_000, headers=headers), 400, "400.002.05")
    error(mpesa.web.post(path, content=b"x" * 200_000, headers=headers), 400, "400.002.05")
    error(mpesa.web.post(path, json={}), 404, "404.001.04")
    error(mpesa.web.get(path, headers=headers), 405, "405.001")
    error(mpesa.web.post(f"{mpesa.url}/mpesa/nothing", json={}, headers=headers), 404, "404.001.01")
    assert mpesa.state()["orders"] == []


def test_a_phone_with_an_open_prompt_is_locked(shop: Receiver) -> None:
    with daraja(delay=Delay(0.5, 0.5)) as mpesa:
        first = mpesa.stk(shop.url + "/lock")["CheckoutRequestID"]
        second = mpesa.post("/mpesa/stkpush/v1/processrequest", mpesa.stk_body(shop.url + "/lock"))
        assert "Unable to lock subscriber" in error(second, 500, "500.001.1001")
        mpesa.done(first)
        mpesa.stk(shop.url + "/lock")


@pytest.mark.parametrize("code", ["1", "1001", "1019", "1025", "1032", "1037", "17", "2001", "8006", "9999"])
def test_numbers_that_fail_do_so_with_their_code(mpesa: Daraja, shop: Receiver, code: str) -> None:
    path = f"/fail-{code}"
    mpesa.stk(shop.url + path, phone=f"25479900{int(code):04d}")
    callback = shop.wait(path)[0]["Body"]["stkCallback"]
    assert callback["ResultCode"] == int(code)
    assert "CallbackMetadata" not in callback
    assert mpesa.state()["float"] == "20000000.00"


def test_a_payer_without_enough_money_is_told_so(mpesa: Daraja, shop: Receiver) -> None:
    mpesa.person(ALICE, "999.00")
    mpesa.stk(shop.url + "/poor", amount="1000")
    assert shop.wait("/poor")[0]["Body"]["stkCallback"]["ResultCode"] == 1
    assert mpesa.state()["people"][ALICE] == "999.00"
