"""Our side of the simulation: the real parts on one connection, with the world's clock and operators."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import psycopg
from psycopg.rows import dict_row

from juapesa.assembly import Parts, build_parts, settler_of
from juapesa.chain import played
from juapesa.config import load
from juapesa.db import EmbeddedPostgres, UnitOfWork
from juapesa.db.migrate import upgrade
from juapesa.ledger import AccountKind, Transfer
from juapesa.money import CKES, CNGN, KES, NGN, USDC, Currency, Money
from juapesa.notifications import Outbox, SmsResult
from juapesa.rails.ports import Rail
from juapesa.rails.routing import Rails
from juapesa.simulation.database import OneConnection
from juapesa.simulation.hearing import WatchedRailWork

BEGIN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DATABASE = "simulation"
PUBLIC_URL = "http://127.0.0.1"
KENYANS = ("+254713000001", "+254713000002", "+254713000003")
NIGERIANS = ("+2348032000001", "+2348032000002")
STRANGERS = {"KE": "+254713000099", "NG": "+2348032000099"}
WALLETS = ((KENYANS[0], Money.whole(9_000, KES)), (KENYANS[1], Money.whole(4_000, KES)))
# Small floats: three large payments at once do not fit, and wait or come back.
FLOATS = {"mpesa-ke": 4_000_000, "momo-ng": 40_000_000}
POOLS = {"cKES": 1_000, "cNGN": 10_000}
_MIDS_E18 = {CKES: 7_720_000_000_000_000, CNGN: 675_000_000_000_000}

DEPLOYMENT = played("simulated")


@dataclass
class WorldClock:
    """``elapsed`` is true; ``skew`` is how wrong our machine's clock is. Both in seconds."""

    elapsed: float = 0.0
    skew: float = 0.0

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.elapsed + self.skew)


@dataclass(frozen=True)
class FixedPrices:
    """Implements ``payments.ports.PriceBook``: pools without a bottom, at one rate."""

    def exact_in(self, uow: UnitOfWork, amount: Money, to: Currency) -> Money:  # noqa: ARG002
        dollars = amount.minor if amount.currency == USDC else amount.minor * _MIDS_E18[amount.currency]
        if amount.currency != USDC:
            dollars //= 10**18
        return Money(dollars if to == USDC else dollars * 10**18 // _MIDS_E18[to], to)


class Agent(Protocol):
    """The settler, as the simulation drives it."""

    def tick(self) -> Awaitable[int]: ...


class Gateway(Protocol):
    """What the settler sends messages through."""

    async def send(self, phone: str, text: str) -> SmsResult: ...


@dataclass
class House:
    """The parts, made once; clock, operators and the fate of commits are a history's own."""

    parts: Parts
    db: OneConnection
    clock: WorldClock
    operators: dict[str, Rail]  # what is behind our rails; each history puts its own there
    people: dict[str, int] = field(default_factory=dict)

    def settler(self, gateway: Gateway) -> Agent:
        """A settler of its own."""
        made: Agent = settler_of(self.parts, gateway)
        return made


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """A house on a PostgreSQL of its own in ``folder``, not durable: nothing here tests durability."""
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    try:
        server.drop_database(DATABASE)
        server.create_database(DATABASE)
        url = server.url(DATABASE)
        upgrade(url)
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            yield furnished(connection, folder)
    finally:
        server.stop()


def furnished(connection: psycopg.Connection[dict[str, Any]], folder: Path) -> House:
    """The house on a migrated, empty database: capital booked, people enrolled, two wallets filled."""
    settings = load(
        data_dir=folder,
        public_url=PUBLIC_URL,
        capital={"float_minor": FLOATS, "pool_whole": POOLS, "hub_whole": POOLS},
    )
    db, clock = OneConnection(connection), WorldClock()
    http, operators = httpx.AsyncClient(), dict[str, Rail]()
    parts = build_parts(settings, "", db, DEPLOYMENT, clock=clock, rails=Rails(operators, http))
    asyncio.run(http.aclose())
    played_parts = replace(
        parts,
        payments=replace(parts.payments, prices=FixedPrices()),
        work=WatchedRailWork(**{**vars(parts.work), "db": db}),
        # The settler's: what it puts off is put off by the seed's draws alone.
        outbox=Outbox(parts.sealer, parts.people.phones_of, clock, spread=max),
    )
    house = House(played_parts, db, clock, operators)
    with db.unit_of_work() as uow:
        parts.capital.open(uow)
        uow.execute("UPDATE issuance.item SET state = 'settled'")
        for phone in (*KENYANS, *NIGERIANS):
            house.people[phone] = parts.people.enroll(uow, phone).id
        for phone, amount in WALLETS:
            _grant(house, uow, phone, amount)
    return house


def _grant(house: House, uow: UnitOfWork, phone: str, amount: Money) -> None:
    ledger, unit = house.parts.ledger, amount.currency
    capital = ledger.account(uow, AccountKind.CAPITAL, "", unit)
    wallet = ledger.account(uow, AccountKind.WALLET, str(house.people[phone]), unit)
    ledger.post(uow, f"grant/{phone[-4:]}", [Transfer(capital, wallet, amount, "grant")])


def local(rail: str) -> Currency:
    """The currency of an operator's float."""
    return KES if rail == "mpesa-ke" else NGN
