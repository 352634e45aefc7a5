"""Daraja's sandbox: B2C payouts and their results."""

import base64
import re
from typing import Any

import pytest

from support.daraja_sandbox import error, parameters
from support.sandboxes import BOB, Daraja, Receiver


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
