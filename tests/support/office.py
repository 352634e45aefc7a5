"""The house with its HTTP side open, and programs that use it."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from juapesa.api import signing
from juapesa.api.app import build_app
from juapesa.api.attesters import attester_routes
from juapesa.api.clients import Clients, NewClient, Proof, Scope
from juapesa.api.figures import figure_routes
from juapesa.api.ports import CallbackDesk
from juapesa.api.programs import program_routes
from juapesa.clock import SystemClock
from juapesa.db import Database
from support.payments_house import House, payments_house

ALL = tuple(Scope)


@dataclass
class Program:
    """An integrator's program: signs as the documentation says, and nothing else."""

    http: TestClient
    known: NewClient
    keys: Iterator[str] = field(default_factory=lambda: iter(lambda: secrets.token_hex(8), ""))

    def signed(self, method: str, path: str, body: bytes, key: str, ago: int = 0) -> dict[str, str]:
        now = int(SystemClock().now().timestamp()) - ago
        message = signing.Message(method, path, key, body)
        line = signing.authorization(
            self.known.client.id, self.known.secret, message, now, secrets.token_hex(8)
        )
        key_header = {"Idempotency-Key": key} if key else {}
        return {"Authorization": line, "Content-Type": "application/json", **key_header}

    def post(self, path: str, given: Any, key: str | None = None) -> Response:
        body, key = json.dumps(given).encode(), next(self.keys) if key is None else key
        return self.http.post(path, content=body, headers=self.signed("POST", path, body, key))

    def post_raw(self, path: str, body: bytes, kind: str) -> Response:
        headers = self.signed("POST", path, body, next(self.keys)) | {"Content-Type": kind}
        return self.http.post(path, content=body, headers=headers)

    def get(self, path: str) -> Response:
        return self.http.get(path, headers=self.signed("GET", path, b"", ""))

    def quote(self, given: Any) -> str:
        answer = self.post("/api/payments/initiate", given)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def pay(self, given: Any) -> str:
        answer = self.post("/api/payments/confirm", {"token": self.quote(given)})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["code"])

    def state(self, code: str) -> str:
        return str(self.get(f"/api/payments/{code}").json()["state"])


@dataclass
class Office:
    """The house with its HTTP side open."""

    house: House
    http: TestClient

    def program(self, *scopes: Scope, proof: Proof = Proof.SIGNATURE, owner: str | None = None) -> Program:
        parts = self.house.parts()
        with self.house.db.unit_of_work() as uow:
            person = parts.people.enroll(uow, owner).id if owner else None
            clients = Clients(parts.sealer, parts.clock)
            made = clients.add(uow, secrets.token_hex(4), scopes or ALL, proof, person)
        return Program(self.http, made)

    def payments(self) -> int:
        with self.house.db.unit_of_work() as uow:
            row = uow.one("SELECT count(*) AS n FROM payments.payment")
        assert row is not None
        return int(row["n"])


@contextmanager
def open_office(database: Database, folder: Path) -> Iterator[Office]:
    """An office for as long as the block runs."""
    with payments_house(database, folder) as house:
        parts = house.parts()
        desk = CallbackDesk(parts.urls, parts.inbox, {})
        desks = attester_routes(database, parts.issuance, parts.clock), figure_routes(parts)
        app = build_app(parts.settings, database, parts.receipts, desk, (*desks, *program_routes(parts)))
        with TestClient(app, raise_server_exceptions=False) as http:
            yield Office(house, http)
        asyncio.run(parts.rails.close())


def slug(answer: Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix("urn:juapesa:problem:")
