"""Daraja's sandbox: status, balance, reversal, pay-bill payments and the pull statement."""

import re
from typing import Any

from support.daraja_sandbox import BALANCE, REVERSAL, STATUS, error, parameters
from support.sandboxes import ALICE, BOB, Daraja, Receiver, eventually


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
