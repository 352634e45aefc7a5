"""The inbox, the shared token and the message outbox on a real PostgreSQL."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from juapesa.clock import SystemClock
from juapesa.crypto import Sealer
from juapesa.db import Database, UnitOfWork
from juapesa.notifications import Outbox
from juapesa.notifications.outbox import ATTEMPTS_MAX, backoff_seconds
from juapesa.rails.inbox import BodyTooLarge, Inbox
from juapesa.rails.token_table import CLAIM_SECONDS, TableTokens
from juapesa.rails.tokens import FreshToken, NoToken

KEY = b"k" * 32
PHONE = "+254708374149"


class SetClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def inbox(clock: SetClock) -> Inbox:
    return Inbox(Sealer(KEY), KEY, clock)


def outbox(clock: SetClock) -> Outbox:
    return Outbox(Sealer(KEY), lambda _, ids: {each: f"+25470000000{each}" for each in ids}, clock)


def tokens(database: Database) -> TableTokens:
    return TableTokens(database, Sealer(KEY), SystemClock())


def test_a_callback_is_recorded_once_and_claimed_once(database: Database) -> None:
    clock = SetClock()
    box = inbox(clock)
    with database.unit_of_work() as uow:
        assert box.record(uow, "mpesa-ke", "collect", "order-1", b'{"a":1}')
        assert not box.record(uow, "mpesa-ke", "collect", "order-1", b'{"a":1}')
        assert box.record(uow, "mpesa-ke", "collect", "order-1", b'{"a":2}')
        assert box.record(uow, "mpesa-ke", "collect", "order-2", b'{"a":1}')
    with database.unit_of_work() as uow:
        first = box.claim(uow, 2, lease_seconds=30)
    with database.unit_of_work() as uow:
        second = box.claim(uow, 10, lease_seconds=30)
        assert [(each.reference, each.body) for each in (*first, *second)] == [
            ("order-1", b'{"a":1}'),
            ("order-1", b'{"a":2}'),
            ("order-2", b'{"a":1}'),
        ]
        box.done(uow, first[0].id)
        box.give_up(uow, first[1].id, "no such order")
        box.done(uow, first[1].id)
    clock.pass_seconds(31)
    with database.unit_of_work() as uow:
        [again] = box.claim(uow, 10, lease_seconds=30)
        assert (again.id, again.attempts) == (second[0].id, 2)
        states = uow.all("SELECT state, why FROM rails.callback ORDER BY id")
        assert [(row["state"], row["why"]) for row in states] == [
            ("done", None),
            ("given-up", "no such order"),
            ("new", None),
        ]


def test_an_answer_in_the_same_words_counts_again_once_the_first_was_heard(database: Database) -> None:
    clock = SetClock()
    box = inbox(clock)
    for time in range(3):
        with database.unit_of_work() as uow:
            assert box.record(uow, "mpesa-ke", "status", "order-1", b'{"absent":1}')
            assert not box.record(uow, "mpesa-ke", "status", "order-1", b'{"absent":1}')
        with database.unit_of_work() as uow:
            [claimed] = box.claim(uow, 10, lease_seconds=30)
            assert (claimed.attempts, claimed.received_at) == (1, clock.now())
            assert not box.record(uow, "mpesa-ke", "status", "order-1", b'{"absent":1}')
            if time:
                box.give_up(uow, claimed.id, "speaks of no order of ours")
            else:
                box.done(uow, claimed.id)
        clock.pass_seconds(60)


def test_what_is_no_answer_counts_once(database: Database) -> None:
    box = inbox(SetClock())
    with database.unit_of_work() as uow:
        for kind in ("collect", "payout", "timeout"):
            assert box.record(uow, "mpesa-ke", kind, "order-1", b"{}")
        box.done_all(uow, [each.id for each in box.claim(uow, 10, lease_seconds=30)])
    with database.unit_of_work() as uow:
        for kind in ("collect", "payout", "timeout"):
            assert not box.record(uow, "mpesa-ke", kind, "order-1", b"{}")
        assert box.claim(uow, 10, lease_seconds=30) == []


def test_a_recorded_body_cannot_be_read_in_the_table(database: Database) -> None:
    with database.unit_of_work() as uow:
        inbox(SetClock()).record(uow, "mpesa-ke", "collect", "order-1", PHONE.encode())
        row = uow.one("SELECT * FROM rails.callback")
    assert row is not None
    assert PHONE.encode() not in bytes(row["sealed"])
    assert PHONE not in repr(row)


def test_a_body_over_64_kb_is_refused(database: Database) -> None:
    with database.unit_of_work() as uow:
        inbox(SetClock()).record(uow, "mpesa-ke", "collect", "order-1", b"x" * 65_536)
    with pytest.raises(BodyTooLarge), database.unit_of_work() as uow:
        inbox(SetClock()).record(uow, "mpesa-ke", "collect", "order-1", b"x" * 65_537)


def test_claimers_at_the_same_time_share_nothing(database: Database) -> None:
    box, barrier = inbox(SetClock()), threading.Barrier(4)
    with database.unit_of_work() as uow:
        for number in range(40):
            box.record(uow, "momo-ng", "payout", f"order-{number}", b"{}")

    def claim() -> list[int]:
        with database.unit_of_work() as uow:
            barrier.wait(5)
            return [each.id for each in box.claim(uow, 10, lease_seconds=30)]

    with ThreadPoolExecutor(4) as pool:
        claimed = [one for each in [pool.submit(claim) for _ in range(4)] for one in each.result()]
    assert len(claimed) == len(set(claimed)) == 40


def test_processes_that_share_a_database_fetch_one_token(database: Database) -> None:
    fetched = 0

    async def fetch() -> FreshToken:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0.1)
        return FreshToken(f"token-{fetched}", 3599)

    async def run() -> list[str]:
        stores = [tokens(database) for _ in range(6)]
        return list(await asyncio.gather(*(store.get("daraja/x", fetch) for store in stores)))

    assert set(asyncio.run(run())) == {"token-1"}
    assert fetched == 1


def test_a_refused_token_is_fetched_anew_by_one_process_only(database: Database) -> None:
    fetched = 0

    async def fetch() -> FreshToken:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0.05)
        return FreshToken(f"token-{fetched}", 3599)

    async def run() -> list[str]:
        first = await tokens(database).get("daraja/x", fetch)
        stores = [tokens(database) for _ in range(6)]
        return list(await asyncio.gather(*(store.get("daraja/x", fetch, refused=first) for store in stores)))

    assert set(asyncio.run(run())) == {"token-2"}
    assert fetched == 2


def test_a_process_asks_the_table_only_for_what_it_has_not_seen(database: Database) -> None:
    async def fetch() -> FreshToken:
        return FreshToken(f"token-{next(numbers)}", 3599)

    async def run() -> list[str]:
        ours, other = tokens(database), tokens(database)
        said = [await ours.get("daraja/x", fetch), await other.get("daraja/x", fetch)]
        said.append(await other.get("daraja/x", fetch, refused="token-1"))
        said.append(await ours.get("daraja/x", fetch))  # has not heard of the second
        said.append(await ours.get("daraja/x", fetch, refused="token-1"))
        return [*said, await ours.get("daraja/x", fetch)]

    numbers = iter(range(1, 9))
    assert asyncio.run(run()) == ["token-1", "token-1", "token-2", "token-1", "token-2", "token-2"]


def test_a_token_seen_before_is_not_used_beyond_its_life(database: Database) -> None:
    async def fetch() -> FreshToken:
        return FreshToken(f"token-{next(numbers)}", 3599)

    async def run() -> list[str]:
        store = TableTokens(database, Sealer(KEY), clock)
        said = [await store.get("daraja/x", fetch), await store.get("daraja/x", fetch)]
        clock.pass_seconds(3599 - 59)
        return [*said, await store.get("daraja/x", fetch)]

    clock, numbers = SetClock(), iter(range(1, 9))
    assert asyncio.run(run()) == ["token-1", "token-1", "token-2"]


def test_a_fetch_that_fails_lets_the_next_one_try(database: Database) -> None:
    async def broken() -> FreshToken:
        raise NoToken("The operator is down.")

    async def works() -> FreshToken:
        return FreshToken("token", 3599)

    async def run() -> str:
        with pytest.raises(NoToken):
            await tokens(database).get("daraja/x", broken)
        return await tokens(database).get("daraja/x", works)

    assert asyncio.run(run()) == "token"


def test_the_claim_of_a_process_that_died_ends_by_itself(database: Database) -> None:
    clock = SetClock()
    store = TableTokens(database, Sealer(KEY), clock)
    assert store._read_or_claim("daraja/x", None) == (None, 1)
    assert store._read_or_claim("daraja/x", None) == (None, None)
    clock.pass_seconds(CLAIM_SECONDS + 1)
    assert store._read_or_claim("daraja/x", None) == (None, 2)
    store._store("daraja/x", 1, FreshToken("late", 3599))
    assert store._read_or_claim("daraja/x", None) == (None, None), "the one taken over stores nothing"
    store._store("daraja/x", 2, FreshToken("token", 3599))
    assert store._read_or_claim("daraja/x", None) == ("token", None)
    clock.pass_seconds(3599 - 59)
    assert store._read_or_claim("daraja/x", None) == (None, 3)


def test_a_token_cannot_be_read_in_the_table(database: Database) -> None:
    async def fetch() -> FreshToken:
        return FreshToken("a-very-secret-token", 3599)

    asyncio.run(tokens(database).get("daraja/x", fetch))
    with database.unit_of_work() as uow:
        row = uow.one("SELECT * FROM rails.token")
    assert row is not None
    assert b"secret" not in bytes(row["sealed"])


def claim_ids(box: Outbox, uow: UnitOfWork) -> list[int]:
    return [each.id for each in box.claim(uow, 10, lease_seconds=30)]


def test_one_event_sends_one_message(database: Database) -> None:
    box = outbox(SetClock())
    with database.unit_of_work() as uow:
        assert box.enqueue(uow, "payment/1/sent", PHONE, "You sent KES 1,000.")
        assert not box.enqueue(uow, "payment/1/sent", 7, "Another text")
        assert box.enqueue(uow, "payment/1/received", 7, "You got NGN 11,000.")
    with database.unit_of_work() as uow:
        claimed = box.claim(uow, 10, lease_seconds=30)
        assert [(each.phone, each.text) for each in claimed] == [
            (PHONE, "You sent KES 1,000."),
            ("+254700000007", "You got NGN 11,000."),
        ]
        assert claim_ids(box, uow) == []
        assert PHONE not in repr(claimed)
        box.sent(uow, claimed[0].id, "ATXid_1")
        row = uow.one("SELECT * FROM notifications.message WHERE id = %s", (claimed[0].id,))
    assert row is not None
    assert (row["state"], row["gateway_id"]) == ("sent", "ATXid_1")
    assert PHONE not in repr(row)


def test_a_message_whose_sender_died_is_sent_by_the_next(database: Database) -> None:
    clock = SetClock()
    box = outbox(clock)
    with database.unit_of_work() as uow:
        box.enqueue(uow, "event", PHONE, "text")
        [first] = box.claim(uow, 10, lease_seconds=30)
        clock.pass_seconds(31)
        [again] = box.claim(uow, 10, lease_seconds=30)
        assert (again.id, again.attempts) == (first.id, 2)


def test_failures_wait_longer_each_time_and_end(database: Database) -> None:
    clock = SetClock()
    box = outbox(clock)
    with database.unit_of_work() as uow:
        box.enqueue(uow, "event", PHONE, "text")
        for attempt in range(1, ATTEMPTS_MAX + 1):
            [claimed] = box.claim(uow, 10, lease_seconds=30)
            assert claimed.attempts == attempt
            box.failed(uow, claimed.id, "http-503")
            assert claim_ids(box, uow) == []
            clock.pass_seconds(1_801)
        assert claim_ids(box, uow) == []
        row = uow.one("SELECT state, why FROM notifications.message")
        assert row == {"state": "failed", "why": "http-503"}
    assert 3.75 <= backoff_seconds(1) <= 5 < backoff_seconds(3) <= 20
    assert backoff_seconds(40) <= 1_800


def test_a_number_that_cannot_be_reached_is_not_tried_again(database: Database) -> None:
    clock = SetClock()
    box = outbox(clock)
    with database.unit_of_work() as uow:
        box.enqueue(uow, "event", PHONE, "text")
        [claimed] = box.claim(uow, 10, lease_seconds=30)
        box.failed(uow, claimed.id, "403", for_good=True)
        box.failed(uow, claimed.id, "again")
        clock.pass_seconds(10_000)
        assert claim_ids(box, uow) == []
