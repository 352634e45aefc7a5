"""One price publisher: the market as it sees it, signed with its own key, with faults of its own."""

import re
import secrets
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from juapesa.errors import JuaError
from juapesa.sandbox import control
from juapesa.sandbox.faults import Fault, FaultBoard
from juapesa.sandbox.market import Market
from juapesa.sandbox.prices import BASES, PriceSigner, seen_by
from juapesa.sandbox.rates import FixedRates
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import Refusal, answer, on_control_error, on_refusal

STALE_SECONDS = 3_600.0
JUMP_PPM = 200_000
PRICE_FAULTS = frozenset(
    {"outage", "rate-limit", "timeout-after-accept", "late", "forge", "jump", "wrong-symbol"}
)

_PPM = re.compile(r"-?[0-9]{1,6}", re.ASCII)


class Publisher:
    """Publisher ``number`` of the market. A rate fixed here is this publisher's alone: it disagrees."""

    def __init__(self, number: int, market: Market, store: Store, chain_id: int, key: bytes) -> None:
        self._number = number
        self._market = market
        self._signer = PriceSigner(key, chain_id)
        self._stranger = PriceSigner(secrets.token_bytes(32), chain_id)
        self._last: tuple[object, list[dict[str, Any]]] = (None, [])
        self._fixed = FixedRates(store, f"oracle/price-{number}", self._seen)
        self._faults = FaultBoard({"price": PRICE_FAULTS}, market.clock)

    @property
    def address(self) -> str:
        """Who signs."""
        return self._signer.address

    def app(self) -> Starlette:
        """Its own paths: the prices, and a control port."""
        options = control.Options({}, {})
        return Starlette(
            routes=[
                Route("/v1/prices", self.prices),
                self._fixed.route(),
                *control.routes(f"publisher {self._number}", self._faults, options, self._state),
            ],
            exception_handlers={Refusal: on_refusal, JuaError: on_control_error},
        )

    async def prices(self, _: Request) -> Response:
        """GET /v1/prices."""
        fault = self._faults.at_the_door("price", None)
        if fault is not None:
            raise Refusal(503 if fault.fault == "outage" else 429, {"error": fault.fault})
        tokens = await self._market.tokens()
        if not tokens:
            raise Refusal(503, {"error": "no-tokens", "detail": "The deployment file is not there yet."})
        fault = self._faults.inside("price", None)
        at = self._market.now()
        lines = self._spoilt(fault, tokens, at) if fault is not None else self._cached(tokens, at)
        return await answer(fault, JSONResponse({"prices": lines, "publisher": self.address}))

    def _cached(self, tokens: dict[str, str], at: int) -> list[dict[str, Any]]:
        """Signed anew at most once a second."""
        state = (at, tokens, {symbol: self._mid(symbol, at) for symbol in BASES})
        if self._last[0] != state:
            self._last = (state, self._lines(self._signer, tokens, at))
        return self._last[1]

    def _spoilt(self, fault: Fault, tokens: dict[str, str], at: int) -> list[dict[str, Any]]:
        """What comes of a fault; one that only spoils the way back changes nothing here."""
        match fault.fault:
            case "late":
                return self._lines(self._signer, tokens, at - int(fault.wait(STALE_SECONDS)))
            case "forge":
                return self._lines(self._stranger, tokens, at)
            case "jump":
                return self._lines(self._signer, tokens, at, _jump_ppm(fault))
            case "wrong-symbol":
                lines = self._lines(self._signer, tokens, at)
                names = [line["symbol"] for line in lines]
                others = [*names[1:], names[0]] if len(names) > 1 else ["XXX"]
                return [line | {"symbol": other} for line, other in zip(lines, others, strict=True)]
            case _:
                return self._lines(self._signer, tokens, at)

    def _lines(
        self, signer: PriceSigner, tokens: dict[str, str], at: int, jump_ppm: int = 0
    ) -> list[dict[str, Any]]:
        mids = {symbol: self._mid(symbol, at) for symbol in BASES if symbol in tokens}
        jumped = {symbol: mid + mid * jump_ppm // 1_000_000 for symbol, mid in mids.items()}
        return [signer.signed(symbol, tokens[symbol], mid, at) for symbol, mid in jumped.items()]

    def _mid(self, symbol: str, at: int) -> int:
        return self._fixed.get(symbol) or self._seen(symbol, at)

    def _seen(self, symbol: str, at: int | None = None) -> int:
        at = self._market.now() if at is None else at
        return seen_by(self._number, symbol, self._market.mid(symbol, at), at)

    def _state(self, _: Request) -> dict[str, Any]:
        at = self._market.now()
        rates = {symbol: str(self._mid(symbol, at)) for symbol in BASES}
        return {"operator": f"publisher {self._number}", "publisher": self.address, "midE18": rates}


def _jump_ppm(fault: Fault) -> int:
    """How far: the fault's ``code`` in millionths, or a fifth upwards. Never below a price of something."""
    asked = int(fault.code) if _PPM.fullmatch(fault.code) else JUMP_PPM
    return max(asked, -999_999)
