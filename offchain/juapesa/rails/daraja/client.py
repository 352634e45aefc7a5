"""Requests to Daraja: the shared token, and one retry when it was refused.

OAuth as in Daraja's "Authorization" page: a token lives 3600 s and each new one ends the one
before. The token is therefore asked of a TokenStore that all our processes share.
"""

import hashlib
from typing import Any

import httpx

from juapesa.config.settings import DarajaSettings
from juapesa.rails.daraja.mapping import TOKEN_ERRORS
from juapesa.rails.http import Reply, exchange
from juapesa.rails.tokens import FreshToken, NoToken, TokenStore

STK_PUSH = "/mpesa/stkpush/v1/processrequest"
STK_QUERY = "/mpesa/stkpushquery/v1/query"
B2C = "/mpesa/b2c/v3/paymentrequest"
STATUS = "/mpesa/transactionstatus/v1/query"
BALANCE = "/mpesa/accountbalance/v1/query"
PULL = "/pulltransactions/v1/query"
PULL_REGISTER = "/pulltransactions/v1/register"


class DarajaClient:
    """Speaks to one Daraja app."""

    def __init__(self, http: httpx.AsyncClient, settings: DarajaSettings, tokens: TokenStore) -> None:
        self._http = http
        self._settings = settings
        self._tokens = tokens
        self._base = settings.base_url.rstrip("/")
        app = hashlib.sha256(f"{self._base}|{settings.consumer_key}".encode()).hexdigest()
        self._token_name = f"daraja/{app[:16]}"

    async def post(self, path: str, body: dict[str, Any], timeout_seconds: float | None = None) -> Reply:
        """POST a JSON body. A refused token is replaced once and the request sent once more.

        That is safe for orders too: a request with a bad token is turned away at the door.
        Raises NoToken when there is no token, in which case nothing was sent.
        """
        token = await self._tokens.get(self._token_name, self._fetch)
        reply = await self._post(path, body, token, timeout_seconds)
        if not token_refused(reply):
            return reply
        token = await self._tokens.get(self._token_name, self._fetch, refused=token)
        return await self._post(path, body, token, timeout_seconds)

    async def _post(
        self, path: str, body: dict[str, Any], token: str, timeout_seconds: float | None
    ) -> Reply:
        return await exchange(
            self._http,
            "POST",
            self._base + path,
            timeout_seconds=timeout_seconds or self._settings.timeout_seconds,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        )

    async def _fetch(self) -> FreshToken:
        reply = await exchange(
            self._http,
            "GET",
            f"{self._base}/oauth/v1/generate",
            timeout_seconds=self._settings.timeout_seconds,
            params={"grant_type": "client_credentials"},
            auth=(self._settings.consumer_key, self._settings.consumer_secret.get_secret_value()),
        )
        value = reply.text_at("access_token")
        if not reply.ok or not value:
            raise NoToken(f"Daraja gave no access token (HTTP {reply.status or reply.why}).")
        lives = reply.text_at("expires_in")  # text in their sample, a number at times
        return FreshToken(value, int(lives) if lives.isdecimal() else 3600)


def token_refused(reply: Reply) -> bool:
    """Whether the answer says that the access token is not, or no longer, valid."""
    code, message = reply.text_at("errorCode"), reply.text_at("errorMessage").casefold()
    refused = code in TOKEN_ERRORS or "access token" in message
    return reply.status == 401 or (400 <= reply.status < 500 and refused)
