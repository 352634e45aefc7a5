"""The settler: acts on callbacks, orders and follows rail legs, sends messages."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from juapesa.assembly import Parts, assemble
from juapesa.db import UnitOfWork, Worker, retried
from juapesa.issuance.service import CHAIN_ITEMS
from juapesa.notifications import AfricasTalking, Delivery, SmsResult
from juapesa.notifications.outbox import CHANNEL as MESSAGES
from juapesa.notifications.outbox import Claimed as Message
from juapesa.observability import collect_rarely
from juapesa.payments.asking import Ask, Said
from juapesa.payments.callbacks import LATER
from juapesa.payments.execution import RAIL_WORK
from juapesa.payments.sheet_store import free_leases
from juapesa.rails.http import new_client
from juapesa.rails.inbox import CHANNEL as CALLBACKS
from juapesa.rails.inbox import Claimed as Callback
from juapesa_agents.common.base import Agent
from juapesa_agents.common.database import PASSING, listen
from juapesa_agents.common.lane import Lane
from juapesa_agents.common.options import Options, run_agent

PACE_SECONDS = 0.5
LOOK_SECONDS = 0.4  # less than the pace: every cycle looks when little goes on
IDLE_SECONDS_MAX = 5.0
CALLBACKS_AT_ONCE = 32
LEGS_AT_ONCE = 256
LEGS_A_CYCLE = 64
MESSAGES_AT_ONCE = 128  # those of as many payments as a cycle ends
ANSWERS_AT_ONCE = 256  # as many as may be under way
FINISH_SECONDS_MAX = 5.0


class Workers(Protocol):
    """What this needs of ``juapesa.db.Worker``."""

    def number(self) -> int: ...

    def gone(self) -> list[int]: ...

    def resign(self) -> None: ...


@dataclass
class Settler:
    """One cycle: record what operators have answered; take up callbacks, for they make legs due; then legs;
    then messages.

    Whoever waits for an operator does so in a lane, so that a silent one delays nobody else's payment. What
    comes in while a cycle is under way is recorded by the next, all in one commit.
    """

    parts: Parts
    gateway: AfricasTalking
    options: Options
    worker: Workers | None = None  # in whose name it claims; None: in nobody's, so that claims only run out
    heard: Callable[[], None] = lambda: None  # an answer waits to be recorded
    callbacks: Lane = field(default_factory=lambda: Lane(CALLBACKS_AT_ONCE))
    legs: Lane = field(default_factory=lambda: Lane(LEGS_AT_ONCE))
    messages: Lane = field(default_factory=lambda: Lane(MESSAGES_AT_ONCE))
    _number: int | None = None
    _looked_at: datetime | None = None
    # What waits for the next cycle: answers with the callback that caused them; ended callbacks, messages.
    _said: list[tuple[Said, int | None]] = field(default_factory=list)
    _taken: list[int] = field(default_factory=list)
    _given_up: dict[int, str] = field(default_factory=dict)
    _results: dict[int, SmsResult] = field(default_factory=dict)

    async def tick(self) -> int:
        if self.options.dry_run:
            return await asyncio.to_thread(self._due)
        taken_up = await self._take_up()
        if self.options.once:
            await self.finish()
        return taken_up

    async def finish(self) -> None:
        """Wait for everything under way, and record it."""
        for lane in (self.callbacks, self.legs, self.messages):
            await lane.finish()
        while await self._record():
            pass
        await asyncio.to_thread(retried, self._put_away)

    async def _take_up(self) -> int:
        await self._look_for_the_dead()
        recorded = await self._record()
        callbacks, messages = await asyncio.to_thread(retried, self._turn_over)
        for callback in callbacks:
            self.callbacks.start(self._hear(callback))
        asks = await self.parts.work.take_up(min(self.legs.free(), LEGS_A_CYCLE), self._number)
        for ask in asks:
            self.legs.start(self._ask(ask))
        for message in messages:
            self.messages.start(self._send(message))
        return recorded + len(callbacks) + len(asks) + len(messages)

    async def _ask(self, ask: Ask) -> None:
        self._said.append((await self.parts.work.ask(ask), None))
        self.heard()

    async def _hear(self, callback: Callback) -> None:
        outcome = await self.parts.callbacks.take(
            callback.rail, callback.kind, callback.reference, callback.body, callback.attempts
        )
        if isinstance(outcome, Said):
            self._said.append((outcome, callback.id))
        elif outcome != LATER:
            self._given_up[callback.id] = outcome
        self.heard()

    async def _send(self, message: Message) -> None:
        self._results[message.id] = await self.gateway.send(message.phone, message.text)
        self.heard()

    async def _record(self) -> int:
        """Record the answers that have gathered; when that fails they wait for the next cycle."""
        gathered = self._said[:ANSWERS_AT_ONCE]
        if gathered:
            await self.parts.work.record([said for said, _ in gathered])
            del self._said[: len(gathered)]
            self._taken += [callback_id for _, callback_id in gathered if callback_id is not None]
        return len(gathered)

    def _turn_over(self) -> tuple[list[Callback], list[Message]]:
        """End the callbacks and messages that are done with, and claim others, in one commit."""
        inbox, outbox, lease = self.parts.inbox, self.parts.outbox, self.parts.settings.waits.lease_seconds
        with self._ending() as uow:
            callbacks = inbox.claim(uow, self.callbacks.free(), lease, self._number)
            messages = outbox.claim(uow, self.messages.free(), lease, self._number)
        return callbacks, messages

    def _put_away(self) -> None:
        """End the callbacks and messages that are done with."""
        with self._ending():
            pass

    @contextmanager
    def _ending(self) -> Iterator[UnitOfWork]:
        """A unit of work that ends what is done with; only then it is forgotten."""
        taken, given_up, results = list(self._taken), dict(self._given_up), dict(self._results)
        with self.parts.db.unit_of_work() as uow:
            self._end(uow, taken, given_up, results)
            yield uow
        del self._taken[: len(taken)]
        for ended in given_up:
            del self._given_up[ended]
        for ended in results:
            del self._results[ended]

    def _end(
        self, uow: UnitOfWork, taken: list[int], given_up: dict[int, str], results: dict[int, SmsResult]
    ) -> None:
        if taken:
            self.parts.inbox.done_all(uow, taken)
        for callback_id, why in given_up.items():
            self.parts.inbox.give_up(uow, callback_id, why)
        sent = {
            each: result.gateway_id for each, result in results.items() if result.delivery is Delivery.SENT
        }
        if sent:
            self.parts.outbox.sent_all(uow, sent)
        for message_id in results.keys() - sent.keys():
            result = results[message_id]
            refused = result.delivery is Delivery.REFUSED
            self.parts.outbox.failed(uow, message_id, result.code, for_good=refused)

    async def _look_for_the_dead(self) -> None:
        """Now and then: what workers had claimed that are no more is free."""
        now = self.parts.clock.now()
        if self.worker is None or not self._is_time_to_look(now):
            return
        gone = await asyncio.to_thread(self.worker.gone)
        self._number, self._looked_at = self.worker.number(), now
        if gone:
            await asyncio.to_thread(retried, partial(self._free, gone))

    def _is_time_to_look(self, now: datetime) -> bool:
        return self._looked_at is None or abs((now - self._looked_at).total_seconds()) >= LOOK_SECONDS

    def _free(self, gone: list[int]) -> None:
        with self.parts.db.unit_of_work() as uow:
            free_leases(uow, gone)
            self.parts.inbox.free(uow, gone)
            self.parts.outbox.free(uow, gone)

    def _due(self) -> int:
        """How many legs wait to be worked on."""
        with self.parts.db.unit_of_work() as uow:
            row = uow.one(
                "SELECT count(*) AS due FROM payments.leg"
                " WHERE state IN ('due', 'asking', 'pending', 'unknown') AND next_at <= now()"
            )
            assert row is not None
            return int(row["due"])


async def run(options: Options) -> int:
    """Run the agent; its exit code."""
    with assemble(name="settler", connections_max=6, idle_seconds_max=IDLE_SECONDS_MAX) as parts:
        http = new_client(connections_max=MESSAGES_AT_ONCE)
        settler = Settler(parts, AfricasTalking(http, parts.settings.africastalking), options)
        agent = Agent("settler", settler.tick, PACE_SECONDS, passing=PASSING)
        settler.heard = agent.wake.set
        if not options.dry_run:
            settler.worker = Worker(parts.database_url, "settler")
        channels = (RAIL_WORK, CALLBACKS, MESSAGES, CHAIN_ITEMS)
        collect_rarely()
        ears = asyncio.create_task(listen(parts.database_url, channels, agent.wake))
        try:
            return await agent.run(once=options.once)
        finally:
            ears.cancel()
            with suppress(TimeoutError):  # what is cut off is asked about after the restart
                await asyncio.wait_for(settler.finish(), FINISH_SECONDS_MAX)
            if settler.worker is not None:
                settler.worker.resign()
            await http.aclose()
            await parts.rails.close()


if __name__ == "__main__":
    run_agent("settler", run)
