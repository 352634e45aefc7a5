"""What an attester sees for itself at the operators."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from juapesa.clock import SystemClock
from juapesa.config.settings import DarajaSettings, MomoSettings
from juapesa.money import KES, NGN, Money
from juapesa.rails.daraja import client, orders
from juapesa.rails.daraja.client import DarajaClient
from juapesa.rails.daraja.credential import InitiatorCredential
from juapesa.rails.daraja.reader import DarajaReader
from juapesa.rails.momo.client import MomoClient
from juapesa.rails.momo.mapping import Product
from juapesa.rails.momo.reader import MomoReader
from juapesa.rails.ports import Outcome
from juapesa.rails.reading import OperatorSilent, SeenCollect
from juapesa.rails.tokens import MemoryTokens
from support.operators import Operator, operator

REFERENCE = "0f0f2f64-3ad5-4c54-9ff5-5a25a0f1c001"
RECEIPT = "NLJ7RT61SV"
ACK = {"ConversationID": "AG_1", "OriginatorConversationID": "1-2-3", "ResponseCode": "0"}
MONEY_IN = {
    "DebitPartyName": "254708374149 - John Doe",
    "CreditPartyName": "174379 - Jua Pesa",
    "TransactionStatus": "Completed",
    "Amount": "1000.00",
    "ReceiptNo": RECEIPT,
}


@pytest.fixture
def told() -> Iterator[Operator]:
    with operator() as each:
        yield each


def result(values: dict[str, Any], code: Any = 0) -> bytes:
    parameters = [{"Key": key, "Value": value} for key, value in values.items()]
    body = {"ResultCode": code, "ResultDesc": "", "ResultParameters": {"ResultParameter": parameters}}
    return json.dumps({"Result": body}).encode()


def read_daraja(told: Operator, question: Any, *answers: Any, wait_seconds: float = 2.0, **more: Any) -> Any:
    """Ask; ``answers`` (kind and body, or a function of the ticket) are posted as they would be."""

    async def run() -> Any:
        tickets: asyncio.Queue[str] = asyncio.Queue()

        def result_url(kind: str, ticket: str) -> str:
            if kind != "timeout":
                tickets.put_nowait(ticket)
            return f"http://127.0.0.1:1/{kind}/{ticket}"

        settings = DarajaSettings(base_url=told.url, timeout_seconds=0.6)
        async with httpx.AsyncClient() as http:
            credential = InitiatorCredential(http, settings)
            credential._key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
            api = DarajaClient(http, settings, MemoryTokens(SystemClock()))
            reader = DarajaReader(
                api,
                settings,
                credential,
                clock=SystemClock(),
                result_url=result_url,
                wait_seconds=wait_seconds,
                **more,
            )
            asking = asyncio.ensure_future(question(reader))
            for kind, body in answers:
                assert reader.feed(kind, await tickets.get(), body)
            return await asking

    return asyncio.run(run())


def confirm(reader: Any) -> Any:
    return reader.confirm_collect(REFERENCE, RECEIPT)


def test_a_collection_is_seen_by_its_receipt(told: Operator) -> None:
    told.say(client.STATUS, (200, ACK))
    seen = read_daraja(told, confirm, ("status", result(MONEY_IN)))
    assert seen == SeenCollect(Outcome.SUCCESS, Money.whole(1000, KES), RECEIPT)
    body = json.loads(told.requests(client.STATUS)[0].body)
    assert (body["TransactionID"], body["PartyA"]) == (RECEIPT, "174379")
    assert "OriginalConversationID" not in body


def test_an_answer_may_overtake_its_acknowledgement(told: Operator) -> None:
    told.say(client.STATUS, 5)  # the acknowledgement never comes
    seen = read_daraja(told, confirm, ("status", result(MONEY_IN)))
    assert seen.status is Outcome.SUCCESS


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"TransactionStatus": "Declined"}, Outcome.FAILED),
        ({"TransactionStatus": "Initiated"}, Outcome.PENDING),
        ({"ReceiptNo": "ANOTHER"}, Outcome.UNKNOWN),
        ({"Amount": None}, Outcome.UNKNOWN),
        # The receipt of one of our own payouts, or of money that went elsewhere.
        ({"DebitPartyName": "600000 - Jua Pesa", "CreditPartyName": "254708374149 - John"}, Outcome.FAILED),
        ({"CreditPartyName": "999999 - Somebody"}, Outcome.FAILED),
        ({"CreditPartyName": None, "ReceiptNo": None}, Outcome.SUCCESS),
    ],
)
def test_only_money_that_came_to_us_is_seen_as_collected(
    told: Operator, changes: dict[str, Any], status: Outcome
) -> None:
    told.say(client.STATUS, (200, ACK))
    seen = read_daraja(told, confirm, ("status", result(MONEY_IN | changes)))
    assert seen.status is status


def test_a_collection_without_a_receipt_is_seen_in_the_statement(told: Operator) -> None:
    line = {"transactionId": RECEIPT, "billreference": orders.account_reference(REFERENCE), "amount": "1000"}
    told.say(client.PULL, (200, {"Response": [line]}), (200, {"Response": []}))

    async def twice(reader: Any) -> list[SeenCollect]:
        return [await reader.confirm_collect(REFERENCE, None) for _ in range(2)]

    found, missing = read_daraja(told, twice)
    assert found == SeenCollect(Outcome.SUCCESS, Money.whole(1000, KES), RECEIPT)
    assert missing == SeenCollect(Outcome.UNKNOWN)


def test_a_payout_is_seen_by_our_reference(told: Operator) -> None:
    told.say(client.STATUS, (200, ACK))
    seen = read_daraja(
        told,
        lambda reader: reader.confirm_payout(REFERENCE),
        ("status", result({"TransactionStatus": "Completed"})),
    )
    assert seen is Outcome.SUCCESS
    body = json.loads(told.requests(client.STATUS)[0].body)
    assert (body["OriginalConversationID"], body["PartyA"]) == (REFERENCE, "600000")


def test_custody_is_the_money_of_the_short_codes_that_count(told: Operator) -> None:
    told.say(client.BALANCE, (200, ACK))
    balances = [
        ("balance", result({"AccountBalance": f"Working Account|KES|{amount}|{amount}|0.00|0.00"}))
        for amount in ("1000.50", "2000.00")
    ]
    one = read_daraja(told, lambda reader: reader.float_balance(), balances[0])
    assert one == Money.parse("1000.50", KES)
    apart = ("174379", "600000")
    both = read_daraja(told, lambda reader: reader.float_balance(), *balances, shortcodes=apart)
    assert both == Money.parse("3000.50", KES)
    asked = [json.loads(seen.body)["PartyA"] for seen in told.requests(client.BALANCE)]
    assert asked[0] == "600000"
    assert sorted(asked[1:]) == ["174379", "600000"], "both are asked at once, so either may be first"


def test_silence_a_timeout_and_a_refusal_are_no_answer(told: Operator) -> None:
    told.say(client.STATUS, (200, ACK))
    with pytest.raises(OperatorSilent):
        read_daraja(told, confirm, wait_seconds=0.2)
    with pytest.raises(OperatorSilent):
        read_daraja(told, confirm, ("timeout", b"anything"))
    told.say(client.STATUS, (500, {"errorCode": "500.003.02"}))
    with pytest.raises(OperatorSilent):
        read_daraja(told, confirm)


def test_a_result_that_nobody_asked_for_is_not_taken(told: Operator) -> None:
    told.say(client.STATUS, (200, ACK))

    async def forged(reader: Any) -> Any:
        asking = asyncio.ensure_future(reader.confirm_collect(REFERENCE, RECEIPT))
        await asyncio.sleep(0.1)
        assert not reader.feed("status", "0" * 32, result(MONEY_IN))
        return await asking

    with pytest.raises(OperatorSilent):
        read_daraja(told, forged, wait_seconds=0.3)


def read_momo(told: Operator, question: Any, *counted: Product) -> Any:
    async def run() -> Any:
        settings = MomoSettings(base_url=told.url, timeout_seconds=0.6)
        store = MemoryTokens(SystemClock())
        async with httpx.AsyncClient() as http:
            apis = [MomoClient(http, settings, product, store) for product in Product]
            return await question(MomoReader(*apis, settings.currency, counted or (Product.DISBURSEMENT,)))

    return asyncio.run(run())


def test_a_momo_collection_is_seen_by_our_reference(told: Operator) -> None:
    told.token_refusal = (401, {})
    path = f"/collection/v1_0/requesttopay/{REFERENCE}"
    done = {"status": "SUCCESSFUL", "amount": "5000", "currency": "NGN", "financialTransactionId": 77}
    told.say(path, (200, done))
    expected = SeenCollect(Outcome.SUCCESS, Money.whole(5000, NGN), "77")
    assert read_momo(told, lambda reader: reader.confirm_collect(REFERENCE, None)) == expected
    assert read_momo(told, lambda reader: reader.confirm_collect(REFERENCE, "77")) == expected
    told_wrong = read_momo(told, lambda reader: reader.confirm_collect(REFERENCE, "78"))
    assert told_wrong == replace(expected, status=Outcome.UNKNOWN, amount=None, receipt=None)
    told.say(path, (404, {}))
    assert read_momo(told, lambda reader: reader.confirm_collect(REFERENCE, None)).status is Outcome.ABSENT
    told.say(path, 5)
    with pytest.raises(OperatorSilent):
        read_momo(told, lambda reader: reader.confirm_collect(REFERENCE, None))


def test_momo_custody_is_the_money_of_the_products_that_count(told: Operator) -> None:
    told.token_refusal = (401, {})
    told.say("/collection/v1_0/account/balance", (200, {"availableBalance": "1000", "currency": "NGN"}))
    told.say("/disbursement/v1_0/account/balance", (200, {"availableBalance": 20.5, "currency": "NGN"}))
    assert read_momo(told, lambda reader: reader.float_balance()) == Money.parse("20.50", NGN)
    assert read_momo(told, lambda reader: reader.float_balance(), *Product) == Money.parse("1020.50", NGN)
    told.say("/disbursement/v1_0/account/balance", (500, {}))
    with pytest.raises(OperatorSilent):
        read_momo(told, lambda reader: reader.float_balance())


def test_a_momo_payout_is_seen_by_our_reference(told: Operator) -> None:
    told.token_refusal = (401, {})
    told.say(f"/disbursement/v1_0/transfer/{REFERENCE}", (200, {"status": "FAILED", "reason": "NOT_ALLOWED"}))
    assert read_momo(told, lambda reader: reader.confirm_payout(REFERENCE)) is Outcome.FAILED
