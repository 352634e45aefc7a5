"""Bodies of requests to Daraja, as the Daraja 3.0 pages document them. Pure.

Numbers are sent as text, as in the documented samples. Times are East Africa Time.
"""

import base64
import hashlib
import re
from datetime import datetime, timedelta, timezone

from juapesa.config.settings import DarajaSettings
from juapesa.money import KES, Money
from juapesa.rails.ports import CollectOrder, PayoutOrder

EAST_AFRICA_TIME = timezone(timedelta(hours=3), "EAT")

_PHONE = re.compile(r"\+(254[17][0-9]{8})", re.ASCII)
# Crockford's alphabet: no I, L, O, U, so nobody misreads an account number.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def msisdn(phone: str) -> str | None:
    """``+2547…`` as the operator writes it (``2547…``); None when it is no Kenyan mobile number."""
    match = _PHONE.fullmatch(phone)
    return match[1] if match else None


def whole_shillings(amount: Money) -> str | None:
    """The amount as Daraja takes it; None when it is not a whole positive number of shillings."""
    if amount.currency != KES or amount.minor <= 0 or amount.minor % KES.scale:
        return None
    return str(amount.minor // KES.scale)


def account_reference(reference: str) -> str:
    """The account number of a collection: 12 characters that only this order has.

    STK takes no idempotency key, but this text comes back in the operator's statement
    (``billreference``): it is how an order whose answer was lost is found again.
    """
    number = int.from_bytes(hashlib.sha256(reference.encode()).digest()[:7], "big")
    return "JP" + "".join(_ALPHABET[number >> shift & 31] for shift in range(45, -1, -5))


def stk_push(settings: DarajaSettings, order: CollectOrder, now: datetime) -> dict[str, str]:
    """M-Pesa Express. The order's phone and amount must have passed ``msisdn`` and ``whole_shillings``."""
    phone = msisdn(order.phone) or ""
    body = {
        **_stk_signature(settings, now),
        "TransactionType": "CustomerPayBillOnline",
        "Amount": whole_shillings(order.amount) or "",
        "PartyA": phone,
        "PartyB": settings.shortcode,
        "PhoneNumber": phone,
        "CallBackURL": order.callback_url,
        "AccountReference": account_reference(order.reference),
    }
    description = _plain(order.note)[:13].strip()
    return body | ({"TransactionDesc": description} if description else {})


def stk_query(settings: DarajaSettings, handle: str, now: datetime) -> dict[str, str]:
    """M-Pesa Express query."""
    return {**_stk_signature(settings, now), "CheckoutRequestID": handle}


def b2c(settings: DarajaSettings, order: PayoutOrder, credential: str, timeout_url: str) -> dict[str, str]:
    """B2C v3. ``OriginatorConversationID`` is our reference: it makes a repeat harmless."""
    note = _plain(order.note).strip()
    return {
        "OriginatorConversationID": order.reference,
        "InitiatorName": settings.initiator_name,
        "SecurityCredential": credential,
        "CommandID": "BusinessPayment",
        "Amount": whole_shillings(order.amount) or "",
        "PartyA": settings.b2c_shortcode,
        "PartyB": msisdn(order.phone) or "",
        "Remarks": note[:100] if len(note) >= 2 else "Jua Pesa",
        "QueueTimeOutURL": timeout_url,
        "ResultURL": order.callback_url,
        "Occassion": note[:100],  # their spelling
    }


def status_query(
    settings: DarajaSettings,
    credential: str,
    shortcode: str,
    *,
    about: dict[str, str],
    result_url: str,
    timeout_url: str,
) -> dict[str, str]:
    """Transaction Status, ``about`` a ``{"TransactionID": …}`` or ``{"OriginalConversationID": …}``."""
    return {
        "Initiator": settings.initiator_name,
        "SecurityCredential": credential,
        "CommandID": "TransactionStatusQuery",
        **about,
        "PartyA": shortcode,
        "IdentifierType": "4",
        "ResultURL": result_url,
        "QueueTimeOutURL": timeout_url,
        "Remarks": "status",
        "Occasion": "status",
    }


def balance_query(
    settings: DarajaSettings, credential: str, shortcode: str, *, result_url: str, timeout_url: str
) -> dict[str, str]:
    """Account Balance of one of our short codes."""
    return {
        "Initiator": settings.initiator_name,
        "SecurityCredential": credential,
        "CommandID": "AccountBalance",
        "PartyA": shortcode,
        "IdentifierType": "4",
        "Remarks": "balance",
        "QueueTimeOutURL": timeout_url,
        "ResultURL": result_url,
    }


def pull_registration(settings: DarajaSettings, nominated: str, callback_url: str) -> dict[str, str]:
    """Open Pull Transactions; ``nominated`` is the organisation's own number (E.164)."""
    return {
        "ShortCode": settings.shortcode,
        "RequestType": "Pull",
        "NominatedNumber": nominated.removeprefix("+"),
        "CallBackURL": callback_url,
    }


def pull_query(settings: DarajaSettings, since: datetime, until: datetime, offset: int) -> dict[str, str]:
    """Pull Transactions: collections of the last 48 h at most, a page of 100 from ``offset``."""
    return {
        "ShortCode": settings.shortcode,
        "StartDate": _statement_time(since),
        "EndDate": _statement_time(until),
        "OffSetValue": str(offset),
    }


def _stk_signature(settings: DarajaSettings, now: datetime) -> dict[str, str]:
    timestamp = now.astimezone(EAST_AFRICA_TIME).strftime("%Y%m%d%H%M%S")
    secret = f"{settings.shortcode}{settings.passkey.get_secret_value()}{timestamp}"
    return {
        "BusinessShortCode": settings.shortcode,
        "Password": base64.b64encode(secret.encode()).decode(),
        "Timestamp": timestamp,
    }


def _statement_time(instant: datetime) -> str:
    return instant.astimezone(EAST_AFRICA_TIME).strftime("%Y-%m-%d %H:%M:%S")


def _plain(note: str) -> str:
    """Letters, digits, spaces and hyphens only: other characters have had whole orders refused."""
    return "".join(each for each in note if each.isascii() and (each.isalnum() or each in " -"))
