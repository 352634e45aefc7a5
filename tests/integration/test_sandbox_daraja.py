"""Daraja's sandbox, spoken to as its pages say."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from juapesa.sandbox.engine import Delay
from support.sandboxes import ALICE, BOB, Daraja, Receiver, daraja, eventually, receiver

STATUS = "/mpesa/transactionstatus/v1/query"
BALANCE = "/mpesa/accountbalance/v1/query"
REVERSAL = "/mpesa/reversal/v1/request"


@pytest.fixture(scope="module")
def shop() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def mpesa() -> Iterator[Daraja]:
    with daraja() as client:
        yield client


def parameters(result: dict[str, Any]) -> dict[str, Any]:
    return {
        each["Key"]: each.get("Value") for each in result["Result"]["ResultParameters"]["ResultParameter"]
    }


def error(reply: httpx.Response, status: int, code: str) -> str:
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert set(body) == {"requestId", "errorCode", "errorMessage"}
    assert body["errorCode"] == code
    return str(body["errorMessage"])


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


def test_a_payout_is_acknowledged_paid_and_reported(mpesa: Daraja, shop: Receiver) -> None:
    accepted = mpesa.b2c(shop.url + "/b2c/result", own="ours-1")
    assert accepted["ResponseCode"] == "0"
    assert accepted["OriginatorConversationID"] == "ours-1"
    assert re.fullmatch(r"AG_\d{8}_[0-9a-f]{20}", accepted["ConversationID"])
    result = shop.wait("/b2c/result")[0]["Result"]
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert result["OriginatorConversationID"] == "ours-1"
    assert result["ConversationID"] == accepted["ConversationID"]
    assert result["ReferenceData"]["ReferenceItem"]["Key"] == "QueueTimeoutURL"
    told = parameters({"Result": result})
    assert told["TransactionAmount"] == 500
    assert told["TransactionReceipt"] == result["TransactionID"]
    assert told["ReceiverPartyPublicName"].startswith(f"{BOB} - ")
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d", told["TransactionCompletedDateTime"])
    assert told["B2CRecipientIsRegisteredCustomer"] == "Y"
    assert told["B2CUtilityAccountAvailableFunds"] == 19_999_500.0
    assert told["B2CChargesPaidAccountAvailableFunds"] == -5.0
    state = mpesa.state()
    assert state["float"] == "19999500.00"
    assert state["people"][BOB] == "200500.00"
    assert state["accounts"]["600000"] == {"working": "0.00", "utility": "19999500.00", "charges": "-5.00"}


def test_the_same_originator_id_is_refused_and_pays_once(mpesa: Daraja, shop: Receiver) -> None:
    mpesa.b2c(shop.url + "/once/result", own="twice")
    again = mpesa.post("/mpesa/b2c/v3/paymentrequest", mpesa.b2c_body(shop.url + "/once/result", own="twice"))
    assert error(again, 500, "500.002.1001") == "Duplicate OriginatorConversationID."
    mpesa.done("twice")
    assert mpesa.order("twice")["times_moved"] == 1
    assert mpesa.state()["people"][BOB] == "200500.00"


def test_a_password_that_is_not_encrypted_for_the_certificate_fails_in_the_result(
    mpesa: Daraja, shop: Receiver
) -> None:
    wrong = [
        {"SecurityCredential": mpesa.credential("wrong")},
        {"SecurityCredential": base64.b64encode(b"Sandbox#2026").decode()},
        {"InitiatorName": "somebody"},
    ]
    for number, change in enumerate(wrong):
        path = f"/cred{number}/result"
        reply = mpesa.post("/mpesa/b2c/v3/paymentrequest", {**mpesa.b2c_body(shop.url + path), **change})
        assert reply.status_code == 200
        result = shop.wait(path)[0]["Result"]
        assert result["ResultCode"] == 2001
        assert "ResultParameters" not in result
    assert mpesa.state()["float"] == "20000000.00"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Amount", "5.5"),
        ("PartyB", "0722000002"),
        ("CommandID", "Gift"),
        ("Remarks", "x"),
        ("ResultURL", "nowhere"),
        ("QueueTimeOutURL", None),
        ("InitiatorName", ""),
        ("SecurityCredential", ""),
        ("OriginatorConversationID", ""),
        ("Occassion", "x" * 101),
    ],
)
def test_a_payout_with_a_bad_field_is_refused(mpesa: Daraja, field: str, value: Any) -> None:
    body = {**mpesa.b2c_body("http://127.0.0.1:9/result"), field: value}
    reply = mpesa.post("/mpesa/b2c/v3/paymentrequest", body)
    assert error(reply, 400, "400.002.02") == f"Bad Request - Invalid {field}"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Amount": "9"}, 2),
        ({"Amount": "250001"}, 3),
        ({"PartyA": "174379"}, 2028),
        ({"PartyB": "254799002040"}, 2040),
        ({"PartyB": "254799000003"}, "SFC_IC0003"),
    ],
)
def test_rules_of_the_core_come_as_result_codes(
    mpesa: Daraja, shop: Receiver, change: dict[str, str], code: int | str
) -> None:
    path = f"/rule-{code}-{change.get('PartyB', '')}/result"
    body = {**mpesa.b2c_body(shop.url + path), **change}
    assert mpesa.post("/mpesa/b2c/v3/paymentrequest", body).status_code == 200
    assert shop.wait(path)[0]["Result"]["ResultCode"] == code


def test_a_receiver_may_not_hold_more_than_the_cap_nor_we_pay_more_than_we_have(
    mpesa: Daraja, shop: Receiver
) -> None:
    mpesa.person(BOB, "499900.00")
    mpesa.b2c(shop.url + "/cap/result", amount="200")
    assert shop.wait("/cap/result")[0]["Result"]["ResultCode"] == 8


def status_of(mpesa: Daraja, shop: Receiver, path: str, **about: str) -> dict[str, Any]:
    reply = mpesa.ask(STATUS, "TransactionStatusQuery", shop.url + path, **about)
    assert reply.json()["ResponseCode"] == "0", reply.text
    found: dict[str, Any] = shop.wait(path)[0]
    return found


def test_transaction_status_answers_by_receipt_and_by_our_own_id(mpesa: Daraja, shop: Receiver) -> None:
    mpesa.b2c(shop.url + "/s0/result", own="mine")
    receipt = shop.wait("/s0/result")[0]["Result"]["TransactionID"]
    by_id = parameters(status_of(mpesa, shop, "/s1/result", OriginalConversationID="mine"))
    assert by_id["TransactionStatus"] == "Completed"
    assert by_id["ReceiptNo"] == receipt
    assert by_id["Amount"] == 500
    assert by_id["OriginatorConversationID"] == "mine"
    assert by_id["DebitPartyCharges"] == "Fee For B2C Payment|KES|5.00"
    assert by_id["CreditPartyName"].startswith(BOB)
    by_receipt = parameters(status_of(mpesa, shop, "/s2/result", TransactionID=receipt))
    assert by_receipt["ConversationID"] == by_id["ConversationID"]
    unknown = status_of(mpesa, shop, "/s3/result", TransactionID="SAA0000000")["Result"]
    assert unknown["ResultCode"] == 2032
    assert "does not exist" in unknown["ResultDesc"]


def test_transaction_status_shows_a_customers_payment_and_a_refused_payout(
    mpesa: Daraja, shop: Receiver
) -> None:
    mpesa.stk(shop.url + "/s4")
    items = shop.wait("/s4")[0]["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    paid = parameters(status_of(mpesa, shop, "/s5/result", TransactionID=items[1]["Value"]))
    assert paid["DebitPartyName"].startswith(ALICE)
    assert paid["CreditPartyName"].startswith("174379")
    mpesa.b2c(shop.url + "/s6/result", phone="254799002040", own="refused")
    shop.wait("/s6/result")
    refused = parameters(status_of(mpesa, shop, "/s7/result", OriginalConversationID="refused"))
    assert refused["TransactionStatus"] == "Declined"


def test_account_balance_reads_in_the_documented_line(mpesa: Daraja, shop: Receiver) -> None:
    reply = mpesa.ask(BALANCE, "AccountBalance", shop.url + "/bal/result")
    assert set(reply.json()) == {
        "OriginatorConversationID",
        "ConversationID",
        "ResponseCode",
        "ResponseDescription",
    }
    told = parameters(shop.wait("/bal/result")[0])
    accounts = [each.split("|") for each in told["AccountBalance"].split("&")]
    assert [each[0] for each in accounts] == [
        "Working Account",
        "Float Account",
        "Utility Account",
        "Charges Paid Account",
        "Organization Settlement Account",
    ]
    assert accounts[2] == ["Utility Account", "KES", "20000000.00", "20000000.00", "0.00", "0.00"]
    assert re.fullmatch(r"\d{14}", str(told["BOCompletedTime"]))


def test_a_reversal_gives_the_money_back_once_and_never_a_payouts(mpesa: Daraja, shop: Receiver) -> None:
    mpesa.stk(shop.url + "/r0")
    receipt = shop.wait("/r0")[0]["Body"]["stkCallback"]["CallbackMetadata"]["Item"][1]["Value"]
    more = {"Amount": "1000", "ReceiverParty": "174379", "RecieverIdentifierType": "11"}

    def reverse(path: str, transaction: str) -> Any:
        reply = mpesa.ask(REVERSAL, "TransactionReversal", shop.url + path, TransactionID=transaction, **more)
        assert reply.json()["ResponseCode"] == "0", reply.text
        return shop.wait(path)[0]["Result"]

    first = reverse("/r1/result", receipt)
    assert first["ResultCode"] == 0
    assert parameters({"Result": first})["OriginalTransactionID"] == receipt
    assert reverse("/r2/result", receipt)["ResultCode"] == "R000001"
    assert reverse("/r3/result", "SXX1111111")["ResultCode"] == "R000002"
    mpesa.b2c(shop.url + "/r4/result", amount="1000")
    payout = shop.wait("/r4/result")[0]["Result"]["TransactionID"]
    assert reverse("/r5/result", payout)["ResultCode"] == "R000002"
    assert mpesa.state()["people"][ALICE] == "200000.00"


def test_a_registered_shop_is_asked_and_told_of_payments_that_start_on_the_phone(
    mpesa: Daraja, shop: Receiver
) -> None:
    register = {
        "ShortCode": "174379",
        "ResponseType": "Completed",
        "ConfirmationURL": shop.url + "/confirm",
        "ValidationURL": shop.url + "/validate",
    }
    shop.answers["/validate"] = {"ResultCode": "0", "ResultDesc": "Accepted"}
    reply = mpesa.post("/mpesa/c2b/v1/registerurl", register)
    assert reply.json()["ResponseCode"] == "0"
    assert "OriginatorCoversationID" in reply.json()
    pay = {
        "ShortCode": "174379",
        "CommandID": "CustomerPayBillOnline",
        "Amount": "250",
        "Msisdn": ALICE,
        "BillRefNumber": "JP0001",
    }
    assert mpesa.post("/mpesa/c2b/v1/simulate", pay).json()["ResponseCode"] == "0"
    told = shop.wait("/confirm")[0]
    assert shop.at("/validate")[0]["TransID"] == told["TransID"]
    assert told["TransactionType"] == "Pay Bill"
    assert told["TransAmount"] == "250.00"
    assert told["BillRefNumber"] == "JP0001"
    assert len(told["MSISDN"]) == 64
    assert set(told) == {
        "TransactionType",
        "TransID",
        "TransTime",
        "TransAmount",
        "BusinessShortCode",
        "BillRefNumber",
        "InvoiceNumber",
        "OrgAccountBalance",
        "ThirdPartyTransID",
        "MSISDN",
        "FirstName",
        "MiddleName",
        "LastName",
    }
    mpesa.post("/mpesa/c2b/v2/registerurl", register)
    mpesa.post("/mpesa/c2b/v2/simulate", pay)
    assert shop.wait("/confirm", 2)[1]["MSISDN"] == "2547*****001"
    shop.answers["/validate"] = {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}
    mpesa.post("/mpesa/c2b/v2/simulate", pay)
    shop.wait("/validate", 3)
    eventually(lambda: mpesa.state()["orders"][-1]["status"] == "failed")
    assert mpesa.state()["orders"][-1]["code"] == "C2B00012"
    shop.answers["/validate"] = 500
    mpesa.post("/mpesa/c2b/v2/simulate", pay)
    shop.wait("/confirm", 3)
    assert mpesa.state()["people"][ALICE] == "199250.00"


def test_addresses_with_forbidden_words_are_not_registered(mpesa: Daraja) -> None:
    register = {
        "ShortCode": "174379",
        "ResponseType": "Completed",
        "ConfirmationURL": "http://x/mPesa/confirm",
        "ValidationURL": "http://x/validate",
    }
    error(mpesa.post("/mpesa/c2b/v2/registerurl", register), 400, "400.002.02")


def test_pull_lists_the_payments_of_the_last_two_days(mpesa: Daraja, shop: Receiver) -> None:
    mpesa.stk(shop.url + "/pull")
    shop.wait("/pull")
    register = {
        "ShortCode": "174379",
        "RequestType": "Pull",
        "NominatedNumber": ALICE,
        "CallBackURL": shop.url,
    }
    first, second = (mpesa.post("/pulltransactions/v1/register", register).json() for _ in range(2))
    assert (first["ResponseStatus"], second["ResponseStatus"]) == ("1000", "1001")
    ask = {
        "ShortCode": "174379",
        "StartDate": "2020-01-01 00:00:00",
        "EndDate": "2040-01-01 00:00:00",
        "OffSetValue": "0",
    }
    found = mpesa.post("/pulltransactions/v1/query", ask).json()
    assert found["ResponseCode"] == "1000"
    (line,) = found["Response"]
    assert line["billreference"] == "JP12345"
    assert line["amount"] == "1000.00"
    assert line["transactiontype"] == "c2b-pay-bill-debit"
    none = mpesa.post("/pulltransactions/v1/query", {**ask, "OffSetValue": "1"}).json()
    assert (none["ResponseCode"], none["Response"]) == ("1001", [])


def test_a_receiver_that_is_not_there_harms_nobody(mpesa: Daraja, shop: Receiver) -> None:
    mpesa.stk("http://127.0.0.1:9/nobody")
    eventually(lambda: mpesa.state()["callbacks"]["failed"] == 1)
    mpesa.stk(shop.url + "/after", phone=BOB)
    assert shop.wait("/after")
