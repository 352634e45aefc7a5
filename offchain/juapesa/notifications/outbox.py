"""Messages waiting to be sent, written in the same transaction as the event they tell of."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from juapesa.clock import Clock
from juapesa.db import UnitOfWork

CHANNEL = "notifications_message"  # notified at each new message
TEXT_CHARACTERS_MAX = 918  # six parts of a GSM-7 SMS
ATTEMPTS_MAX = 12
BACKOFF_SECONDS = 5.0
BACKOFF_SECONDS_MAX = 1_800.0


Letter = tuple[str, int | str, str]  # key, a person's id or a phone (E.164), text


PhonesOf = Callable[[UnitOfWork, Collection[int]], Mapping[int, str]]
Spread = Callable[[float, float], float]


class Sealing(Protocol):
    """What this needs of ``juapesa.crypto.Sealer``."""

    def seal(self, plain: bytes, context: str, /) -> bytes: ...

    def open(self, sealed: bytes, context: str, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that the claimer has for the length of its lease."""

    id: int
    phone: str = field(repr=False)  # E.164
    text: str = field(repr=False)
    attempts: int  # this one included


class Outbox:
    """The table ``notifications.message``. ``phones_of`` finds people's numbers (``People.phones_of``).

    ``spread`` picks between two factors how much of a wait is waited.
    """

    def __init__(
        self, sealer: Sealing, phones_of: PhonesOf, clock: Clock, spread: Spread = random.uniform
    ) -> None:
        self._sealer = sealer
        self._phones_of = phones_of
        self._clock = clock
        self._spread = spread

    def enqueue(self, uow: UnitOfWork, key: str, to: int | str, text: str) -> bool:
        """Have ``text`` sent to a person (by id) or a phone (E.164), once for each ``key``.

        False when there is a message of that key already; the first one stands.
        """
        return self.enqueue_all(uow, [(key, to, text)]) == 1

    def enqueue_all(self, uow: UnitOfWork, letters: Sequence[Letter]) -> int:
        """Have these sent, each as ``enqueue`` does; how many are new."""
        assert all(0 < len(text) <= TEXT_CHARACTERS_MAX for _, _, text in letters), "1 to 918 characters"
        now = self._clock.now()
        added = uow.execute(
            "INSERT INTO notifications.message"
            " (key, person_id, phone_sealed, text, created_at, next_attempt_at)"
            " SELECT key, person_id, decode(phone_sealed, 'base64'), text, %s, %s"
            " FROM json_to_recordset(%s::json)"
            " AS n (key text, person_id bigint, phone_sealed text, text text)"
            " ON CONFLICT (key) DO NOTHING",
            (now, now, msgspec.json.encode([self._columns(*each) for each in letters]).decode()),
        )
        if added:
            uow.notify(CHANNEL)
        return added

    def _columns(self, key: str, to: int | str, text: str) -> dict[str, Any]:
        if isinstance(to, int):
            return {"key": key, "person_id": to, "text": text}
        return {"key": key, "phone_sealed": self._sealer.seal(to.encode(), _context(key)), "text": text}

    def claim(
        self, uow: UnitOfWork, limit: int, lease_seconds: float, worker: int | None = None
    ) -> list[Claimed]:
        """Take up to ``limit`` messages that are due; nobody else gets them within the lease.

        One whose claimer says nothing is due again at the end of the lease, or when the ``worker`` is known
        to have died (``free``): a message may be sent twice when a process dies in between, and is never
        lost.
        """
        now = self._clock.now()
        rows = uow.all(
            "UPDATE notifications.message SET next_attempt_at = %s, claimed_by = %s, attempts = attempts + 1"
            " WHERE id IN ("
            "  SELECT id FROM notifications.message WHERE state = 'waiting' AND next_attempt_at <= %s"
            "  ORDER BY next_attempt_at, id LIMIT %s FOR UPDATE SKIP LOCKED"
            ") RETURNING id, key, person_id, phone_sealed, text, attempts",
            (now + timedelta(seconds=lease_seconds), worker, now, limit),
        )
        phones = self._phones_of(uow, {row["person_id"] for row in rows if row["person_id"] is not None})
        return [
            Claimed(row["id"], self._phone(row, phones), row["text"], row["attempts"])
            for row in sorted(rows, key=lambda row: int(row["id"]))
        ]

    def free(self, uow: UnitOfWork, workers: Sequence[int]) -> int:
        """What these workers have claimed is due now; how many messages."""
        now = self._clock.now()
        return uow.execute(
            "UPDATE notifications.message SET next_attempt_at = %s, claimed_by = NULL"
            " WHERE state = 'waiting' AND next_attempt_at > %s AND claimed_by = ANY(%s)",
            (now, now, list(workers)),
        )

    def sent(self, uow: UnitOfWork, message_id: int, gateway_id: str | None = None) -> None:
        """The gateway has it. Harmless when repeated."""
        self.sent_all(uow, {message_id: gateway_id})

    def sent_all(self, uow: UnitOfWork, messages: Mapping[int, str | None]) -> None:
        """The gateway has these; its own id of each, where it gave one. Harmless when repeated."""
        uow.execute(
            "UPDATE notifications.message m SET state = 'sent', ended_at = %s, gateway_id = n.gateway_id"
            " FROM unnest(%s::bigint[], %s::text[]) n (id, gateway_id)"
            " WHERE m.id = n.id AND m.state = 'waiting'",
            (self._clock.now(), list(messages), list(messages.values())),
        )

    def failed(self, uow: UnitOfWork, message_id: int, why: str, *, for_good: bool = False) -> None:
        """This attempt failed; try again later, doubling the wait, until ``ATTEMPTS_MAX`` or ``for_good``."""
        row = uow.one(
            "SELECT attempts FROM notifications.message WHERE id = %s AND state = 'waiting' FOR UPDATE",
            (message_id,),
        )
        if row is None:
            return
        if for_good or row["attempts"] >= ATTEMPTS_MAX:
            uow.execute(
                "UPDATE notifications.message SET state = 'failed', ended_at = %s, why = %s WHERE id = %s",
                (self._clock.now(), why[:200], message_id),
            )
            return
        due = self._clock.now() + timedelta(seconds=backoff_seconds(row["attempts"], self._spread))
        uow.execute(
            "UPDATE notifications.message SET next_attempt_at = %s, claimed_by = NULL, why = %s"
            " WHERE id = %s",
            (due, why[:200], message_id),
        )

    def _phone(self, row: dict[str, Any], phones: Mapping[int, str]) -> str:
        if row["person_id"] is not None:
            return phones[row["person_id"]]
        return self._sealer.open(bytes(row["phone_sealed"]), _context(row["key"])).decode()


def backoff_seconds(attempts: int, spread: Spread = random.uniform) -> float:
    """The wait after that many attempts: doubled each time, up to a ceiling, spread by a quarter."""
    wait = min(BACKOFF_SECONDS * 2.0 ** min(attempts - 1, 20), BACKOFF_SECONDS_MAX)
    return wait * spread(0.75, 1.0)


def _context(key: str) -> str:
    return f"notifications.message/{key}"
