"""The back of a writer that shares the books: each batch is one call of ``book.apply`` in one transaction.

It has nothing in memory that could be wrong, so others may book beside it, and another writer may run.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from juapesa.ledger.engine.accounts import Account
from juapesa.ledger.engine.function import answers_of, as_json
from juapesa.ledger.engine.orders import UNSOUND, Answer, Order
from juapesa.ledger.engine.session import Doubtful, Failed, Session
from juapesa.ledger.engine.storage import FENCE
from juapesa.ledger.engine.writer import Rows, Sent, Settle, Store
from juapesa.ledger.errors import WriterRefused

ORDERS_MAX = 256  # a batch locks its accounts for as long as it takes, and others wait for them
ATTEMPTS_MAX = 20  # of a batch that others' locks stood against
OTHERS_STOOD_AGAINST_IT = {"40001", "40P01"}  # could not be serialized, deadlock
EXCLUSIVE_WRITER = "JL010"
NOT_FOR_THE_DATABASE = "22"  # a class of states: a text or number that it cannot hold
_EXCLUDED = (
    "Another writer has the books to itself (`jua ledger serve` without --shared); nobody else may book."
)
_NEED_NOT_WAIT = f"SELECT pg_try_advisory_xact_lock_shared({FENCE})"

# The function runs at COMMIT, and what it answers is read from the cursor after it: a writer that is slow
# to take in a long answer, or frozen, keeps nobody's account locked.
_BATCH = """BEGIN;
DECLARE answers CURSOR WITH HOLD FOR SELECT book.apply({orders}::jsonb)::text;
COMMIT; FETCH ALL FROM answers; CLOSE answers"""


class Shared:
    """Owns its session, and no fence: the function itself asks for that, at each call."""

    orders_max = ORDERS_MAX

    def __init__(self, session: Session) -> None:
        self._session = session

    def require_room(self) -> None:
        """Raise WriterRefused while a writer has the books to itself."""
        _require_room(self._session.ask(_NEED_NOT_WAIT))

    async def plan(self, orders: Sequence[Order], settle: Settle) -> Store:  # noqa: ARG002 - nothing to look up
        """Make the batch's message."""
        sql = self._message(orders)

        async def store(sent: Sent) -> Sequence[Answer]:
            return await self._booked(orders, sql, sent)

        return store

    async def asked(self, sql: str) -> Rows:
        """Run a statement on the same session."""
        return await self._session.asked(sql)

    async def keep_house(self, now: datetime) -> Sequence[Order]:  # noqa: ARG002 - the bookkeeper's matter
        """Notice a session that is gone, or a writer that has the books to itself. Raises WriterRefused."""
        _require_room(await self._session.asked(_NEED_NOT_WAIT))
        return ()

    def account(self, number: int) -> Account | None:  # noqa: ARG002
        """Nothing is in memory."""
        return None

    def health(self) -> Mapping[str, int]:
        """Nothing is in memory."""
        return {}

    def _message(self, orders: Sequence[Order]) -> str:
        return _BATCH.format(orders=self._session.quoted(as_json(orders)))

    async def _booked(self, orders: Sequence[Order], sql: str, sent: Sent) -> list[Answer]:
        """Book a batch, again if others' locks stood against it. Raises WriterRefused, Doubtful."""
        for _ in range(ATTEMPTS_MAX):
            try:
                [(answers,)] = await self._session.asked(sql, sent=sent)
                return answers_of(str(answers))
            except Failed as failed:
                if failed.state == EXCLUSIVE_WRITER:
                    raise WriterRefused(_EXCLUDED) from failed
                if failed.state not in OTHERS_STOOD_AGAINST_IT and not _is_unheard_of(failed):
                    raise
                await self._session.asked("ROLLBACK")
                if _is_unheard_of(failed):
                    return await self._booked_apart(orders, sent)
        raise Doubtful(f"others stood against the same batch {ATTEMPTS_MAX} times")

    async def _booked_apart(self, orders: Sequence[Order], sent: Sent) -> list[Answer]:
        """Book a batch with something that the database cannot hold, halved until that is alone."""
        if len(orders) == 1:
            return [UNSOUND]
        middle = len(orders) // 2
        halves = orders[:middle], orders[middle:]
        return [each for half in halves for each in await self._booked(half, self._message(half), sent)]


def _is_unheard_of(failed: Failed) -> bool:
    return failed.state.startswith(NOT_FOR_THE_DATABASE)


def _require_room(answer: Rows) -> None:
    if answer != [("t",)]:
        raise WriterRefused(_EXCLUDED)
