"""Why a program is not let in, or not given what it asks for."""

from collections.abc import Mapping

from juapesa.errors import Conflict, InvalidInput, JuaError, NotAllowed, Unavailable


class NotAdmitted(JuaError):
    """Refused before the request was looked at. ``headers`` tell the program what to do."""

    headers: Mapping[str, str]


class NotAuthenticated(NotAdmitted):
    """No client of ours, a wrong signature or token, a clock that is off, or a request seen before."""

    slug = "not-authenticated"
    http_status = 401

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers = {"WWW-Authenticate": 'Jua-HMAC-SHA256, Bearer realm="juapesa"'}


class TooManyRequests(NotAdmitted):
    """The client's minute is full."""

    slug = "too-many-requests"
    http_status = 429

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(retry_after_seconds)}


class ScopeMissing(NotAllowed):
    """The client is known and may not do this."""

    slug = "scope-missing"


class OwnersOnly(NotAllowed):
    """A person's wallet is open only to a client that was made for that person."""

    slug = "owners-only"


class HouseOnly(NotAllowed):
    """Booking is for the house's own programs, which are made for no person."""

    slug = "house-only"


class NotOpenToPrograms(NotAllowed):
    """An order touches what payments keep: their accounts, rows, keys or codes. Nothing was booked."""

    slug = "not-open-to-programs"


class LedgerDown(Unavailable):
    """The ledger's writer is not there or has not answered in time: send the same orders again."""

    slug = "ledger-down"


class IdempotencyKeyMissing(InvalidInput):
    """A call that moves money carries a key, so that it can be repeated safely."""

    slug = "idempotency-key-missing"


class IdempotencyKeyReused(InvalidInput):
    """The key belongs to another request."""

    slug = "idempotency-key-reused"


class NotRefundable(Conflict):
    """This payment cannot be refunded; ``detail`` says why."""

    slug = "not-refundable"


class NameTaken(Conflict):
    """Another client has this name."""

    slug = "name-taken"
