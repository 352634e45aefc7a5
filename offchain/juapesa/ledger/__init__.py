"""Double entry, holds and idempotent postings, with every rule kept in the database."""

from juapesa.ledger.domain import (
    AccountKind,
    Balance,
    BookedTransfer,
    Entry,
    Hold,
    OpenHold,
    Posting,
    Transfer,
    Trial,
)
from juapesa.ledger.errors import (
    HoldEnded,
    KeyReused,
    LimitExceeded,
    NotATransfer,
    UnknownAccount,
    UnknownHold,
)
from juapesa.ledger.service import Ledger

__all__ = [
    "AccountKind",
    "Balance",
    "BookedTransfer",
    "Entry",
    "Hold",
    "HoldEnded",
    "KeyReused",
    "Ledger",
    "LimitExceeded",
    "NotATransfer",
    "OpenHold",
    "Posting",
    "Transfer",
    "Trial",
    "UnknownAccount",
    "UnknownHold",
]
