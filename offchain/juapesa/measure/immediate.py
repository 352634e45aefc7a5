"""A house for measurements: operators and chain do at once what they are told, and prices stand still."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from juapesa.assembly import Parts, build_parts, settler_of
from juapesa.chain import played
from juapesa.config import Settings, load
from juapesa.db import Database, UnitOfWork
from juapesa.db.connection import Params, Row
from juapesa.issuance.domain import Orders
from juapesa.money import KES, NGN, Currency, Money
from juapesa.notifications import Delivery, SmsResult
from juapesa.payments.ports import ChainDesk, ChainOutcome, ChainTrail
from juapesa.rails.daraja.adapter import CAPABILITIES as MPESA
from juapesa.rails.momo.adapter import capabilities as momo_capabilities
from juapesa.rails.ports import (
    CallbackNews,
    Capabilities,
    CollectOrder,
    Outcome,
    PayoutOrder,
    RailAnswer,
)
from juapesa.rails.routing import Rails

FLOAT_MINOR = 10**12
CAPITAL = {"float_minor": {"mpesa-ke": FLOAT_MINOR, "momo-ng": FLOAT_MINOR}}
AMOUNT = Money.whole(1_000, KES)
PAYEE = "+2348032000001"
NAIRA_A_SHILLING = 11

DEPLOYMENT = played("immediate")


@dataclass
class Counts:
    """What went over the line to the database."""

    units: int = 0
    statements: int = 0


class CountedUnit(UnitOfWork):
    """A unit of work that counts its statements."""

    def __init__(self, inner: UnitOfWork, counts: Counts) -> None:
        super().__init__(inner._connection)
        self._counts = counts

    def execute(self, sql: str, params: Params = ()) -> int:
        self._counts.statements += 1
        return super().execute(sql, params)

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        self._counts.statements += 1
        return super().all(sql, params)

    def tuples(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        self._counts.statements += 1
        return super().tuples(sql, params)

    def notify(self, channel: str) -> None:
        self._counts.statements += 1
        super().notify(channel)


class CountedDatabase(Database):
    """Counts units of work."""

    def __init__(self, inner: Database) -> None:
        super().__init__(inner._pool)
        self.counts = Counts()

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        self.counts.units += 1
        with super().unit_of_work() as uow:
            yield CountedUnit(uow, self.counts)


@dataclass(frozen=True)
class ImmediateRail:
    """An operator that does what it is told in no time."""

    name: str
    label: str
    capabilities: Capabilities

    async def collect(self, order: CollectOrder) -> RailAnswer:
        return _done(order.reference, order.amount)

    async def payout(self, order: PayoutOrder) -> RailAnswer:
        return _done(order.reference, order.amount)

    async def find_collect(self, reference: str, handle: str | None) -> RailAnswer:
        return RailAnswer(Outcome.SUCCESS, handle=handle, receipt=reference)

    async def find_payout(self, reference: str, handle: str | None, result_url: str) -> RailAnswer:  # noqa: ARG002
        return RailAnswer(Outcome.SUCCESS, handle=handle, receipt=reference)

    async def balance(self, result_url: str) -> Money | None:  # noqa: ARG002
        return None

    def parse_callback(self, kind: str, body: bytes) -> CallbackNews:
        raise AssertionError(f"nobody posts a callback about a {kind} here ({len(body)} bytes)")

    def callback_answer(self, kind: str) -> tuple[int, bytes, str]:  # noqa: ARG002
        return 200, b"", "text/plain"


def _done(reference: str, amount: Money) -> RailAnswer:
    return RailAnswer(Outcome.SUCCESS, code="0", handle=reference, receipt=reference[:12], amount=amount)


@dataclass(frozen=True)
class ImmediateChain:
    """The desk of the house before a chain that settles what is ordered at the commit of the order."""

    inner: ChainDesk

    def order_all(
        self, uow: UnitOfWork, orders: Sequence[tuple[str, Orders]], floats: Mapping[Currency, Money]
    ) -> None:
        self.inner.order_all(uow, orders, floats)
        ordered = [reference for reference, _ in orders]
        uow.execute("UPDATE issuance.item SET state = 'settled' WHERE id = ANY(%s::uuid[])", (ordered,))

    def outcomes(self, uow: UnitOfWork, references: Sequence[str]) -> Mapping[str, ChainOutcome]:
        return self.inner.outcomes(uow, references)

    def ended(self, uow: UnitOfWork, references: Sequence[str]) -> list[str]:
        return self.inner.ended(uow, references)

    def trail(self, uow: UnitOfWork, reference: str) -> ChainTrail:
        return self.inner.trail(uow, reference)


class ImmediateTexts:
    """An SMS gateway that takes everything."""

    async def send(self, phone: str, text: str) -> SmsResult:  # noqa: ARG002
        return SmsResult(Delivery.SENT, "101")


@dataclass(frozen=True)
class FixedPrices:
    """Implements ``payments.ports.PriceBook`` at one rate."""

    def exact_in(self, uow: UnitOfWork, amount: Money, to: Currency) -> Money:  # noqa: ARG002
        return Money(amount.minor * NAIRA_A_SHILLING, to)


def settler_on(parts: Parts) -> Any:
    """A settler whose messages are sent at once."""
    return settler_of(parts, ImmediateTexts())


def furnished(db: Database, folder: Path, rail: type[ImmediateRail] = ImmediateRail) -> Parts:
    """A house on a migrated database, with operators of this kind."""
    rails: dict[str, Any] = {
        "mpesa-ke": rail("mpesa-ke", "M-Pesa", MPESA),
        "momo-ng": rail("momo-ng", "MTN MoMo", momo_capabilities(NGN)),
    }
    return house(load(data_dir=folder, capital=CAPITAL), db, Rails(rails, httpx.AsyncClient()))


def house(settings: Settings, db: Database, rails: Rails | None = None) -> Parts:
    """A house before a chain that settles at once; without ``rails`` with those of its settings."""
    parts = build_parts(settings, "", db, DEPLOYMENT, rails=rails)
    execution = replace(parts.work.execution, chain=ImmediateChain(parts.work.execution.chain))
    work = replace(parts.work, execution=execution)
    return replace(
        parts,
        payments=replace(parts.payments, prices=FixedPrices(), execution=execution),
        work=work,
        callbacks=replace(parts.callbacks, work=work),
    )


def open_capital(parts: Parts) -> None:
    """Book the floats; the chain has done what was ordered for them."""
    with parts.db.unit_of_work() as uow:
        parts.capital.open(uow)
        uow.execute("UPDATE issuance.item SET state = 'settled'")


def is_under_way(db: CountedDatabase) -> bool:
    """Whether a payment has not ended or a message has not been sent; not counted."""
    with Database.unit_of_work(db) as uow:
        row = uow.one(
            "SELECT EXISTS (SELECT FROM payments.leg WHERE next_at IS NOT NULL)"
            " OR EXISTS (SELECT FROM payments.leg WHERE lease_until IS NOT NULL AND state <> 'done')"
            " OR EXISTS (SELECT FROM notifications.message WHERE state = 'waiting') AS found"
        )
    return row is not None and bool(row["found"])
