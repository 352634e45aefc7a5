"""The session store: one locked read and one write a hop.

State and answers are sealed; what was typed is never stored. A person has one open session at
most, which the database enforces: dialling again closes the earlier one, waits for a hop that
is still at work in it, and takes over what it left.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juapesa.crypto import Sealer
from juapesa.db import UnitOfWork
from juapesa.ussd.hops import Answer
from juapesa.ussd.menus.page import State


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds the session; constant while it lasts."""

    person_id: int
    country: str
    currency: str
    rail: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session as read, under lock."""

    id: int
    key: bytes
    caller: Caller
    caller_mark: bytes
    open: bool
    hops: int
    path_length: int
    path_mark: bytes
    state: State
    seen_at: datetime


class Sessions:
    """Sessions and the answers given in them."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def find(self, uow: UnitOfWork, gateway: str, key: bytes) -> Session | None:
        """The session, locked until the unit of work ends: twins of one hop queue here."""
        row = uow.one(
            """SELECT id, key, caller, person_id, open, hops, path_length, path_mark, state, seen_at
               FROM ussd.sessions WHERE gateway = %s AND key = %s FOR NO KEY UPDATE""",
            (gateway, key),
        )
        return None if row is None else self._session(row)

    def answer(self, uow: UnitOfWork, session_id: int, mark: bytes) -> Answer | None:
        """The answer once given to this hop."""
        row = uow.one(
            "SELECT answer FROM ussd.answers WHERE session_id = %s AND mark = %s", (session_id, mark)
        )
        if row is None:
            return None
        stored = json.loads(self._sealer.open(row["answer"], _answer_context(mark)))
        options = tuple((key, label) for key, label in stored["options"])
        return Answer(stored["text"], stored["end"], options, stored["menu_state"])

    def take_over(self, uow: UnitOfWork, person_id: int, since: datetime) -> State | None:
        """Close the person's open session, if any; its state when it was seen after ``since``."""
        rows = uow.all(
            """UPDATE ussd.sessions SET open = false WHERE person_id = %s AND open
               RETURNING key, state, seen_at""",
            (person_id,),
        )
        fresh = [row for row in rows if row["seen_at"] >= since]
        return self._open_state(fresh[0])[1] if fresh else None

    def create(
        self,
        uow: UnitOfWork,
        gateway: str,
        session: Session,
        answer: Answer,
    ) -> bool:
        """Write a new session with its first answer; False when a twin has just done so."""
        return bool(
            uow.execute(
                """WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)),
                   made AS (
                     INSERT INTO ussd.sessions (gateway, key, caller, person_id, open, hops,
                       path_length, path_mark, state, started_at, seen_at)
                     SELECT %s, %s, %s, %s, %s, 1, %s, %s, %s, %s, %s FROM quick
                     ON CONFLICT DO NOTHING RETURNING id)
                   INSERT INTO ussd.answers (session_id, mark, answer) SELECT id, %s, %s FROM made""",
                (
                    gateway,
                    session.key,
                    session.caller_mark,
                    session.caller.person_id,
                    not answer.end,
                    session.path_length,
                    session.path_mark,
                    self._seal_state(session.key, session.caller, session.state),
                    session.seen_at,
                    session.seen_at,
                    session.path_mark,
                    self._seal_answer(session.path_mark, answer),
                ),
            )
        )

    def save(
        self,
        uow: UnitOfWork,
        session: Session,
        answer: Answer,
        *,
        durable: bool,
    ) -> None:
        """Write the session after a hop, with its answer.

        A hop that only moved between menus may be lost with the machine (the commit does not
        wait for the disk); one that changed anything else may not.
        """
        uow.execute(
            """WITH quick AS (SELECT set_config('synchronous_commit', %s, true)),
               moved AS (
                 UPDATE ussd.sessions SET open = %s, hops = %s, path_length = %s, path_mark = %s,
                   state = %s, seen_at = %s FROM quick WHERE id = %s RETURNING id)
               INSERT INTO ussd.answers (session_id, mark, answer) SELECT id, %s, %s FROM moved""",
            (
                "on" if durable else "off",
                not answer.end,
                session.hops,
                session.path_length,
                session.path_mark,
                self._seal_state(session.key, session.caller, session.state),
                session.seen_at,
                session.id,
                session.path_mark,
                self._seal_answer(session.path_mark, answer),
            ),
        )

    def note_end(self, uow: UnitOfWork, gateway: str, key: bytes, ended_as: str) -> None:
        """What the gateway says about how a session ended. What was entered stays resumable."""
        uow.execute(
            "UPDATE ussd.sessions SET ended_as = %s WHERE gateway = %s AND key = %s", (ended_as, gateway, key)
        )

    def clean(self, uow: UnitOfWork, before: datetime, limit: int) -> int:
        """Delete sessions started before then, with their answers; at most ``limit`` of them."""
        return uow.execute(
            """DELETE FROM ussd.sessions WHERE id IN (
                 SELECT id FROM ussd.sessions WHERE started_at < %s
                 ORDER BY started_at LIMIT %s FOR UPDATE SKIP LOCKED)""",
            (before, limit),
        )

    def _session(self, row: Mapping[str, Any]) -> Session:
        caller, state = self._open_state(row)
        return Session(
            row["id"],
            row["key"],
            caller,
            row["caller"],
            row["open"],
            row["hops"],
            row["path_length"],
            row["path_mark"],
            state,
            row["seen_at"],
        )

    def _seal_state(self, key: bytes, caller: Caller, state: State) -> bytes:
        plain = {
            "caller": [caller.person_id, caller.country, caller.currency, caller.rail],
            "at": state.at,
            "language": state.language,
            "draft": dict(state.draft),
            "trusted": state.trusted,
            "unfinished": None if state.unfinished is None else dict(state.unfinished),
        }
        return self._sealer.seal(json.dumps(plain).encode(), _state_context(key))

    def _open_state(self, row: Mapping[str, Any]) -> tuple[Caller, State]:
        plain = json.loads(self._sealer.open(row["state"], _state_context(row["key"])))
        state = State(plain["at"], plain["language"], plain["draft"], plain["trusted"], plain["unfinished"])
        return Caller(*plain["caller"]), state

    def _seal_answer(self, mark: bytes, answer: Answer) -> bytes:
        plain = {
            "text": answer.text,
            "end": answer.end,
            "options": answer.options,
            "menu_state": answer.menu_state,
        }
        return self._sealer.seal(json.dumps(plain).encode(), _answer_context(mark))


def _state_context(key: bytes) -> str:
    return f"ussd.state:{key.hex()}"


def _answer_context(mark: bytes) -> str:
    return f"ussd.answer:{mark.hex()}"
