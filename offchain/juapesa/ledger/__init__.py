"""Double entry, holds and idempotent postings, tamper-evident, with every rule kept in the database."""

from juapesa.ledger.domain import (
    LIABILITIES,
    AccountKind,
    AccountName,
    Balance,
    BookedTransfer,
    Entry,
    Hold,
    OpenHold,
    Posting,
    Transfer,
)
from juapesa.ledger.errors import (
    AlreadyReversed,
    HoldEnded,
    KeyReused,
    LimitExceeded,
    MonthArchived,
    NotATransfer,
    UnknownAccount,
    UnknownHold,
    UnknownTransfer,
)
from juapesa.ledger.service import Ledger, LedgerOrder, order_capture, order_post, order_release

__all__ = [
    "LIABILITIES",
    "AccountKind",
    "AccountName",
    "AlreadyReversed",
    "Balance",
    "BookedTransfer",
    "Entry",
    "Hold",
    "HoldEnded",
    "KeyReused",
    "Ledger",
    "LedgerOrder",
    "LimitExceeded",
    "MonthArchived",
    "NotATransfer",
    "OpenHold",
    "Posting",
    "Transfer",
    "UnknownAccount",
    "UnknownHold",
    "UnknownTransfer",
    "order_capture",
    "order_post",
    "order_release",
]
