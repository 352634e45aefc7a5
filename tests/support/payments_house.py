"""Payments as they run, with a worker that can die: real database, ledger, rails, sandboxes and inbox.

Only the chain is played: a robot settles (or refuses) what is ordered from it, as the relayer would
record it (strict_house.py has a real one). A worker's death is an exception that no code may catch,
raised before or after a commit.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from juapesa.assembly import Parts, build_parts
from juapesa.chain import Deployment, played
from juapesa.config import Settings, load
from juapesa.db import Database, UnitOfWork
from juapesa.ledger import AccountKind
from juapesa.money import CKES, CNGN, KES, NGN, USDC, Money
from juapesa.notifications import Delivery, SmsResult
from juapesa.payments.domain import Kind, Order, Quote, Source, Summary
from juapesa.pools import store as pool_store
from juapesa_agents.common.options import Options
from juapesa_agents.settler import Settler
from support.books import assert_books_verify
from support.pool_states import pool_snapshot
from support.sandboxes import Daraja, Momo, daraja, momo, served

FINAL = frozenset({"completed", "failed", "refunded"})
PAYMENT_SECONDS_MAX = 20.0

QUICK = {
    "collect_callback_seconds": 0.6,
    "collect_poll_seconds": 0.2,
    "collect_give_up_seconds": 1.5,
    "payout_callback_seconds": 0.6,
    "payout_poll_seconds": 0.2,
    "payout_float_seconds": 0.5,
    "retry_seconds": 0.05,
    "retry_seconds_max": 0.2,
    "lease_seconds": 0.15,
}


DEPLOYMENT = played("played")

Address = tuple[str, str, str, str]  # of a callback: rail, kind, reference, token


class Death(BaseException):
    """The worker's process is gone."""


class End(Enum):
    """How a worker's life ends at a commit."""

    BEFORE = "before"
    AFTER = "after"


class MortalDatabase(Database):
    """Dies at the n-th commit that writes something: just before it, or just after.

    Who is dead commits no more.
    """

    def __init__(self, inner: Database, dies_at: int | None, *, after: bool) -> None:
        super().__init__(inner._pool)
        self._dies_at = dies_at
        self._after = after
        self.commits = 0
        self.died_in: str | None = None

    def recorded(self, uow: UnitOfWork) -> str | None:
        """What this unit of work will have recorded when it is committed; None: nothing."""
        row = uow.one("SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS wrote")
        return "something" if row is not None and row["wrote"] else None

    def end(self, whose: str, recorded: str) -> End | None:
        """Whether life ends at this commit of a function's."""
        if self.commits != self._dies_at:
            return None
        return End.AFTER if self._after else End.BEFORE

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        if self.died_in is not None:
            raise Death
        whose, end = sys._getframe(2).f_code.co_qualname, None
        with super().unit_of_work() as uow:
            yield uow
            recorded = self.recorded(uow)
            if recorded is not None:
                self.commits += 1
                end = self.end(whose, recorded)
            if end is not None:
                self.died_in = whose
            if end is End.BEFORE:
                raise Death
        if end is End.AFTER:
            raise Death


@dataclass
class Texts:
    """An SMS gateway that takes everything."""

    sent: list[str] = field(default_factory=list)

    async def send(self, phone: str, text: str) -> SmsResult:
        self.sent.append(f"{phone} {text}")
        return SmsResult(Delivery.SENT, "101")


@dataclass
class House:
    """Everything but the worker, which is made and lost again and again."""

    db: Database
    settings: Settings
    mpesa: Daraja
    momo: Momo
    texts: Texts = field(default_factory=Texts)
    deployment: Deployment = DEPLOYMENT
    many_die: bool = False  # one after the other: a payment may lose patience before it is ordered
    refuse_chain: Callable[[dict[str, Any]], bool] = lambda _: False
    _phones: int = 0
    _parts: Parts | None = None

    def parts(self) -> Parts:
        """The parts on the immortal side: what channels, operators and checks see."""
        if self._parts is None:
            self._parts = self.build(self.db)
        return self._parts

    def build(self, db: Database) -> Parts:
        """Parts of a process with this database."""
        return build_parts(self.settings, "", db, self.deployment)

    def hear(self, address: Address, body: bytes) -> int:
        """Keep a callback that came to rail, kind, reference and token; the HTTP status to answer with."""
        parts, (rail, kind, reference, token) = self.parts(), address
        if not parts.urls.verify(rail, kind, reference, token):
            return 404
        with self.db.unit_of_work() as uow:
            parts.inbox.record(uow, rail, kind, reference, body)
        return 200

    def phone(self, country: str = "KE") -> str:
        """A number nobody has used."""
        self._phones += 1
        return f"+2547130{self._phones:05d}" if country == "KE" else f"+23480320{self._phones:05d}"

    def order(self, parts: Parts, payer: str, order: Order) -> tuple[Quote, Summary]:
        """Quote and confirm, as a channel does."""
        with self.db.unit_of_work() as uow:
            person = parts.people.enroll(uow, payer)
            quote = parts.payments.quote(uow, person.id, order)
        with self.db.unit_of_work() as uow:
            return quote, parts.payments.confirm(uow, person.id, quote.token)

    def send(self, payer: str, payee: str, shillings: int, source: Source = Source.RAIL) -> Summary:
        order = Order(Kind.SEND, Money.whole(shillings, KES), source, to_phone=payee)
        return self.order(self.parts(), payer, order)[1]

    def send_home(self, payer: str, payee: str, naira: int = 20_000) -> Summary:
        """The other way: from MTN MoMo in Nigeria to M-Pesa in Kenya."""
        order = Order(Kind.SEND, Money.whole(naira, NGN), to_phone=payee)
        return self.order(self.parts(), payer, order)[1]

    def fill(self, payer: str, shillings: int) -> Summary:
        return self.order(self.parts(), payer, Order(Kind.RECEIVE, Money.whole(shillings, KES)))[1]

    def convert(self, payer: str, shillings: int) -> Summary:
        order = Order(Kind.CONVERT, Money.whole(shillings, KES), Source.WALLET, to_currency=USDC)
        return self.order(self.parts(), payer, order)[1]

    def live(self, code: str, dies_at: int | None = None, *, after: bool = True) -> int:
        """One worker's life: until the payment is final, or the worker dies. How often it committed."""
        mortal = MortalDatabase(self.db, dies_at, after=after)
        try:
            asyncio.run(self._work(mortal, code))
        except Death:
            return mortal.commits
        except TimeoutError:
            raise AssertionError(f"{code} does not end:\n" + "\n".join(self.story(code))) from None
        assert self.status(code) in FINAL, f"{code} is still {self.status(code)}"
        return mortal.commits

    def live_until(self, code: str, status: str) -> None:
        """A worker that lives until the payment has this status."""
        asyncio.run(self._work(MortalDatabase(self.db, None, after=True), code, frozenset({status})))

    async def _work(self, mortal: MortalDatabase, code: str, ends: frozenset[str] = FINAL) -> None:
        parts = self.build(mortal)
        settler = Settler(parts, self.texts, Options(once=True, dry_run=False, number=1))
        try:
            async with asyncio.timeout(PAYMENT_SECONDS_MAX):
                while self.status(code) not in ends:
                    await settler.tick()
                    self.play_chain()
                    await asyncio.sleep(0.01)
                await settler.tick()
        finally:
            await parts.rails.close()

    def play_chain(self) -> None:
        """What the relayer would have recorded of every open item."""
        with self.db.unit_of_work() as uow:
            for row in uow.all("SELECT id, orders FROM issuance.item WHERE state = 'open'"):
                state = "failed" if self.refuse_chain(row["orders"]) else "settled"
                reason = "MinOutNotMet" if state == "failed" else ""
                uow.execute(
                    "UPDATE issuance.item SET state = %s, reason = %s WHERE id = %s",
                    (state, reason, row["id"]),
                )

    def story(self, code: str) -> list[str]:
        """Everything that happened to a payment, for a failing test."""
        parts = self.parts()
        with self.db.unit_of_work() as uow:
            lines = [f"{each.at:%S.%f} {each.name} {each.detail}" for each in parts.receipts.trace(uow, code)]
            rows = uow.all("SELECT kind, state, attempts, next_at, lease_until, now() FROM payments.leg")
            callbacks = uow.all("SELECT rail, kind, state, attempts, why FROM rails.callback")
        return [*lines, *map(str, rows[-4:]), *map(str, callbacks[-4:])]

    def status(self, code: str) -> str:
        with self.db.unit_of_work() as uow:
            row = uow.one("SELECT status FROM payments.payment WHERE code = %s", (code,))
            assert row is not None
            return str(row["status"])

    def wallet(self, phone: str, unit: Any = KES) -> Money:
        parts = self.parts()
        with self.db.unit_of_work() as uow:
            person = parts.people.enroll(uow, phone)
            return parts.ledger.balance(uow, parts.people.wallet(uow, person.id, unit)).posted

    def moved(self, operator: Daraja | Momo, kind: str, phone: str) -> list[str]:
        """Amounts that an operator moved for a phone, once for each time."""
        orders = [each for each in operator.state(phone=phone)["orders"] if each["kind"] == kind]
        return [each["amount"] for each in orders for _ in range(each["times_moved"])]

    def never_asked(self, summary: Summary, payer: str, operator: Daraja | Momo | None = None) -> bool:
        """The worker died after writing the intent and before the operator heard it.

        M-Pesa knows no idempotency key, so the prompt is never ordered again: the payment ends as
        failed, and nothing was taken.
        """
        failed = self.status(summary.code) == "failed"
        assert not failed or self.moved(operator or self.mpesa, "collect", payer) == []
        return failed

    def assert_square(self) -> None:
        """Books balance, nothing is in transit or held, and floats are what operators say."""
        parts = self.parts()
        assert_books_verify(self.db)
        with self.db.unit_of_work() as uow:
            for unit in (KES, NGN, USDC):
                account = parts.ledger.account(uow, AccountKind.IN_TRANSIT, "", unit)
                balance = parts.ledger.balance(uow, account)
                assert (balance.posted.minor, balance.held.minor) == (0, 0), unit
            for operator, rail, unit in ((self.mpesa, "mpesa-ke", KES), (self.momo, "momo-ng", NGN)):
                account = parts.ledger.account(uow, AccountKind.FLOAT, rail, unit)
                balance = parts.ledger.balance(uow, account)
                assert balance.held.minor == 0
                assert balance.posted == Money.parse(operator.state()["float"], unit), rail
            twice = uow.all("SELECT key FROM notifications.message GROUP BY key HAVING count(*) > 1")
            assert twice == []


@contextmanager
def payments_house(db: Database, folder: Path) -> Iterator[House]:
    """Both operators, a receiver for their callbacks, prices in the pools, capital in the books."""
    with empty_house(db, folder) as house:
        open_books(house)
        yield house


@contextmanager
def empty_house(
    db: Database, folder: Path, deployment: Deployment = DEPLOYMENT, **settings: Any
) -> Iterator[House]:
    """Both operators and a receiver for their callbacks; nothing is booked yet."""
    houses: list[House] = []

    async def hear(address: Address, body: bytes) -> int:
        return await run_in_threadpool(houses[0].hear, address, body)

    receiver = receiver_of(hear)
    with ExitStack() as stack:
        public_url = stack.enter_context(served(lambda: receiver))
        mpesa, mtn = stack.enter_context(daraja()), stack.enter_context(momo())
        loaded = load(
            data_dir=folder,
            public_url=public_url,
            daraja={"base_url": mpesa.url, "timeout_seconds": 0.5},
            momo={"base_url": mtn.url, "timeout_seconds": 0.5},
            **{"waits": QUICK, **settings},
        )
        house = House(db, loaded, mpesa, mtn, deployment=deployment)
        houses.append(house)
        yield house


def receiver_of(hear: Callable[[Address, bytes], Awaitable[int]]) -> Starlette:
    """What operators post their callbacks to."""

    async def callback(request: Request) -> Response:
        at = request.path_params
        address = (at["rail"], at["kind"], at["reference"], at["token"])
        return Response(status_code=await hear(address, await request.body()))

    paths = "/callbacks/{rail}/{kind}/{reference}/{token}"
    return Starlette(routes=[Route(paths, callback, methods=["POST", "PUT"])])


def open_books(house: House) -> None:
    """Capital in the books, prices in the pools."""
    with house.db.unit_of_work() as uow:
        house.parts().capital.open(uow)
    quote_prices(house)
    house.play_chain()


def quote_prices(house: House) -> None:
    """Prices of now in the pools."""
    now = house.parts().clock.now()
    with house.db.unit_of_work() as uow:
        for token, mid in ((CKES, 7_720_000_000_000_000), (CNGN, 675_000_000_000_000)):
            pool_store.save(uow, pool_snapshot(token, mid, int(now.timestamp())), now)
