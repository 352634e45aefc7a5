"""What can go wrong with keys; no message ever holds one."""

from juapesa.errors import InvalidInput, JuaError, Unavailable


class CannotOpen(JuaError):
    """A sealed value was changed, belongs to another context, or was sealed under another key."""

    slug = "cannot-open"
    http_status = 500


class KeystoreUnavailable(Unavailable):
    """The keystore cannot be opened: wrong passphrase, foreign files or no permission."""

    slug = "keystore-unavailable"


class BadSignature(InvalidInput):
    """The bytes are no signature, or not by who is claimed."""

    slug = "bad-signature"
