"""Many threads at once: twins pay once, a hot account loses nothing, crossing transfers do not deadlock."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from juapesa.db import Database
from juapesa.ledger import AccountKind, HoldEnded, LimitExceeded, Transfer, order_post
from support.books import Books, kes

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
THREADS = 8


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run all, starting together; an expected failure of the ledger is an answer."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except (LimitExceeded, HoldEnded) as failure:
            return failure.slug

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_concurrent_twins_pay_once_and_get_the_same_answer(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)

    def pay() -> Any:
        with books.database.unit_of_work() as uow:
            return books.ledger.post(uow, "twin", [Transfer(asha, ben, kes(60), "send")])

    answers = at_once([pay] * THREADS)
    assert all(each == answers[0] for each in answers)
    assert sorted(each.repeated for each in answers) == [False] + [True] * (THREADS - 1)
    assert books.available(ben) == kes(60)
    books.assert_balanced()


def test_a_hot_account_loses_no_transfer_and_never_goes_below_its_floor(books: Books) -> None:
    money, capital = books.house(AccountKind.FLOAT, "mpesa-ke"), books.house(AccountKind.CAPITAL)
    with books.database.unit_of_work() as uow:
        books.post(uow, Transfer(money, capital, kes(100), "fund"))

    def drain() -> int:
        paid = 0
        for _ in range(20):
            try:
                with books.database.unit_of_work() as uow:
                    books.post(uow, Transfer(capital, money, kes(1), "payout"))
                paid += 1
            except LimitExceeded:
                pass
        return paid

    assert sum(at_once([drain] * THREADS)) == 100
    assert books.available(money) == kes(0)
    books.assert_balanced()


def test_crossing_transfers_do_not_deadlock(books: Books) -> None:
    wallets = [books.wallet(number, kes(50)) for number in range(4)]

    def cross(seed: int) -> None:
        chance = random.Random(seed)
        for number in range(25):
            transfers = []
            for _ in range(2):
                debit, credit = chance.sample(wallets, 2)
                transfers.append(Transfer(debit, credit, kes(1), "send"))
            with books.database.unit_of_work() as uow:
                books.ledger.post(uow, f"{seed}/{number}", transfers)

    at_once([partial(cross, seed) for seed in range(THREADS)])
    with books.database.unit_of_work() as uow:
        total = sum(books.ledger.balance(uow, each).posted.minor for each in wallets)
    assert total == kes(200).minor
    books.assert_balanced()


def test_lists_that_meet_on_keys_and_accounts_are_booked_once_and_do_not_deadlock(books: Books) -> None:
    wallets = [books.wallet(number, kes(500)) for number in range(4)]
    with books.database.unit_of_work() as uow:
        books.post(uow, Transfer(wallets[0], wallets[1], kes(1), "send"))  # the code is known from here on

    def pay(seed: int) -> None:
        chance = random.Random(seed)
        for number in range(6):
            own = [f"{seed}/{number}/{place}" for place in range(8)]
            shared = [f"all/{number}"] if number % 2 else []  # every other list meets its twin
            orders = []
            for key in own + shared:
                debit, credit = wallets[:2] if key in shared else chance.sample(wallets, 2)
                orders.append(order_post(key, [Transfer(debit, credit, kes(1), "send")]))
            chance.shuffle(orders)
            with books.database.unit_of_work() as uow:
                books.ledger.book(uow, orders)

    at_once([partial(pay, seed) for seed in range(THREADS)])
    with books.database.unit_of_work() as uow:
        total = sum(books.ledger.balance(uow, each).posted.minor for each in wallets)
        [row] = uow.all("SELECT count(*) AS booked FROM book.transfers")
    assert total == kes(2_000).minor
    assert row["booked"] == len(wallets) + 1 + THREADS * 6 * 8 + 3
    books.assert_balanced()


def test_a_hold_ends_once_whoever_comes_first(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    for turn in range(5):
        with books.database.unit_of_work() as uow:
            hold = books.ledger.hold(uow, f"h{turn}", Transfer(asha, ben, kes(10), "send"), NOW).id

        def capture(turn: int = turn, hold: int = hold) -> str:
            with books.database.unit_of_work() as uow:
                books.ledger.capture(uow, f"c{turn}", hold)
            return "captured"

        def release(turn: int = turn, hold: int = hold) -> str:
            with books.database.unit_of_work() as uow:
                books.ledger.release(uow, f"r{turn}", hold)
            return "released"

        def expire() -> str:
            with books.database.unit_of_work() as uow:
                return "expired" if books.ledger.expire_holds(uow, NOW) else "hold-ended"

        answers = at_once([capture, release, expire])
        assert answers.count("hold-ended") == 2, answers
    books.assert_balanced()


def test_an_account_opened_by_many_at_once_is_one(books: Books) -> None:
    answers = at_once([lambda: books.house(AccountKind.FEES)] * THREADS)
    assert len(set(answers)) == 1
