"""The ledger on a real database: postings, keys, holds, limits."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from juapesa.db import Database
from juapesa.ledger import (
    AccountKind,
    AccountName,
    AlreadyReversed,
    HoldEnded,
    KeyReused,
    Ledger,
    LimitExceeded,
    NotATransfer,
    Transfer,
    UnknownAccount,
    UnknownHold,
    UnknownTransfer,
    order_capture,
    order_post,
)
from juapesa.money import CKES, KES, USDC, Money
from support.books import Books, kes

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


def test_a_posting_moves_money_and_tells_both_balances(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        posting = books.post(uow, Transfer(asha, ben, kes(30), "send"))
    assert [(t.debit_after, t.credit_after) for t in posting.transfers] == [(kes(70), kes(30))]
    assert (books.available(asha), books.available(ben)) == (kes(70), kes(30))
    books.assert_balanced()


def test_an_account_is_found_again_and_kinds_agree_with_the_database(books: Books) -> None:
    with books.database.unit_of_work() as uow:
        first = books.ledger.account(uow, AccountKind.FLOAT, "mpesa-ke", KES)
        assert books.ledger.account(uow, AccountKind.FLOAT, "mpesa-ke", KES) == first
        assert books.ledger.account(uow, AccountKind.FLOAT, "mpesa-ke", USDC) != first
        assert books.ledger.find_account(uow, AccountKind.FLOAT, "momo-ng", KES) is None
        assert list(books.ledger.accounts_of(uow, AccountKind.FLOAT, "mpesa-ke")) == [KES, USDC]
        rows = {row["kind"] for row in uow.all("SELECT kind FROM book.kinds")}
    assert rows == {str(kind) for kind in AccountKind}


def test_the_same_key_and_body_gives_the_first_answer(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    order = [Transfer(asha, ben, kes(60), "send", effective_at=NOW)]
    answers = []
    for _ in range(3):
        with books.database.unit_of_work() as uow:
            answers.append(books.ledger.post(uow, "k", order))
    assert answers[0] == answers[1] == answers[2]
    assert [each.repeated for each in answers] == [False, True, True]
    assert books.available(ben) == kes(60)
    books.assert_balanced()


def test_the_same_key_for_another_order_is_refused_and_the_unit_of_work_goes_on(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        hold = books.ledger.hold(uow, "k", Transfer(asha, ben, kes(10), "send"), LATER)
        with pytest.raises(KeyReused):
            books.ledger.post(uow, "k", [Transfer(asha, ben, kes(10), "send")])
        with pytest.raises(KeyReused):
            books.ledger.release(uow, "k", hold.id)
        books.post(uow, Transfer(asha, ben, kes(1), "send"))
    assert books.available(ben) == kes(1)
    books.assert_balanced()


def test_linked_transfers_happen_all_or_none_and_a_failed_key_stays_free(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    order = [Transfer(asha, ben, kes(80), "send"), Transfer(asha, ben, kes(30), "fee")]
    with books.database.unit_of_work() as uow, pytest.raises(LimitExceeded):
        books.ledger.post(uow, "k", order)
    assert books.available(asha) == kes(100)
    books.wallet(1, kes(10))
    with books.database.unit_of_work() as uow:
        assert not books.ledger.post(uow, "k", order).repeated
    assert books.available(asha) == kes(0)
    books.assert_balanced()


def test_a_float_cannot_pay_out_more_than_it_has_but_the_house_may_owe(books: Books) -> None:
    money, capital = books.house(AccountKind.FLOAT, "mpesa-ke"), books.house(AccountKind.CAPITAL)
    with books.database.unit_of_work() as uow:
        with pytest.raises(LimitExceeded):
            books.post(uow, Transfer(capital, money, kes(1), "payout"))
        books.post(uow, Transfer(money, capital, kes(5), "fund"))
        books.post(uow, Transfer(capital, money, kes(5), "payout"))
        books.post(uow, Transfer(capital, books.ledger.account(uow, AccountKind.FEES, "", KES), kes(9), "x"))
        assert books.ledger.balance(uow, capital).available == kes(-9)
    books.assert_balanced()


def test_a_hold_reserves_and_a_partial_capture_frees_the_rest(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    ledger = books.ledger
    with books.database.unit_of_work() as uow:
        hold = ledger.hold(uow, "h", Transfer(asha, ben, kes(70), "send"), LATER)
        assert ledger.balance(uow, asha).available == kes(30)
        assert ledger.balance(uow, ben).available == kes(0)
        assert ledger.balance(uow, ben).incoming == kes(70)
        with pytest.raises(LimitExceeded):
            books.post(uow, Transfer(asha, ben, kes(31), "send"))
        with pytest.raises(LimitExceeded):
            ledger.capture(uow, "too much", hold.id, kes(71))
        with pytest.raises(NotATransfer):
            ledger.capture(uow, "wrong money", hold.id, Money(1, USDC))
        done = ledger.capture(uow, "c", hold.id, kes(50), last=True)
        assert ledger.capture(uow, "c", hold.id, kes(50), last=True) == done
        with pytest.raises(HoldEnded):
            ledger.release(uow, "r", hold.id)
        assert ledger.hold(uow, "h", Transfer(asha, ben, kes(70), "send"), LATER) == hold
        with pytest.raises(KeyReused):
            ledger.hold(uow, "h", Transfer(asha, ben, kes(70), "send"), NOW)
    assert (books.available(asha), books.available(ben)) == (kes(50), kes(50))
    books.assert_balanced()


def test_a_hold_is_captured_in_parts_until_nothing_is_left(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    ledger = books.ledger
    with books.database.unit_of_work() as uow:
        hold = ledger.hold(uow, "h", Transfer(asha, ben, kes(70), "send"), LATER)
        ledger.capture(uow, "c1", hold.id, kes(20))
        [left] = ledger.open_holds(uow, asha)
        assert (left.id, left.amount, left.expires_at) == (hold.id, kes(50), LATER)
        ledger.capture(uow, "c2", hold.id, kes(20))
        rest = ledger.capture(uow, "c3", hold.id)
        assert rest.transfers[0].amount == kes(30)
        assert ledger.open_holds(uow, asha) == []
        with pytest.raises(HoldEnded):
            ledger.capture(uow, "c4", hold.id)
    assert (books.available(asha), books.available(ben)) == (kes(30), kes(70))
    books.assert_balanced()


def test_several_orders_are_booked_together_or_not_at_all(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    ledger = books.ledger
    with books.database.unit_of_work() as uow:
        hold = ledger.hold(uow, "h", Transfer(asha, ben, kes(70), "send"), LATER)
        capture = order_capture("c", hold.id)
        with pytest.raises(LimitExceeded):
            ledger.book(uow, [capture, order_post("p", [Transfer(asha, ben, kes(31), "fee")])])
        assert ledger.balance(uow, asha).held == kes(70)
        together = [capture, order_post("p", [Transfer(asha, ben, kes(30), "fee")])]
        first = ledger.book(uow, together)
        assert [each.transfers[0].amount for each in first] == [kes(70), kes(30)]
        assert [each.repeated for each in ledger.book(uow, together)] == [True, True]
    assert (books.available(asha), books.available(ben)) == (kes(0), kes(100))
    books.assert_balanced()


def test_a_transfer_is_reversed_once_and_only_what_moved(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    ledger = books.ledger
    with books.database.unit_of_work() as uow:
        sent = ledger.post(uow, "s", [Transfer(asha, ben, kes(30), "send")])
        hold = ledger.hold(uow, "h", Transfer(asha, ben, kes(10), "send"), LATER)
        back = ledger.reverse(uow, "r", sent.id)
        assert (back.transfers[0].debit, back.transfers[0].credit) == (ben, asha)
        with pytest.raises(AlreadyReversed):
            ledger.reverse(uow, "r2", sent.id)
        for unknown in (hold.id, 5):
            with pytest.raises(UnknownTransfer):
                ledger.reverse(uow, "r3", unknown)
    assert books.available(ben) == kes(0)
    books.assert_balanced()


def test_many_accounts_are_found_or_opened_in_one_question(books: Books) -> None:
    names = [AccountName(AccountKind.WALLET, str(person), unit) for person in (2, 1) for unit in (USDC, KES)]
    with books.database.unit_of_work() as uow:
        first = books.ledger.accounts(uow, names)
        assert books.ledger.accounts(uow, [*names, names[0]]) == first
        assert {books.ledger.account(uow, each.kind, each.owner, each.currency) for each in names} == set(
            first.values()
        )
        assert set(books.ledger.balances(uow, list(first.values()))) == set(first.values())


def test_a_hold_on_a_float_reserves_both_sides(books: Books) -> None:
    asha = books.wallet(1, kes(100))
    money, capital = books.house(AccountKind.FLOAT, "mpesa-ke"), books.house(AccountKind.CAPITAL)
    with books.database.unit_of_work() as uow:
        books.post(uow, Transfer(money, capital, kes(100), "fund"))
        hold = books.ledger.hold(uow, "h", Transfer(asha, money, kes(40), "payout"), LATER)
    assert (books.available(asha), books.available(money)) == (kes(60), kes(60))
    with books.database.unit_of_work() as uow:
        books.ledger.release(uow, "r", hold.id)
        books.ledger.release(uow, "r", hold.id)
    assert (books.available(asha), books.available(money)) == (kes(100), kes(100))
    books.assert_balanced()


def test_due_holds_expire_once_and_a_late_capture_before_that_is_honoured(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        for number in range(4):
            due = NOW if number < 3 else LATER
            books.ledger.hold(uow, f"h{number}", Transfer(asha, ben, kes(10), "send"), due)
        held = books.ledger.open_holds(uow, asha)
        books.ledger.capture(uow, "late", held[0].id)
        assert books.ledger.expire_holds(uow, NOW) == 2
        assert books.ledger.expire_holds(uow, NOW) == 0
        with pytest.raises(HoldEnded):
            books.ledger.capture(uow, "too late", held[1].id)
        assert books.ledger.balance(uow, asha).held == kes(10)
    books.assert_balanced()


def test_unknown_accounts_wrong_currencies_and_empty_orders_are_refused(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        token = books.ledger.account(uow, AccountKind.WALLET, "2", CKES)
        with pytest.raises(UnknownAccount):
            books.post(uow, Transfer(asha, 999, kes(1), "x"))
        with pytest.raises(UnknownAccount):
            books.post(uow, Transfer(asha, token, kes(1), "x"))
        with pytest.raises(UnknownAccount):
            books.ledger.hold(uow, "h", Transfer(asha, token, kes(1), "x"), LATER)
        with pytest.raises(UnknownAccount):
            books.ledger.balance(uow, 999)
        with pytest.raises(UnknownHold):
            books.ledger.capture(uow, "c", 999)
        with pytest.raises(NotATransfer):
            books.ledger.post(uow, "k", [])
        with pytest.raises(NotATransfer):
            books.ledger.post(uow, "", [Transfer(asha, ben, kes(1), "x")])
    for wrong in (kes(0), kes(-1), Money(2**63 - 1, KES)):
        with pytest.raises(NotATransfer):
            Transfer(asha, ben, wrong, "x")
    with pytest.raises(NotATransfer):
        Transfer(asha, asha, kes(1), "x")
    books.assert_balanced()


def test_balances_that_would_leave_the_range_are_refused(books: Books) -> None:
    huge = Money(10**18, KES)
    asha = books.wallet(1, huge)
    capital = books.house(AccountKind.CAPITAL)
    with books.database.unit_of_work() as uow, pytest.raises(LimitExceeded):
        books.post(uow, Transfer(capital, asha, Money(1, KES), "x"))
    books.assert_balanced()


def test_the_history_of_an_account_and_its_balance_at_a_past_instant(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        books.post(uow, Transfer(asha, ben, kes(30), "send", effective_at=NOW))
        books.ledger.hold(uow, "h", Transfer(asha, ben, kes(1), "send"), LATER)
    time.sleep(0.003)  # the past is known to the millisecond
    with books.database.unit_of_work() as uow:
        books.post(uow, Transfer(ben, asha, kes(5), "refund"))
        newest, before, _ = books.ledger.entries(uow, asha, 10)
        assert (newest.change, newest.after, newest.code) == (kes(5), kes(75), "refund")
        assert (before.change, before.after, before.effective_at) == (kes(-30), kes(70), NOW)
        assert newest.other_account == before.other_account == ben
        assert books.ledger.entries(uow, asha, 1) == [newest]
        assert books.ledger.entries(uow, asha, 1, before=newest.id) == [before]
        assert books.ledger.entries(uow, asha, 10, before=5) == []
        assert books.ledger.balance_at(uow, asha, newest.booked_at) == kes(70)
        assert books.ledger.balance_at(uow, asha, NOW - timedelta(days=9999)) == kes(0)


def test_a_rolled_back_unit_of_work_leaves_no_trace(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)

    def fail() -> None:
        with books.database.unit_of_work() as uow:
            books.ledger.post(uow, "k", [Transfer(asha, ben, kes(30), "send")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert books.available(asha) == kes(100)
    with books.database.unit_of_work() as uow:
        assert not Ledger().post(uow, "k", [Transfer(asha, ben, kes(1), "send")]).repeated
    books.assert_balanced()
