"""MTN's two error shapes, its environments and its test numbers."""

import re

from juapesa.money import Currency
from juapesa.sandbox.wire import Refusal

MESSAGES = {
    "APPROVAL_REJECTED": "The payer rejected the request.",
    "COULD_NOT_PERFORM_TRANSACTION": "The transaction was not approved in time.",
    "EXPIRED": "The request expired.",
    "INTERNAL_PROCESSING_ERROR": "An internal error occurred while processing.",
    "INVALID_CALLBACK_URL_HOST": "Callback URL with different host name to configured for API User.",
    "INVALID_CURRENCY": "Currency not supported.",
    "NOT_ALLOWED": "Authorization failed. Insufficient permissions.",
    "NOT_ALLOWED_TARGET_ENVIRONMENT": "Access to target environment is forbidden.",
    "NOT_ENOUGH_FUNDS": "The payer does not have enough funds.",
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": "Payee is unable to receive funds.",
    "PAYEE_NOT_FOUND": "Payee does not exist.",
    "PAYER_LIMIT_REACHED": "The payer's limit has been breached.",
    "PAYER_NOT_FOUND": "Payer does not exist.",
    "RESOURCE_ALREADY_EXIST": "Duplicated reference id. Creation of resource failed.",
    "RESOURCE_NOT_FOUND": "Requested resource was not found.",
    "SERVICE_UNAVAILABLE": "Service temporarily unavailable, try again later.",
    "TRANSACTION_CANCELED": "Transaction canceled.",
}

# Currency of each target environment; ISO 4217 exponents.
ENVIRONMENTS = {
    "sandbox": Currency("EUR", 2),
    "mtnuganda": Currency("UGX", 0),
    "mtnghana": Currency("GHS", 2),
    "mtnivorycoast": Currency("XOF", 0),
    "mtnzambia": Currency("ZMW", 2),
    "mtncameroon": Currency("XAF", 0),
    "mtnbenin": Currency("XOF", 0),
    "mtncongo": Currency("XAF", 0),
    "mtnswaziland": Currency("SZL", 2),
    "mtnguineaconakry": Currency("GNF", 0),
    "mtnsouthafrica": Currency("ZAR", 2),
    "mtnliberia": Currency("LRD", 2),
    "mtnsouthsudan": Currency("SSP", 2),
    "mtnnigeria": Currency("NGN", 2),
    "mtnrwanda": Currency("RWF", 0),
}

TEST_PREFIX = "46733123"
ONGOING, DELAYED = "453", "454"
# Last three digits of a test number → reason of its failure. Documented, and seen by others.
TEST_REASONS = {
    "450": "INTERNAL_PROCESSING_ERROR",
    "451": "APPROVAL_REJECTED",
    "452": "EXPIRED",
    "455": "PAYER_NOT_FOUND",
    "456": "PAYEE_NOT_ALLOWED_TO_RECEIVE",
    "457": "NOT_ALLOWED",
    "458": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "459": "INVALID_CALLBACK_URL_HOST",
    "460": "INVALID_CURRENCY",
    "461": "INTERNAL_PROCESSING_ERROR",
    "462": "SERVICE_UNAVAILABLE",
    "463": "COULD_NOT_PERFORM_TRANSACTION",
    "464": "INTERNAL_PROCESSING_ERROR",
}

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)


def test_reason(phone: str, kind: str) -> str:
    """Why a test number fails; "" when it does not."""
    reason = TEST_REASONS.get(phone[-3:], "") if _is_test(phone) else ""
    return "PAYEE_NOT_FOUND" if reason == "PAYER_NOT_FOUND" and kind != "collect" else reason


def test_pace(phone: str) -> str:
    """ONGOING or DELAYED for the two test numbers that take their time, else ""."""
    return phone[-3:] if _is_test(phone) and phone[-3:] in {ONGOING, DELAYED} else ""


def refuse(status: int, code: str, message: str | None = None) -> Refusal:
    """MoMo's own error: ``{"message", "code"}``."""
    text = MESSAGES.get(code, code) if message is None else message
    return Refusal(status, {"message": text, "code": code})


def gateway(status: int, message: str, headers: dict[str, str] | None = None) -> Refusal:
    """The API gateway's error, from before MoMo sees the request: ``{"statusCode", "message"}``."""
    return Refusal(status, {"statusCode": status, "message": message}, headers)


def bad_request(message: str) -> Refusal:
    """400: a header or the body is not to the specification."""
    return refuse(400, "BAD_REQUEST", message)


def is_uuid4(text: str) -> bool:
    """Whether this is a UUID of version 4, in lower or upper case."""
    return _UUID4.fullmatch(text.lower()) is not None


def _is_test(phone: str) -> bool:
    return phone.startswith(TEST_PREFIX) and len(phone) == len(TEST_PREFIX) + 3
