"""Daraja's ids and times, in the shapes its pages show."""

import secrets
from datetime import UTC, datetime, timedelta, timezone

EAST_AFRICA = timezone(timedelta(hours=3), "EAT")

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def request_id() -> str:
    """Of one HTTP request at the gateway, and of a merchant's request: ``8423-4a3b-…``."""
    raw = secrets.token_hex(16)
    return f"{raw[:4]}-{raw[4:8]}-{raw[8:12]}-{raw[12:]}{secrets.randbelow(1000):03d}"


def checkout_id(at: datetime) -> str:
    """CheckoutRequestID: ``ws_CO_`` + day, month, year, time, then digits."""
    return f"ws_CO_{at.astimezone(EAST_AFRICA):%d%m%Y%H%M%S}{secrets.randbelow(10**12):012d}"


def conversation_id(at: datetime) -> str:
    """ConversationID: ``AG_20240706_`` + twenty hexadecimal digits."""
    return f"AG_{at.astimezone(EAST_AFRICA):%Y%m%d}_{secrets.token_hex(10)}"


def receipt(at: datetime) -> str:
    """An M-Pesa receipt: ten capitals and digits, the first for the year."""
    year = _LETTERS[(at.year - 2006) % 26]
    return year + "".join(secrets.choice(_LETTERS) for _ in range(9))


def compact(at: float) -> int:
    """``YYYYMMDDHHmmss`` in East Africa Time, as a number."""
    return int(f"{moment(at).astimezone(EAST_AFRICA):%Y%m%d%H%M%S}")


def dotted(at: float) -> str:
    """``dd.mm.yyyy hh:mm:ss`` in East Africa Time."""
    return f"{moment(at).astimezone(EAST_AFRICA):%d.%m.%Y %H:%M:%S}"


def moment(at: float) -> datetime:
    """Unix seconds as an instant."""
    return datetime.fromtimestamp(at, UTC)
