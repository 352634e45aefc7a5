"""The text messages of a handset, read from the SMS sandbox, with links where receipts are named."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

MESSAGES_MAX = 20
SECONDS_MAX = 4_000_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """``link`` is the receipt's address inside ``text``, when it has one."""

    text: str
    at: str
    link: str | None


class Inbox:
    """Reads ``GET /_sandbox/messages?to=+254…``."""

    def __init__(self, client: httpx.AsyncClient, public_url: str) -> None:
        self._client = client
        # Only our own receipts become links: a message's text is not to be trusted with more.
        self._link = re.compile(re.escape(public_url.rstrip("/")) + r"/p/[0-9A-Z]{6,16}")

    async def read(self, number: str) -> list[Message] | None:
        """Newest first; None when the sandbox does not answer."""
        try:
            answer = await self._client.get("/_sandbox/messages", params={"to": number})
            found = answer.json() if answer.is_success else None
        except (httpx.HTTPError, ValueError):
            return None
        rows = found.get("messages") if isinstance(found, dict) else found
        if not isinstance(rows, list):
            return None
        messages = [self._message(row) for row in rows if isinstance(row, dict)]
        return sorted(messages, key=lambda each: each.at, reverse=True)[:MESSAGES_MAX]

    def _message(self, row: dict[str, Any]) -> Message:
        text = str(row.get("text") or "")
        link = self._link.search(text)
        return Message(text, _when(row.get("at")), link[0] if link else None)


def _when(at: object) -> str:
    """The sandbox tells seconds since 1970; shown and sorted in UTC, ISO 8601."""
    if not isinstance(at, int | float) or not 0 <= at < SECONDS_MAX:
        return ""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
