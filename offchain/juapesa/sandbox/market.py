"""The market that all publishers look at: one rate a symbol, and which tokens there are."""

import asyncio
import json
import re
from pathlib import Path

from starlette.requests import Request

from juapesa.clock import Clock
from juapesa.sandbox.prices import BASES, mid_at
from juapesa.sandbox.rates import FixedRates
from juapesa.sandbox.store import Store

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


class Market:
    """Knows the rates; learns the tokens' addresses from the deployment file when it appears."""

    def __init__(self, store: Store, clock: Clock, deployment: Path) -> None:
        self.clock = clock
        self.fixed = FixedRates(store, "oracle/price", self.mid)
        self._deployment = deployment
        self._read_at = -1
        self._tokens: dict[str, str] = {}

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock.now().timestamp())

    def mid(self, symbol: str, at: int | None = None) -> int:
        """USDC for one whole token × 10^18."""
        at = self.now() if at is None else at
        return self.fixed.get(symbol) or mid_at(symbol, BASES[symbol], at)

    def state(self, _: Request) -> dict[str, object]:
        """The present rates, for the control port."""
        rates = {symbol: str(self.mid(symbol)) for symbol in BASES}
        return {"operator": "oracle", "midE18": rates, "tokens": self._tokens}

    async def tokens(self) -> dict[str, str]:
        """Addresses by symbol; empty until the deployment file names them."""
        return await asyncio.to_thread(self._read_tokens)

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
        self._read_at = changed
        return self._tokens
