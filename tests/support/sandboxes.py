"""Sandboxes on real sockets, a receiver for their callbacks, and clients written from the pages alone.

The clients know nothing of our adapters: they are what somebody else would write.
"""

import base64
import contextlib
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from juapesa.clock import SystemClock
from juapesa.config import Settings
from juapesa.sandbox.daraja import build as build_daraja
from juapesa.sandbox.engine import Delay
from juapesa.sandbox.momo import build as build_momo
from juapesa.sandbox.store import Store

QUICK = Delay(0.05, 0.1)
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
INITIATOR_PASSWORD = "Sandbox#2026"
NAIROBI = timezone(timedelta(hours=3))
ALICE, BOB = "254711000001", "254722000002"


@contextlib.contextmanager
def served(make: Callable[[], Starlette]) -> Iterator[str]:
    """An application on a port of its own until the end of the block; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(make(), log_level="error", lifespan="on", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=5)


@dataclass
class Receiver:
    """Where callbacks arrive. ``answers`` by path: a status, or a JSON answer; others get 200."""

    url: str = ""
    got: list[tuple[str, str, Any]] = field(default_factory=list)  # method, path, body
    answers: dict[str, Any] = field(default_factory=dict)

    async def handle(self, request: Request) -> Response:
        raw = await request.body()
        kind = request.headers.get("content-type", "")
        body = json.loads(raw) if kind.startswith("application/json") else raw.decode()
        self.got.append((request.method, request.url.path, body))
        answer = self.answers.get(request.url.path, 200)
        return Response(status_code=answer) if isinstance(answer, int) else JSONResponse(answer)

    def at(self, path: str) -> list[Any]:
        """Bodies that came to a path."""
        return [body for _, where, body in self.got if where == path]

    def wait(self, path: str, count: int = 1, seconds: float = 4.0) -> list[Any]:
        """Those bodies, once there are so many."""
        eventually(lambda: len(self.at(path)) >= count, seconds)
        return self.at(path)


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    routes = [Route("/{path:path}", made.handle, methods=["GET", "POST", "PUT"])]
    with served(lambda: Starlette(routes=routes)) as url:
        made.url = url
        yield made


def eventually(true: Callable[[], object], seconds: float = 4.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def settings(**changes: Any) -> Settings:
    """The defaults, whatever this machine's environment says."""
    return Settings.model_construct(**changes)


@dataclass
class Control:
    """The control port. ``web`` may be used for anything else as well."""

    url: str
    web: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10), kw_only=True)

    def fault(self, on: str, fault: str, **more: Any) -> str:
        reply = self.web.post(f"{self.url}/_sandbox/faults", json={"on": on, "fault": fault, **more})
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def clear(self) -> None:
        assert self.web.delete(f"{self.url}/_sandbox/faults").status_code == 204

    def options(self, **values: Any) -> None:
        assert self.web.put(f"{self.url}/_sandbox/options", json=values).status_code == 200

    def state(self, **narrow: str) -> dict[str, Any]:
        read: dict[str, Any] = self.web.get(f"{self.url}/_sandbox/state", params=narrow).json()
        return read

    def order(self, reference: str) -> dict[str, Any]:
        """The one order with this reference or operator's id."""
        (found,) = self.state(reference=reference)["orders"]
        return dict(found)

    def person(self, phone: str, balance: str) -> None:
        put = self.web.put(f"{self.url}/_sandbox/people/{phone}", json={"balance": balance})
        assert put.status_code == 200

    def done(self, reference: str, seconds: float = 4.0) -> dict[str, Any]:
        """The order once it has an outcome."""
        eventually(lambda: self.order(reference)["status"] != "pending", seconds)
        return self.order(reference)


@dataclass
class Daraja(Control):
    """A client of Daraja."""

    key: str = "sandbox-consumer"
    secret: str = "sandbox-consumer-secret"
    token: str = ""
    _certificate: rsa.RSAPublicKey | None = None

    def login(self) -> str:
        reply = self.web.get(
            f"{self.url}/oauth/v1/generate",
            params={"grant_type": "client_credentials"},
            auth=(self.key, self.secret),
        )
        assert reply.status_code == 200, reply.text
        self.token = reply.json()["access_token"]
        return self.token

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        if not self.token:
            self.login()
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.web.post(self.url + path, json=body, headers=headers, **more)

    def signed(self) -> dict[str, str]:
        stamp = datetime.now(NAIROBI).strftime("%Y%m%d%H%M%S")
        password = base64.b64encode(f"174379{PASSKEY}{stamp}".encode()).decode()
        return {"BusinessShortCode": "174379", "Password": password, "Timestamp": stamp}

    def stk_body(self, callback: str, phone: str = ALICE, amount: Any = "1000") -> dict[str, Any]:
        return {
            **self.signed(),
            "TransactionType": "CustomerPayBillOnline",
            "Amount": amount,
            "PartyA": phone,
            "PartyB": "174379",
            "PhoneNumber": phone,
            "CallBackURL": callback,
            "AccountReference": "JP12345",
            "TransactionDesc": "Jua Pesa",
        }

    def stk(self, callback: str, phone: str = ALICE, amount: Any = "1000") -> dict[str, Any]:
        reply = self.post("/mpesa/stkpush/v1/processrequest", self.stk_body(callback, phone, amount))
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def stk_query(self, checkout: str) -> httpx.Response:
        return self.post("/mpesa/stkpushquery/v1/query", {**self.signed(), "CheckoutRequestID": checkout})

    def credential(self, password: str = INITIATOR_PASSWORD) -> str:
        if self._certificate is None:
            pem = self.web.get(f"{self.url}/_sandbox/certificate.pem").content
            key = x509.load_pem_x509_certificate(pem).public_key()
            assert isinstance(key, rsa.RSAPublicKey)
            self._certificate = key
        return base64.b64encode(self._certificate.encrypt(password.encode(), padding.PKCS1v15())).decode()

    def b2c_body(self, result: str, phone: str = BOB, amount: Any = "500", own: str = "") -> dict[str, Any]:
        return {
            "OriginatorConversationID": own or str(uuid.uuid4()),
            "InitiatorName": "juapesa",
            "SecurityCredential": self.credential(),
            "CommandID": "BusinessPayment",
            "Amount": amount,
            "PartyA": "600000",
            "PartyB": phone,
            "Remarks": "payout",
            "QueueTimeOutURL": result.replace("/result", "/timeout"),
            "ResultURL": result,
            "Occassion": "",
        }

    def b2c(self, result: str, phone: str = BOB, amount: Any = "500", own: str = "") -> dict[str, Any]:
        reply = self.post("/mpesa/b2c/v3/paymentrequest", self.b2c_body(result, phone, amount, own))
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def ask(self, path: str, command: str, result: str, **more: Any) -> httpx.Response:
        """A command whose answer comes to ``result``."""
        body = {
            "Initiator": "juapesa",
            "SecurityCredential": self.credential(),
            "CommandID": command,
            "PartyA": "600000",
            "IdentifierType": "4",
            "Remarks": "ok",
            "ResultURL": result,
            "QueueTimeOutURL": result.replace("/result", "/timeout"),
        }
        return self.post(path, {**body, **more})


@dataclass
class Momo(Control):
    """A client of MoMo, with the users that come configured."""

    environment: str = "mtnnigeria"
    currency: str = "NGN"
    tokens: dict[str, str] = field(default_factory=dict)
    users: dict[str, tuple[str, str, str]] = field(
        default_factory=lambda: {
            "collection": (
                "sandbox-collection-key",
                "6f1a3c0e-52a5-4c3b-9d1e-6a4b2f1c0001",
                "sandbox-collection-secret",
            ),
            "disbursement": (
                "sandbox-disbursement-key",
                "6f1a3c0e-52a5-4c3b-9d1e-6a4b2f1c0002",
                "sandbox-disbursement-secret",
            ),
        }
    )

    def login(self, product: str) -> str:
        key, user, secret = self.users[product]
        reply = self.web.post(
            f"{self.url}/{product}/token/", auth=(user, secret), headers={"Ocp-Apim-Subscription-Key": key}
        )
        assert reply.status_code == 200, reply.text
        self.tokens[product] = reply.json()["access_token"]
        return self.tokens[product]

    def headers(self, product: str) -> dict[str, str]:
        token = self.tokens.get(product) or self.login(product)
        return {
            "Authorization": f"Bearer {token}",
            "Ocp-Apim-Subscription-Key": self.users[product][0],
            "X-Target-Environment": self.environment,
        }

    def get(self, product: str, path: str) -> httpx.Response:
        url = f"{self.url}/{product}/v1_0/{path}"
        return self.web.get(url, headers=self.headers(product))

    def send(
        self,
        operation: str,
        own: str,
        *,
        callback: str | None = None,
        phone: str = "2348031230001",
        amount: Any = "5000",
        **more: Any,
    ) -> httpx.Response:
        """Request to pay, transfer or deposit."""
        product = "collection" if operation == "requesttopay" else "disbursement"
        party = "payer" if product == "collection" else "payee"
        body = {
            "amount": amount,
            "currency": self.currency,
            "externalId": "order-1",
            party: {"partyIdType": "MSISDN", "partyId": phone},
            "payerMessage": "Jua Pesa",
            "payeeNote": "Jua Pesa",
            **more,
        }
        headers = {**self.headers(product), "X-Reference-Id": own}
        if callback:
            headers["X-Callback-Url"] = callback
        url = f"{self.url}/{product}/v1_0/{operation}"
        return self.web.post(url, json=body, headers=headers)

    def status(self, operation: str, own: str) -> dict[str, Any]:
        product = "collection" if operation == "requesttopay" else "disbursement"
        reply = self.get(product, f"{operation}/{own}")
        assert reply.status_code == 200, reply.text
        return dict(reply.json())


@contextlib.contextmanager
def daraja(state: Path | None = None, delay: Delay = QUICK) -> Iterator[Daraja]:
    """M-Pesa; at the end its books must balance."""
    make = lambda: build_daraja(settings(), Store(state), SystemClock(), delay)  # noqa: E731
    with served(make) as url:
        client = Daraja(url)
        yield client
        assert client.state()["sum"] == "0.00", "money appeared or vanished at M-Pesa"


@contextlib.contextmanager
def momo(state: Path | None = None, delay: Delay = QUICK) -> Iterator[Momo]:
    """MoMo; at the end its books must balance."""
    make = lambda: build_momo(settings(), Store(state), SystemClock(), delay)  # noqa: E731
    with served(make) as url:
        client = Momo(url)
        yield client
        sums = client.state()["sums"].values()
        assert all(float(each) == 0 for each in sums), "money appeared or vanished at MoMo"
