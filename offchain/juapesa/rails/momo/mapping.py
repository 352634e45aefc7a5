"""MoMo's statuses and reasons in our words. Pure.

Source of the codes: the MoMo developer portal's API description and error pages, and statuses
that its sandbox has been seen to send. What nobody documents is UNKNOWN.
"""

from enum import StrEnum

from juapesa.rails.ports import Outcome, Reason

Verdict = tuple[Outcome, Reason]


class Product(StrEnum):
    """Each product has its own subscription key, user, token and account."""

    COLLECTION = "collection"
    DISBURSEMENT = "disbursement"


_OUTCOMES: dict[str, Outcome] = {
    "SUCCESSFUL": Outcome.SUCCESS,
    "PENDING": Outcome.PENDING,
    "CREATED": Outcome.PENDING,
    "ONGOING": Outcome.PENDING,
    "FAILED": Outcome.FAILED,
    "REJECTED": Outcome.FAILED,
    "TIMEOUT": Outcome.FAILED,
}

_REASONS: dict[str, Reason] = {
    "PAYEE_NOT_FOUND": Reason.PAYEE_NOT_FOUND,
    "PAYER_NOT_FOUND": Reason.PAYER_UNREACHABLE,
    "NOT_ENOUGH_FUNDS": Reason.PAYER_FUNDS,
    "PAYER_LIMIT_REACHED": Reason.PAYER_LIMIT,
    "PAYEE_LIMIT_REACHED": Reason.PAYEE_LIMIT,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": Reason.PAYEE_NOT_ALLOWED,
    "NOT_ALLOWED": Reason.CONFIGURATION,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": Reason.CONFIGURATION,
    "INVALID_CALLBACK_URL_HOST": Reason.CONFIGURATION,
    "INVALID_CURRENCY": Reason.CONFIGURATION,
    # Their word for nearly everything inside; with a payer it mostly means that the money is not there.
    "INTERNAL_PROCESSING_ERROR": Reason.PAYER_FUNDS,
    "SERVICE_UNAVAILABLE": Reason.OPERATOR_DOWN,
    "COULD_NOT_PERFORM_TRANSACTION": Reason.EXPIRED,  # not approved within five minutes
    "APPROVAL_REJECTED": Reason.PAYER_DECLINED,
    "EXPIRED": Reason.EXPIRED,
    "TRANSACTION_CANCELED": Reason.PAYER_DECLINED,
    "RESOURCE_ALREADY_EXIST": Reason.DUPLICATE,
    "RESOURCE_NOT_FOUND": Reason.OTHER,
}

_PAYOUT_REASONS: dict[str, Reason] = {
    # Here the payer is our own account.
    "NOT_ENOUGH_FUNDS": Reason.FLOAT_EMPTY,
    "PAYER_NOT_FOUND": Reason.CONFIGURATION,
    "PAYER_LIMIT_REACHED": Reason.FLOAT_EMPTY,
    "INTERNAL_PROCESSING_ERROR": Reason.OTHER,
    "NOT_ALLOWED": Reason.PAYEE_NOT_ALLOWED,
}

_STATUS_REASONS = {"REJECTED": Reason.PAYER_DECLINED, "TIMEOUT": Reason.EXPIRED}

# With an HTTP 5xx on an order these do not say that nothing was stored.
_UNDECIDED = frozenset(
    {"", "INTERNAL_PROCESSING_ERROR", "SERVICE_UNAVAILABLE", "COULD_NOT_PERFORM_TRANSACTION"}
)


def status(product: Product, word: str, reason: str) -> Verdict:
    """``status`` and ``reason`` of a status answer or callback."""
    word = normal(word)
    outcome = _OUTCOMES.get(word, Outcome.UNKNOWN)
    if outcome is not Outcome.FAILED:
        return (outcome, Reason.NONE)
    if not reason:
        return (outcome, _STATUS_REASONS.get(word, Reason.OTHER))
    return (outcome, why(product, reason))


def why(product: Product, reason: str) -> Reason:
    """A reason code of a failed order."""
    reason = normal(reason)
    if product is Product.DISBURSEMENT and reason in _PAYOUT_REASONS:
        return _PAYOUT_REASONS[reason]
    return _REASONS.get(reason, Reason.OTHER)


def order_error(product: Product, http_status: int, code: str) -> Verdict:
    """An HTTP error in answer to an order, other than 409 (which means: ask)."""
    code = normal(code)
    if http_status == 429:
        return (Outcome.FAILED, Reason.RATE_LIMITED)
    if 400 <= http_status < 500:
        # Turned away at the door. A code that names no fault of ours speaks for itself.
        return (Outcome.FAILED, why(product, code) if code in _REASONS else Reason.CONFIGURATION)
    if code in _UNDECIDED or code not in _REASONS:
        return (Outcome.UNKNOWN, Reason.OPERATOR_DOWN)
    return (Outcome.FAILED, why(product, code))


def normal(code: str) -> str:
    """Codes come in either case, and with spaces for underscores."""
    return code.strip().upper().replace(" ", "_").replace("-", "_")
