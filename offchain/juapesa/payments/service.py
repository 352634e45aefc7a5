"""What a channel asks of payments: a quote, a confirmation, a history."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from juapesa.clock import Clock
from juapesa.config import FeeSettings, WaitSettings
from juapesa.crypto import Sealer
from juapesa.db import UnitOfWork
from juapesa.errors import NotAllowed
from juapesa.ledger import LimitExceeded
from juapesa.money import Currency, Money
from juapesa.payments import bookings, commands, store
from juapesa.payments.codes import new_code
from juapesa.payments.domain import Kind, Order, Quote, Source, Summary
from juapesa.payments.errors import (
    InsufficientFunds,
    PriceUnavailable,
    QuoteExpired,
    SameParty,
    UnknownDestination,
    UnknownPayment,
)
from juapesa.payments.execution import PHONE_CONTEXT, Execution
from juapesa.payments.ports import PriceBook, Rails
from juapesa.payments.pricing import price
from juapesa.payments.saga import plan
from juapesa.payments.sheet import Sheet
from juapesa.payments.store import StoredQuote
from juapesa.wallet import COUNTRIES, People, Person, UnknownNumber, parse_phone


@dataclass(frozen=True, slots=True)
class _Route:
    """The far side of an order."""

    currency: Currency
    rail: str | None  # None: a wallet
    label: str
    phone: str | None


@dataclass(frozen=True)
class Payments:
    """Implements ``ports.PaymentsDesk``."""

    people: People
    prices: PriceBook
    rails: Rails
    execution: Execution
    sealer: Sealer
    clock: Clock
    fees: FeeSettings
    waits: WaitSettings

    def quote(self, uow: UnitOfWork, person_id: int, order: Order) -> Quote:
        """See ``ports.PaymentsDesk.quote``."""
        person = self.people.get(uow, person_id)
        route = self._route(uow, person, order)
        collected = order.source is Source.RAIL and order.kind is not Kind.CONVERT
        priced = price(
            order,
            to=route.currency,
            fees=self.fees,
            pool_quote=lambda amount, to: self.prices.exact_in(uow, amount, to),
            collect=self.rails[person.rail].capabilities if collected else None,
            payout=self.rails[route.rail].capabilities if route.rail else None,
            payout_rail=route.rail,
        )
        if not collected:
            self._check_wallet(uow, person, priced.total)
        if route.rail:
            self._check_float(uow, route.rail, priced.receives)
        now = self.clock.now()
        quote = Quote(
            token="",
            order=order if collected else _from_wallet(order),
            fees=priced.fees,
            total=priced.total,
            receives=priced.receives,
            rate=priced.rate,
            to_label=route.label,
            expires_at=now + timedelta(seconds=self.waits.quote_seconds),
        )
        return self._store(uow, person, quote, route, now)

    def confirm(self, uow: UnitOfWork, person_id: int, quote_token: str) -> Summary:
        """See ``ports.PaymentsDesk.confirm``."""
        stored = store.find_quote(uow, quote_token)
        if stored is None:
            raise UnknownPayment("This quote is not on record. Start again.")
        if stored.person_id != person_id:
            raise NotAllowed("This quote was made for somebody else. Start again.")
        earlier = store.summary_of_quote(uow, quote_token)
        if earlier is not None:
            return earlier
        if self.clock.now() >= stored.quote.expires_at:
            raise QuoteExpired("The price has expired. Ask for a new one.")
        self._open(uow, stored)
        summary = store.summary_of_quote(uow, quote_token)
        assert summary is not None
        return summary

    def recent(self, uow: UnitOfWork, person_id: int, limit: int) -> list[Summary]:
        """See ``ports.PaymentsDesk.recent``."""
        return store.summaries(uow, person_id, limit)

    def _open(self, uow: UnitOfWork, stored: StoredQuote) -> None:
        """Write the payment and all its legs, reserve a wallet's money, start the first leg."""
        now = self.clock.now()
        payment_id = store.insert_payment(uow, new_code(), stored, now)
        sheet = self.execution.open(uow, payment_id)
        for kind in plan(sheet.terms.kind, sheet.terms.source):
            sheet.add_leg(kind)
        sheet.add_event(now, "confirmed")
        if bookings.funded_by_hold(sheet.terms):
            self._reserve(uow, sheet)
        commands.start(sheet, 0, now)
        self.execution.write(uow, [sheet])

    def _reserve(self, uow: UnitOfWork, sheet: Sheet) -> None:
        entry = bookings.wallet_hold(sheet.terms, sheet.frame.parties)
        try:
            hold = self.execution.hold(uow, bookings.hold_key(sheet.payment_id), entry)
        except LimitExceeded:
            raise InsufficientFunds("Your wallet does not hold enough. Enter a smaller amount.") from None
        sheet.set_leg(0, hold_id=hold.id)

    def _route(self, uow: UnitOfWork, person: Person, order: Order) -> _Route:
        match order.kind:
            case Kind.SEND:
                return self._destination(uow, person, order)
            case Kind.RECEIVE:
                _expect(order.amount.currency, person.home_currency)
                return _Route(person.home_currency, None, "", None)
            case Kind.CONVERT:
                to = order.to_currency
                if to is None or to == order.amount.currency:
                    raise SameParty("Choose two different currencies.")
                return _Route(to, None, "", None)

    def _destination(self, uow: UnitOfWork, person: Person, order: Order) -> _Route:
        _expect(order.amount.currency, person.home_currency)
        try:
            phone = parse_phone(order.to_phone or "", person.country)
        except UnknownNumber as unknown:
            raise UnknownDestination(unknown.detail) from None
        own = phone.e164 == self.people.phone_of(uow, person.id)
        if own and order.source is Source.RAIL:
            raise SameParty("This is your own number. Enter another one.")
        country = COUNTRIES[phone.country]
        return _Route(country.currency, country.rail, country.label, phone.e164)

    def _check_wallet(self, uow: UnitOfWork, person: Person, total: Money) -> None:
        account = bookings.wallet(person.id, total.currency)
        available = self.execution.available(uow, [account])[account]
        if available < total:
            raise InsufficientFunds(f"You need {total} and have {available}. Enter a smaller amount.")

    def _check_float(self, uow: UnitOfWork, rail: str, amount: Money) -> None:
        place = bookings.float_at(rail, amount.currency)
        if self.execution.available(uow, [place])[place] < amount:
            raise PriceUnavailable("We cannot pay out that much there now. Try less, or later.")

    def _store(self, uow: UnitOfWork, person: Person, quote: Quote, route: _Route, now: datetime) -> Quote:
        sealed = self.sealer.seal(route.phone.encode(), PHONE_CONTEXT) if route.phone else None
        named = Quote(
            _token(person.id, quote, route.phone),
            quote.order,
            quote.fees,
            quote.total,
            quote.receives,
            quote.rate,
            quote.to_label,
            quote.expires_at,
        )
        store.insert_quote(uow, StoredQuote(named, person.id, person.rail, route.rail, sealed), now)
        return named


def _expect(given: Currency, home: Currency) -> None:
    if given != home:
        raise UnknownDestination(f"Enter the amount in {home.code}.")


def _from_wallet(order: Order) -> Order:
    return Order(order.kind, order.amount, Source.WALLET, order.to_phone, order.to_currency)


def _token(person_id: int, quote: Quote, phone: str | None) -> str:
    """The hash that a PIN confirms: it covers everything the person was shown, and a nonce."""
    shown: Mapping[str, object] = {
        "person": person_id,
        "kind": quote.order.kind,
        "amount": str(quote.order.amount),
        "total": str(quote.total),
        "receives": str(quote.receives),
        "phone": phone,
        "expires": quote.expires_at.isoformat(),
        "nonce": secrets.token_hex(16),
    }
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
