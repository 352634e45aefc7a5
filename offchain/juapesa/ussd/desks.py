"""Carries a menu's question to the desk that can answer it, inside the hop's unit of work."""

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from juapesa.db import UnitOfWork
from juapesa.errors import JuaError
from juapesa.payments.ports import PaymentsDesk
from juapesa.ussd.menus.page import (
    AskBalances,
    AskConfirm,
    AskQuote,
    AskRecent,
    Balances,
    CheckPin,
    Confirmed,
    Done,
    NotePin,
    PinNoted,
    PinRefused,
    PinsDiffer,
    Question,
    Quoted,
    Recent,
    Refused,
    Reply,
    SetLanguage,
    SetPin,
)
from juapesa.ussd.ports import PeopleDesk, PinTry

# Questions whose answer must survive the machine: money, PINs, counts of tries.
_LASTING = (AskConfirm, CheckPin, SetPin, SetLanguage)
# Questions that may write before they are refused.
_UNDOABLE = (AskQuote, SetPin, SetLanguage)


def lasting(question: Question) -> bool:
    """Whether the hop that asked this must be on disk before it is answered."""
    return isinstance(question, _LASTING)


@dataclass(frozen=True, slots=True)
class Desks:
    """The wallet and the payments desk, as the menus see them."""

    people: PeopleDesk
    payments: PaymentsDesk

    def ask(
        self, uow: UnitOfWork, person_id: int, question: Question, mark_pin: Callable[[str], str]
    ) -> Reply:
        """Put a question; an expected failure becomes ``Refused`` and leaves nothing written."""
        try:
            with _all_or_nothing(uow) if isinstance(question, _UNDOABLE) else nullcontext():
                return self._ask(uow, person_id, question, mark_pin)
        except JuaError as problem:
            return Refused(problem.slug, problem.detail)

    def _ask(  # noqa: PLR0911 - one line a question
        self, uow: UnitOfWork, person_id: int, question: Question, mark_pin: Callable[[str], str]
    ) -> Reply:
        match question:
            case AskQuote(order):
                return Quoted(self.payments.quote(uow, person_id, order))
            case AskConfirm(token, pin):
                return self._confirm(uow, person_id, token, pin)
            case CheckPin(pin):
                return _tried(self.people.check_pin(uow, person_id, pin)) or Done()
            case NotePin(pin):
                return PinNoted(mark_pin(pin))
            case SetPin(mark, pin):
                if not hmac.compare_digest(mark, mark_pin(pin)):
                    return PinsDiffer()
                self.people.set_pin(uow, person_id, pin)
                return Done()
            case SetLanguage(language):
                self.people.set_language(uow, person_id, language)
                return Done()
            case AskBalances():
                return Balances(tuple(self.people.balances(uow, person_id)))
            case AskRecent(limit):
                return Recent(tuple(self.payments.recent(uow, person_id, limit)))

    def _confirm(self, uow: UnitOfWork, person_id: int, token: str, pin: str) -> Reply:
        """The PIN's count stays written even when the payment is refused."""
        refused = _tried(self.people.check_pin(uow, person_id, pin))
        if refused is not None:
            return refused
        try:
            with _all_or_nothing(uow):
                return Confirmed(self.payments.confirm(uow, person_id, token))
        except JuaError as problem:
            return Refused(problem.slug, problem.detail)


def _tried(found: PinTry) -> PinRefused | None:
    if found.ok:
        return None
    return PinRefused(found.tries_left, found.locked_until if found.locked else None)


@contextmanager
def _all_or_nothing(uow: UnitOfWork) -> Iterator[None]:
    """A part of the unit of work that leaves no trace when it raises."""
    uow.execute("SAVEPOINT desk")
    try:
        yield
    except JuaError:
        uow.execute("ROLLBACK TO SAVEPOINT desk")
        raise
    uow.execute("RELEASE SAVEPOINT desk")
