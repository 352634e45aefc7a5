"""Programs that use the API: who they are, what they may do, and how often they may ask."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from juapesa.api import signing
from juapesa.api.errors import NameTaken, NotAuthenticated, ScopeMissing, TooManyRequests
from juapesa.api.signing import Message
from juapesa.clock import Clock
from juapesa.crypto import Sealer
from juapesa.db import UnitOfWork
from juapesa.errors import NotFound

REQUESTS_PER_MINUTE_MAX = 100
MINUTE = timedelta(seconds=60)
# A signature is good until 60 s after its time, which may lie 60 s ahead of our clock.
NONCE_LIFE = timedelta(seconds=2 * signing.CLOCK_SKEW_SECONDS_MAX + 60)
NAME_CHARACTERS_MAX = 80

_STRANGER = "The client is unknown or its signature or token is wrong."


class Scope(StrEnum):
    """What a client may do."""

    PAYMENTS_WRITE = "payments:write"
    PAYMENTS_READ = "payments:read"
    ACCOUNTS_READ = "accounts:read"
    OPERATIONS_READ = "operations:read"  # what needs a person of the house
    LEDGER_WRITE = "ledger:write"  # a program of the house's own, made for nobody
    OPERATIONS_DECIDE = "operations:decide"  # this client is one person, who decides about it


class Proof(StrEnum):
    """How a client shows who it is."""

    SIGNATURE = "signature"
    BEARER = "bearer"


class UnknownClient(NotFound):
    """No client has this id."""

    slug = "unknown-client"


@dataclass(frozen=True, slots=True)
class Client:
    """A program. ``person_id``: the one person whose wallet it may see and use; None: nobody's."""

    id: str
    name: str
    scopes: frozenset[Scope]
    person_id: int | None
    proof: Proof
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client with what it must keep: the signing secret or the bearer token. Shown once."""

    client: Client
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Clients:
    """Makes, ends and admits clients."""

    sealer: Sealer
    clock: Clock

    def add(
        self,
        uow: UnitOfWork,
        name: str,
        scopes: Sequence[Scope],
        proof: Proof = Proof.SIGNATURE,
        person_id: int | None = None,
    ) -> NewClient:
        """A new client; its secret cannot be read again. Raises NameTaken."""
        number, secret = f"cl_{secrets.token_hex(8)}", secrets.token_urlsafe(32)
        signs = proof is Proof.SIGNATURE
        made = uow.one(
            """INSERT INTO api.client (id, name, scopes, person_id, secret_sealed, token_hash, made_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING *""",
            (
                number,
                name,
                sorted(set(scopes)),
                person_id,
                self.sealer.seal(secret.encode(), _context(number)) if signs else None,
                None if signs else hashlib.sha256(secret.encode()).digest(),
                self.clock.now(),
            ),
        )
        if made is None:
            raise NameTaken("Another client has this name; choose one that is free.")
        return NewClient(_client(made), secret if signs else f"{number}.{secret}")

    def end(self, uow: UnitOfWork, client_id: str) -> None:
        """Let a client in no more. Raises UnknownClient."""
        sql = "UPDATE api.client SET ended_at = coalesce(ended_at, %s) WHERE id = %s"
        if not uow.execute(sql, (self.clock.now(), client_id)):
            raise UnknownClient("No client has this id.")

    def all(self, uow: UnitOfWork) -> list[Client]:
        """Every client, oldest first."""
        return [_client(row) for row in uow.all("SELECT * FROM api.client ORDER BY made_at, id")]

    def admit(self, uow: UnitOfWork, header: str, message: Message) -> Client:
        """Who sent this message, counted against its minute. Commit it before acting on the request.

        Raises NotAuthenticated, TooManyRequests.
        """
        scheme, _, proof = header.partition(" ")
        if scheme.lower() == signing.SCHEME.lower():
            row, nonce = self._signer(uow, proof, message)
        elif scheme.lower() == "bearer":
            row, nonce = self._bearer(uow, proof), f"bearer.{secrets.token_hex(16)}"
        else:
            raise NotAuthenticated(f"Send an Authorization header: {signing.SCHEME} or Bearer.")
        self._count(uow, row["id"], nonce)
        return _client(row)

    def holder(self, uow: UnitOfWork, token: str, scope: Scope) -> Client:
        """Whose token this is, beside HTTP. Raises NotAuthenticated, ScopeMissing."""
        client = _client(self._bearer(uow, token))
        if scope not in client.scopes:
            raise ScopeMissing(f"This client lacks the scope {scope}.")
        return client

    def _signer(self, uow: UnitOfWork, text: str, message: Message) -> tuple[dict[str, Any], str]:
        signature = signing.read(text)
        row = _living(uow, signature.client)
        if row["secret_sealed"] is None:
            raise NotAuthenticated(_STRANGER)
        secret = self.sealer.open(row["secret_sealed"], _context(row["id"])).decode()
        if not signing.is_genuine(signature, secret, message):
            raise NotAuthenticated(_STRANGER)
        if abs(self.clock.now().timestamp() - signature.seconds) > signing.CLOCK_SKEW_SECONDS_MAX:
            raise NotAuthenticated("The request was not signed just now; check your clock.")
        return row, signature.nonce

    def _bearer(self, uow: UnitOfWork, text: str) -> dict[str, Any]:
        number, _, secret = text.strip().partition(".")
        row = _living(uow, number)
        given = hashlib.sha256(secret.encode()).digest()
        if row["token_hash"] is None or not hmac.compare_digest(row["token_hash"], given):
            raise NotAuthenticated(_STRANGER)
        return row

    def _count(self, uow: UnitOfWork, client_id: str, nonce: str) -> None:
        """Note the request; the caller holds the client's row, so that twins count one after the other."""
        now = self.clock.now()
        uow.execute(
            "DELETE FROM api.admission WHERE client_id = %s AND at < %s", (client_id, now - NONCE_LIFE)
        )
        lately = uow.one(
            "SELECT count(*) AS n, min(at) AS first FROM api.admission WHERE client_id = %s AND at > %s",
            (client_id, now - MINUTE),
        )
        assert lately is not None
        if lately["n"] >= REQUESTS_PER_MINUTE_MAX:
            wait = (lately["first"] + MINUTE - now).total_seconds()
            raise TooManyRequests(
                f"A client has {REQUESTS_PER_MINUTE_MAX} requests a minute.", max(1, -int(-wait // 1))
            )
        sql = "INSERT INTO api.admission (client_id, nonce, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
        if not uow.execute(sql, (client_id, nonce, now)):
            raise NotAuthenticated("This nonce was used before; sign every request anew.")


def _living(uow: UnitOfWork, client_id: str) -> dict[str, Any]:
    """The client's row, locked until its request is counted. Raises NotAuthenticated."""
    row = uow.one(
        "SELECT * FROM api.client WHERE id = %s AND ended_at IS NULL FOR NO KEY UPDATE", (client_id,)
    )
    if row is None:
        raise NotAuthenticated(_STRANGER)
    return row


def _client(row: dict[str, Any]) -> Client:
    return Client(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(Scope(each) for each in row["scopes"]),
        person_id=row["person_id"],
        proof=Proof.BEARER if row["secret_sealed"] is None else Proof.SIGNATURE,
        ended_at=row["ended_at"],
    )


def _context(client_id: str) -> str:
    return f"api.client:{client_id}"
