"""One hop: known again or new, in order or not, through the menus, and written down with its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.crypto import Sealer
from juapesa.db import Database, UnitOfWork
from juapesa.errors import InvalidInput
from juapesa.money import currency
from juapesa.payments.ports import PaymentsDesk
from juapesa.ussd.catalogue import Texts, load_catalogues
from juapesa.ussd.desks import Desks, lasting
from juapesa.ussd.hops import Answer, Fingerprints, Hop, new_input, readable
from juapesa.ussd.menus import Show, start, step
from juapesa.ussd.menus.page import Dialled, Reply, State, Typed, View
from juapesa.ussd.ports import PeopleDesk, PhoneReader, RailLabels
from juapesa.ussd.sessions import Caller, Session, Sessions

# Long enough for any gateway's late repetition; nobody resumes after ``resume_seconds``.
KEEP_SECONDS = 86_400
CLEAN_AT_ONCE_MAX = 5_000


class _Twin(Exception):
    """The same first hop is being answered by somebody else at this moment."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: State
    answer: Answer
    durable: bool


class Ussd:
    """Answers hops. Safe to call from several threads and processes at once."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        people: PeopleDesk,
        payments: PaymentsDesk,
        *,
        read_phone: PhoneReader,
        rail_labels: RailLabels,
        sealer: Sealer,
        hop_key: bytes,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._db = db
        self._people = people
        self._desks = Desks(people, payments)
        self._read_phone = read_phone
        self._rail_labels = rail_labels
        self._sessions = Sessions(sealer)
        self._marks = Fingerprints(hop_key)
        self._clock = clock
        self._catalogues: Mapping[str, Texts] = load_catalogues()

    def answer(self, hop: Hop) -> Answer:
        """The answer to a hop: at most one effect, however often and however parallel it arrives."""
        for _ in range(3):
            try:
                with self._db.unit_of_work() as uow:
                    return self._answer(uow, hop)
            except _Twin:
                continue  # the twin has committed: this time the session is found
        return self.busy()

    def busy(self) -> Answer:
        """What to say when we cannot work: nothing is lost, dial again."""
        return self._end("common.busy")

    def session_ended(self, hop: Hop, ended_as: str) -> None:
        """Take note of how a gateway says that a session ended."""
        with self._db.unit_of_work() as uow:
            self._sessions.note_end(uow, hop.gateway, self._marks.session(hop), ended_as)

    def clean(self) -> int:
        """Forget sessions older than a day; how many."""
        before = self._clock.now() - timedelta(seconds=KEEP_SECONDS)
        with self._db.unit_of_work() as uow:
            return self._sessions.clean(uow, before, CLEAN_AT_ONCE_MAX)

    def _answer(self, uow: UnitOfWork, hop: Hop) -> Answer:
        session = self._sessions.find(uow, hop.gateway, self._marks.session(hop))
        if session is None:
            return self._begin(uow, hop)
        if session.caller_mark != self._marks.caller(hop):
            return self._end("common.gone", session.state.language)
        mark = self._marks.hop(hop)
        typed = new_input(self._marks, hop, session.hops, session.path_length, session.path_mark)
        if typed is None or mark == session.path_mark:
            return self._repeated(uow, session, mark)
        return self._go_on(uow, session, typed, mark, _length(hop))

    def _begin(self, uow: UnitOfWork, hop: Hop) -> Answer:
        """The first hop of a session. Inputs that come with it are not acted upon.

        A gateway may send a whole path at once, and one of its parts may be a PIN for an order
        that was carried out long ago: so a new session always begins at the first screen.
        """
        try:
            phone = self._read_phone(hop.phone, None)
            person = self._people.enroll(uow, phone.e164)
        except InvalidInput:
            return self._end("common.unknown_caller")
        now = self._clock.now()
        earlier = self._sessions.take_over(
            uow, person.id, now - timedelta(seconds=self._settings.ussd.resume_seconds)
        )
        caller = Caller(person.id, person.country, person.home_currency.code, person.rail)
        state = start(person.language, earlier)
        session = Session(
            id=0,
            key=self._marks.session(hop),
            caller=caller,
            caller_mark=self._marks.caller(hop),
            open=True,
            hops=1,
            path_length=_length(hop),
            path_mark=self._marks.hop(hop),
            state=state,
            seen_at=now,
        )
        outcome = self._walk(uow, session, Dialled(person.has_pin))
        if not self._sessions.create(uow, hop.gateway, replace(session, state=outcome.state), outcome.answer):
            raise _Twin
        return outcome.answer

    def _repeated(self, uow: UnitOfWork, session: Session, mark: bytes) -> Answer:
        """A hop that is not news: the stored answer, however old; else where the person stands."""
        stored = self._sessions.answer(uow, session.id, mark)
        if stored is not None:
            return stored
        if self._over(session):
            return self._gone(session)
        current = self._sessions.answer(uow, session.id, session.path_mark)
        assert current is not None, "every hop leaves an answer"
        return current

    def _go_on(self, uow: UnitOfWork, session: Session, typed: str, mark: bytes, length: int) -> Answer:
        if self._over(session):
            return self._gone(session)
        now, hops = self._clock.now(), session.hops + 1
        session = replace(session, hops=hops, path_length=length, path_mark=mark, seen_at=now)
        outcome = self._walk(uow, session, Typed(readable(typed)))
        self._sessions.save(
            uow, replace(session, state=outcome.state), outcome.answer, durable=outcome.durable
        )
        return outcome.answer

    def _over(self, session: Session) -> bool:
        """Whether the gateway has given the session up, or a new one has replaced it."""
        idle = (self._clock.now() - session.seen_at).total_seconds()
        return not session.open or idle > self._settings.ussd.session_idle_seconds

    def _gone(self, session: Session) -> Answer:
        return self._end("common.gone", session.state.language)

    def _walk(self, uow: UnitOfWork, session: Session, event: Dialled | Typed) -> _Outcome:
        """Step through the menus until there is a screen."""
        view, state, durable = self._view(session.caller), session.state, False
        person_id = session.caller.person_id

        def mark_pin(pin: str) -> str:
            return self._marks.pin(person_id, session.key, pin)

        next_event: Dialled | Typed | Reply = event
        while True:
            found = step(view, state, next_event)
            if isinstance(found, Show):
                screen = found.screen
                at = "" if screen.end else f"{found.state.at}:{session.hops}"
                return _Outcome(found.state, Answer(screen.text, screen.end, screen.options, at), durable)
            state = found.state
            durable = durable or lasting(found.question)
            next_event = self._desks.ask(uow, person_id, found.question, mark_pin)

    def _view(self, caller: Caller) -> View:
        return View(
            self._catalogues,
            caller.country,
            currency(caller.currency),
            self._rail_labels.get(caller.rail, caller.rail),
            self._settings.fees,
            self._read_phone,
            self._settings.ussd.service_code,
            self._settings.public_url,
            self._clock.now(),
        )

    def _end(self, key: str, language: str = "en") -> Answer:
        texts = self._catalogues.get(language) or self._catalogues["en"]
        values = {} if key == "common.unknown_caller" else {"dial": self._settings.ussd.service_code}
        return Answer(texts(key, **values), end=True)


def _length(hop: Hop) -> int:
    return len(hop.said.text)
