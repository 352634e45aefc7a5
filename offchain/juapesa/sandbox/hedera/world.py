"""The whole network in one process tree: started together, ended together."""

import asyncio
import importlib
import importlib.util
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from juapesa.clock import Clock
from juapesa.errors import InvalidInput
from juapesa.sandbox.control import Option, Options, seconds, yes_or_no
from juapesa.sandbox.faults import FaultBoard
from juapesa.sandbox.hedera.anvil import Anvil
from juapesa.sandbox.hedera.chain import Chain
from juapesa.sandbox.hedera.consensus import ConsensusClock
from juapesa.sandbox.hedera.entities import Entities, entity_id
from juapesa.sandbox.hedera.evm_calls import EvmCalls
from juapesa.sandbox.hedera.history import Block, History, Lag
from juapesa.sandbox.hedera.memory import SAVE_SECONDS_MIN, SAVE_SHARE_MAX, Memory
from juapesa.sandbox.hedera.mirror import Mirror
from juapesa.sandbox.hedera.mirror_entities import EntityPages
from juapesa.sandbox.hedera.mirror_tokens import TokenPages
from juapesa.sandbox.hedera.mirror_topics import Door, NativeOutcome, NativePages
from juapesa.sandbox.hedera.relay import Relay
from juapesa.sandbox.hedera.token_reader import TokenReader
from juapesa.sandbox.hedera.topics import Topic
from juapesa.sandbox.hedera.trouble import KINDS, Trouble
from juapesa.sandbox.hedera.units import TINYBARS_PER_HBAR, ExchangeRate

if TYPE_CHECKING:
    from juapesa.sandbox.hedera.hapi import HapiServer, Messages

OPENING_TINYBARS = 10_000 * TINYBARS_PER_HBAR
_EMULATORS = "juapesa.sandbox.hedera.system_contracts"

Etch = Callable[[str], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the network is. ``lag`` is drawn for each block between consensus and mirror."""

    block_seconds: float = 2.0
    lag_low_seconds: float = 2.0
    lag_high_seconds: float = 6.0


class Switches(Options):
    """What can be changed while the network runs."""

    def __init__(self, pace: Pace, apply: Callable[[dict[str, Any]], None]) -> None:
        self._apply = apply
        super().__init__(
            {
                "block_seconds": seconds(),
                "lag_low_seconds": seconds(),
                "lag_high_seconds": seconds(),
                "fault_percent": _percent(),
                "mirror_requests_per_second": _whole(),  # for one address; 0: no limit
                "sync": yes_or_no(),  # the relay answers a send only when the transaction is decided
            },
            {
                "block_seconds": pace.block_seconds,
                "lag_low_seconds": pace.lag_low_seconds,
                "lag_high_seconds": pace.lag_high_seconds,
                "fault_percent": 0.0,
                "mirror_requests_per_second": 50,
                "sync": False,
            },
        )

    def change(self, body: dict[str, Any]) -> dict[str, Any]:
        """Change some; all or none. Raises InvalidInput."""
        read = {**self.values, **body}
        if not read["lag_low_seconds"] <= read["lag_high_seconds"]:
            raise InvalidInput("The lag runs from the lower number to the higher.")
        self._apply(super().change(body))
        return self.values


class World:
    """Built, then started; ``anvil`` is the program's path, ``hapi`` where the native API listens.

    ``hapi_tls`` is its port for TLS, if it has one.
    """

    def __init__(
        self,
        anvil: Path,
        clock: Clock,
        pace: Pace,
        *,
        seed: int,
        hapi: tuple[str, int],
        hapi_tls: int | None = None,
        etch: Etch | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._etch = etch or _emulators()
        self._memory = memory
        self.evm = Anvil(anvil, memory.evm if memory else None)
        lag = Lag(pace.lag_low_seconds, pace.lag_high_seconds, random.Random(seed))  # noqa: S311 - no secret
        self.history = History(lag)
        self.clock = ConsensusClock()
        self.rate = ExchangeRate()
        self.chain = Chain(
            self.evm, self.history, self.clock, block_seconds=pace.block_seconds, rate=self.rate
        )
        self.calls = EvmCalls(self.evm, self.history)
        self.switches = Switches(pace, self._apply)
        self.faults = FaultBoard(KINDS, clock)
        draw = random.Random(seed + 1)  # noqa: S311 - no secret
        self.trouble = Trouble(self.faults, lag, draw, lambda: float(self.switches["fault_percent"]))
        self.relay = Relay(self.chain, self.calls, self.trouble, sync=lambda: bool(self.switches["sync"]))
        self.entities = Entities()
        self.history.on_block.append(self._see)
        tokens = TokenReader(
            self.calls,
            self.entities,
            lambda: self._hapi.tokens.keys if self._hapi else {},
            self._account_keys,
        )
        self.mirror = Mirror(
            self.history,
            self.calls,
            self.entities,
            self.rate,
            self.trouble,
            tokens,
            lambda: int(self.switches["mirror_requests_per_second"]),
        )
        self.topics: dict[int, Topic] = {}
        self.native = NativePages(
            self.mirror, self.entities, self.topics, lag, self._native_outcomes, self._door
        )
        self.token_pages = TokenPages(self.mirror, self.entities, tokens)
        self.entity_pages = EntityPages(
            self.mirror, self.history, self.calls, self.entities, tokens, self.native, self._account_keys
        )
        self._hapi: HapiServer | None = None
        self._hapi_address = hapi
        self._hapi_tls = hapi_tls
        self._saving: asyncio.Task[None] | None = None
        self._one_save = asyncio.Lock()
        self.accounts: list[str] = []

    async def start(self) -> None:
        """Everything answers when this returns. Raises Unavailable."""
        _, messages = await asyncio.gather(self.evm.start(), asyncio.to_thread(_native_messages))
        self.accounts = [str(each) for each in await self.evm.ask("eth_accounts")]
        past = self._memory.document if self._memory else {}
        if past:
            self._restore(past)
        else:
            await self._begin()
        if self._etch is not None and (etching := self._etch(self.evm.url)) is not None:
            await etching  # also what has come back: the system contracts are those of today
        await self.chain.start()
        await self._start_hapi(messages, past)
        if self._memory is not None:
            self._saving = asyncio.create_task(self._save_for_ever())

    async def stop(self) -> None:
        """End it all."""
        if self._hapi is not None:
            await self._hapi.stop()
        await self.chain.stop()
        if self._saving is not None and self._memory is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)
            await self.save()
        await self.evm.stop()

    async def save(self) -> None:
        """Have everything on the disk, where there is a folder for it."""
        if self._memory is not None:
            async with self._one_save:
                await self._save(self._memory)

    def state(self) -> dict[str, Any]:
        """For tests and the curious."""
        return {
            "operator": "hedera",
            "evm": self.evm.url,
            "consensus_block": self.history.blocks[-1].number,
            "mirror_block": self.history.head().number,
            "accounts": {entity_id(self.entities.see(each)): each for each in self.accounts},
            "hapi": f"{self._hapi_address[0]}:{self._hapi.port}" if self._hapi else None,
            "topics": [entity_id(number) for number in self.topics],
            "system_contracts": self._etch is not None,
        }

    async def _begin(self) -> None:
        for account in self.accounts:
            await self.evm.ask("anvil_setBalance", account, hex(OPENING_TINYBARS))
            self.entities.see(account)

    def _restore(self, past: dict[str, Any]) -> None:
        self.chain.restore(past["chain"])
        self.entities.restore(past["entities"], past["following"])
        for each in past["topics"]:
            self.topics[each["number"]] = Topic.from_document(each)

    async def _save(self, memory: Memory) -> None:
        packed, chain = await self.chain.dump()
        document = {
            "height": len(chain["blocks"]),
            "chain": chain,
            "entities": self.entities.to_document(),
            "following": self.entities.following,
            "topics": [each.to_document() for each in self.topics.values()],
            "keys": self._hapi.node.accounts.to_document() if self._hapi else {},
            "token_keys": self._hapi.tokens.to_document() if self._hapi else {},
        }
        await asyncio.to_thread(memory.save, packed, document)

    async def _save_for_ever(self) -> None:
        took = 0.0
        while True:
            await asyncio.sleep(max(SAVE_SECONDS_MIN, took / SAVE_SHARE_MAX))
            began = time.monotonic()
            await self.save()
            took = time.monotonic() - began

    async def _start_hapi(self, messages: "Messages", past: dict[str, Any]) -> None:
        from juapesa.sandbox.hedera.hapi import HapiServer  # noqa: PLC0415 - loaded while anvil starts

        self._hapi = HapiServer(
            self.chain, self.clock, self.calls, self.entities, self.topics, self.trouble, messages
        )
        self._hapi.node.accounts.restore(past.get("keys", {}))
        self._hapi.tokens.restore(past.get("token_keys", {}))
        await self._hapi.start(*self._hapi_address, self._hapi_tls)

    def _account_keys(self) -> Mapping[int, Any]:
        return self._hapi.node.accounts.keys if self._hapi else {}

    def _door(self) -> Door:
        """What the address book says of the one node."""
        if self._hapi is None:
            return Door(())
        ports = (self._hapi.port, *([self._hapi.tls_port] if self._hapi.tls_port else []))
        certificate = self._hapi.certificate
        where = tuple((self._hapi_address[0], port) for port in ports)
        return Door(where, certificate.hash if certificate else None)

    def _native_outcomes(self) -> Iterable[NativeOutcome]:
        return list(self._hapi.node.outcomes.values()) if self._hapi else ()

    def _see(self, block: Block) -> None:
        """Whatever appears in a block has an entity number from then on."""
        for executed in block.transactions:
            logged = (log["address"] for log in executed.logs)
            for address in (executed.sender, executed.to, executed.created, *logged):
                if address is not None:
                    self.entities.see(address)

    def _apply(self, values: dict[str, Any]) -> None:
        self.chain.block_seconds = values["block_seconds"]
        self.history.lag.low = values["lag_low_seconds"]
        self.history.lag.high = values["lag_high_seconds"]


def _native_messages() -> "Messages":
    """A second's worth of imports, in a thread while anvil starts."""
    from juapesa.sandbox.hedera.hapi import Messages  # noqa: PLC0415

    return Messages()


def _percent() -> Option:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
            raise InvalidInput("Say a percentage from 0 to 100.")
        return float(value)

    return Option(read)


def _whole() -> Option:
    def read(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= 1_000_000:
            raise InvalidInput("Say a whole number from 0.")
        return value

    return Option(read)


def _emulators() -> Etch | None:
    """The system contracts, where they are part of this installation."""
    if importlib.util.find_spec(_EMULATORS) is None:
        return None
    etch: Etch = importlib.import_module(_EMULATORS).etch
    return etch
