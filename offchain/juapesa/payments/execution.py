"""Write down what was decided about payments: bookings, orders to the chain, messages, rows.

The transaction that records a fact writes all that follows from it. Many payments are written with as many
statements as one, and take each lock once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from juapesa.clock import Clock
from juapesa.crypto import Sealer
from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Orders
from juapesa.issuance.domain import Source as MintSource
from juapesa.ledger import (
    AccountName,
    Hold,
    Ledger,
    LedgerOrder,
    Transfer,
    order_hold,
    order_post,
)
from juapesa.money import Currency, Money
from juapesa.payments import bookings, commands, messages, sheet_store
from juapesa.payments.bookings import Entry
from juapesa.payments.chain_orders import Custody, chain_order
from juapesa.payments.ports import ChainDesk, Letter, Outbox
from juapesa.payments.saga import Command, Fact, LegKind, Message, Tell
from juapesa.payments.sheet import LegRow, Posting, Reservation, Sheet
from juapesa.wallet import People

RAIL_WORK = "rail_work"  # notification channel: a rail leg is due
HOLD_DAYS = 36_500  # only the payment itself ends its holds: money under way is never let go by a calendar
PHONE_CONTEXT = "payments.to_phone"

Ids = Mapping[AccountName, int]


@dataclass(frozen=True)
class Execution:
    """The saga's hands: ledger, chain desk, messages."""

    ledger: Ledger
    chain: ChainDesk
    outbox: Outbox
    people: People
    sealer: Sealer
    clock: Clock
    public_url: str
    float_rails: Mapping[Currency, str]  # the rail whose float is the custody of a currency

    def record(self, uow: UnitOfWork, payment_id: int, seq: int, fact: Fact) -> None:
        """Take in one fact about one leg, and write down all that follows from it."""
        sheet = self.open(uow, payment_id)
        commands.record(sheet, seq, fact, self.clock.now())
        self.write(uow, [sheet])

    def run(self, uow: UnitOfWork, payment_id: int, seq: int, ordered: list[Command]) -> None:
        """Carry out commands in order, and write them down."""
        sheet = self.open(uow, payment_id)
        commands.run(sheet, seq, ordered, self.clock.now())
        self.write(uow, [sheet])

    def open(self, uow: UnitOfWork, payment_id: int) -> Sheet:
        """The sheet of one payment, which is locked until the unit of work ends."""
        return sheet_store.open_sheets(uow, [payment_id])[payment_id]

    def write(self, uow: UnitOfWork, sheets: Collection[Sheet]) -> None:
        """Write down what was decided on these sheets; they are of no use afterwards.

        Raises what the ledger refuses (LimitExceeded, …) for the first of them that it refuses; then
        nothing may be committed.

        What needs no booking is written first: from the booking to the commit everybody else who moves
        money over the same accounts waits.
        """
        in_order = sorted(sheets, key=lambda each: each.payment_id)
        self._tell(uow, in_order)
        sheet_store.write_payments(uow, in_order)
        reserving = [each for each in in_order if _reserves(each)]  # their legs will name their holds
        sheet_store.write_legs(uow, [each for each in in_order if not _reserves(each)])
        self._book(uow, in_order)
        self._order_chain(uow, in_order)
        sheet_store.write_legs(uow, reserving)
        if any(each.wakes for each in in_order):
            uow.notify(RAIL_WORK)

    def hold(self, uow: UnitOfWork, key: str, entry: Entry) -> Hold:
        """Reserve money on both sides at once. Raises LimitExceeded."""
        [transfer] = _transfers(self._accounts(uow, [entry]), [entry])
        return self.ledger.hold(uow, key, transfer, self._holds_expire())

    def available(self, uow: UnitOfWork, accounts: Collection[AccountName]) -> dict[AccountName, Money]:
        """What may be taken from each of these accounts now."""
        ids = self.ledger.accounts(uow, list(accounts))
        balances = self.ledger.balances(uow, list(ids.values()))
        return {name: balances[number].available for name, number in ids.items()}

    def _holds_expire(self) -> datetime:
        return self.clock.now() + timedelta(days=HOLD_DAYS)

    # --- the ledger ------------------------------------------------------------------------

    def _book(self, uow: UnitOfWork, sheets: Sequence[Sheet]) -> None:
        """All bookings in one call, which locks every account once; holds are noted with their legs."""
        planned = [(sheet, each) for sheet in sheets for each in sheet.bookings]
        if not planned:
            return
        ids = self._accounts(uow, [entry for _, each in planned for entry in _entries(each)])
        expires_at = self._holds_expire()
        made = self.ledger.book_quietly(uow, [_order(each, ids, expires_at) for _, each in planned])
        for (sheet, each), booked in zip(planned, made, strict=True):
            if isinstance(each, Reservation):
                sheet.set_leg(each.seq, hold_id=booked)

    def _accounts(self, uow: UnitOfWork, entries: Sequence[Entry]) -> Ids:
        names = {name for each in entries for name in (each.debit, each.credit)}
        return self.ledger.accounts(uow, list(names)) if names else {}

    # --- the chain -------------------------------------------------------------------------

    def _order_chain(self, uow: UnitOfWork, sheets: Sequence[Sheet]) -> None:
        orders = [_chain_order(sheet, sheet.leg(seq)) for sheet in sheets for seq in sheet.chain]
        if orders:
            places = {
                currency: bookings.float_at(rail, currency) for currency, rail in self.float_rails.items()
            }
            held = self.available(uow, places.values())
            self.chain.order_all(uow, orders, {unit: held[place] for unit, place in places.items()})

    # --- messages --------------------------------------------------------------------------

    def _tell(self, uow: UnitOfWork, sheets: Sequence[Sheet]) -> None:
        telling = [(sheet, each) for sheet in sheets for each in sheet.messages]
        if telling:
            languages = self.people.languages(uow, {sheet.frame.person_id for sheet, _ in telling})
            self.outbox.enqueue_all(uow, [self._letter(sheet, each, languages) for sheet, each in telling])

    def _letter(self, sheet: Sheet, tell: Tell, languages: Mapping[int, str]) -> Letter:
        frame, terms = sheet.frame, sheet.terms
        to: int | str = frame.person_id
        language = languages[frame.person_id]
        if tell.message is Message.RECEIVED:
            assert frame.to_phone_sealed is not None
            to, language = self.sealer.open(frame.to_phone_sealed, PHONE_CONTEXT).decode(), "en"
        text = messages.text(
            tell.message,
            language,
            code=frame.code,
            paid=terms.total,
            receives=terms.receives,
            reason=tell.reason,
            url=f"{self.public_url}/p/{frame.code}",
        )
        return f"payment/{sheet.payment_id}/{tell.message}", to, text


Planned = Posting | Reservation | LedgerOrder


def _reserves(sheet: Sheet) -> bool:
    return any(isinstance(each, Reservation) for each in sheet.bookings)


def _entries(planned: Planned) -> Sequence[Entry]:
    match planned:
        case Posting():
            return planned.entries
        case Reservation():
            return (planned.entry,)
        case _:
            return ()


def _order(planned: Planned, ids: Ids, expires_at: datetime) -> LedgerOrder:
    match planned:
        case Posting(key, entries):
            return order_post(key, _transfers(ids, entries))
        case Reservation(key, _, entry):
            return order_hold(key, _transfers(ids, [entry])[0], expires_at)
        case _:
            return planned


def _transfers(ids: Ids, entries: Sequence[Entry]) -> list[Transfer]:
    return [Transfer(ids[each.debit], ids[each.credit], each.amount, each.code) for each in entries]


def _chain_order(sheet: Sheet, leg: LegRow) -> tuple[str, Orders]:
    return leg.reference, chain_order(leg.kind, sheet.terms, _custody(sheet, leg))


def _custody(sheet: Sheet, leg: LegRow) -> Custody | None:
    """The operator's movement that the mint of a chain leg rests on."""
    match leg.kind:
        case LegKind.CHAIN:
            collect = sheet.last(LegKind.COLLECT)
            if collect is None:
                return None
            # An operator may confirm a collection and yet not name its receipt; our reference stands in.
            return Custody(
                MintSource.COLLECT, sheet.frame.from_rail, collect.reference, collect.receipt or ""
            )
        case LegKind.UNWIND:
            assert sheet.frame.to_rail is not None
            return _refused(sheet, LegKind.PAYOUT, sheet.frame.to_rail)
        case _:
            return _refused(sheet, LegKind.REFUND, sheet.frame.from_rail)


def _refused(sheet: Sheet, kind: LegKind, rail: str) -> Custody:
    refused = sheet.last(kind)
    assert refused is not None
    return Custody(MintSource.PAYOUT_FAILED, rail, refused.reference, refused.receipt or "")
