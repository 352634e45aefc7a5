"""Sending one SMS, and Africa's Talking as the gateway.

Wire format: ``POST /version1/messaging``, a form, header ``apiKey``; 201 with
``SMSMessageData.Recipients[]``. Source: Africa's Talking's Python SDK and its status codes.
"""

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import httpx

from juapesa.config.settings import AfricasTalkingSettings


class Delivery(StrEnum):
    """What became of one attempt."""

    SENT = "sent"  # the gateway has it
    RETRY = "retry"  # not now: silence, an outage, our credit
    REFUSED = "refused"  # never: the number cannot be reached


@dataclass(frozen=True, slots=True)
class SmsResult:
    """``code`` is the gateway's own word; ``gateway_id`` its id of a message it took."""

    delivery: Delivery
    code: str = ""
    gateway_id: str | None = None


class SmsGateway(Protocol):
    """Anything that sends a text message."""

    async def send(self, phone: str, text: str) -> SmsResult:
        """Send ``text`` to ``phone`` (E.164). Never raises for what the gateway does."""
        ...


# 100 processed, 101 sent, 102 queued.
_SENT = frozenset({"100", "101", "102"})
# 403 invalid number, 404 unsupported kind of number, 406 the person blocked us, 409 do not disturb.
_REFUSED = frozenset({"403", "404", "406", "409"})


class AfricasTalking:
    """Africa's Talking's messaging API. Shares the caller's HTTP client."""

    def __init__(self, http: httpx.AsyncClient, settings: AfricasTalkingSettings) -> None:
        self._http = http
        self._settings = settings

    async def send(self, phone: str, text: str) -> SmsResult:
        settings = self._settings
        form = {"username": settings.username, "to": phone, "message": text, "bulkSMSMode": "1"}
        try:
            async with asyncio.timeout(settings.timeout_seconds):
                response = await self._http.post(
                    f"{settings.base_url.rstrip('/')}/version1/messaging",
                    data=form | ({"from": settings.sender} if settings.sender else {}),
                    headers={"apiKey": settings.api_key.get_secret_value(), "Accept": "application/json"},
                    timeout=settings.timeout_seconds,
                )
        except (httpx.HTTPError, TimeoutError) as failure:
            # It may have arrived. A message twice does less harm than none, so it is sent again.
            return SmsResult(Delivery.RETRY, type(failure).__name__)
        if response.status_code not in {200, 201}:
            return SmsResult(Delivery.RETRY, f"http-{response.status_code}")
        return read_answer(response.content)


def read_answer(body: bytes) -> SmsResult:
    """The outcome for the one recipient that was asked for. Codes may be numbers or text."""
    try:
        data = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return SmsResult(Delivery.RETRY, "not-json")
    message = data.get("SMSMessageData") if isinstance(data, dict) else None
    recipients = message.get("Recipients") if isinstance(message, dict) else None
    first = recipients[0] if isinstance(recipients, list) and recipients else None
    if not isinstance(first, dict):
        # With no recipient, Message says why ("InvalidSenderId").
        return SmsResult(Delivery.RETRY, _word(message.get("Message") if isinstance(message, dict) else None))
    code, status = _word(first.get("statusCode")), _word(first.get("status"))
    if code in _SENT or (not code and status == "Success"):
        return SmsResult(Delivery.SENT, code or status, _word(first.get("messageId")) or None)
    return SmsResult(Delivery.REFUSED if code in _REFUSED else Delivery.RETRY, code or status)


def _word(value: Any) -> str:
    return value.strip()[:80] if isinstance(value, str) else ""
