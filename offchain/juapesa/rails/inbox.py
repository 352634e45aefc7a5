"""What operators posted to us: recorded at once, acted upon later, each body once.

The answer to a question of ours (``ANSWERS``) is the exception: asked again, an operator may say the same in
the same words, and it counts again. One that is only posted twice does no harm then: what it says is old
news at worst, as that of any callback may be.

The HTTP side calls ``record`` and answers the operator; an agent claims what is new, acts, and
says ``done``. Bodies are sealed, since many hold a phone number or a name.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from juapesa.clock import Clock
from juapesa.db import UnitOfWork
from juapesa.errors import InvalidInput
from juapesa.rails.token_table import Sealing
from juapesa.rails.wire import BODY_BYTES_MAX

CHANNEL = "rails_callback"  # notified at each new callback
ANSWERS = ("status",)  # kinds that answer a question, which may be asked again

_RECORD = """
INSERT INTO rails.callback AS kept (rail, kind, reference, fingerprint, sealed, received_at, claimable_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (rail, kind, reference, fingerprint) DO UPDATE
   SET state = 'new', received_at = excluded.received_at, claimable_at = excluded.claimable_at,
       attempts = 0, claimed_by = NULL, processed_at = NULL, why = NULL
 WHERE kept.kind = ANY(%s) AND kept.state <> 'new'
"""


class BodyTooLarge(InvalidInput):
    """A callback over 64 kB is nobody's; nothing was recorded."""

    slug = "body-too-large"
    http_status = 413


@dataclass(frozen=True, slots=True)
class Claimed:
    """A callback that the claimer has for the length of its lease."""

    id: int
    rail: str
    kind: str
    reference: str
    body: bytes = field(repr=False)
    received_at: datetime
    attempts: int  # this one included


class Inbox:
    """The table ``rails.callback``. ``key`` (secret, 32 bytes) fingerprints bodies."""

    def __init__(self, sealer: Sealing, key: bytes, clock: Clock) -> None:
        self._sealer = sealer
        self._key = key
        self._clock = clock

    def record(self, uow: UnitOfWork, rail: str, kind: str, reference: str, body: bytes) -> bool:
        """Keep a body; False when this very body is there already for this order and kind.

        An answer that is there and has been acted upon is to be acted upon again: True. The caller has
        verified the address it came to. Raises BodyTooLarge.
        """
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge("A callback has 64 kB at most.")
        now = self._clock.now()
        fingerprint = hmac.new(self._key, body, hashlib.sha256).digest()
        added = uow.execute(
            _RECORD,
            (
                rail,
                kind,
                reference,
                fingerprint,
                self._sealer.seal(body, _context(rail, kind, reference)),
                now,
                now,
                list(ANSWERS),
            ),
        )
        if added:
            uow.notify(CHANNEL)
        return bool(added)

    def claim(
        self, uow: UnitOfWork, limit: int, lease_seconds: float, worker: int | None = None
    ) -> list[Claimed]:
        """Take up to ``limit`` callbacks, oldest first; nobody else gets them within the lease.

        One that is neither done nor given up by then may be claimed again, and so may those of a ``worker``
        that has died (``free``).
        """
        now = self._clock.now()
        rows = uow.all(
            "UPDATE rails.callback SET claimable_at = %s, claimed_by = %s, attempts = attempts + 1"
            " WHERE id IN ("
            "  SELECT id FROM rails.callback WHERE state = 'new' AND claimable_at <= %s"
            "  ORDER BY claimable_at, id LIMIT %s FOR UPDATE SKIP LOCKED"
            ") RETURNING id, rail, kind, reference, sealed, received_at, attempts",
            (now + timedelta(seconds=lease_seconds), worker, now, limit),
        )
        return [
            Claimed(
                row["id"],
                row["rail"],
                row["kind"],
                row["reference"],
                self._sealer.open(bytes(row["sealed"]), _context(row["rail"], row["kind"], row["reference"])),
                row["received_at"],
                row["attempts"],
            )
            for row in sorted(rows, key=lambda row: int(row["id"]))
        ]

    def free(self, uow: UnitOfWork, workers: Sequence[int]) -> int:
        """What these workers have claimed may be claimed now; how many callbacks."""
        now = self._clock.now()
        return uow.execute(
            "UPDATE rails.callback SET claimable_at = %s, claimed_by = NULL"
            " WHERE state = 'new' AND claimable_at > %s AND claimed_by = ANY(%s)",
            (now, now, list(workers)),
        )

    def done(self, uow: UnitOfWork, callback_id: int) -> None:
        """It has been acted upon. Harmless when repeated."""
        self.done_all(uow, [callback_id])

    def done_all(self, uow: UnitOfWork, callback_ids: Sequence[int]) -> None:
        """As ``done``, of several."""
        self._end(uow, callback_ids, "done", None)

    def give_up(self, uow: UnitOfWork, callback_id: int, why: str) -> None:
        """Nobody can act upon it; ``why`` is for a person and holds nothing personal."""
        self._end(uow, [callback_id], "given-up", why[:500])

    def _end(self, uow: UnitOfWork, callback_ids: Sequence[int], state: str, why: str | None) -> None:
        uow.execute(
            "UPDATE rails.callback SET state = %s, processed_at = %s, why = %s"
            " WHERE id = ANY(%s) AND state = 'new'",
            (state, self._clock.now(), why, list(callback_ids)),
        )


def _context(rail: str, kind: str, reference: str) -> str:
    return f"rails.callback/{rail}/{kind}/{reference}"
