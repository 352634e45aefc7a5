"""What can go wrong with keys; no message ever holds one."""

from juapesa.errors import JuaError, Unavailable


class CannotOpen(JuaError):
    """A sealed value was changed, belongs to another context, or was sealed under another key."""

    slug = "cannot-open"
    http_status = 500


class KeystoreUnavailable(Unavailable):
    """The keystore cannot be opened: wrong passphrase, foreign files or no permission."""

    slug = "keystore-unavailable"
