"""The SQL of stuck payments: legs that a person should look at, and what was decided about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.payments.leg_steps import LATE_SUCCESS_MAX

LEGS_SHOWN_MAX = 500

# A call names the leg that its newest event names. Candidates first, by their own small indexes.
_LEGS = """
WITH call AS (
    SELECT p.id AS payment_id, event.seq, event.at
      FROM payments.payment p
      CROSS JOIN LATERAL (SELECT seq, at FROM payments.event
                           WHERE payment_id = p.id AND name = 'needs an operator'
                           ORDER BY id DESC LIMIT 1) event
     WHERE p.needs_operator IS NOT NULL),
candidate AS (
    SELECT payment_id, seq FROM call
    UNION
    SELECT payment_id, seq FROM payments.leg
     WHERE (state IN ('due', 'asking', 'pending', 'unknown') OR stumbles > 0)
       AND (state IN ('due', 'asking', 'pending', 'unknown')
               AND coalesce(asked_at, next_at) <= %(before)s
            OR stumbles > 0 AND next_at IS NULL AND state <> 'done')
    UNION
    SELECT payment_id, seq FROM payments.leg
     WHERE next_at IS NOT NULL AND state = 'failed' AND given_up_at - asked_at >= %(standstill)s)
SELECT p.id AS payment_id, p.code, p.status, q.kind AS payment_kind, l.seq, l.kind, l.state, l.attempts,
       l.code AS last_word, l.hold_id, l.next_at, l.given_up_at, l.stumbles, l.stumbled_on, p.call_ends_with,
       CASE WHEN call.seq IS NOT NULL THEN p.needs_operator END AS called_for,
       coalesce(call.at, l.asked_at, l.next_at, p.created_at) AS since,
       l.seq = (SELECT max(seq) FROM payments.leg WHERE payment_id = p.id) AS is_last,
       EXISTS (SELECT FROM payments.event e WHERE e.payment_id = p.id AND e.seq = l.seq
                  AND e.name IN (l.kind || ' pending', l.kind || ' unknown', l.kind || ' due')) AS was_taken
  FROM candidate
  JOIN payments.leg l USING (payment_id, seq)
  JOIN payments.payment p ON p.id = payment_id
  JOIN payments.quote q ON q.token = p.quote_token
  LEFT JOIN call USING (payment_id, seq)
"""


@dataclass(frozen=True, slots=True)
class Release:
    """What a person decided about a leg."""

    seq: int
    decision: str
    by: str
    because: str
    at: datetime
    acted: bool  # False: it waits for a second person
    proven: bool  # whether a token proved ``by``
    machine_user: str  # of the operating system, where it was decided


def legs(uow: UnitOfWork, before: datetime) -> list[dict[str, Any]]:
    """Legs that are called for, parked, or under way since ``before``; the oldest first.

    Also collections that were given up on after a standstill, while their operators are still asked.
    """
    sql = _LEGS + " ORDER BY since, p.id, l.seq LIMIT %(most)s"
    return uow.all(sql, {"before": before, "standstill": LATE_SUCCESS_MAX, "most": LEGS_SHOWN_MAX})


def leg(uow: UnitOfWork, payment_id: int, seq: int, before: datetime) -> dict[str, Any] | None:
    """The same of one leg; None when nobody has to look at it."""
    sql = _LEGS + " WHERE p.id = %(payment)s AND l.seq = %(seq)s"
    values = {"before": before, "standstill": LATE_SUCCESS_MAX, "payment": payment_id, "seq": seq}
    return uow.one(sql, values)


def payment_of(uow: UnitOfWork, code: str) -> int | None:
    """The payment with this receipt code."""
    row = uow.one("SELECT id FROM payments.payment WHERE code = %s", (code,))
    return int(row["id"]) if row else None


def insert_release(uow: UnitOfWork, payment_id: int, made: Release) -> None:
    uow.execute(
        """INSERT INTO payments.release
           (payment_id, seq, decision, by, because, at, acted, proven, machine_user)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            *(payment_id, made.seq, made.decision, made.by, made.because, made.at),
            *(made.acted, made.proven, made.machine_user),
        ),
    )


def last_release(uow: UnitOfWork, payment_id: int, seq: int) -> Release | None:
    """What was last decided about a leg."""
    row = uow.one(
        """SELECT seq, decision, by, because, at, acted, proven, machine_user FROM payments.release
           WHERE payment_id = %s AND seq = %s ORDER BY id DESC LIMIT 1""",
        (payment_id, seq),
    )
    return Release(**row) if row else None
