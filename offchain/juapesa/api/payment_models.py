"""What programs send and get about payments. Strict: unknown fields and other types are refused."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from juapesa.api import shapes
from juapesa.money import Money, currency
from juapesa.payments.domain import Kind, Order, Quote, Source, Status
from juapesa.payments.ports import Receipt, ReceiptStep
from juapesa.payments.saga import CHAIN_LEGS

Phone = Annotated[str, Field(pattern=shapes.PHONE, description="E.164")]
Token = Annotated[str, Field(pattern=shapes.QUOTED, description="The quote's token.")]
Code = Annotated[str, Field(pattern=shapes.RECEIPT_CODE, description="The payment's receipt code.")]


class State(StrEnum):
    """How far a payment is."""

    INITIATED = "initiated"  # quoted, not confirmed
    PROCESSING = "processing"
    COMPLETED = "completed"  # the other side has its money
    SETTLED = "settled"  # and the attestation log has the entries
    FAILED = "failed"  # nothing was taken
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class Given(BaseModel):
    """Something a program sends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Amount(Given):
    """A decimal as text and a currency's code."""

    amount: str = Field(pattern=shapes.AMOUNT, examples=["1000.00"])
    currency: str = Field(pattern=shapes.CURRENCY, examples=["KES"])

    def read(self) -> Money:
        """Raises NotMoney, UnknownCurrency."""
        return Money.parse(self.amount, currency(self.currency))

    @classmethod
    def of(cls, money: Money) -> Self:
        return cls(amount=money.plain(), currency=money.currency.code)


class Destination(Given):
    """``phone`` of who is paid (send), or the ``currency`` wanted (convert); nothing for receive."""

    phone: Phone | None = None
    currency: str | None = Field(default=None, pattern=shapes.CURRENCY)


class Initiation(Given):
    """An order: ``amount`` leaves the payer, before fees.

    ``source`` of a send is the payer's operator (``rail``), who asks them on their phone, or their wallet
    with us (``wallet``), which only a client of that very person may use; a convert is always from it.
    """

    kind: Literal["send", "receive", "convert"]
    payer: Phone
    amount: Amount
    to: Destination | None = None
    source: Literal["rail", "wallet"] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        phone = self.to is not None and self.to.phone is not None
        unit = self.to is not None and self.to.currency is not None
        if (phone, unit) != (self.kind == "send", self.kind == "convert"):
            raise ValueError("`to` has a phone for a send, a currency for a convert, and is left out else")
        if self.source == ("wallet" if self.kind == "receive" else "rail") and self.kind != "send":
            raise ValueError("a receive is from the rail, a convert from the wallet")
        return self

    @property
    def uses_wallet(self) -> bool:
        """Whether the payer's wallet pays."""
        return self.kind == "convert" or self.source == "wallet"

    def order(self) -> Order:
        """Raises NotMoney, UnknownCurrency."""
        to = self.to or Destination()
        return Order(
            kind=Kind(self.kind),
            amount=self.amount.read(),
            source=Source.WALLET if self.uses_wallet else Source.RAIL,
            to_phone=to.phone,
            to_currency=currency(to.currency) if to.currency else None,
        )


class Confirmation(Given):
    """Turns a quote into a payment."""

    token: Token


class Refund(Given):
    """Asks for a payment's money back."""

    code: Code


class Fee(BaseModel):
    """One fee by name: ``service`` is ours, ``operator`` that of who pays out."""

    name: str
    amount: Amount


class QuoteAnswer(BaseModel):
    """A binding offer until ``valid_until``: the payer pays ``total``, the other side gets ``receives``."""

    token: Token
    state: State
    kind: Kind
    source: Source
    amount: Amount
    fees: list[Fee]
    total: Amount
    receives: Amount
    rate: str = Field(examples=["1 KES = 11.2345 NGN", ""])
    via: str = Field(description="Who pays out; empty for a wallet.", examples=["MTN MoMo"])
    valid_until: datetime

    @classmethod
    def of(cls, quote: Quote) -> Self:
        return cls(
            token=quote.token,
            state=State.INITIATED,
            kind=quote.order.kind,
            source=quote.order.source,
            amount=Amount.of(quote.order.amount),
            fees=[Fee(name=each.name, amount=Amount.of(each.amount)) for each in quote.fees],
            total=Amount.of(quote.total),
            receives=Amount.of(quote.receives),
            rate=quote.rate,
            via=quote.to_label,
            valid_until=quote.expires_at,
        )


class Progress(BaseModel):
    """A payment's code and how far it is."""

    code: Code
    state: State


class Step(BaseModel):
    """One step: ``done``, ``now``, ``waiting`` or ``failed``; chain steps name their public record."""

    name: str
    state: str
    at: datetime | None
    tx_hash: str | None
    leaf_indexes: list[int]


class PaymentAnswer(BaseModel):
    """A payment without persons."""

    code: Code
    state: State
    waiting_for_operator: bool = Field(description="An operator is silent; it is asked, never paid twice.")
    kind: Kind
    total: Amount
    fees: Amount
    receives: Amount
    rate: str
    created_at: datetime
    ended_at: datetime | None
    steps: list[Step]

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        return cls(
            code=receipt.code,
            state=state_of(receipt),
            waiting_for_operator=receipt.status == Status.PENDING,
            kind=Kind(receipt.kind),
            total=Amount.of(receipt.paid),
            fees=Amount.of(receipt.fees),
            receives=Amount.of(receipt.receives),
            rate=receipt.rate,
            created_at=receipt.created_at,
            ended_at=receipt.ended_at,
            steps=[_step(each) for each in receipt.steps],
        )


def _step(step: ReceiptStep) -> Step:
    return Step(
        name=step.name,
        state=step.state,
        at=step.at,
        tx_hash=step.tx_hash,
        leaf_indexes=list(step.leaf_indexes),
    )


_STATES = {
    Status.PROCESSING: State.PROCESSING,
    Status.PENDING: State.PROCESSING,
    Status.FAILED: State.FAILED,
    Status.COMPLETED: State.COMPLETED,
    Status.REFUNDING: State.REFUNDING,
    Status.REFUNDED: State.REFUNDED,
}


def state_of(receipt: Receipt) -> State:
    """The public state. A completed payment is settled once each of its chain steps has its log entries."""
    state = _STATES[Status(receipt.status)]
    chain = [each for each in receipt.steps if each.name in CHAIN_LEGS]
    if state is State.COMPLETED and all(each.leaf_indexes for each in chain):
        return State.SETTLED
    return state
