"""Walks every path of the menus with the longest values that can occur, without a database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from juapesa.config import FeeSettings
from juapesa.errors import JuaError
from juapesa.money import KES, NGN, USDC, Currency, Money
from juapesa.payments import errors as payment_errors
from juapesa.payments.domain import Fee, Kind, Order, Quote, Status, Summary
from juapesa.pools.errors import refusal
from juapesa.pools.exact_model import Refusal
from juapesa.ussd.catalogue import load_catalogues
from juapesa.ussd.menus import Show, step
from juapesa.ussd.menus.page import (
    Ask,
    AskBalances,
    AskConfirm,
    AskQuote,
    AskRecent,
    Balances,
    CheckPin,
    Confirmed,
    Dialled,
    Done,
    NotePin,
    PinNoted,
    PinRefused,
    PinsDiffer,
    Question,
    Quoted,
    Recent,
    Refused,
    Reply,
    SetPin,
    State,
    Typed,
    View,
)
from support.ussd_desks import Number, read_number

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LONG_URL = "https://ussd.juapesa.example"
RATE = "1 USDC = 99999.9999 NGN"

# What the real desks say, at its longest (payments.service, payments.pricing, wallet).
REFUSALS = (
    Refused("insufficient-funds", "You need 999,999.99 NGN and have 999,999.98 NGN. Enter a smaller amount."),
    Refused("amount-too-small", "The operator moves 999,999.99 NGN at least. Enter a larger amount."),
    Refused(
        "amount-too-large", "That is more than the other operator pays out at once. Enter a smaller amount."
    ),
    Refused("unknown-destination", "That is not a phone number. Enter it like 0712345678 or +254712345678."),
    Refused("same-party", "This is your own number. Enter another one."),
    Refused("price-unavailable", "We cannot pay out that much there now. Try less, or later."),
    *dict.fromkeys(Refused(each.slug, each.detail) for each in map(refusal, Refusal)),
    Refused("quote-expired", "The price has expired. Ask for a new one."),
    Refused("unknown-payment", "This quote is not on record. Start again."),
)
WEAK_PIN = Refused("weak-pin", "That PIN is too easy to guess. Choose another.")
TYPED = (
    *("0", "00", "1", "2", "3", "4", "5", "9", "", "*", "x" * 64, "\U0001f4b8", "1e9", "0.001", "-5"),
    *("4826", "482", "987.65", "12987.65", "99999999999", "0712345678", "+2348031234567", "99.123456"),
)


@dataclass(frozen=True)
class Seen:
    """One screen, and where it stood."""

    at: str
    text: str
    end: bool


def long_view(home: Currency = NGN) -> View:
    """A person of the country with the longest amounts."""
    label = "M-Pesa" if home == KES else "MTN MoMo"
    country = "KE" if home == KES else "NG"
    return View(load_catalogues(), country, home, label, FeeSettings(), _read, "*789#", LONG_URL, NOW)


class _LongRefusal(JuaError):
    slug = "unknown-number"


def _read(text: str, home: str | None) -> Number:
    try:
        return read_number(text, home)
    except JuaError:
        raise _LongRefusal("That is not a phone number. Enter it like 0712345678 or +254712345678.") from None


@cache
def every_screen(language: str, home: Currency = NGN) -> frozenset[Seen]:
    """Every screen that can be reached from dialling, in one language."""
    view = long_view(home)
    unfinished = {"at": "send.pin", "amount": "149999.99", "to": "+2348031234567", "token": "t", "pay": "p"}
    beginnings: list[tuple[State, Dialled | Typed | Reply]] = [
        (State("home.menu", language), Dialled(has_pin=True)),
        (State("home.menu", language), Dialled(has_pin=False)),
        (State("home.resume", language, unfinished=unfinished), Dialled(has_pin=True)),
    ]
    return frozenset(_walk(view, beginnings))


def _walk(view: View, waiting: list[tuple[State, Dialled | Typed | Reply]]) -> Iterator[Seen]:
    known: set[Seen] = set()
    while waiting:
        state, event = waiting.pop()
        found = step(view, state, event)
        if isinstance(found, Ask):
            waiting.extend((found.state, reply) for reply in replies(found.question, view.home))
            continue
        seen = Seen(found.state.at, found.screen.text, found.screen.end)
        if seen in known:
            continue
        known.add(seen)
        yield seen
        if not found.screen.end:
            waiting.extend((found.state, Typed(text)) for text in TYPED)


def replies(question: Question, home: Currency) -> list[Reply]:
    """Everything that a desk may answer, at its longest."""
    until = NOW + timedelta(hours=24)
    refused: list[Reply] = [PinRefused(2, None), PinRefused(0, until)]
    match question:
        case AskQuote(order):
            return [*REFUSALS, Quoted(_long_quote(order))]
        case AskConfirm():
            return [*REFUSALS, *refused, *(Confirmed(_long_summary(kind, home)) for kind in Kind)]
        case CheckPin():
            return [Done(), *refused]
        case NotePin():
            return [PinNoted("mark")]
        case SetPin():
            return [Done(), PinsDiffer(), WEAK_PIN]
        case AskBalances():
            poor = Balances((Money.zero(home),))
            held = (Money(99_999_999_99, home), Money(99_999_999_99, KES), Money(99_999_999_123_456, USDC))
            return [poor, Balances(held)]
        case AskRecent():
            return [Recent(()), *(Recent(_long_history(status, home)) for status in Status)]
        case _:
            return [Done()]


def _long_quote(order: Order) -> Quote:
    # Twice what the tariff gives: 750 NGN for us on the largest amount, 154 NGN for the operator.
    fees = (Fee("service", Money(999_99, order.amount.currency)),)
    if order.kind is Kind.SEND:
        fees = (*fees, Fee("operator", Money(999_99, order.amount.currency)))
    return Quote(
        token="t" * 64,
        order=order,
        fees=() if order.kind is Kind.RECEIVE else fees,
        total=Money(order.amount.minor + 9_999_99, order.amount.currency),
        receives=Money(999_999_99, NGN),
        rate="" if order.kind is Kind.RECEIVE else RATE,
        to_label="MTN MoMo" if order.kind is Kind.SEND else "",
        expires_at=NOW + timedelta(seconds=120),
    )


def _long_summary(kind: Kind, home: Currency, status: Status = Status.PROCESSING) -> Summary:
    return Summary("K7Q2M4X9PT", kind, status, Money(999_999_99, home), Money(999_999_99, home), NOW)


def _long_history(status: Status, home: Currency) -> tuple[Summary, ...]:
    return tuple(_long_summary(Kind.CONVERT, home, status) for _ in range(3))


def failure_slugs() -> set[str]:
    """The slugs of every expected failure that a menu may be told of."""
    return {
        each.slug
        for each in vars(payment_errors).values()
        if isinstance(each, type)
        and issubclass(each, JuaError)
        and each.__module__ == payment_errors.__name__
    }


__all__ = ["Seen", "Show", "every_screen", "failure_slugs", "long_view"]
