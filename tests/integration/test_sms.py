"""Africa's Talking's messaging API, spoken to a real HTTP server."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from juapesa.config.settings import AfricasTalkingSettings
from juapesa.notifications import AfricasTalking, Delivery, SmsResult
from juapesa.notifications.sms import read_answer
from support.operators import Operator, operator, unused_url

PATH = "/version1/messaging"
PHONE = "+254708374149"


def answer(**recipient: Any) -> dict[str, Any]:
    first = {
        "statusCode": 101,
        "number": PHONE,
        "status": "Success",
        "cost": "KES 0.8000",
        "messageId": "ATXid_1",
    }
    return {"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [first | recipient]}}


@pytest.fixture
def gateway() -> Iterator[Operator]:
    with operator() as told:
        told.tokens_free = True
        yield told


def send(url: str) -> SmsResult:
    async def run() -> SmsResult:
        async with httpx.AsyncClient() as http:
            settings = AfricasTalkingSettings(base_url=url, timeout_seconds=0.5)
            return await AfricasTalking(http, settings).send(PHONE, "You sent KES 1,000. Ref JP-1")

    return asyncio.run(run())


def test_a_message_is_a_form_with_the_key_in_a_header(gateway: Operator) -> None:
    gateway.say(PATH, (201, answer()))
    assert send(gateway.url) == SmsResult(Delivery.SENT, "101", "ATXid_1")
    [seen] = gateway.requests(PATH)
    assert seen.headers["apikey"] == "sandbox-at-key"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(seen.body.decode()) == {
        "username": ["sandbox"],
        "to": [PHONE],
        "message": ["You sent KES 1,000. Ref JP-1"],
        "bulkSMSMode": ["1"],
        "from": ["JUAPESA"],
    }


@pytest.mark.parametrize(
    ("said", "delivery"),
    [
        ((201, answer(statusCode="102")), Delivery.SENT),
        ((200, answer(statusCode=100)), Delivery.SENT),
        ((201, answer(statusCode=None)), Delivery.SENT),
        ((201, answer(statusCode=403, status="InvalidPhoneNumber")), Delivery.REFUSED),
        ((201, answer(statusCode=406, status="UserInBlacklist")), Delivery.REFUSED),
        ((201, answer(statusCode=405, status="InsufficientBalance")), Delivery.RETRY),
        ((201, answer(statusCode=500, status="InternalServerError")), Delivery.RETRY),
        ((201, {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}), Delivery.RETRY),
        ((401, b"The supplied authentication is invalid"), Delivery.RETRY),
        ((503, b""), Delivery.RETRY),
        ((201, b"<html>"), Delivery.RETRY),
        (5, Delivery.RETRY),
    ],
)
def test_each_answer_says_whether_to_try_again(gateway: Operator, said: Any, delivery: Delivery) -> None:
    gateway.say(PATH, said)
    assert send(gateway.url).delivery is delivery


def test_a_gateway_that_is_down_is_tried_again() -> None:
    assert send(unused_url()).delivery is Delivery.RETRY


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b'{"SMSMessageData":3}', b'{"SMSMessageData":{"Recipients":[3]}}']
)
def test_any_other_shape_is_tried_again(body: bytes) -> None:
    assert read_answer(body).delivery is Delivery.RETRY
