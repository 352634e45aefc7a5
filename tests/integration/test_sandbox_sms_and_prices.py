"""Africa's Talking's sandbox and the price publisher."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from juapesa.clock import SystemClock
from juapesa.sandbox import africastalking, oracle
from juapesa.sandbox.africastalking import count_parts
from juapesa.sandbox.engine import Delay
from juapesa.sandbox.prices import BASES, SWING_PPM, mid_at
from juapesa.sandbox.store import Store
from support.sandboxes import Control, Receiver, receiver, served, settings

KEY = bytes.fromhex("11" * 32)
TOKENS = {
    "cKES": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "cNGN": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
}


class Sms(Control):
    def send(self, **changes: str) -> httpx.Response:
        form = {"username": "sandbox", "to": "+254711000001", "message": "Habari", "from": "JUAPESA"}
        headers = {"apiKey": "sandbox-at-key", "Accept": "application/json"}
        form |= changes
        return self.web.post(f"{self.url}/version1/messaging", data=form, headers=headers)

    def read(self, to: str) -> list[dict[str, Any]]:
        found = self.web.get(f"{self.url}/_sandbox/messages", params={"to": to}).json()
        return list(found["messages"])


@contextmanager
def gateway(state: Path | None = None) -> Iterator[Sms]:
    def make() -> Any:
        return africastalking.build(settings(), Store(state), SystemClock(), Delay(0.01, 0.02))

    with served(make) as url:
        yield Sms(url)


@contextmanager
def publisher(deployment: Path) -> Iterator[Control]:
    def make() -> Any:
        return oracle.build(settings(), Store(), SystemClock(), deployment, KEY)

    with served(make) as url:
        yield Control(url)


@pytest.fixture
def shop() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def test_a_message_to_several_is_answered_line_by_line_and_can_be_read() -> None:
    with gateway() as sms:
        reply = sms.send(to="+254711000001,+2348031230001")
        assert reply.status_code == 201
        data = reply.json()["SMSMessageData"]
        assert data["Message"] == "Sent to 2/2 Total Cost: KES 1.6000"
        first = data["Recipients"][0]
        assert first["statusCode"] == 101
        assert first["status"] == "Success"
        assert first["number"] == "+254711000001"
        assert first["cost"] == "KES 0.8000"
        assert first["messageId"].startswith("ATXid_")
        (message,) = sms.read("+254711000001")
        assert (message["text"], message["from"]) == ("Habari", "JUAPESA")
        assert len(sms.read("2348031230001")) == 1


def test_wrong_keys_and_missing_fields_are_refused() -> None:
    with gateway() as sms:
        url = f"{sms.url}/version1/messaging"
        wrong = sms.web.post(url, data={"username": "sandbox", "to": "+2547", "message": "x"})
        assert (wrong.status_code, wrong.text) == (401, "The supplied authentication is invalid")
        assert sms.send(username="other").status_code == 401
        assert sms.send(to="").status_code == 400
        assert sms.send(message="").status_code == 400
        odd = sms.send(to="0711000001").json()["SMSMessageData"]
        assert odd["Recipients"][0]["status"] == "InvalidPhoneNumber"
        assert odd["Recipients"][0]["statusCode"] == 403
        assert odd["Message"] == "Sent to 0/1 Total Cost: 0"


def test_delivery_reports_come_as_a_form_and_can_go_wrong(shop: Receiver) -> None:
    with gateway() as sms:
        sms.options(delivery_url=shop.url + "/dlr")
        made = sms.send().json()["SMSMessageData"]["Recipients"][0]["messageId"]
        report = shop.wait("/dlr")[0]
        assert f"id={made}" in report
        assert "status=Success" in report
        assert "networkCode=63902" in report
        sms.fault("callback", "duplicate", count=1, seconds=0.05)
        sms.send()
        assert len(shop.wait("/dlr", 3)) == 3


def test_messages_can_be_refused_lost_or_left_unanswered() -> None:
    with gateway() as sms:
        sms.fault("message", "reject", count=1)
        assert sms.send().json()["SMSMessageData"]["Recipients"][0]["statusCode"] == 406
        sms.fault("message", "lost", count=1)
        assert sms.send().json()["SMSMessageData"]["Recipients"][0]["statusCode"] == 101
        assert sms.read("254711000001") == []
        sms.fault("message", "outage", count=1)
        assert sms.send().status_code == 503
        sms.fault("message", "timeout-after-accept", count=1, seconds=0.1)
        assert sms.send().status_code == 504
        assert len(sms.read("254711000001")) == 1


def test_messages_outlive_a_restart(tmp_path: Path) -> None:
    with gateway(tmp_path / "sms.sqlite") as sms:
        sms.send()
    with gateway(tmp_path / "sms.sqlite") as sms:
        assert len(sms.read("254711000001")) == 1


def test_parts_follow_the_alphabet() -> None:
    assert count_parts("a" * 160) == 1
    assert count_parts("a" * 161) == 2
    assert count_parts("€" * 80) == 1
    assert count_parts("€" * 81) == 2
    assert count_parts("ẹ" * 70) == 1
    assert count_parts("ẹ" * 71) == 2


def prices(control: Control) -> dict[str, dict[str, Any]]:
    reply = control.web.get(f"{control.url}/v1/prices")
    assert reply.status_code == 200, reply.text
    return {each["symbol"]: each for each in reply.json()["prices"]}


def signer_of(token: str, price: dict[str, Any]) -> str:
    types = {
        "Price": [
            {"name": "token", "type": "address"},
            {"name": "midE18", "type": "uint128"},
            {"name": "observedAt", "type": "uint64"},
        ]
    }
    domain = {"name": "Jua Pesa Price", "version": "1", "chainId": 298}
    value = {"token": token, "midE18": int(price["midE18"]), "observedAt": price["observedAt"]}
    message = encode_typed_data(domain, types, value)
    return str(Account.recover_message(message, signature=price["signature"]))


def test_prices_appear_with_the_deployment_and_are_signed_by_the_publisher(tmp_path: Path) -> None:
    file = tmp_path / "hedera-local.json"
    with publisher(file) as control:
        assert control.web.get(f"{control.url}/v1/prices").status_code == 503
        file.write_text("{half")
        assert control.web.get(f"{control.url}/v1/prices").status_code == 503
        content = {"tokens": {name: {"address": each, "decimals": 6} for name, each in TOKENS.items()}}
        file.write_text(json.dumps(content))
        shown = prices(control)
        address = control.web.get(f"{control.url}/v1/prices").json()["publisher"]
        assert address == Account.from_key(KEY).address
        for symbol, token in TOKENS.items():
            assert signer_of(token, shown[symbol]) == address
            assert abs(int(shown[symbol]["midE18"]) - BASES[symbol]) <= BASES[symbol] * SWING_PPM // 10**6
            assert abs(shown[symbol]["observedAt"] - time.time()) < 2
        assert "USDC" not in shown


def test_a_price_can_be_set_freed_made_stale_and_forged(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    file.write_text(json.dumps({"tokens": {"cKES": {"address": TOKENS["cKES"]}}}))
    with publisher(file) as control:
        url = f"{control.url}/_sandbox/prices/cKES"
        assert control.web.put(url, json={"midE18": "7700000000000000"}).status_code == 200
        assert prices(control)["cKES"]["midE18"] == "7700000000000000"
        assert signer_of(TOKENS["cKES"], prices(control)["cKES"]) == Account.from_key(KEY).address
        assert control.web.delete(url).json()["fixed"] is False
        for bad in ("0", "-1", "1.5", 7, None, str(2**128)):
            assert control.web.put(url, json={"midE18": bad}).status_code == 422
        assert control.web.get(f"{control.url}/_sandbox/prices/BTC").status_code == 404
        control.fault("price", "late", count=1, seconds=500)
        assert prices(control)["cKES"]["observedAt"] < time.time() - 400
        control.fault("price", "forge", count=1)
        assert signer_of(TOKENS["cKES"], prices(control)["cKES"]) != Account.from_key(KEY).address
        control.fault("price", "outage", count=1)
        assert control.web.get(f"{control.url}/v1/prices").status_code == 503


def test_rates_wander_within_bounds_and_by_small_steps() -> None:
    for symbol, base in BASES.items():
        walk = [mid_at(symbol, base, minute * 60) for minute in range(5_000)]
        assert walk == [mid_at(symbol, base, minute * 60 + 59) for minute in range(5_000)]
        assert all(abs(each - base) <= base * SWING_PPM // 10**6 + 1 for each in walk)
        assert max(abs(a - b) for a, b in itertools.pairwise(walk)) <= base * 400 // 10**6 + 1
        assert len(set(walk)) > 1_000
