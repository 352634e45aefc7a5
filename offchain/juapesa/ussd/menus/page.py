"""The parts that menus are made of. Pure: nothing here reads a clock, a database or the world.

A page shows itself, takes what a person typed, and may ask the desks something; the answer
comes back to the same page. What is asked and answered are plain values, so that every path
of every menu can be walked in a test without a database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from juapesa.config import FeeSettings
from juapesa.money import Currency, Money
from juapesa.payments.domain import Order, Quote, Summary
from juapesa.ussd.catalogue import Texts
from juapesa.ussd.ports import PhoneReader

BACK, HOME = "0", "00"
PIN_DIGITS = 4


@dataclass(frozen=True, slots=True)
class State:
    """Where a person stands. ``draft`` holds what was entered so far, never a PIN.

    ``trusted``: the right PIN was given in this session. ``unfinished``: what an earlier
    session left, offered for resumption.
    """

    at: str
    language: str
    draft: Mapping[str, str] = field(default_factory=dict, repr=False)
    trusted: bool = False
    unfinished: Mapping[str, str] | None = field(default=None, repr=False)

    def moved(self, at: str, **entered: str) -> "State":
        """On another page, with more entered."""
        return replace(self, at=at, draft={**self.draft, **entered})

    def fresh(self, at: str) -> "State":
        """On another page, with nothing entered."""
        return replace(self, at=at, draft={})


@dataclass(frozen=True, slots=True)
class View:
    """What menus know of the person and the house."""

    catalogues: Mapping[str, Texts]
    country: str
    home: Currency
    rail_label: str
    fees: FeeSettings
    read_phone: PhoneReader
    service_code: str
    public_url: str
    now: datetime

    def texts(self, state: State) -> Texts:
        """The catalogue of the person's language."""
        return self.catalogues.get(state.language) or self.catalogues["en"]


@dataclass(frozen=True, slots=True)
class Body:
    """A page as shown. ``brief`` stands for ``text`` when an error line comes above it."""

    text: str
    options: tuple[tuple[str, str], ...] = ()
    brief: str | None = None
    foot: str = "common.foot"


@dataclass(frozen=True, slots=True)
class Screen:
    """What the handset shows; ``end`` closes the session."""

    text: str
    end: bool
    options: tuple[tuple[str, str], ...] = ()


# --- what a page may ask of the desks ---


@dataclass(frozen=True, slots=True)
class AskQuote:
    order: Order


@dataclass(frozen=True, slots=True)
class AskConfirm:
    """Check the PIN and confirm the quote, both or neither."""

    token: str
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckPin:
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotePin:
    """Make a keyed mark of a new PIN, so that the second entry can be compared with the first."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetPin:
    """Set the PIN when it carries the mark of the first entry."""

    mark: str
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetLanguage:
    language: str


@dataclass(frozen=True, slots=True)
class AskBalances:
    pass


@dataclass(frozen=True, slots=True)
class AskRecent:
    limit: int


Question = AskQuote | AskConfirm | CheckPin | NotePin | SetPin | SetLanguage | AskBalances | AskRecent


# --- what comes back: from the handset, or from a desk ---


@dataclass(frozen=True, slots=True)
class Dialled:
    has_pin: bool


@dataclass(frozen=True, slots=True)
class Typed:
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quoted:
    quote: Quote


@dataclass(frozen=True, slots=True)
class Confirmed:
    summary: Summary


@dataclass(frozen=True, slots=True)
class PinRefused:
    tries_left: int
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class PinNoted:
    mark: str


@dataclass(frozen=True, slots=True)
class PinsDiffer:
    pass


@dataclass(frozen=True, slots=True)
class Done:
    pass


@dataclass(frozen=True, slots=True)
class Balances:
    amounts: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class Recent:
    summaries: tuple[Summary, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """An expected failure of a desk."""

    slug: str
    detail: str


Reply = Quoted | Confirmed | PinRefused | PinNoted | PinsDiffer | Done | Balances | Recent | Refused


# --- what a page decides ---


@dataclass(frozen=True, slots=True)
class Go:
    """Enter the page ``state.at``; a page that must ask first does so."""

    state: State


@dataclass(frozen=True, slots=True)
class Stay:
    """Show the page ``state.at`` as it is, under an error or a word of news."""

    state: State
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    state: State
    question: Question


@dataclass(frozen=True, slots=True)
class End:
    """Close the session with a last text."""

    state: State
    text: str


Decision = Go | Stay | Ask | End


def unheard(_view: View, state: State, reply: Reply) -> Decision:
    """A page that asks nothing hears nothing."""
    raise AssertionError(f"{state.at} has asked nothing, yet heard {type(reply).__name__}")


@dataclass(frozen=True, slots=True)
class Page:
    """``back`` names the page before; ``enter`` is what happens before the page can be shown."""

    show: Callable[[View, State], Body]
    take: Callable[[View, State, str], Decision]
    back: Callable[[State], str]
    heard: Callable[[View, State, Reply], Decision] = unheard
    enter: Callable[[View, State], Decision] | None = None


def short(amount: Money) -> str:
    """For small screens: ``1,000 KES``, ``12.5 USDC``; no digit that counts is dropped."""
    digits, _, code = str(amount).partition(" ")
    whole, _, decimals = digits.partition(".")
    kept = decimals.rstrip("0")
    if kept and len(kept) < 2 <= len(decimals):
        kept = kept.ljust(2, "0")
    return f"{whole}.{kept} {code}" if kept else f"{whole} {code}"


def is_pin(text: str) -> bool:
    """Four digits."""
    return len(text) == PIN_DIGITS and text.isascii() and text.isdigit()


def pin_refused(view: View, state: State, refused: PinRefused) -> Decision:
    """What a wrong PIN leads to: another try, or the end while it is locked."""
    texts = view.texts(state)
    if refused.locked_until is None:
        return Stay(state, texts("pin.wrong", left=str(refused.tries_left)))
    seconds = (refused.locked_until - view.now).total_seconds()
    minutes = max(1, -int(-seconds // 60))
    return End(state, texts("pin.locked", minutes=str(minutes)))
