"""What a channel may ask of payments, and what payments asks of the contexts below it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Orders
from juapesa.money import Currency, Money
from juapesa.payments.domain import Order, Quote, Summary
from juapesa.rails.ports import Rail


class PaymentsDesk(Protocol):
    """Quotes, confirmations and history of one person. Database work only: no waiting."""

    def quote(self, uow: UnitOfWork, person_id: int, order: Order) -> Quote:
        """Price an order and store the quote.

        Raises AmountTooSmall, AmountTooLarge, AmountNotWhole, InsufficientFunds, UnknownDestination,
        SameParty, PriceUnavailable (payments.errors), and what the price book raises; each ``detail``
        fits a USSD screen.
        """
        ...

    def confirm(self, uow: UnitOfWork, person_id: int, quote_token: str) -> Summary:
        """Turn a quote into a payment, once: a second confirmation answers with the first payment.

        The caller has checked the PIN in the same unit of work.
        Raises QuoteExpired, InsufficientFunds.
        """
        ...

    def recent(self, uow: UnitOfWork, person_id: int, limit: int) -> list[Summary]:
        """The person's last payments, newest first."""
        ...


class PriceBook(Protocol):
    """The pools' prices, as last seen on chain."""

    def exact_in(self, uow: UnitOfWork, amount: Money, to: Currency) -> Money:
        """What the pools give for ``amount`` of a token, rounded down.

        Raises Unavailable when a price is stale or the pool too small (pools.errors), with a ``detail``
        that fits a USSD screen.
        """
        ...


class ChainState(StrEnum):
    """What became of a chain order."""

    OPEN = "open"
    SETTLED = "settled"
    FAILED = "failed"  # for good: it will never be tried again


@dataclass(frozen=True, slots=True)
class ChainOutcome:
    """A chain order's state, with the reason of a failure."""

    state: ChainState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChainTrail:
    """Where a settled chain order stands on the public record."""

    tx_hash: str | None
    leaf_indexes: tuple[int, ...]
    signed_by: int  # attesters so far


class ChainDesk(Protocol):
    """Orders to the chain: recorded here, carried out by the relayer."""

    def order_all(
        self, uow: UnitOfWork, orders: Sequence[tuple[str, Orders]], floats: Mapping[Currency, Money]
    ) -> None:
        """Record orders, each under a reference of ours (a UUID), once.

        ``floats`` is the custody we know of, by local currency.
        """
        ...

    def outcomes(self, uow: UnitOfWork, references: Sequence[str]) -> Mapping[str, ChainOutcome]:
        """What became of these orders."""
        ...

    def ended(self, uow: UnitOfWork, references: Sequence[str]) -> list[str]:
        """Those of these orders that are settled or have failed."""
        ...

    def trail(self, uow: UnitOfWork, reference: str) -> ChainTrail:
        """The public record of an order."""
        ...


Letter = tuple[str, int | str, str]  # key, a person's id or a phone (E.164), text


class Outbox(Protocol):
    """Messages to people, sent later."""

    def enqueue_all(self, uow: UnitOfWork, letters: Sequence[Letter]) -> int:
        """Queue SMS, each to a person or a phone; one key is sent once. How many are new."""
        ...


class CallbackUrls(Protocol):
    """URLs that only the operator who was given one can call."""

    def make(self, rail: str, kind: str, reference: str) -> str: ...


Rails = Mapping[str, Rail]


@dataclass(frozen=True, slots=True)
class ReceiptStep:
    """One line of a public receipt. ``state`` is ``done``, ``now``, ``waiting`` or ``failed``."""

    name: str
    state: str
    at: datetime | None
    tx_hash: str | None = None
    leaf_indexes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What anyone with the code may see: no name, no phone number."""

    code: str
    kind: str
    status: str
    paid: Money
    receives: Money
    fees: Money
    rate: str
    created_at: datetime
    ended_at: datetime | None
    steps: tuple[ReceiptStep, ...]
    ledger_rows: tuple[int, ...] = ()  # what was booked for it, once it has ended
