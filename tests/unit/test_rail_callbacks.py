"""Callbacks and requests, with the sample bodies that the operators document."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from juapesa.config.settings import DarajaSettings
from juapesa.errors import InvalidInput
from juapesa.money import KES, NGN, Money
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.daraja import callbacks as daraja
from juapesa.rails.daraja import orders
from juapesa.rails.momo import callbacks as momo
from juapesa.rails.momo.adapter import body_of, plain_amount
from juapesa.rails.momo.mapping import Product
from juapesa.rails.ports import CollectOrder, Outcome, PayoutOrder, Reason
from juapesa.rails.wire import NotTheirFormat

REFERENCE = "0f0f2f64-3ad5-4c54-9ff5-5a25a0f1c001"
SETTINGS = DarajaSettings()


def encoded(thing: Any) -> bytes:
    return json.dumps(thing).encode()


def stk(code: Any = 0, **more: Any) -> dict[str, Any]:
    callback = {
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": "ws_CO_191220191020363925",
        "ResultCode": code,
        "ResultDesc": "The service request is processed successfully.",
    }
    return {"Body": {"stkCallback": callback | more}}


PAID = {
    "Item": [
        {"Name": "Amount", "Value": 1000.00},
        {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": 20191219102115},
        {"Name": "PhoneNumber", "Value": 254708374149},
    ]
}


def b2c(code: Any = 0, parameters: Any = None) -> dict[str, Any]:
    result = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": REFERENCE,
        "ConversationID": "AG_20191219_00005797af5d7d75f652",
        "TransactionID": "NLJ41HAY6Q",
    }
    if parameters is not None:
        result["ResultParameters"] = {"ResultParameter": parameters}
    result["ReferenceData"] = {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": "https://example.org"}}
    return {"Result": result}


def collect_order(**changes: Any) -> CollectOrder:
    order = CollectOrder(
        REFERENCE, "+254708374149", Money.whole(1000, KES), "JP-7Q2F-K3", "http://127.0.0.1:1/cb"
    )
    return replace(order, **changes)


def payout_order(**changes: Any) -> PayoutOrder:
    order = PayoutOrder(
        REFERENCE, "+254708374149", Money.whole(1000, KES), "JP-7Q2F-K3", "http://127.0.0.1:1/cb"
    )
    return replace(order, **changes)


def test_a_paid_prompt_gives_receipt_and_amount() -> None:
    news = daraja.collect(encoded(stk(CallbackMetadata=PAID)))
    assert news.handle == "ws_CO_191220191020363925"
    assert news.answer.outcome is Outcome.SUCCESS
    assert news.answer.receipt == "NLJ7RT61SV"
    assert news.answer.amount == Money.whole(1000, KES)


@pytest.mark.parametrize("code", [1032, "1032"])
def test_a_cancelled_prompt_has_no_metadata(code: Any) -> None:
    answer = daraja.collect(encoded(stk(code))).answer
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, Reason.PAYER_DECLINED)
    assert answer.receipt is None
    assert answer.amount is None


def test_a_lone_metadata_item_and_an_empty_one_are_read() -> None:
    lone = {"Item": {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"}}
    assert daraja.collect(encoded(stk(CallbackMetadata=lone))).answer.receipt == "NLJ7RT61SV"
    for nothing in (None, [], {}, "", {"Item": None}, {"Item": [None, 3, {}]}):
        answer = daraja.collect(encoded(stk(CallbackMetadata=nothing))).answer
        assert (answer.outcome, answer.receipt) == (Outcome.SUCCESS, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"\xff\xfe", b'{"Body":{"stkCallback":[]}}'])
def test_what_is_no_callback_is_refused(body: bytes) -> None:
    with pytest.raises(NotTheirFormat):
        daraja.collect(body)


def test_hostile_json_is_refused_and_not_expanded() -> None:
    for body in (b"[" * 60_000, b"1" * 60_000, b'{"a":"' + b"x" * 70_000 + b'"}'):
        with pytest.raises(NotTheirFormat):
            daraja.collect(body)
    huge = {"Item": [{"Name": "Amount", "Value": "1e999999999"}]}
    assert daraja.collect(encoded(stk(CallbackMetadata=huge))).answer.amount is None
    bare = encoded(stk(CallbackMetadata=PAID)).replace(b"1000.0", b"1e999999999")
    assert daraja.collect(bare).answer.amount is None


def test_a_payout_result_gives_receipt_and_amount() -> None:
    parameters = [
        {"Key": "TransactionAmount", "Value": 1000},
        {"Key": "TransactionReceipt", "Value": "NLJ41HAY6Q"},
        {"Key": "B2CRecipientIsRegisteredCustomer", "Value": "Y"},
        {"Key": "B2CChargesPaidAccountAvailableFunds", "Value": -4510.00},
        {"Key": "ReceiverPartyPublicName", "Value": "254708374149 - John Doe"},
        {"Key": "TransactionCompletedDateTime", "Value": "19.12.2019 11:45:50"},
        {"Key": "B2CUtilityAccountAvailableFunds", "Value": 10116.00},
        {"Key": "B2CWorkingAccountAvailableFunds", "Value": 900000.00},
    ]
    news = daraja.payout(encoded(b2c(parameters=parameters)))
    assert news.reference == REFERENCE
    assert news.handle == "AG_20191219_00005797af5d7d75f652"
    assert news.answer.outcome is Outcome.SUCCESS
    assert (news.answer.receipt, news.answer.amount) == ("NLJ41HAY6Q", Money.whole(1000, KES))


def test_a_failed_payout_has_no_receipt() -> None:
    answer = daraja.payout(encoded(b2c("2001"))).answer
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, Reason.CONFIGURATION)
    assert answer.receipt is None


def test_result_parameters_may_be_a_flat_list() -> None:
    body = b2c()
    body["Result"]["ResultParameters"] = [{"Key": "TransactionReceipt", "Value": "NLJ41HAY6Q"}]
    assert daraja.payout(encoded(body)).answer.receipt == "NLJ41HAY6Q"


def test_a_status_answer_speaks_of_the_order_and_not_of_the_query() -> None:
    parameters = [
        {"Key": "DebitPartyName", "Value": "600310 - Jua Pesa"},
        {"Key": "DebitPartyName", "Value": "254708374149 - John Doe"},
        {"Key": "OriginatorConversationID", "Value": "the-orders-own"},
        {"Key": "InitiatedTime", "Value": 20180223054112},
        {"Key": "DebitPartyCharges", "Value": "Fee For B2C Payment|KES|22.40"},
        {"Key": "TransactionReason"},
        {"Key": "TransactionStatus", "Value": "Completed"},
        {"Key": "ConversationID", "Value": "AG_order"},
        {"Key": "Amount", "Value": 300},
        {"Key": "ReceiptNo", "Value": "MBN31H462N"},
    ]
    news = daraja.status(encoded(b2c(parameters=parameters)))
    assert (news.reference, news.handle) == ("the-orders-own", "AG_order")
    assert news.answer.outcome is Outcome.SUCCESS
    assert (news.answer.receipt, news.answer.amount) == ("MBN31H462N", Money.whole(300, KES))


def test_a_status_query_that_failed_says_nothing_about_the_order() -> None:
    assert daraja.status(encoded(b2c(2001))).answer.outcome is Outcome.UNKNOWN


def test_a_queue_timeout_is_never_a_failure() -> None:
    assert daraja.timeout(encoded(b2c(1))).answer.outcome is Outcome.UNKNOWN
    assert daraja.timeout(b"whatever").answer.outcome is Outcome.UNKNOWN


def test_a_balance_adds_up_what_is_available_charges_taken_off() -> None:
    written = (
        "Working Account|KES|346568.83|6186.83|340382.00|0.00&Float Account|KES|0.00|0.00|0.00|0.00"
        "&Utility Account|KES|49217.00|49217.00|0.00|0.00&Charges Paid Account|KES|-220.00|-220.00|0.00|0.00"
    )
    news = daraja.balance(encoded(b2c(parameters=[{"Key": "AccountBalance", "Value": written}])))
    assert news.answer.amount == Money.parse("55183.83", KES)
    assert daraja.balance(encoded(b2c())).answer.outcome is Outcome.UNKNOWN


def test_an_stk_push_has_exactly_the_documented_fields() -> None:
    body = orders.stk_push(SETTINGS, collect_order(), datetime(2026, 11, 21, 21, 30, tzinfo=UTC))
    assert body["Timestamp"] == "20261122003000"  # East Africa Time
    secret = SETTINGS.shortcode + SETTINGS.passkey.get_secret_value() + body["Timestamp"]
    assert base64.b64decode(body["Password"]).decode() == secret
    assert body["Amount"] == "1000"
    assert body["PartyA"] == body["PhoneNumber"] == "254708374149"
    assert body["PartyB"] == body["BusinessShortCode"] == SETTINGS.shortcode
    assert len(body["AccountReference"]) == 12
    assert len(body["TransactionDesc"]) <= 13
    assert set(body) == {
        *("BusinessShortCode", "Password", "Timestamp", "TransactionType", "Amount", "PartyA", "PartyB"),
        *("PhoneNumber", "CallBackURL", "AccountReference", "TransactionDesc"),
    }


def test_a_note_that_says_nothing_is_left_out() -> None:
    assert "TransactionDesc" not in orders.stk_push(SETTINGS, collect_order(note="€€"), datetime.now(UTC))


def test_a_b2c_order_carries_our_reference_and_a_remark() -> None:
    body = orders.b2c(SETTINGS, payout_order(note=""), "credential", "http://127.0.0.1:1/timeout")
    assert body["OriginatorConversationID"] == REFERENCE
    assert 2 <= len(body["Remarks"]) <= 100
    assert set(body) == {
        *("OriginatorConversationID", "InitiatorName", "SecurityCredential", "CommandID", "Amount", "PartyA"),
        *("PartyB", "Remarks", "QueueTimeOutURL", "ResultURL", "Occassion"),
    }


@pytest.mark.parametrize(
    ("phone", "written"),
    [("+254708374149", "254708374149"), ("+254110000000", "254110000000")],
)
def test_a_kenyan_number_loses_its_plus(phone: str, written: str) -> None:
    assert orders.msisdn(phone) == written


@pytest.mark.parametrize(
    "phone", ["0708374149", "254708374149", "+2348031234567", "+25470837414", "+٢٥٤", ""]
)
def test_any_other_number_is_no_msisdn_of_theirs(phone: str) -> None:
    assert orders.msisdn(phone) is None


def test_only_whole_positive_shillings_are_sent() -> None:
    assert orders.whole_shillings(Money(100, KES)) == "1"
    for amount in (Money(150, KES), Money(0, KES), Money(-100, KES), Money(100, NGN)):
        assert orders.whole_shillings(amount) is None


def test_a_momo_status_gives_receipt_and_amount() -> None:
    body = {
        "amount": "1000",
        "currency": "NGN",
        "externalId": REFERENCE,
        "payer": {"partyIdType": "MSISDN", "partyId": "2348031234567"},
        "status": "SUCCESSFUL",
        "financialTransactionId": 363440463,
    }
    news = momo.callback(Product.COLLECTION, NGN, encoded(body))
    assert news.reference == REFERENCE
    assert (news.answer.receipt, news.answer.amount) == ("363440463", Money.whole(1000, NGN))
    assert momo.callback(Product.COLLECTION, NGN, encoded(body | {"currency": "EUR"})).answer.amount is None


@pytest.mark.parametrize("reason", ["APPROVAL_REJECTED", {"code": "APPROVAL_REJECTED", "message": "No."}])
def test_a_momo_reason_is_a_word_or_an_object(reason: Any) -> None:
    news = momo.callback(Product.COLLECTION, NGN, encoded({"status": "FAILED", "reason": reason}))
    assert news.answer.reason is Reason.PAYER_DECLINED
    assert news.answer.code == "APPROVAL_REJECTED"


def test_a_momo_order_has_the_documented_fields() -> None:
    body = body_of(collect_order(phone="+2348031234567", amount=Money.whole(5000, NGN)), "payer")
    assert body["amount"] == "5000"
    assert body["payer"] == {"partyIdType": "MSISDN", "partyId": "2348031234567"}
    assert set(body) == {"amount", "currency", "externalId", "payer", "payerMessage", "payeeNote"}
    assert plain_amount(Money(123_45, NGN)) == "123.45"


def test_a_callback_address_proves_itself_and_nothing_else() -> None:
    urls = CallbackUrls(b"k" * 32, "https://jua.example/")
    address = urls.make("mpesa-ke", "collect", REFERENCE)
    base, rail, kind, reference, token = address.rsplit("/", 4)
    assert (base, rail, kind, reference) == (
        "https://jua.example/callbacks",
        "mpesa-ke",
        "collect",
        REFERENCE,
    )
    assert len(token) == 32
    assert urls.verify(rail, kind, reference, token)
    assert not urls.verify(rail, "payout", reference, token)
    assert not urls.verify("momo-ng", kind, reference, token)
    assert not urls.verify(rail, kind, "another", token)
    assert not urls.verify(rail, kind, reference, token[:-1])
    assert not urls.verify(rail, kind, reference, "ü")
    assert not CallbackUrls(b"j" * 32, "https://jua.example").verify(rail, kind, reference, token)
    assert not urls.verify(rail, kind, "a|b", token)
    with pytest.raises(InvalidInput):
        urls.make("mpesa-ke", "collect", "../etc")
