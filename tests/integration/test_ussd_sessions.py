"""Sessions under what gateways do: repeat, overtake, lose; and what stays in the database."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from juapesa.crypto import Sealer
from juapesa.db import Database
from juapesa.money import KES, Money
from juapesa.ussd.hops import Hop, Latest
from support.ussd_phone import PIN, SEAL_KEY, Phone, World, make_world

TO = "+2348031234567"


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def at_the_pin(world: World) -> Phone:
    phone = world.customer()
    phone.dial()
    phone.type("1", "1000", TO, "1")
    return phone


def test_every_repeated_hop_gets_its_own_answer_again(world: World) -> None:
    phone = world.customer()
    shown = {"": phone.dial()}
    for answer in ("1", "1000", TO, "1", PIN):
        text = phone.type(answer)
        shown[phone.path] = text
    for path, text in shown.items():
        assert phone.post(path) == text
    assert len(world.payments.payments) == 1


def test_a_repeated_confirmation_pays_once_however_often(world: World) -> None:
    phone = at_the_pin(world)
    ends = {phone.type(PIN)} | {phone.post() for _ in range(5)}
    assert len(ends) == 1
    assert len(world.payments.payments) == 1
    assert world.payments.balanced()


def test_twins_of_a_confirmation_pay_once(world: World) -> None:
    phone = at_the_pin(world)
    phone.path = f"{phone.path}*{PIN}"
    with ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(lambda _: phone.post(), range(12)))
    assert len(set(ends)) == 1
    assert ends[0].startswith("END 1,006 KES requested")
    assert len(world.payments.payments) == 1


def test_twins_of_the_first_hop_begin_one_session(world: World) -> None:
    phone = world.customer()
    phone.session = "ATUid_twin"
    phone.path = ""
    with ThreadPoolExecutor(6) as pool:
        starts = list(pool.map(lambda _: phone.post(), range(12)))
    assert len(set(starts)) == 1
    assert "1. Send money" in starts[0]
    assert count(world, "SELECT count(*) AS n FROM ussd.sessions WHERE open") == 1


def test_a_late_hop_moves_nothing(world: World) -> None:
    phone = world.customer()
    phone.dial()
    phone.type("1")
    assert "phone number" in phone.type("1000")
    late = phone.post("4")  # was never answered, and is not a continuation
    assert "phone number" in late
    assert "Total" in phone.type(TO)


def test_a_hop_that_overtook_another_pays_nothing(world: World) -> None:
    phone = world.customer()
    phone.dial()
    phone.type("1")
    assert "Enter the amount" in phone.post(f"1*1000*{TO}")  # the hop "1*1000" is still on its way
    assert not world.payments.quotes


def test_a_star_that_was_typed_is_not_a_separator(world: World) -> None:
    phone = world.customer()
    phone.dial()
    phone.type("1")
    assert "Enter the amount in digits" in phone.type("5*500")
    assert "phone number" in phone.type("500")


def test_a_path_that_comes_with_the_first_hop_is_not_acted_upon(world: World) -> None:
    phone = world.customer()
    phone.session = "ATUid_shortcut"
    shown = phone.post(f"1*1000*{TO}*1*{PIN}")
    assert "1. Send money" in shown
    assert not world.payments.payments
    phone.path = f"1*1000*{TO}*1*{PIN}"
    assert "My account" in phone.type("4")


def test_another_number_cannot_speak_in_a_session(world: World) -> None:
    phone = at_the_pin(world)
    thief = world.customer("+254798765432")
    thief.session, thief.path = phone.session, phone.path
    assert "session is over" in thief.type(PIN)
    assert not world.payments.payments


def test_hanging_up_and_dialling_again_resumes(world: World) -> None:
    phone = at_the_pin(world)
    phone.hang_up()
    assert phone.dial() == (
        "CON You did not finish: send 1,000 KES.\n1. Resume\n2. Main menu\n0. Back 00. Home"
    )
    assert f"MTN MoMo {TO} gets" in phone.type("1")
    assert phone.type("1", PIN).startswith("END 1,006 KES requested")
    assert len(world.payments.payments) == 1
    assert "1. Send money" in phone.dial()


def test_the_offer_survives_a_second_hang_up(world: World) -> None:
    phone = at_the_pin(world)
    phone.dial()
    phone.hang_up()
    assert "1. Resume" in phone.dial()
    assert "1. Send money" in phone.type("2")
    assert "1. Send money" in phone.dial()


def test_the_offer_ends_with_its_time(world: World) -> None:
    phone = at_the_pin(world)
    world.clock.pass_seconds(world.settings.ussd.resume_seconds + 1)
    assert "1. Send money" in phone.dial()


def test_nothing_is_offered_before_an_amount_was_entered(world: World) -> None:
    phone = world.customer()
    phone.dial()
    phone.type("1")
    assert "1. Send money" in phone.dial()


def test_an_old_session_confirmed_after_the_new_dial_pays_nothing(world: World) -> None:
    phone = at_the_pin(world)
    old_session, old_path = phone.session, f"{phone.path}*{PIN}"
    phone.dial()
    phone.type("1")
    current = phone.session
    phone.session = old_session
    assert phone.post(old_path).startswith("END This session is over.")
    phone.session = current
    phone.type("1", PIN)
    assert len(world.payments.payments) == 1
    assert world.payments.balanced()


def test_a_hop_after_the_gateway_gave_up_pays_nothing(world: World) -> None:
    phone = at_the_pin(world)
    world.clock.pass_seconds(world.settings.ussd.session_idle_seconds + 1)
    assert phone.type(PIN).startswith("END This session is over. Dial *789#")
    assert not world.payments.payments
    assert "1. Resume" in phone.dial()


def test_a_restart_of_our_servers_loses_nothing(world: World) -> None:
    phone = at_the_pin(world)
    world.restart()
    assert phone.type(PIN).startswith("END 1,006 KES requested")


def test_resuming_a_conversion(world: World) -> None:
    phone = world.customer()
    world.payments.give(phone.person_id, Money.whole(5000, KES))
    phone.dial()
    phone.type("3", "1", "3000")
    phone.hang_up()
    assert "convert 3,000 KES" in phone.dial()
    assert "becomes" in phone.type("1")


def test_the_pin_is_never_in_the_database_nor_in_a_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    pin, new_pin = "4826", "9371"
    phone = at_the_pin(world)
    phone.type(pin)
    phone.dial()
    phone.type("4", "4", pin, new_pin, new_pin)
    phone.dial()
    phone.type("4", "1", "8052", new_pin)
    everything = dump(world)
    assert b"+2547" not in everything
    assert TO.encode() not in everything
    opened = opened_states(world)
    assert opened
    for secret in (pin, new_pin, "8052"):
        assert secret.encode() not in everything
        assert secret not in opened
        assert secret not in caplog.text
    assert phone.number not in opened


def test_a_session_keeps_the_length_of_the_text_and_a_mark_of_it(world: World) -> None:
    phone = at_the_pin(world)
    row = one(world, "SELECT path_length, path_mark, state FROM ussd.sessions WHERE open")
    assert row["path_length"] == len(phone.path)
    assert len(row["path_mark"]) == 32


def test_old_sessions_are_forgotten_with_their_answers(world: World) -> None:
    at_the_pin(world)
    assert world.ussd.clean() == 0
    world.clock.pass_seconds(86_401)
    assert world.ussd.clean() == 2
    assert count(world, "SELECT count(*) AS n FROM ussd.answers") == 0


def test_only_hops_that_must_last_wait_for_the_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []
    save = world.ussd._sessions.save

    def watched(uow, session, answer, *, durable):  # type: ignore[no-untyped-def]
        save(uow, session, answer, durable=durable)
        row = uow.one("SELECT current_setting('synchronous_commit') AS now")
        seen.append((row["now"], durable))

    phone = world.customer()
    monkeypatch.setattr(world.ussd._sessions, "save", watched)
    phone.dial()
    phone.type("1", "1000", TO, "1", PIN)
    assert seen == [("off", False)] * 4 + [("on", True)]


def latest(world: World, typed: str, menu_state: str, session: str = "j1") -> tuple[str, str]:
    answer = world.ussd.answer(Hop("json", session, "+254712345678", Latest(typed, menu_state)))
    return answer.text, answer.menu_state


def test_a_gateway_that_sends_only_the_newest_input(world: World) -> None:
    world.customer()
    shown, state = latest(world, "", "")
    walked = [(shown, state)]
    for typed in ("1", "1000", TO, "1", PIN):
        shown, state = latest(world, typed, state)
        walked.append((shown, state))
    assert "Receipt" in shown
    assert state == ""
    typed = ["", "1", "1000", TO, "1", PIN]
    states = ["", *[after for _, after in walked]]
    for index, answer in enumerate(typed):
        assert latest(world, answer, states[index]) == walked[index]
    assert all(before != after for before, after in pairwise(states))
    assert len(world.payments.payments) == 1


def test_a_newest_input_without_its_place_moves_nothing(world: World) -> None:
    world.customer()
    first = latest(world, "", "")
    assert latest(world, "1", "") == first
    assert latest(world, "1", "home.menu:99") == first
    assert latest(world, "1", "💸:x") == first


def dump(world: World) -> bytes:
    """Every value of every row of the USSD side, as bytes."""
    found = b""
    with world.db.unit_of_work() as uow:
        for sql in ("SELECT * FROM ussd.sessions", "SELECT * FROM ussd.answers"):
            for row in uow.all(sql):
                for value in row.values():
                    found += value if isinstance(value, bytes) else str(value).encode()
    return found


def opened_states(world: World) -> str:
    """What the sealed states say inside; answers are what the person saw, without what they typed."""
    sealer, found = Sealer(SEAL_KEY), ""
    with world.db.unit_of_work() as uow:
        for row in uow.all("SELECT key, state FROM ussd.sessions"):
            plain = json.loads(sealer.open(row["state"], f"ussd.state:{row['key'].hex()}"))
            plain["draft"].pop("mark", None)  # keyed, 256 bits: may hold any four digits by chance
            found += json.dumps(plain)
        for row in uow.all("SELECT mark, answer FROM ussd.answers"):
            found += sealer.open(row["answer"], f"ussd.answer:{row['mark'].hex()}").decode()
    return found


def one(world: World, sql: str) -> dict[str, object]:
    with world.db.unit_of_work() as uow:
        row = uow.one(sql)
    assert row is not None
    return row


def count(world: World, sql: str) -> int:
    return int(str(one(world, sql)["n"]))
