"""The price publisher: signed rates for the pools."""

import asyncio
import json
import re
import secrets
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.errors import InvalidInput, JuaError, NotFound
from juapesa.sandbox import control
from juapesa.sandbox.faults import FaultBoard
from juapesa.sandbox.prices import BASES, Publisher, mid_at
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import Refusal, answer, control_body, on_control_error, on_refusal

STALE_SECONDS = 3_600.0
PRICE_FAULTS = frozenset({"outage", "rate-limit", "timeout-after-accept", "late", "forge"})
MID_MAX = 2**128

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


class Oracle:
    """Knows the rates; learns the tokens' addresses from the deployment file when it appears."""

    def __init__(
        self, settings: Settings, store: Store, clock: Clock, deployment: Path, key: bytes | None
    ) -> None:
        self._store = store
        self._clock = clock
        self._deployment = deployment
        self._read_at = -1
        self._tokens: dict[str, str] = {}
        kept = store.load("oracle/price")
        self._fixed = {symbol: int(row["midE18"]) for symbol, row in kept.items()}
        self._publisher = Publisher(key or _own_key(store), settings.chain.chain_id)
        self._stranger = Publisher(secrets.token_bytes(32), settings.chain.chain_id)
        self._last: tuple[int, list[dict[str, Any]]] = (0, [])
        self.faults = FaultBoard({"price": PRICE_FAULTS}, clock)
        self.options = control.Options({}, {})

    @property
    def address(self) -> str:
        """The publisher's address."""
        return self._publisher.address

    async def prices(self, _: Request) -> Response:
        """GET /v1/prices."""
        fault = self.faults.at_the_door("price", None)
        if fault is not None:
            raise Refusal(503 if fault.fault == "outage" else 429, {"error": fault.fault})
        tokens = await asyncio.to_thread(self._read_tokens)
        if not tokens:
            raise Refusal(503, {"error": "no-tokens", "detail": "The deployment file is not there yet."})
        fault = self.faults.inside("price", None)
        kind = fault.fault if fault is not None else ""
        at = int(self._clock.now().timestamp())
        if kind == "late" and fault is not None:
            at -= int(fault.wait(STALE_SECONDS))
        signer = self._stranger if kind == "forge" else self._publisher
        lines = self._lines(signer, tokens, at) if kind else self._cached(tokens, at)
        return await answer(fault, JSONResponse({"prices": lines, "publisher": self.address}))

    async def change(self, request: Request) -> Response:
        """PUT fixes a rate, DELETE lets it wander again, GET shows it."""
        symbol = request.path_params["symbol"]
        if symbol not in BASES:
            raise NotFound(f"Prices are published for {', '.join(BASES)}.")
        if request.method == "PUT":
            self._fixed[symbol] = _mid((await control_body(request)).get("midE18"))
            self._store.put("oracle/price", symbol, {"midE18": str(self._fixed[symbol])})
        if request.method == "DELETE" and self._fixed.pop(symbol, None) is not None:
            self._store.drop("oracle/price", symbol)
        self._store.commit()
        self._last = (0, [])
        at = int(self._clock.now().timestamp())
        fixed = symbol in self._fixed
        return JSONResponse({"symbol": symbol, "midE18": str(self._mid(symbol, at)), "fixed": fixed})

    def state(self, _: Request) -> dict[str, Any]:
        """The present rates."""
        at = int(self._clock.now().timestamp())
        rates = {symbol: str(self._mid(symbol, at)) for symbol in BASES}
        return {"operator": "oracle", "publisher": self.address, "midE18": rates, "tokens": self._tokens}

    def _cached(self, tokens: dict[str, str], at: int) -> list[dict[str, Any]]:
        """Signed anew at most once a second."""
        if self._last[0] != at:
            self._last = (at, self._lines(self._publisher, tokens, at))
        return self._last[1]

    def _lines(self, signer: Publisher, tokens: dict[str, str], at: int) -> list[dict[str, Any]]:
        known = [symbol for symbol in BASES if symbol in tokens]
        return [signer.signed(symbol, tokens[symbol], self._mid(symbol, at), at) for symbol in known]

    def _mid(self, symbol: str, at: int) -> int:
        return self._fixed.get(symbol) or mid_at(symbol, BASES[symbol], at)

    def _read_tokens(self) -> dict[str, str]:
        """Read the file when it is new or has changed; a half-written one waits for the next call."""
        try:
            changed = self._deployment.stat().st_mtime_ns
            if changed == self._read_at:
                return self._tokens
            tokens = json.loads(self._deployment.read_text())["tokens"]
            found = {symbol: str(tokens[symbol]["address"]) for symbol in BASES if symbol in tokens}
        except (OSError, ValueError, KeyError, TypeError):
            return self._tokens
        self._tokens = {symbol: each for symbol, each in found.items() if _ADDRESS.fullmatch(each)}
        self._read_at, self._last = changed, (0, [])
        return self._tokens


def build(
    settings: Settings, store: Store, clock: Clock, deployment: Path | None = None, key: bytes | None = None
) -> Starlette:
    """The application. Without a key it makes one of its own and keeps it."""
    file = deployment or settings.chain.deployments_dir / f"{settings.chain.network}.json"
    oracle = Oracle(settings, store, clock, file, key)
    return Starlette(
        routes=[
            Route("/v1/prices", oracle.prices),
            Route("/_sandbox/prices/{symbol}", oracle.change, methods=["GET", "PUT", "DELETE"]),
            *control.routes("oracle", oracle.faults, oracle.options, oracle.state),
        ],
        exception_handlers={Refusal: on_refusal, JuaError: on_control_error},
    )


def _own_key(store: Store) -> bytes:
    kept = store.load("oracle/key").get("publisher")
    if kept is None:
        kept = {"key": secrets.token_hex(32)}
        store.put("oracle/key", "publisher", kept)
        store.commit()
    return bytes.fromhex(kept["key"])


def _mid(value: object) -> int:
    if not isinstance(value, str) or not value.isdecimal() or not 0 < int(value) < MID_MAX:
        raise InvalidInput("Give midE18 as text: USDC for one whole token, times 1e18.")
    return int(value)
