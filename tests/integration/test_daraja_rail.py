"""The M-Pesa adapter against an HTTP server that speaks as Daraja's pages document."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from juapesa.clock import SystemClock
from juapesa.config.settings import DarajaSettings, Settings
from juapesa.money import KES, Money
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.daraja import client, orders
from juapesa.rails.daraja.credential import InitiatorCredential, NoCertificate
from juapesa.rails.http import new_client
from juapesa.rails.ports import CollectOrder, Outcome, Rail, RailAnswer, Reason
from juapesa.rails.routing import UnknownRail, build_rails
from juapesa.rails.tokens import MemoryTokens
from support.daraja_rail import (
    COLLECT,
    HANDLE,
    PASSWORD,
    PAYOUT,
    REFERENCE,
    ask,
    find_collect,
    find_lost_collect,
    settings_for,
)
from support.operators import Operator, operator, unused_url

STK_ACK = {
    "MerchantRequestID": "29115-34620561-1",
    "CheckoutRequestID": HANDLE,
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success. Request accepted for processing",
}
ASYNC_ACK = {
    "ConversationID": "AG_20191219_00005797af5d7d75f652",
    "OriginatorConversationID": REFERENCE,
    "ResponseCode": "0",
    "ResponseDescription": "Accept the service request successfully.",
}
PROCESSING = {
    "requestId": "1",
    "errorCode": "500.001.1001",
    "errorMessage": "The transaction is being processed",
}
DUPLICATE = {"errorCode": "500.002.1001", "errorMessage": "Duplicate OriginatorConversationID."}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operator of this test")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def daraja(certificate: bytes) -> Iterator[Operator]:
    with operator() as told:
        told.say("/_sandbox/certificate.pem", (200, certificate))
        yield told


def collect(rail: Rail) -> Any:
    return rail.collect(COLLECT)


def payout(rail: Rail) -> Any:
    return rail.payout(PAYOUT)


def find_payout(rail: Rail) -> Any:
    return rail.find_payout(REFERENCE, None, "http://127.0.0.1:1/status")


def test_an_accepted_prompt_is_pending_with_its_handle(daraja: Operator) -> None:
    daraja.say(client.STK_PUSH, (200, STK_ACK))
    [answer] = ask(daraja.url, collect)
    assert (answer.outcome, answer.handle) == (Outcome.PENDING, HANDLE)
    [seen] = daraja.requests(client.STK_PUSH)
    assert json.loads(seen.body)["AccountReference"] == orders.account_reference(REFERENCE)
    assert seen.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            (500, {"errorCode": "500.001.1001", "errorMessage": "Unable to lock subscriber"}),
            Reason.BUSY_SUBSCRIBER,
        ),
        (
            (400, {"errorCode": "400.002.02", "errorMessage": "Bad Request - Invalid PhoneNumber"}),
            Reason.CONFIGURATION,
        ),
        ((500, {"errorCode": "500.003.02", "errorMessage": "Spike arrest violation"}), Reason.RATE_LIMITED),
        ((200, STK_ACK | {"ResponseCode": "1", "ResponseDescription": "Rejected"}), Reason.OTHER),
    ],
)
def test_a_prompt_turned_away_has_failed(daraja: Operator, said: Any, reason: Reason) -> None:
    daraja.say(client.STK_PUSH, said)
    [answer] = ask(daraja.url, collect)
    assert (answer.outcome, answer.reason, answer.handle is None) == (
        Outcome.FAILED,
        reason,
        "errorCode" in said[1],
    )


@pytest.mark.parametrize(
    "said", [5, (500, b"<html>oops</html>"), (503, {}), (200, b"not json"), (200, {}), (200, [])]
)
def test_silence_and_nonsense_after_an_order_are_unknown(daraja: Operator, said: Any) -> None:
    daraja.say(client.STK_PUSH, said)
    daraja.say(client.B2C, said)
    answers = ask(daraja.url, collect, payout)
    assert [answer.outcome for answer in answers] == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert len(daraja.requests(client.STK_PUSH)) == 1, "an order is never repeated by the adapter"


def test_nobody_there_is_unknown_for_questions_and_payouts() -> None:
    answers = ask(unused_url(), payout, find_payout, find_collect, find_lost_collect)
    assert [answer.outcome for answer in answers] == [Outcome.UNKNOWN] * 4


def test_a_prompt_for_which_there_was_no_token_was_never_sent() -> None:
    [answer] = ask(unused_url(), collect)
    assert (answer.outcome, answer.reason, answer.code) == (Outcome.FAILED, Reason.OPERATOR_DOWN, "not-sent")


def test_a_connection_refused_after_the_token_leaves_an_order_unknown() -> None:
    async def run() -> RailAnswer:
        urls, tokens = CallbackUrls(b"k" * 32, "http://127.0.0.1:1"), MemoryTokens(SystemClock())
        with operator() as told:
            told.say(client.STK_QUERY, (500, PROCESSING))
            rails = build_rails(Settings(daraja=settings_for(told.url)), tokens, urls, SystemClock())
            pending = await rails["mpesa-ke"].find_collect(REFERENCE, HANDLE)
            assert pending.outcome is Outcome.PENDING
        answer = await rails["mpesa-ke"].collect(COLLECT)
        await rails.close()
        return answer

    assert asyncio.run(run()).outcome is Outcome.UNKNOWN


def test_a_refused_token_is_replaced_once_and_the_order_sent_once_more(daraja: Operator) -> None:
    daraja.say(client.STK_PUSH, (200, STK_ACK))
    daraja.say(client.STK_QUERY, (500, PROCESSING))

    def invalidate(_: Rail) -> Any:
        daraja.tokens_given += 1  # somebody else fetched one: ours has ended
        return asyncio.sleep(0)

    answers = ask(daraja.url, find_collect, invalidate, collect)
    assert answers[2].outcome is Outcome.PENDING
    assert daraja.tokens_given == 3
    assert len(daraja.requests(client.STK_PUSH)) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        (404, {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"}),
        (401, {"errorCode": "401.002.01", "errorMessage": "Error Occurred - Invalid Access Token"}),
        (400, {"errorCode": "400.003.01", "errorMessage": "Invalid Access Token"}),
        (401, b""),
    ],
)
def test_a_token_refused_twice_is_not_fetched_for_ever(daraja: Operator, refusal: Any) -> None:
    daraja.say(client.STK_PUSH, refusal)
    [answer] = ask(daraja.url, collect)
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, Reason.CONFIGURATION)
    assert daraja.tokens_given == 2
    assert len(daraja.requests(client.STK_PUSH)) == 2


def test_many_requests_at_once_fetch_one_token(daraja: Operator) -> None:
    daraja.say(client.STK_QUERY, (500, PROCESSING))

    def at_once(rail: Rail) -> Any:
        return asyncio.gather(*(find_collect(rail) for _ in range(20)))

    [answers] = ask(daraja.url, at_once)
    assert {answer.outcome for answer in answers} == {Outcome.PENDING}
    assert daraja.tokens_given == 1


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        ((500, PROCESSING), Outcome.PENDING, Reason.NONE),
        (
            (200, {"ResponseCode": "0", "ResultCode": "1032", "ResultDesc": "x"}),
            Outcome.FAILED,
            Reason.PAYER_DECLINED,
        ),
        (
            (200, {"ResponseCode": "0", "ResultCode": 1037, "ResultDesc": "x"}),
            Outcome.FAILED,
            Reason.PAYER_UNREACHABLE,
        ),
        ((200, {"ResponseCode": "0", "ResultCode": "777", "ResultDesc": "x"}), Outcome.UNKNOWN, Reason.NONE),
        ((200, {"ResponseCode": "0"}), Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
        (
            (500, {"errorCode": "500.001.1001", "errorMessage": "Wrong credentials"}),
            Outcome.UNKNOWN,
            Reason.OPERATOR_DOWN,
        ),
        ((400, {"errorCode": "400.002.02", "errorMessage": "x"}), Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
        (5, Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
    ],
)
def test_asking_about_a_prompt(daraja: Operator, said: Any, outcome: Outcome, reason: Reason) -> None:
    daraja.say(client.STK_QUERY, said)
    [answer] = ask(daraja.url, find_collect)
    assert (answer.outcome, answer.reason, answer.handle) == (outcome, reason, HANDLE)


def test_an_accepted_payout_is_pending_and_its_password_sealed(
    daraja: Operator, key: rsa.RSAPrivateKey
) -> None:
    daraja.say(client.B2C, (200, ASYNC_ACK))
    [answer] = ask(daraja.url, payout)
    assert (answer.outcome, answer.handle) == (Outcome.PENDING, ASYNC_ACK["ConversationID"])
    body = json.loads(daraja.requests(client.B2C)[0].body)
    assert key.decrypt(base64.b64decode(body["SecurityCredential"]), padding.PKCS1v15()) == PASSWORD.encode()
    assert body["OriginatorConversationID"] == REFERENCE
    assert body["ResultURL"] == PAYOUT.callback_url
    assert "/callbacks/mpesa-ke/timeout/" in body["QueueTimeOutURL"]


def test_a_repeated_payout_reads_as_accepted_before(daraja: Operator) -> None:
    daraja.say(client.B2C, (500, DUPLICATE))
    [answer] = ask(daraja.url, payout)
    assert (answer.outcome, answer.reason) == (Outcome.PENDING, Reason.DUPLICATE)


def test_asking_about_a_payout_is_answered_by_callback(daraja: Operator) -> None:
    daraja.say(client.STATUS, (200, ASYNC_ACK), (500, {"errorCode": "500.003.02"}), (400, {}))
    answers = ask(daraja.url, find_payout, find_payout, find_payout)
    assert [answer.outcome for answer in answers] == [Outcome.PENDING, Outcome.UNKNOWN, Outcome.UNKNOWN]
    body = json.loads(daraja.requests(client.STATUS)[0].body)
    assert body["OriginalConversationID"] == REFERENCE
    assert "TransactionID" not in body
    assert body["ResultURL"] == "http://127.0.0.1:1/status"


def test_a_payout_without_a_certificate_is_unknown_and_not_sent(daraja: Operator) -> None:
    daraja.say("/_sandbox/certificate.pem", (200, b"not a certificate"))
    [answer] = ask(daraja.url, payout)
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "not-sent")
    assert not daraja.requests(client.B2C)


def test_a_certificate_comes_from_a_file_when_one_is_set(
    daraja: Operator, certificate: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "operator.pem"
    file.write_bytes(certificate)
    daraja.say(client.B2C, (200, ASYNC_ACK))
    [answer] = ask(daraja.url, payout, settings=settings_for(daraja.url, certificate=file))
    assert answer.outcome is Outcome.PENDING
    assert not daraja.requests("/_sandbox/certificate.pem")


def test_a_real_host_without_its_certificate_is_refused_at_start(tmp_path: Path) -> None:
    for settings in (
        DarajaSettings(base_url="https://api.safaricom.co.ke"),
        DarajaSettings(certificate=tmp_path / "missing.pem"),
    ):
        with pytest.raises(NoCertificate):
            InitiatorCredential(new_client(), settings)


@pytest.mark.parametrize(
    ("phone", "amount", "reason"),
    [
        ("+2348031234567", Money.whole(1000, KES), Reason.PAYER_UNREACHABLE),
        ("+254708374149", Money(100_050, KES), Reason.AMOUNT),
        ("+254708374149", Money.whole(250_001, KES), Reason.AMOUNT),
        ("+254708374149", Money.zero(KES), Reason.AMOUNT),
    ],
)
def test_what_the_rail_cannot_carry_is_not_even_sent(
    daraja: Operator, phone: str, amount: Money, reason: Reason
) -> None:
    order = CollectOrder(REFERENCE, phone, amount, "x", "http://127.0.0.1:1/cb")
    [answer] = ask(daraja.url, lambda rail: rail.collect(order))
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, reason)
    assert not daraja.seen


def test_a_rail_that_we_do_not_have_is_not_found() -> None:
    async def run() -> None:
        urls = CallbackUrls(b"k" * 32, "http://127.0.0.1:1")
        rails = build_rails(Settings(), MemoryTokens(SystemClock()), urls, SystemClock())
        assert sorted(rails) == ["momo-ng", "mpesa-ke"]
        assert rails.get("nobody") is None
        with pytest.raises(UnknownRail):
            rails["nobody"]
        await rails.close()

    asyncio.run(run())
