"""Hedera's bad days: faults set over the control port, and a seeded share of them at random."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from juapesa.sandbox.faults import AT_THE_DOOR, FaultBoard
from juapesa.sandbox.hedera import refusals
from juapesa.sandbox.hedera.history import Lag

SEND_FAULTS = frozenset({"busy", "throttled", "wrong-nonce", "timeout-after-accept", "outage", "rate-limit"})
READ_FAULTS = frozenset({"late", "stall", "outage", "rate-limit"})
HAPI_FAULTS = frozenset({"busy", "throttled", "timeout-after-accept"})
KINDS = {"send": SEND_FAULTS, "read": READ_FAULTS, "mirror": READ_FAULTS, "hapi": HAPI_FAULTS}
AT_RANDOM = ("busy", "throttled", "timeout-after-accept")

TIMEOUT_SECONDS = 10.0
LATE_SECONDS = 5.0
STALL_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Hit:
    """What goes wrong now; kind "" is nothing."""

    kind: str = ""
    seconds: float = 0.0


class Outage(Exception):
    """The endpoint is not there: HTTP 503 without JSON-RPC."""


class Trouble:
    """Asked before each send and each read."""

    def __init__(
        self, board: FaultBoard, lag: Lag, draw: random.Random, percent: Callable[[], float]
    ) -> None:
        self._board = board
        self._lag = lag
        self._draw = draw
        self._percent = percent

    def on_send(self, where: str = "send") -> Hit:
        """The fault that this transaction meets."""
        fault = self._board.take(where, None, KINDS[where] - AT_THE_DOOR)
        if fault is not None:
            return Hit(fault.fault, fault.wait(TIMEOUT_SECONDS))
        if self._draw.uniform(0, 100) < self._percent():
            return Hit(self._draw.choice(AT_RANDOM), TIMEOUT_SECONDS)
        return Hit()

    async def on_read(self, where: str = "read") -> None:
        """Hold an answer back, or freeze what every reader is shown, if that is set."""
        fault = self._board.take(where, None, {"late", "stall"})
        if fault is None:
            return
        if fault.fault == "late":
            await asyncio.sleep(fault.wait(LATE_SECONDS))
        else:
            self._lag.stall(fault.wait(STALL_SECONDS))

    def at_the_door(self, where: str, method: str) -> None:
        """Raises Outage, or RpcFault for a rate limit."""
        fault = self._board.at_the_door(where, None)
        if fault is None:
            return
        if fault.fault == "outage":
            raise Outage
        raise refusals.rate_limited(method)
