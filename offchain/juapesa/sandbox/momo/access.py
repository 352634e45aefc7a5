"""API users, their keys, subscription keys and tokens."""

import base64
import binascii
import hmac
import secrets
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from starlette.requests import Request

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.sandbox.momo.wire import bad_request, gateway, is_uuid4, refuse
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import Refusal

TOKEN_SECONDS = 3_600
PRODUCTS = ("collection", "disbursement")
USERS_MAX = 10_000
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_MISSING = (
    "Access denied due to missing subscription key."
    " Make sure to include subscription key when making requests to an API."
)
_INVALID = (
    "Access denied due to invalid subscription key."
    " Make sure to provide a valid key for an active subscription."
)
_SPACE = "momo/user"


@dataclass
class User:
    """An API user. ``hosts`` are those it may name in X-Callback-Url; attesters may only ask."""

    id: str
    hosts: list[str]
    key: str = ""
    products: tuple[str, ...] = PRODUCTS
    may_order: bool = True


@dataclass(frozen=True, slots=True)
class _Token:
    user: User
    product: str
    until: float


class Access:
    """Provisioning and checks. Many tokens of a user live side by side, each 3,600 s."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        momo = settings.momo
        ours = [momo.collection_key.get_secret_value(), momo.disbursement_key.get_secret_value()]
        self._keys = {product: {key} for product, key in zip(PRODUCTS, ours, strict=True)}
        self._users = _configured(settings)
        for number in range(1, settings.attesters + 1):
            for keys in self._keys.values():
                keys.add(f"attester-{number}-momo-key")
        for user_id, kept in store.load(_SPACE).items():
            self._users[user_id] = User(**{**kept, "products": tuple(kept["products"])})

    def provision(self, request: Request, host: object) -> None:
        """Make an API user named by X-Reference-Id. Raises Refusal."""
        products = self._products_of(request)
        user_id = reference(request)
        if user_id in self._users:
            raise refuse(409, "RESOURCE_ALREADY_EXIST")
        if not isinstance(host, str) or not (bare := _bare_host(host)):
            raise bad_request("providerCallbackHost must be the host of your callbacks.")
        if len(self._users) >= USERS_MAX:
            raise refuse(503, "SERVICE_UNAVAILABLE")
        self._keep(User(user_id, [bare], products=products))

    def renew_key(self, request: Request, user_id: str) -> str:
        """A new API key; the one before ends. Raises Refusal."""
        user = self.user(request, user_id)
        self._keep(User(user.id, user.hosts, secrets.token_hex(16), user.products, user.may_order))
        return self._users[user_id].key

    def user(self, request: Request, user_id: str) -> User:
        """A provisioned user. Raises Refusal."""
        self._products_of(request)
        if user_id not in self._users:
            raise refuse(404, "RESOURCE_NOT_FOUND")
        return self._users[user_id]

    def issue(self, request: Request, product: str) -> str:
        """A token for ``Basic user:key``. Raises Refusal."""
        self.check_subscription(request, product)
        user = self._basic(request.headers.get("authorization", ""))
        if user is None or product not in user.products:
            raise Refusal(401, {"error": "login_failed"})
        now = self._clock.now().timestamp()
        self._tokens = {value: token for value, token in self._tokens.items() if token.until > now}
        made = secrets.token_urlsafe(48)
        self._tokens[made] = _Token(user, product, now + TOKEN_SECONDS)
        return made

    def check(self, request: Request, product: str, *, orders: bool) -> User:
        """The user behind the bearer token of this product. Raises Refusal."""
        self.check_subscription(request, product)
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self._tokens.get(value.strip()) if scheme.lower() == "bearer" else None
        now = self._clock.now().timestamp()
        if token is None or token.until <= now or token.product != product:
            raise Refusal(401, {"error": "invalid_token"})
        if orders and not token.user.may_order:
            raise gateway(403, "Forbidden")
        return token.user

    def check_subscription(self, request: Request, product: str) -> None:
        """Raises Refusal 401 unless the subscription key is one of this product."""
        if self._subscription(request) not in self._keys.get(product, set()):
            raise gateway(401, _INVALID)

    def _products_of(self, request: Request) -> tuple[str, ...]:
        key = self._subscription(request)
        products = tuple(product for product in PRODUCTS if key in self._keys[product])
        if not products:
            raise gateway(401, _INVALID)
        return products

    def _subscription(self, request: Request) -> str:
        key = request.headers.get("ocp-apim-subscription-key", "")
        if not key:
            raise gateway(401, _MISSING)
        return key

    def _basic(self, authorization: str) -> User | None:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user_id, _, key = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        user = self._users.get(user_id)
        if user is None or not user.key:
            return None
        return user if hmac.compare_digest(key.encode(), user.key.encode()) else None

    def _keep(self, user: User) -> None:
        self._users[user.id] = user
        self._store.put(_SPACE, user.id, asdict(user))
        self._store.commit()


def reference(request: Request) -> str:
    """X-Reference-Id. Raises Refusal 400 unless it is a UUID of version 4."""
    value = request.headers.get("x-reference-id", "")
    if not is_uuid4(value):
        raise bad_request("X-Reference-Id must be a UUID of version 4.")
    return value.lower()


def host_is_allowed(url: str, user: User) -> bool:
    """Whether a callback address is on the user's host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return False
    return parts.hostname.lower() in user.hosts or parts.netloc.lower() in user.hosts


def _configured(settings: Settings) -> dict[str, User]:
    """Our two users and one that may only ask for each attester."""
    momo = settings.momo
    host = urlsplit(settings.public_url).hostname or "127.0.0.1"
    hosts = list(LOOPBACK) if host in LOOPBACK else [host]
    users = [
        User(momo.collection_user, hosts, momo.collection_secret.get_secret_value(), ("collection",)),
        User(momo.disbursement_user, hosts, momo.disbursement_secret.get_secret_value(), ("disbursement",)),
    ]
    for number in range(1, settings.attesters + 1):
        key = f"attester-{number}-momo-secret"
        users.append(User(attester_user(number), hosts, key, PRODUCTS, may_order=False))
    return {user.id: user for user in users}


def attester_user(number: int) -> str:
    """The API user of an attester, counted from 1."""
    return f"6f1a3c0e-52a5-4c3b-9d1e-6a4b2f1c1{number:03d}"


def _bare_host(text: str) -> str:
    parts = urlsplit(text if "//" in text else f"//{text}")
    return (parts.netloc or "").lower()
