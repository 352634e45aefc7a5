"""Africa's Talking's sandbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from juapesa.clock import SystemClock
from juapesa.sandbox import africastalking
from juapesa.sandbox.africastalking import count_parts
from juapesa.sandbox.engine import Delay
from juapesa.sandbox.store import Store
from support.sandboxes import Control, Receiver, receiver, served, settings


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
