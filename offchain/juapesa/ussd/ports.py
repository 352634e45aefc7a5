"""What the USSD side needs from the wallet; what it needs from payments is payments.ports.PaymentsDesk.

``juapesa.wallet.People`` and ``parse_phone`` fit these as they are.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from juapesa.db import UnitOfWork
from juapesa.money import Currency, Money


class PersonFacts(Protocol):
    """A customer, without anything that tells who."""

    @property
    def id(self) -> int: ...
    @property
    def country(self) -> str: ...
    @property
    def home_currency(self) -> Currency: ...
    @property
    def rail(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def has_pin(self) -> bool: ...


class PinTry(Protocol):
    """The outcome of one PIN."""

    @property
    def ok(self) -> bool: ...
    @property
    def tries_left(self) -> int: ...
    @property
    def locked(self) -> bool: ...
    @property
    def locked_until(self) -> datetime | None: ...


class PeopleDesk(Protocol):
    """People, found by phone number and known by PIN."""

    def enroll(self, uow: UnitOfWork, phone_e164: str, /) -> PersonFacts:
        """Find or create."""
        ...

    def set_pin(self, uow: UnitOfWork, person_id: int, pin: str, /) -> None:
        """Raises an InvalidInput (``weak-pin``) for a PIN that anybody would guess."""
        ...

    def check_pin(self, uow: UnitOfWork, person_id: int, pin: str, /) -> PinTry:
        """Never raises for a wrong PIN, so that the count commits."""
        ...

    def set_language(self, uow: UnitOfWork, person_id: int, language: str, /) -> None: ...

    def balances(self, uow: UnitOfWork, person_id: int, /) -> list[Money]:
        """What is available, the home currency first."""
        ...


class ReadNumber(Protocol):
    """A phone number, read."""

    @property
    def e164(self) -> str: ...
    @property
    def country(self) -> str: ...


# (text, home country or None) → number; raises a JuaError for what is none of ours.
PhoneReader = Callable[[str, str | None], ReadNumber]


RailLabels = Mapping[str, str]  # rail name → what people call it: "mpesa-ke" → "M-Pesa"
