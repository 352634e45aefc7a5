"""Requests to MoMo's Open API: one token a product, and one retry when it was refused."""

import hashlib
from dataclasses import dataclass
from typing import Any

import httpx

from juapesa.config.settings import MomoSettings
from juapesa.rails.http import Reply, exchange
from juapesa.rails.momo.mapping import Product
from juapesa.rails.tokens import FreshToken, NoToken, TokenStore


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials of one product."""

    key: str
    user: str
    secret: str

    def __repr__(self) -> str:
        return "Access(…)"


def access_of(settings: MomoSettings, product: Product) -> Access:
    """The configured credentials of a product."""
    if product is Product.COLLECTION:
        return Access(
            settings.collection_key.get_secret_value(),
            settings.collection_user,
            settings.collection_secret.get_secret_value(),
        )
    return Access(
        settings.disbursement_key.get_secret_value(),
        settings.disbursement_user,
        settings.disbursement_secret.get_secret_value(),
    )


class MomoClient:
    """Speaks to one product of one country's MoMo."""

    def __init__(
        self, http: httpx.AsyncClient, settings: MomoSettings, product: Product, tokens: TokenStore
    ) -> None:
        self._http = http
        self._settings = settings
        self._access = access_of(settings, product)
        self._tokens = tokens
        self._base = f"{settings.base_url.rstrip('/')}/{product}"
        app = hashlib.sha256(f"{self._base}|{self._access.user}".encode()).hexdigest()
        self._token_name = f"momo-{product}/{app[:16]}"

    async def get(self, path: str) -> Reply:
        """GET ``/{product}`` + path. Raises NoToken."""
        return await self._send("GET", path, {})

    async def order(self, path: str, reference: str, callback_url: str, body: dict[str, Any]) -> Reply:
        """POST an order under our ``reference``, which makes a repeat harmless. Raises NoToken."""
        headers = {"X-Reference-Id": reference, "X-Callback-Url": callback_url}
        return await self._send("POST", path, headers, json=body)

    async def _send(self, method: str, path: str, headers: dict[str, str], **request: Any) -> Reply:
        token = await self._tokens.get(self._token_name, self._fetch)
        reply = await self._send_with(token, method, path, headers, request)
        if reply.status != httpx.codes.UNAUTHORIZED:
            return reply
        token = await self._tokens.get(self._token_name, self._fetch, refused=token)
        return await self._send_with(token, method, path, headers, request)

    async def _send_with(
        self, token: str, method: str, path: str, headers: dict[str, str], request: dict[str, Any]
    ) -> Reply:
        return await exchange(
            self._http,
            method,
            self._base + path,
            timeout_seconds=self._settings.timeout_seconds,
            headers={
                "Authorization": f"Bearer {token}",
                "Ocp-Apim-Subscription-Key": self._access.key,
                "X-Target-Environment": self._settings.target_environment,
                **headers,
            },
            **request,
        )

    async def _fetch(self) -> FreshToken:
        reply = await exchange(
            self._http,
            "POST",
            f"{self._base}/token/",
            timeout_seconds=self._settings.timeout_seconds,
            auth=(self._access.user, self._access.secret),
            headers={"Ocp-Apim-Subscription-Key": self._access.key},
        )
        value = reply.text_at("access_token")
        if not reply.ok or not value:
            raise NoToken(f"MoMo gave no access token (HTTP {reply.status or reply.why}).")
        lives = reply.text_at("expires_in")
        return FreshToken(value, int(lives) if lives.isdecimal() else 3600)
