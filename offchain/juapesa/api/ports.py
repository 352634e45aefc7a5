"""What the HTTP side needs from the contexts below it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from juapesa.db import UnitOfWork
from juapesa.payments.ports import Receipt

# Status, body and content type that an operator wants back, by the kind of callback.
OperatorAnswer = Callable[[str], tuple[int, bytes, str]]


class ReceiptReader(Protocol):
    """Finds a receipt by the code that a person typed."""

    def receipt(self, uow: UnitOfWork, code: str) -> Receipt:
        """The public receipt. Raises UnknownPayment."""
        ...


class CallbackAddresses(Protocol):
    """Knows which callback addresses we have given out."""

    def verify(self, rail: str, kind: str, reference: str, token: str) -> bool: ...


class CallbackInbox(Protocol):
    """Keeps what operators post until an agent acts on it."""

    def record(self, uow: UnitOfWork, rail: str, kind: str, reference: str, body: bytes) -> bool:
        """Keep a body; False when the very same is there already."""
        ...


@dataclass(frozen=True, slots=True)
class CallbackDesk:
    """All that the callback route needs; ``answers`` has one entry a rail."""

    addresses: CallbackAddresses
    inbox: CallbackInbox
    answers: Mapping[str, OperatorAnswer]
