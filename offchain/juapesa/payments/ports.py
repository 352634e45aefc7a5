"""What a channel (USSD, later an app or an API) may ask of payments. Database work only: no waiting."""

from typing import Protocol

from juapesa.db import UnitOfWork
from juapesa.payments.domain import Order, Quote, Summary


class PaymentsDesk(Protocol):
    """Quotes, confirmations and history of one person."""

    def quote(self, uow: UnitOfWork, person_id: int, order: Order) -> Quote:
        """Price an order and store the quote.

        Raises AmountTooSmall, AmountTooLarge, InsufficientFunds, UnknownDestination,
        SameParty, PriceUnavailable (payments.errors); each ``detail`` fits a USSD screen.
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
