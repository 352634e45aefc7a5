"""A wallet and a payments desk in memory: real arithmetic on integers, real rules, no database.

They fit the ports that the USSD side needs. Money only moves between a person's wallet, "the
world" (both operators) and fees, so that the sum of everything is always zero.
"""

import itertools
import threading
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from juapesa.clock import Clock
from juapesa.config import FeeSettings
from juapesa.db import UnitOfWork
from juapesa.errors import InvalidInput
from juapesa.money import KES, NGN, USDC, Currency, Money
from juapesa.payments.domain import Fee, Kind, Order, Quote, Source, Status, Summary
from juapesa.payments.errors import (
    AmountTooLarge,
    AmountTooSmall,
    InsufficientFunds,
    QuoteExpired,
    SameParty,
    UnknownDestination,
    UnknownPayment,
)
from juapesa.payments.pricing import rate_text

RAIL_LABELS = {"mpesa-ke": "M-Pesa", "momo-ng": "MTN MoMo"}
QUOTE_SECONDS = 120
TRIES_MAX = 3
LOCK_SECONDS = 900

# Millionths of a USDC in one whole unit.
_MICRO_USDC = {KES: 7_720, NGN: 650, USDC: 1_000_000}
_COUNTRIES = {"KE": ("254", KES, "mpesa-ke"), "NG": ("234", NGN, "momo-ng")}


class BadNumber(InvalidInput):
    slug = "unknown-number"


class EasyPin(InvalidInput):
    slug = "weak-pin"


@dataclass(frozen=True)
class Number:
    e164: str
    country: str


def read_number(text: str, home_country: str | None) -> Number:
    """``0712345678`` at home, ``254…``, ``+254…``; Kenya and Nigeria only."""
    digits = text.replace(" ", "").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise BadNumber("That is not a phone number. Enter it like 0712345678.")
    if digits.startswith("0") and home_country is not None and not text.startswith("+"):
        digits = _COUNTRIES[home_country][0] + digits[1:]
    for country, (prefix, _, _) in _COUNTRIES.items():
        length = 12 if country == "KE" else 13
        if digits.startswith(prefix) and len(digits) == length:
            return Number(f"+{digits}", country)
    raise BadNumber("We do not know that phone number. Check it and try again.")


@dataclass
class Person:
    id: int
    country: str
    home_currency: Currency
    rail: str
    language: str = "en"
    has_pin: bool = False


@dataclass(frozen=True)
class PinCheck:
    ok: bool
    tries_left: int
    locked: bool
    locked_until: datetime | None = None


@dataclass
class MemoryPeople:
    """People in a dict. ``balances`` reads the desk's wallets."""

    clock: Clock
    wallets: dict[tuple[int, Currency], int] = field(default_factory=lambda: defaultdict(int))
    by_phone: dict[str, Person] = field(default_factory=dict)
    pins: dict[int, str] = field(default_factory=dict, repr=False)
    failures: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    locked_until: dict[int, datetime] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def enroll(self, _uow: UnitOfWork, phone_e164: str, /) -> Person:
        with self.lock:
            if phone_e164 not in self.by_phone:
                country = read_number(phone_e164, None).country
                _, currency, rail = _COUNTRIES[country]
                self.by_phone[phone_e164] = Person(len(self.by_phone) + 1, country, currency, rail)
            return replace(self.by_phone[phone_e164])

    def phone_of(self, person_id: int) -> str:
        return next(phone for phone, person in self.by_phone.items() if person.id == person_id)

    def person(self, person_id: int) -> Person:
        return self.by_phone[self.phone_of(person_id)]

    def set_pin(self, _uow: UnitOfWork, person_id: int, pin: str, /) -> None:
        if len(set(pin)) == 1:
            raise EasyPin("That PIN is too easy to guess. Choose another.")
        with self.lock:
            self.pins[person_id] = pin
            self.person(person_id).has_pin = True

    def check_pin(self, _uow: UnitOfWork, person_id: int, pin: str, /) -> PinCheck:
        with self.lock:
            until = self.locked_until.get(person_id)
            if until is not None and until > self.clock.now():
                return PinCheck(ok=False, tries_left=0, locked=True, locked_until=until)
            if self.pins.get(person_id) == pin:
                self.failures[person_id] = 0
                return PinCheck(ok=True, tries_left=TRIES_MAX, locked=False)
            self.failures[person_id] += 1
            left = TRIES_MAX - self.failures[person_id]
            if left:
                return PinCheck(ok=False, tries_left=left, locked=False)
            self.failures[person_id] = 0
            until = self.clock.now() + timedelta(seconds=LOCK_SECONDS)
            self.locked_until[person_id] = until
            return PinCheck(ok=False, tries_left=0, locked=True, locked_until=until)

    def set_language(self, _uow: UnitOfWork, person_id: int, language: str, /) -> None:
        self.person(person_id).language = language

    def balances(self, _uow: UnitOfWork, person_id: int, /) -> list[Money]:
        home = self.person(person_id).home_currency
        held = [
            Money(minor, unit)
            for (owner, unit), minor in sorted(self.wallets.items(), key=str)
            if owner == person_id and minor and unit != home
        ]
        return [Money(self.wallets[person_id, home], home), *held]


@dataclass
class MemoryPayments:
    """Implements payments.ports.PaymentsDesk; every payment completes at once."""

    people: MemoryPeople
    clock: Clock
    fees: FeeSettings
    world: dict[Currency, int] = field(default_factory=lambda: defaultdict(int))
    quotes: dict[str, tuple[int, Quote]] = field(default_factory=dict)
    payments: dict[str, tuple[int, Summary]] = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def quote(self, _uow: UnitOfWork, person_id: int, order: Order) -> Quote:
        amount, code = order.amount, order.amount.currency.code
        least = Money(self.fees.amount_min_minor[code], amount.currency)
        most = Money(self.fees.amount_max_minor[code], amount.currency)
        if amount < least:
            raise AmountTooSmall(f"The least you can enter is {least}.")
        if amount > most:
            raise AmountTooLarge(f"The most you can enter is {most}.")
        to, label = self._far_side(person_id, order)
        fees = self._fees(order)
        total = sum((fee.amount for fee in fees), amount)
        self._covered(person_id, order, total)
        receives = self._converted(amount, to)
        quote = Quote(
            token=f"quote-{next(self.numbers)}",
            order=order,
            fees=fees,
            total=total,
            receives=receives,
            rate=rate_text(amount, receives),
            to_label=label,
            expires_at=self.clock.now() + timedelta(seconds=QUOTE_SECONDS),
        )
        self.quotes[quote.token] = (person_id, quote)
        return quote

    def confirm(self, _uow: UnitOfWork, person_id: int, quote_token: str) -> Summary:
        with self.lock:
            if quote_token in self.payments:
                return self.payments[quote_token][1]
            owner, quote = self.quotes.get(quote_token, (0, None))
            if quote is None or owner != person_id:
                raise UnknownPayment("This quote is not on record. Start again.")
            if self.clock.now() >= quote.expires_at:
                raise QuoteExpired("The price has expired. Ask for a new one.")
            self._covered(person_id, quote.order, quote.total)
            self._move(person_id, quote)
            summary = Summary(
                code=f"K7Q2M4X{next(self.numbers):03d}",
                kind=quote.order.kind,
                status=Status.COMPLETED,
                paid=quote.total,
                receives=quote.receives,
                created_at=self.clock.now(),
            )
            self.payments[quote_token] = (person_id, summary)
            return summary

    def recent(self, _uow: UnitOfWork, person_id: int, limit: int) -> list[Summary]:
        own = [summary for owner, summary in self.payments.values() if owner == person_id]
        return own[::-1][:limit]

    def give(self, person_id: int, amount: Money) -> None:
        """Put money of the world into a wallet."""
        self.people.wallets[person_id, amount.currency] += amount.minor
        self.world[amount.currency] -= amount.minor

    def balanced(self) -> bool:
        """Whether wallets and world add up to nothing, in each currency."""
        sums: dict[Currency, int] = defaultdict(int, self.world)
        for (_, unit), minor in self.people.wallets.items():
            assert minor >= 0, "a wallet is below zero"
            sums[unit] += minor
        return not any(sums.values())

    def _far_side(self, person_id: int, order: Order) -> tuple[Currency, str]:
        person = self.people.person(person_id)
        if order.kind is Kind.CONVERT:
            assert order.to_currency is not None
            return order.to_currency, ""
        if order.kind is Kind.RECEIVE:
            return person.home_currency, ""
        try:
            number = read_number(order.to_phone or "", person.country)
        except BadNumber as problem:
            raise UnknownDestination(problem.detail) from None
        if number.e164 == self.people.phone_of(person_id) and order.source is Source.RAIL:
            raise SameParty("This is your own number. Enter another one.")
        _, currency, rail = _COUNTRIES[number.country]
        return currency, RAIL_LABELS[rail]

    def _fees(self, order: Order) -> tuple[Fee, ...]:
        if order.kind is Kind.RECEIVE:
            return ()
        least = Money(self.fees.service_min_minor[order.amount.currency.code], order.amount.currency)
        service = Fee("service", max(order.amount.ppm_up(self.fees.service_ppm), least))
        if order.kind is Kind.CONVERT:
            return (service,)
        return (service, Fee("operator", order.amount.ppm_up(1_000)))

    def _covered(self, person_id: int, order: Order, total: Money) -> None:
        if order.source is Source.WALLET:
            held = Money(self.people.wallets[person_id, total.currency], total.currency)
            if held < total:
                raise InsufficientFunds(f"You need {total} and have {held}. Enter a smaller amount.")

    def _move(self, person_id: int, quote: Quote) -> None:
        if quote.order.source is Source.WALLET:
            self.people.wallets[person_id, quote.total.currency] -= quote.total.minor
            self.world[quote.total.currency] += quote.total.minor
        if quote.order.kind is not Kind.SEND:
            self.give(person_id, quote.receives)

    @staticmethod
    def _converted(amount: Money, to: Currency) -> Money:
        if amount.currency == to:
            return amount
        micro = amount.minor * _MICRO_USDC[amount.currency] // amount.currency.scale
        return Money(micro * to.scale // _MICRO_USDC[to], to)
