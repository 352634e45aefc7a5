"""Rates that somebody has fixed over the control port, kept over a restart."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from juapesa.errors import InvalidInput, NotFound
from juapesa.sandbox.prices import BASES
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import control_body

MID_MAX = 2**128


class FixedRates:
    """``otherwise`` says what a symbol's rate is while nobody has fixed it."""

    def __init__(self, store: Store, space: str, otherwise: Callable[[str], int]) -> None:
        self._store = store
        self._space = space
        self._otherwise = otherwise
        self._fixed = {symbol: int(row["midE18"]) for symbol, row in store.load(space).items()}

    def get(self, symbol: str) -> int | None:
        """The fixed rate, USDC for one whole token × 10^18."""
        return self._fixed.get(symbol)

    def route(self) -> Route:
        """``/_sandbox/prices/SYMBOL``."""
        return Route("/_sandbox/prices/{symbol}", self.change, methods=["GET", "PUT", "DELETE"])

    async def change(self, request: Request) -> Response:
        """PUT fixes a rate, DELETE lets it wander again, GET shows it."""
        symbol = request.path_params["symbol"]
        if symbol not in BASES:
            raise NotFound(f"Prices are published for {', '.join(BASES)}.")
        if request.method == "PUT":
            self._fixed[symbol] = _mid((await control_body(request)).get("midE18"))
            self._store.put(self._space, symbol, {"midE18": str(self._fixed[symbol])})
        if request.method == "DELETE" and self._fixed.pop(symbol, None) is not None:
            self._store.drop(self._space, symbol)
        self._store.commit()
        fixed = self._fixed.get(symbol)
        mid = self._otherwise(symbol) if fixed is None else fixed
        return JSONResponse({"symbol": symbol, "midE18": str(mid), "fixed": fixed is not None})


def _mid(value: object) -> int:
    if not isinstance(value, str) or not value.isdecimal() or not 0 < int(value) < MID_MAX:
        raise InvalidInput("Give midE18 as text: USDC for one whole token, times 1e18.")
    return int(value)
