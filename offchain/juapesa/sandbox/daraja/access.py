"""Who may call: apps, their one living token each, and the initiators inside requests."""

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.sandbox.daraja.certificate import OperatorKey
from juapesa.sandbox.daraja.codes import refuse

TOKEN_SECONDS = 3_599


@dataclass(frozen=True, slots=True)
class App:
    """A consumer. An attester's app may ask but never order money."""

    key: str
    secret: str
    may_order: bool


@dataclass(frozen=True, slots=True)
class _Token:
    app: App
    until: float


def apps_of(settings: Settings) -> dict[str, App]:
    """Our app and one for each attester (``attester-1-consumer``, ``attester-1-consumer-secret``)."""
    ours = settings.daraja
    apps = [App(ours.consumer_key, ours.consumer_secret.get_secret_value(), may_order=True)]
    names = [f"attester-{number}-consumer" for number in range(1, settings.attesters + 1)]
    apps += [App(name, f"{name}-secret", may_order=False) for name in names]
    return {app.key: app for app in apps}


class Access:
    """Issues and checks tokens. A new token of an app ends the one before."""

    def __init__(self, settings: Settings, clock: Clock, key: OperatorKey) -> None:
        self._apps = apps_of(settings)
        self._clock = clock
        self._key = key
        self._tokens: dict[str, _Token] = {}  # by token; at most one an app
        self._password = settings.daraja.initiator_password.get_secret_value()
        attesters = (f"attester-{number}" for number in range(1, settings.attesters + 1))
        self._initiators = {settings.daraja.initiator_name, *attesters}

    def issue(self, authorization: str) -> str:
        """A token for ``Basic key:secret``. Raises Refusal 400.008.01."""
        app = self._app(authorization)
        if app is None:
            raise refuse("400.008.01")
        self._tokens = {value: token for value, token in self._tokens.items() if token.app != app}
        made = secrets.token_urlsafe(21)
        self._tokens[made] = _Token(app, self._clock.now().timestamp() + TOKEN_SECONDS)
        return made

    def check(self, authorization: str, code: str, *, orders: bool) -> None:
        """Raises Refusal with the product's own code unless the bearer may do this."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value:
            raise refuse("404.001.04")
        token = self._tokens.get(value.strip())
        if token is None or token.until <= self._clock.now().timestamp():
            raise refuse(code)
        if orders and not token.app.may_order:
            raise refuse("401.002.01", "Error Occurred : Invalid API call as no apiproduct match found")

    def initiator_is_valid(self, name: str, credential: str) -> bool:
        """Whether the credential really holds this initiator's password, encrypted for us."""
        password = self._key.decrypt(credential)
        if password is None or name not in self._initiators:
            return False
        return hmac.compare_digest(password.encode(), self._password.encode())

    def _app(self, authorization: str) -> App | None:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            key, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        app = self._apps.get(key)
        return app if app and hmac.compare_digest(secret.encode(), app.secret.encode()) else None
