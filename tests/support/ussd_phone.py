"""A USSD side for tests, with desks in memory, and a handset to use it with."""

import itertools
from dataclasses import dataclass, field

from juapesa.config import Settings
from juapesa.crypto import Sealer
from juapesa.db import Database
from juapesa.ussd.gateways import africastalking
from juapesa.ussd.hops import Accumulated, Answer, Hop
from juapesa.ussd.service import Ussd
from support.clocks import HandClock
from support.ussd_desks import RAIL_LABELS, MemoryPayments, MemoryPeople, read_number

PIN = "4826"
SEAL_KEY, HOP_KEY = bytes(range(32)), bytes(range(32, 64))

_NUMBERS = itertools.count(1)


@dataclass
class World:
    """The service with its desks and its clock."""

    db: Database
    settings: Settings
    clock: HandClock
    people: MemoryPeople
    payments: MemoryPayments
    ussd: Ussd

    def phone(self, number: str = "+254712345678") -> "Phone":
        """A handset that nobody has used yet."""
        return Phone(self, number)

    def customer(self, number: str = "+254712345678", language: str = "en") -> "Phone":
        """A handset whose owner has chosen a language and a PIN."""
        phone = self.phone(number)
        phone.dial()
        phone.type("1" if language == "en" else "2", PIN, PIN)
        phone.hang_up()
        return phone

    def restart(self) -> None:
        """Our servers go down and come up: only database and desks remain."""
        self.ussd = make_ussd(self.db, self.settings, self.clock, self.people, self.payments)


def make_ussd(
    db: Database, settings: Settings, clock: HandClock, people: MemoryPeople, payments: MemoryPayments
) -> Ussd:
    """The service alone."""
    return Ussd(
        settings,
        db,
        people,
        payments,
        read_phone=read_number,
        rail_labels=RAIL_LABELS,
        sealer=Sealer(SEAL_KEY),
        hop_key=HOP_KEY,
        clock=clock,
    )


def make_world(db: Database, settings: Settings | None = None) -> World:
    """Everything, wired."""
    settings = settings or Settings()
    clock = HandClock()
    people = MemoryPeople(clock)
    payments = MemoryPayments(people, clock, settings.fees)
    ussd = make_ussd(db, settings, clock, people, payments)
    return World(db, settings, clock, people, payments, ussd)


@dataclass
class Phone:
    """Speaks the accumulating contract to the service, straight."""

    world: World
    number: str
    session: str = ""
    path: str = field(default="", repr=False)

    @property
    def person_id(self) -> int:
        return self.world.people.by_phone[self.number].id

    def dial(self) -> str:
        """Start a session; what the screen shows, with CON or END before it."""
        self.session, self.path = f"ATUid_{next(_NUMBERS):08d}", ""
        return self.post()

    def type(self, *answers: str) -> str:
        """Answer one screen after the other; the last one shown."""
        shown = ""
        for each in answers:
            self.path = f"{self.path}*{each}" if self.path else each
            shown = self.post()
        return shown

    def post(self, path: str | None = None) -> str:
        """One hop, as the gateway would (again)."""
        return africastalking.write(self.answer(path))

    def answer(self, path: str | None = None) -> Answer:
        said = Accumulated(self.path if path is None else path)
        return self.world.ussd.answer(Hop("africastalking", self.session, self.number, said))

    def hang_up(self) -> None:
        """Leave without a word, as a dead battery does."""
        self.session = ""
