"""The menus as a person walks them, in both languages, on a real session store."""

import pytest

from juapesa.db import Database
from juapesa.money import KES, USDC, Money
from support.ussd_phone import PIN, Phone, World, make_world


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def test_first_use_asks_for_language_and_a_pin_twice(world: World) -> None:
    phone = world.phone()
    assert "Choose your language / Chagua lugha" in phone.dial()
    assert "Choose a PIN of 4 digits" in phone.type("1")
    assert "same PIN again" in phone.type(PIN)
    assert "Your PIN is set" in phone.type(PIN)
    assert world.people.pins[phone.person_id] == PIN
    assert phone.dial().startswith("CON Jua Pesa\n1. Send money")


def test_first_use_in_swahili_stays_swahili(world: World) -> None:
    phone = world.phone()
    phone.dial()
    assert "Chagua PIN" in phone.type("2")
    assert "PIN yako imewekwa" in phone.type(PIN, PIN)
    assert "1. Tuma pesa" in phone.dial()


@pytest.mark.parametrize("bad", ["7", "12", "1e9", "💸", "*", " ", "x" * 5000, "１"])
def test_an_answer_that_no_menu_has_keeps_the_person_there(world: World, bad: str) -> None:
    phone = world.customer()
    before = phone.dial().removeprefix("CON Jua Pesa\n")
    assert phone.type(bad) == f"CON Choose a number below.\n{before}"


def test_two_different_pins_are_asked_again(world: World) -> None:
    phone = world.phone()
    phone.dial()
    assert "The two PINs differ" in phone.type("1", PIN, "4827")
    assert phone.person_id not in world.people.pins
    assert "Your PIN is set" in phone.type(PIN, PIN)


@pytest.mark.parametrize("bad", ["12", "12345", "abcd", "12 4", "١٢٣٤", "*"])
def test_a_pin_has_four_digits(world: World, bad: str) -> None:
    phone = world.phone()
    phone.dial()
    assert "A PIN has 4 digits." in phone.type("1", bad)


def test_a_pin_that_anybody_guesses_is_refused(world: World) -> None:
    phone = world.phone()
    phone.dial()
    assert "too easy to guess" in phone.type("1", "7777", "7777")
    phone = world.phone("+254712000002")
    phone.dial()
    assert "rahisi kukisia" in phone.type("2", "7777", "7777")


def test_send_from_mobile_money_shows_every_fee_and_ends_with_a_receipt(world: World) -> None:
    phone = world.customer()
    phone.dial()
    assert "from 10 to 13,000" in phone.type("1")
    assert "phone number" in phone.type("1000")
    quote = phone.type("+2348031234567")
    assert quote == (
        "CON MTN MoMo +2348031234567 gets 11,876.92 NGN\n1 KES = 11.8769 NGN\n"
        "Fees: service 5 + operator 1 KES\nTotal 1,006 KES\n1. Confirm\n0. Back 00. Home"
    )
    assert "You pay 1,006 KES.\nEnter your PIN:" in phone.type("1")
    end = phone.type(PIN)
    assert end.startswith("END 1,006 KES requested. Receipt K7Q2M4X")
    assert "approve the M-Pesa request" in end
    assert len(world.payments.payments) == 1
    assert world.payments.balanced()


def test_send_in_swahili(world: World) -> None:
    phone = world.customer(language="sw")
    phone.dial()
    quote = phone.type("1", "1000", "0798765432")
    assert "M-Pesa +254798765432 atapata 1,000 KES" in quote
    assert "Ada: huduma 5 + mtandao 1 KES" in quote
    end = phone.type("1", PIN)
    assert end.startswith("END 1,006 KES imeombwa. Risiti ")


def test_send_offers_the_wallet_when_it_can_pay(world: World) -> None:
    phone = world.customer()
    world.payments.give(phone.person_id, Money.whole(5000, KES))
    phone.dial()
    choice = phone.type("1", "1000", "+2348031234567")
    assert choice == "CON Pay from:\n1. M-Pesa\n2. Wallet (5,000 KES)\n0. Back 00. Home"
    assert "Choose a number below." in phone.type("3")
    end = phone.type("2", "1", PIN)
    assert end.startswith("END 1,006 KES paid from your wallet.")
    assert world.people.wallets[phone.person_id, KES] == 399_400
    assert world.payments.balanced()


def test_a_wallet_that_cannot_pay_the_fees_leads_back_to_the_choice(world: World) -> None:
    phone = world.customer()
    world.payments.give(phone.person_id, Money.whole(1000, KES))
    phone.dial()
    shown = phone.type("1", "1000", "+2348031234567", "2")
    assert "You need 1,006.00 KES and have 1,000.00 KES" in shown
    assert "1. M-Pesa" in shown
    assert "Total 1,006 KES" in phone.type("1")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("0.5", "The least you can enter is 10 KES."),
        ("9", "The least you can enter is 10 KES."),
        ("13001", "The most you can enter is 13,000 KES."),
        ("1e9", "Enter the amount in digits"),
        ("-5", "Enter the amount in digits"),
        ("1,000", "Enter the amount in digits"),
        ("100.001", "KES has 2 decimals at most."),
        ("💸", "Enter the amount in digits"),
        ("9" * 40, "Enter the amount in digits"),
        ("99999999999999999999", "Enter the amount in digits"),
        ("", "Enter the amount in digits"),
    ],
)
def test_a_bad_amount_says_what_to_enter(world: World, typed: str, says: str) -> None:
    phone = world.customer()
    phone.dial()
    shown = phone.type("1", typed)
    assert says in shown or "Enter the amount in digits" in shown
    assert "Enter the amount in KES:" in shown
    assert "phone number" in phone.type("500")


@pytest.mark.parametrize("typed", ["12", "abc", "+15551234567", "+254712", "💸"])
def test_a_bad_number_says_what_to_enter(world: World, typed: str) -> None:
    phone = world.customer()
    phone.dial()
    shown = phone.type("1", "500", typed)
    assert "number" in shown
    assert "Total" in phone.type("+2348031234567")


def test_sending_to_oneself_leads_back_to_the_number(world: World) -> None:
    phone = world.customer()
    phone.dial()
    assert "your own number" in phone.type("1", "500", "0712345678")
    assert "Total" in phone.type("0798765432")


def test_receive_into_the_wallet(world: World) -> None:
    phone = world.customer("+2348031234567")
    phone.dial()
    assert "Your wallet gets 20,000 NGN\nNo fee\nTotal 20,000 NGN" in phone.type("2", "20000")
    assert "approve the MTN MoMo request" in phone.type("1", PIN)
    phone.dial()
    assert "You have:\n20,000 NGN" in phone.type("4", "1", PIN)
    assert world.payments.balanced()


def test_convert_there_and_back(world: World) -> None:
    phone = world.customer()
    world.payments.give(phone.person_id, Money.whole(5000, KES))
    phone.dial()
    assert "1. KES to USDC\n2. USDC to KES" in phone.type("3")
    assert "3,000 KES becomes 23.16 USDC" in phone.type("1", "3000")
    assert "paid from your wallet" in phone.type("1", PIN)
    assert world.people.wallets[phone.person_id, USDC] == 23_160_000
    phone.dial()
    assert "10 USDC becomes" in phone.type("3", "2", "10")
    assert phone.type("1", PIN).startswith("END")
    assert world.payments.balanced()


def test_converting_more_than_there_is_asks_for_less(world: World) -> None:
    phone = world.customer()
    phone.dial()
    assert "have 0.00 KES" in phone.type("3", "1", "100")
    phone = world.customer("+254712000009", "sw")
    phone.dial()
    assert "Salio la pochi halitoshi" in phone.type("3", "1", "100")


def test_back_and_home_work_everywhere(world: World) -> None:
    phone = world.customer()
    phone.dial()
    phone.type("1", "500", "0798765432", "1")
    assert "Total" in phone.type("0")
    assert "phone number" in phone.type("0")
    assert "amount" in phone.type("0")
    assert "1. Send money" in phone.type("0")
    assert "Enter your PIN" in phone.type("1", "500", "0798765432", "1")
    assert "1. Send money" in phone.type("00")
    assert phone.type("0").startswith("END Thank you for using Jua Pesa. Dial *789#")


def test_a_wrong_pin_counts_and_then_locks(world: World) -> None:
    phone = world.customer()
    phone.dial()
    phone.type("1", "500", "0798765432", "1")
    assert "Wrong PIN. Tries left: 2." in phone.type("1111")
    assert "Wrong PIN. Tries left: 1." in phone.type("1112")
    locked = phone.type("1113")
    assert locked.startswith("END Too many wrong tries: your PIN is locked. Try again in 15 minutes")
    assert not world.payments.payments
    phone.dial()
    assert "locked" in phone.type("4", "1", PIN)
    world.clock.pass_seconds(901)
    phone.dial()
    assert "You have:" in phone.type("4", "1", PIN)


def test_an_expired_quote_pays_nothing_and_offers_a_new_price(world: World) -> None:
    phone = world.customer()
    phone.dial()
    phone.type("1", "500", "0798765432", "1")
    world.clock.pass_seconds(121)
    assert "The price has expired. Nothing was paid.\n1. Get a new price" in phone.type(PIN)
    assert not world.payments.payments
    assert "Total" in phone.type("1")
    assert phone.type("1", PIN).startswith("END")
    assert len(world.payments.payments) == 1


def test_account_shows_transfers_with_code_state_and_link(world: World) -> None:
    phone = world.customer()
    phone.dial()
    assert "No transfers yet" in phone.type("4", "2", PIN)
    for amount in ("500", "600", "700", "800"):
        phone.dial()
        phone.type("1", amount, "0798765432", "1", PIN)
    phone.dial()
    shown = phone.type("4", "2", PIN)
    codes = [summary.code for _, summary in world.payments.payments.values()]
    assert f"1. {codes[3]} 804.8 KES done" in shown.replace("804.80", "804.8")
    assert codes[0] not in shown
    details = phone.type("2")
    assert f"127.0.0.1:8700/p/{codes[2]}" in details
    assert "Sent: done" in details
    assert "Last transfers" in phone.type("0")


def test_the_pin_for_the_account_is_asked_once_a_session(world: World) -> None:
    phone = world.customer()
    phone.dial()
    assert "You have" in phone.type("4", "1", PIN)
    assert "No transfers" in phone.type("0", "2")
    phone.dial()
    assert "Enter your PIN" in phone.type("4", "1")


def test_changing_language_and_pin(world: World) -> None:
    phone = world.customer()
    phone.dial()
    assert "Lugha imebadilishwa." in phone.type("4", "3", "2")
    assert "Weka PIN yako" in phone.type("4")
    assert "PIN yako imebadilishwa." in phone.type(PIN, "9371", "9371")
    assert world.people.pins[phone.person_id] == "9371"
    assert "1. Tuma pesa" in phone.dial()


def test_changing_the_pin_needs_the_old_one_even_in_a_trusted_session(world: World) -> None:
    phone: Phone = world.customer()
    phone.dial()
    phone.type("4", "1", PIN, "0")
    assert "Enter your PIN:" in phone.type("4")
    assert "Wrong PIN" in phone.type("0001")


def test_about_tells_where_receipts_are_checked(world: World) -> None:
    phone = world.customer()
    phone.dial()
    assert "127.0.0.1:8700/p/CODE" in phone.type("4", "5")
    assert "Answer 0 to go back." in phone.type("1")
