"""People on a real database."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from juapesa.crypto import CannotOpen, Keystore
from juapesa.db import Database
from juapesa.money import CKES, KES, NGN, Money
from juapesa.wallet import People, PinPolicy, UnknownLanguage, UnknownNumber, UnknownPerson, WeakPin
from support.books import Books, kes

PHONE = "+254712345678"


@dataclass
class SetClock:
    """A clock that stands where it is put."""

    at: datetime = field(default=datetime(2026, 11, 21, 12, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    return Keystore(Path(tmp_path_factory.mktemp("keys")), "test")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def people(keystore: Keystore, clock: SetClock) -> People:
    return People.from_keystore(keystore, clock=clock, policy=PinPolicy(lock_seconds=60))


def test_a_number_is_one_person_for_ever(database: Database, people: People) -> None:
    with database.unit_of_work() as uow:
        person = people.enroll(uow, PHONE)
        assert people.enroll(uow, PHONE) == person == people.get(uow, person.id)
        assert people.phone_of(uow, person.id) == PHONE
        assert (person.country, person.home_currency, person.rail) == ("KE", KES, "mpesa-ke")
        assert (person.has_pin, person.locked, person.language) == (False, False, "en")
        other = people.enroll(uow, "+2348031234567")
        assert (other.id != person.id, other.home_currency, other.rail) == (True, NGN, "momo-ng")


def test_twins_that_enrol_at_once_become_one_person(database: Database, people: People) -> None:
    ids: list[int] = []

    def enrol() -> None:
        with database.unit_of_work() as uow:
            ids.append(people.enroll(uow, PHONE).id)

    threads = [threading.Thread(target=enrol) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(ids) == 6
    assert len(set(ids)) == 1


def test_the_table_shows_no_number_and_a_row_moved_to_another_does_not_open(
    database: Database, people: People
) -> None:
    with database.unit_of_work() as uow:
        first, second = people.enroll(uow, PHONE), people.enroll(uow, "+2348031234567")
        people.set_pin(uow, first.id, "2580")
        dump = repr(uow.all("SELECT * FROM wallet.people"))
        assert "712345678" not in dump
        uow.execute(
            "UPDATE wallet.people SET phone_sealed = (SELECT phone_sealed FROM wallet.people WHERE id = %s) "
            "WHERE id = %s",
            (first.id, second.id),
        )
        with pytest.raises(CannotOpen):
            people.phone_of(uow, second.id)


def test_unknown_people_numbers_languages_and_weak_pins_are_refused(
    database: Database, people: People
) -> None:
    with database.unit_of_work() as uow:
        person = people.enroll(uow, PHONE)
        for wrong in ("0712345678", "+447911123456", "x"):
            with pytest.raises(UnknownNumber):
                people.enroll(uow, wrong)
        with pytest.raises(UnknownPerson):
            people.get(uow, 999)
        with pytest.raises(UnknownPerson):
            people.check_pin(uow, 999, "2580")
        with pytest.raises(UnknownLanguage):
            people.set_language(uow, person.id, "xx")
        with pytest.raises(WeakPin):
            people.set_pin(uow, person.id, "1234")
        people.set_language(uow, person.id, "sw")
        assert people.get(uow, person.id).language == "sw"


def test_three_wrong_tries_lock_and_each_lock_lasts_longer(
    database: Database, people: People, clock: SetClock
) -> None:
    with database.unit_of_work() as uow:
        person = people.enroll(uow, PHONE).id
        assert not people.check_pin(uow, person, "2580").ok
        people.set_pin(uow, person, "2580")
        assert people.check_pin(uow, person, "2580").ok
        assert [people.check_pin(uow, person, wrong).tries_left for wrong in ("1111", "", "x" * 9999)] == [
            2,
            1,
            0,
        ]
        locked = people.check_pin(uow, person, "2580")
        assert (locked.ok, locked.locked, locked.locked_until) == (
            False,
            True,
            clock.at + timedelta(seconds=60),
        )
        assert people.get(uow, person).locked
        clock.at += timedelta(seconds=60)
        assert not people.get(uow, person).locked
        for _ in range(3):
            last = people.check_pin(uow, person, "0001")
        assert last.locked_until == clock.at + timedelta(seconds=120)
        clock.at += timedelta(seconds=120)
        assert people.check_pin(uow, person, "2580").ok
        assert people.check_pin(uow, person, "0001").tries_left == 2


def test_an_operator_resets_a_locked_pin(database: Database, people: People) -> None:
    with database.unit_of_work() as uow:
        person = people.enroll(uow, PHONE).id
        people.set_pin(uow, person, "2580")
        for _ in range(3):
            people.check_pin(uow, person, "0001")
        people.reset_pin(uow, person)
        found = people.get(uow, person)
        assert (found.has_pin, found.locked) == (False, False)
        people.set_pin(uow, person, "9021")
        assert people.check_pin(uow, person, "9021").ok


def test_concurrent_wrong_tries_each_count(database: Database, people: People) -> None:
    with database.unit_of_work() as uow:
        person = people.enroll(uow, PHONE).id
        people.set_pin(uow, person, "2580")
    checks = []

    def guess(number: int) -> None:
        with database.unit_of_work() as uow:
            checks.append(people.check_pin(uow, person, f"77{number:02d}"))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each.tries_left for each in checks if not each.locked) == [1, 2]
    assert sum(each.locked for each in checks) == 6


def test_balances_show_home_first_and_others_when_not_zero(database: Database, people: People) -> None:
    books = Books(database)
    with database.unit_of_work() as uow:
        person = people.enroll(uow, PHONE).id
        assert people.balances(uow, person) == [kes(0)]
        people.wallet(uow, person, NGN)
    books.wallet(person, Money.whole(3, CKES))
    books.wallet(person, kes(12))
    with database.unit_of_work() as uow:
        assert people.balances(uow, person) == [kes(12), Money.whole(3, CKES)]
    books.assert_balanced()
