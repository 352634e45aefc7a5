"""People: found by phone number, known by PIN, owners of wallets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from juapesa.clock import Clock, SystemClock
from juapesa.crypto import Keystore, Sealer, blind_index
from juapesa.db import UnitOfWork
from juapesa.ledger import AccountKind, Ledger
from juapesa.money import Currency, Money
from juapesa.wallet.countries import COUNTRIES, LANGUAGES
from juapesa.wallet.errors import UnknownLanguage, UnknownPerson
from juapesa.wallet.phones import parse_phone
from juapesa.wallet.pins import PinHasher, PinPolicy, require_strong

_COLUMNS = "id, country, language, pin_hash, pin_failures, pin_lockouts, locked_until"


@dataclass(frozen=True, slots=True)
class Person:
    """A customer; nothing in it tells who."""

    id: int
    country: str
    home_currency: Currency
    rail: str
    language: str
    has_pin: bool
    locked: bool  # too many wrong PINs; ends by itself at ``locked_until``
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class PinCheck:
    """The outcome of one try. ``tries_left`` before the PIN locks; 0 while it is locked."""

    ok: bool
    tries_left: int
    locked: bool
    locked_until: datetime | None = None


class People:
    """Everybody. Phone numbers go in and out in E.164 and lie in the database sealed."""

    def __init__(
        self,
        ledger: Ledger,
        sealer: Sealer,
        index_key: bytes,
        pins: PinHasher,
        *,
        clock: Clock,
        policy: PinPolicy,
    ) -> None:
        self._ledger = ledger
        self._sealer = sealer
        self._index_key = index_key
        self._pins = pins
        self._clock = clock
        self._policy = policy

    @classmethod
    def from_keystore(
        cls, keystore: Keystore, *, clock: Clock | None = None, policy: PinPolicy | None = None
    ) -> Self:
        """With the keystore's keys ``seal``, ``index`` and ``pin``."""
        return cls(
            Ledger(),
            Sealer(keystore.secret("seal")),
            keystore.secret("index"),
            PinHasher(keystore.secret("pin")),
            clock=clock or SystemClock(),
            policy=policy or PinPolicy(),
        )

    def enroll(self, uow: UnitOfWork, phone_e164: str) -> Person:
        """The person of this number; made when new. Twins that enrol at once become one person.

        Raises UnknownNumber.
        """
        found = self.find(uow, phone_e164)
        return found if found is not None else self._create(uow, phone_e164)

    def find(self, uow: UnitOfWork, phone_e164: str) -> Person | None:
        """The person of this number, or None."""
        index = blind_index(self._index_key, phone_e164)
        row = uow.one(f"SELECT {_COLUMNS} FROM wallet.people WHERE phone_index = %s", (index,))  # noqa: S608
        return None if row is None else self._person(row)

    def get(self, uow: UnitOfWork, person_id: int) -> Person:
        """Raises UnknownPerson."""
        return self._person(self._row(uow, person_id))

    def phone_of(self, uow: UnitOfWork, person_id: int) -> str:
        """The number in E.164. Raises UnknownPerson."""
        return self.phones_of(uow, [person_id])[person_id]

    def phones_of(self, uow: UnitOfWork, person_ids: Collection[int]) -> dict[int, str]:
        """The numbers of these people, by id, in E.164. Raises UnknownPerson."""
        rows = uow.tuples(
            "SELECT id, phone_sealed FROM wallet.people WHERE id = ANY(%s)", (list(person_ids),)
        )
        _require_all(person_ids, rows)
        return {number: self._sealer.open(sealed, _phone_context(number)).decode() for number, sealed in rows}

    def languages(self, uow: UnitOfWork, person_ids: Collection[int]) -> dict[int, str]:
        """The languages of these people, by id. Raises UnknownPerson."""
        rows = uow.tuples("SELECT id, language FROM wallet.people WHERE id = ANY(%s)", (list(person_ids),))
        _require_all(person_ids, rows)
        return dict(rows)

    def set_pin(self, uow: UnitOfWork, person_id: int, pin: str) -> None:
        """Store a new PIN; the caller has checked the old one, if there is one. A lock stays.

        Raises WeakPin, UnknownPerson.
        """
        require_strong(pin)
        self._row(uow, person_id, lock=True)
        uow.execute(
            "UPDATE wallet.people SET pin_hash = %s, pin_failures = 0 WHERE id = %s",
            (self._pins.hash(person_id, pin), person_id),
        )

    def check_pin(self, uow: UnitOfWork, person_id: int, pin: str) -> PinCheck:
        """Try a PIN. Never raises for a wrong one, so that the count of tries commits.

        The person's row is locked until the unit of work ends: concurrent tries queue and each counts.
        Raises UnknownPerson.
        """
        row = self._row(uow, person_id, lock=True)
        if self._is_locked(row):
            return PinCheck(ok=False, tries_left=0, locked=True, locked_until=row["locked_until"])
        if row["pin_hash"] is None:
            return PinCheck(ok=False, tries_left=self._policy.tries_max, locked=False)
        if not self._pins.matches(row["pin_hash"], person_id, pin):
            return self._count_failure(uow, row)
        if row["pin_failures"] or row["pin_lockouts"]:
            self._reset_counts(uow, person_id)
        return PinCheck(ok=True, tries_left=self._policy.tries_max, locked=False)

    def reset_pin(self, uow: UnitOfWork, person_id: int) -> None:
        """For operators, after they know who calls: no PIN, no lock; the next dial sets a new one.

        Raises UnknownPerson.
        """
        self._row(uow, person_id, lock=True)
        uow.execute("UPDATE wallet.people SET pin_hash = NULL WHERE id = %s", (person_id,))
        self._reset_counts(uow, person_id)

    def set_language(self, uow: UnitOfWork, person_id: int, language: str) -> None:
        """Raises UnknownLanguage, UnknownPerson."""
        if language not in LANGUAGES:
            raise UnknownLanguage("We do not speak that language yet.")
        if not uow.execute("UPDATE wallet.people SET language = %s WHERE id = %s", (language, person_id)):
            raise UnknownPerson(f"No person {person_id}.")

    def wallet(self, uow: UnitOfWork, person_id: int, unit: Currency) -> int:
        """The ledger account of a person's wallet in a currency; opened when there is none."""
        return self._ledger.account(uow, AccountKind.WALLET, str(person_id), unit)

    def balances(self, uow: UnitOfWork, person_id: int) -> list[Money]:
        """What is available, per currency: the home currency first, the others when not zero."""
        home = self.get(uow, person_id).home_currency
        accounts = self._ledger.accounts_of(uow, AccountKind.WALLET, str(person_id))
        balances = self._ledger.balances(uow, list(accounts.values()))
        found = {unit: balances[number].available for unit, number in accounts.items()}
        first = found.pop(home, Money.zero(home))
        return [first, *(each for each in found.values() if each.minor)]

    def _create(self, uow: UnitOfWork, phone_e164: str) -> Person:
        phone = parse_phone(phone_e164, None)
        assert phone.e164 == phone_e164, "enrol takes E.164"
        row = uow.one("SELECT nextval(pg_get_serial_sequence('wallet.people', 'id')) AS id")
        assert row is not None
        uow.execute(
            "INSERT INTO wallet.people (id, phone_index, phone_sealed, country, language, created_at) "
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (phone_index) DO NOTHING",
            (
                row["id"],
                blind_index(self._index_key, phone.e164),
                self._sealer.seal(phone.e164.encode(), _phone_context(row["id"])),
                phone.country,
                COUNTRIES[phone.country].language,
                self._clock.now(),
            ),
        )
        found = self.find(uow, phone_e164)
        assert found is not None
        return found

    def _count_failure(self, uow: UnitOfWork, row: dict[str, Any]) -> PinCheck:
        failures, lockouts = row["pin_failures"] + 1, row["pin_lockouts"]
        left = self._policy.tries_max - failures
        until = None
        if left <= 0:
            until = self._clock.now() + self._policy.lock_time(lockouts)
            failures, lockouts = 0, min(lockouts + 1, 100)
        uow.execute(
            "UPDATE wallet.people SET pin_failures = %s, pin_lockouts = %s, locked_until = %s WHERE id = %s",
            (failures, lockouts, until, row["id"]),
        )
        return PinCheck(ok=False, tries_left=max(left, 0), locked=until is not None, locked_until=until)

    def _reset_counts(self, uow: UnitOfWork, person_id: int) -> None:
        uow.execute(
            "UPDATE wallet.people SET pin_failures = 0, pin_lockouts = 0, locked_until = NULL WHERE id = %s",
            (person_id,),
        )

    def _row(self, uow: UnitOfWork, person_id: int, *, lock: bool = False) -> dict[str, Any]:
        suffix = "FOR NO KEY UPDATE" if lock else ""
        row = uow.one(
            f"SELECT {_COLUMNS} FROM wallet.people WHERE id = %s {suffix}",  # noqa: S608 - constants
            (person_id,),
        )
        if row is None:
            raise UnknownPerson(f"No person {person_id}.")
        return row

    def _is_locked(self, row: dict[str, Any]) -> bool:
        return row["locked_until"] is not None and row["locked_until"] > self._clock.now()

    def _person(self, row: dict[str, Any]) -> Person:
        country = COUNTRIES[row["country"]]
        locked = self._is_locked(row)
        return Person(
            id=row["id"],
            country=country.code,
            home_currency=country.currency,
            rail=country.rail,
            language=row["language"],
            has_pin=row["pin_hash"] is not None,
            locked=locked,
            locked_until=row["locked_until"] if locked else None,
        )


def _require_all(person_ids: Collection[int], rows: Sequence[tuple[Any, ...]]) -> None:
    missing = set(person_ids) - {row[0] for row in rows}
    if missing:
        raise UnknownPerson(f"No person {min(missing)}.")


def _phone_context(person_id: int) -> str:
    return f"wallet.phone:{person_id}"
