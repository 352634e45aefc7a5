"""Daraja's codes in our words. Pure.

Source of the codes: Safaricom's Daraja 3.0 pages (M-Pesa Express, B2C, Transaction Status,
error tables). A code that nobody documents is UNKNOWN: we ask, we never guess.
"""

from juapesa.rails.ports import Outcome, Reason

Verdict = tuple[Outcome, Reason]

_UNKNOWN: Verdict = (Outcome.UNKNOWN, Reason.NONE)


def _failed(reason: Reason) -> Verdict:
    return (Outcome.FAILED, reason)


_STK_RESULTS: dict[str, Verdict] = {
    "0": (Outcome.SUCCESS, Reason.NONE),
    "1": _failed(Reason.PAYER_FUNDS),
    "2": _failed(Reason.AMOUNT),  # below the minimum
    "3": _failed(Reason.AMOUNT),  # above the maximum
    "4": _failed(Reason.PAYER_LIMIT),  # the payer's daily limit
    "8": _failed(Reason.PAYEE_LIMIT),  # our own account is full
    "17": _failed(Reason.DUPLICATE),  # same amount, same payer, within two minutes
    "1001": _failed(Reason.BUSY_SUBSCRIBER),  # the handset has another session open
    "1019": _failed(Reason.EXPIRED),
    "1025": _failed(Reason.CONFIGURATION),  # prompt could not be sent, or its text is too long
    "9999": _failed(Reason.CONFIGURATION),
    "1032": _failed(Reason.PAYER_DECLINED),
    "1037": _failed(Reason.PAYER_UNREACHABLE),
    "2001": _failed(Reason.PAYER_PIN),
    "2028": _failed(Reason.CONFIGURATION),  # PartyB and TransactionType do not match
    "SFC_IC0003": _failed(Reason.CONFIGURATION),
    "8006": _failed(Reason.PAYER_PIN),  # locked after wrong tries
    "4999": (Outcome.PENDING, Reason.NONE),  # the query's other way of saying "being processed"
}

_B2C_RESULTS: dict[str, Verdict] = {
    "0": (Outcome.SUCCESS, Reason.NONE),
    "1": _failed(Reason.FLOAT_EMPTY),
    "2": _failed(Reason.AMOUNT),
    "3": _failed(Reason.AMOUNT),
    "4": _failed(Reason.PAYEE_LIMIT),
    "8": _failed(Reason.PAYEE_LIMIT),
    "11": _failed(Reason.CONFIGURATION),  # debit party inactive
    "15": (Outcome.PENDING, Reason.DUPLICATE),  # they have this order already
    "17": _UNKNOWN,  # "internal failure" does not say before or after the money moved
    "18": _failed(Reason.CONFIGURATION),  # initiator's credential
    "20": _failed(Reason.CONFIGURATION),
    "21": _failed(Reason.CONFIGURATION),  # initiator lacks the role
    "22": _failed(Reason.CONFIGURATION),
    "24": _failed(Reason.CONFIGURATION),
    "25": _failed(Reason.CONFIGURATION),
    "26": _failed(Reason.RATE_LIMITED),
    "2001": _failed(Reason.CONFIGURATION),
    "2006": _failed(Reason.CONFIGURATION),
    "2028": _failed(Reason.CONFIGURATION),
    "2040": _failed(Reason.PAYEE_NOT_FOUND),  # receiver is not registered
    "8006": _failed(Reason.CONFIGURATION),  # initiator locked
    "SFC_IC0003": _failed(Reason.PAYEE_NOT_FOUND),
    "100000000": (Outcome.PENDING, Reason.NONE),  # queued inside M-Pesa
    "100000001": (Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
}

_STATUSES: dict[str, Verdict] = {
    "completed": (Outcome.SUCCESS, Reason.NONE),
    "authorized": (Outcome.PENDING, Reason.NONE),
    "initiated": (Outcome.PENDING, Reason.NONE),
    "cancelled": _failed(Reason.OTHER),
    "declined": _failed(Reason.OTHER),
    "expired": _failed(Reason.EXPIRED),
}

# Refused at the door: nothing was done.
_HTTP_ERRORS: dict[str, Verdict] = {
    "400.002.02": _failed(Reason.CONFIGURATION),
    "400.002.05": _failed(Reason.CONFIGURATION),
    "400.003.01": _failed(Reason.CONFIGURATION),
    "400.008.01": _failed(Reason.CONFIGURATION),
    "400.008.02": _failed(Reason.CONFIGURATION),
    "401.002.01": _failed(Reason.CONFIGURATION),
    "401.003.01": _failed(Reason.CONFIGURATION),
    "404.001.01": _failed(Reason.CONFIGURATION),
    "404.001.03": _failed(Reason.CONFIGURATION),
    "404.001.04": _failed(Reason.CONFIGURATION),
    "405.001": _failed(Reason.CONFIGURATION),
    "500.002.1001": (Outcome.PENDING, Reason.DUPLICATE),
    "500.003.02": _failed(Reason.RATE_LIMITED),
    "500.003.03": _failed(Reason.RATE_LIMITED),
    "500.003.1001": (Outcome.UNKNOWN, Reason.OPERATOR_DOWN),
}

TOKEN_ERRORS = frozenset({"404.001.03", "401.002.01", "401.003.01", "400.003.01"})

# What M-Pesa says about a transaction that it does not know; the wording varies by core version.
_ABSENT_WORDS = ("does not exist", "not exist", "not found", "no transaction", "cannot be found")


def stk_result(code: str) -> Verdict:
    """ResultCode of an STK callback or query."""
    return _STK_RESULTS.get(_normal(code), _UNKNOWN)


def b2c_result(code: str) -> Verdict:
    """ResultCode of a B2C result."""
    return _B2C_RESULTS.get(_normal(code), _UNKNOWN)


def transaction_status(status: str) -> Verdict:
    """TransactionStatus of a Transaction Status result."""
    return _STATUSES.get(status.strip().casefold(), _UNKNOWN)


def status_refused(code: str, description: str) -> Verdict:
    """A Transaction Status query that ended with another ResultCode than 0.

    The code speaks of the query and not of the order, so only words that plainly say that
    there is no such transaction count.
    """
    if not is_zero(code) and any(words in description.casefold() for words in _ABSENT_WORDS):
        return (Outcome.ABSENT, Reason.NONE)
    return _UNKNOWN


def acknowledgement(code: str, description: str) -> Verdict:
    """ResponseCode of the immediate answer to an order: 0 is accepted, 15 accepted before, else refused."""
    if is_zero(code):
        return (Outcome.PENDING, Reason.NONE)
    if _normal(code) == "15" or "duplicate" in description.casefold():
        return (Outcome.PENDING, Reason.DUPLICATE)
    return _failed(Reason.OTHER)


def is_zero(code: str) -> bool:
    """Whether a code means "done" or "accepted", however it is written."""
    return _normal(code) == "0"


def http_error(status: int, code: str, message: str) -> Verdict:
    """An HTTP error in answer to an order. ``code`` and ``message`` are its errorCode and errorMessage."""
    if code.startswith("500.001.1001"):
        return _three_meanings(message.casefold())
    if code in _HTTP_ERRORS:
        return _HTTP_ERRORS[code]
    if status == 429 or "spike arrest" in message.casefold():
        return _failed(Reason.RATE_LIMITED)
    if 400 <= status < 500:
        return _failed(Reason.CONFIGURATION)
    return (Outcome.UNKNOWN, Reason.OPERATOR_DOWN)


def query_error(status: int, code: str, message: str) -> Verdict:
    """An HTTP error in answer to a question: it never says that an order failed."""
    if _being_processed(message.casefold()):
        return (Outcome.PENDING, Reason.NONE)
    limited = status == 429 or code in {"500.003.02", "500.003.03"}
    return (Outcome.UNKNOWN, Reason.RATE_LIMITED if limited else Reason.OPERATOR_DOWN)


def _three_meanings(message: str) -> Verdict:
    if _being_processed(message):
        return (Outcome.PENDING, Reason.NONE)
    if "lock" in message:
        return _failed(Reason.BUSY_SUBSCRIBER)
    if "credential" in message or "merchant" in message:
        return _failed(Reason.CONFIGURATION)
    return (Outcome.UNKNOWN, Reason.OPERATOR_DOWN)


def _being_processed(message: str) -> bool:
    return "being processed" in message or "under processing" in message


def _normal(code: str) -> str:
    """``"00"`` and ``"0.0"`` have been seen for 0; text codes in either case."""
    code = code.strip().upper().removesuffix(".0")
    return code.lstrip("0") or "0" if code.isdecimal() else code
