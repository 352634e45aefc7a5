"""Which accounts each event of a payment touches. Pure: a saga in, transfers between named accounts out.

``IN_TRANSIT`` holds money that has left the payer and not yet reached the payee. A conversion is
two linked transfers through the ``POSITION`` accounts of both currencies; they may go either way,
and their sum at market price is what the house has won or lost.
"""

from msgspec import Struct

from juapesa.ledger import AccountKind, AccountName
from juapesa.money import Currency, Money
from juapesa.payments.domain import Kind, Source
from juapesa.payments.saga import Booking, Saga


class Entry(Struct, frozen=True):
    """Move ``amount`` by debiting one account and crediting the other."""

    debit: AccountName
    credit: AccountName
    amount: Money
    code: str


class Parties(Struct, frozen=True):
    """Who stands at both ends."""

    person_id: int
    from_rail: str
    to_rail: str | None


def in_transit(currency: Currency) -> AccountName:
    return AccountName(AccountKind.IN_TRANSIT, "", currency)


def position(currency: Currency) -> AccountName:
    return AccountName(AccountKind.POSITION, "", currency)


def fees(currency: Currency) -> AccountName:
    return AccountName(AccountKind.FEES, "", currency)


def float_at(rail: str, currency: Currency) -> AccountName:
    return AccountName(AccountKind.FLOAT, rail, currency)


def wallet(person_id: int, currency: Currency) -> AccountName:
    return AccountName(AccountKind.WALLET, str(person_id), currency)


def wallet_hold(saga: Saga, parties: Parties) -> Entry:
    """What a wallet-funded payment reserves when it is confirmed."""
    payer = wallet(parties.person_id, saga.from_currency)
    return Entry(payer, in_transit(saga.from_currency), saga.total, "hold")


def payout_hold(saga: Saga, parties: Parties) -> Entry:
    """What a payout reserves before the operator is asked."""
    assert parties.to_rail is not None
    currency = saga.to_currency
    return Entry(in_transit(currency), float_at(parties.to_rail, currency), saga.receives, "payout")


def refund_hold(saga: Saga, parties: Parties) -> Entry:
    """What a refund reserves before the operator is asked."""
    currency = saga.from_currency
    return Entry(in_transit(currency), float_at(parties.from_rail, currency), saga.total, "refund")


def entries(booking: Booking, saga: Saga, parties: Parties) -> list[Entry]:
    """The transfers of a booking, linked. Holds are captured or released beside them (``execution``)."""
    source, target = saga.from_currency, saga.to_currency
    match booking:
        case Booking.COLLECTED:
            return [Entry(float_at(parties.from_rail, source), in_transit(source), saga.total, "collect")]
        case Booking.CONVERTED:
            end = in_transit(target) if saga.kind is Kind.SEND else wallet(parties.person_id, target)
            return [*_fee(saga, in_transit(source), fees(source)), *_exchange(saga, end)]
        case Booking.UNWOUND:
            return [*_exchange_back(saga), *_fee(saga, fees(source), in_transit(source))]
        case Booking.RESTORED:
            return [Entry(in_transit(source), wallet(parties.person_id, source), saga.total, "restore")]
        case _:
            return []


def _fee(saga: Saga, debit: AccountName, credit: AccountName) -> list[Entry]:
    return [Entry(debit, credit, saga.fees, "fee")] if saga.fees.minor else []


def _exchange(saga: Saga, end: AccountName) -> list[Entry]:
    source, target = saga.from_currency, saga.to_currency
    if source == target:
        rounding = saga.amount - saga.receives
        kept = [Entry(in_transit(source), fees(source), rounding, "rounding")] if rounding.minor else []
        moved = [] if end == in_transit(source) else [Entry(in_transit(source), end, saga.receives, "credit")]
        return [*moved, *kept]
    return [
        Entry(in_transit(source), position(source), saga.amount, "fx"),
        Entry(position(target), end, saga.receives, "fx"),
    ]


def _exchange_back(saga: Saga) -> list[Entry]:
    source, target = saga.from_currency, saga.to_currency
    if source == target:
        rounding = saga.amount - saga.receives
        return [Entry(fees(source), in_transit(source), rounding, "rounding")] if rounding.minor else []
    return [
        Entry(in_transit(target), position(target), saga.receives, "fx-back"),
        Entry(position(source), in_transit(source), saga.amount, "fx-back"),
    ]


def booking_key(payment_id: int, seq: int, booking: Booking) -> str:
    """The key of what a booking moves; what ends a hold beside it adds ``/capture`` or ``/release``."""
    return f"payment/{payment_id}/{seq}/{booking}"


def hold_key(payment_id: int, seq: int | None = None) -> str:
    """The key of the hold of a leg; without one, of the wallet hold of the whole payment."""
    return f"payment/{payment_id}/hold" if seq is None else f"payment/{payment_id}/{seq}/hold"


def booking_keys(saga: Saga) -> list[str]:
    """Every key under which something may be booked for this payment."""
    number = saga.payment_id
    moves = [booking_key(number, leg.seq, booking) for leg in saga.legs for booking in Booking]
    ends = [f"{key}/{end}" for key in moves for end in ("capture", "release")]
    return [hold_key(number), *(hold_key(number, leg.seq) for leg in saga.legs), *moves, *ends]


def funded_by_hold(saga: Saga) -> bool:
    """Whether the payer's money was reserved in a wallet at confirmation."""
    return saga.source is Source.WALLET
