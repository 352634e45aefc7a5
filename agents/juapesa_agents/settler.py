"""The settler: acts on callbacks, orders and follows rail legs, sends messages."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from juapesa.assembly import Parts, assemble
from juapesa.issuance.service import CHAIN_ITEMS
from juapesa.notifications import AfricasTalking, Delivery, SmsResult
from juapesa.notifications.outbox import CHANNEL as MESSAGES
from juapesa.notifications.outbox import Claimed as Message
from juapesa.payments.callbacks import LATER
from juapesa.payments.execution import RAIL_WORK
from juapesa.rails.http import new_client
from juapesa.rails.inbox import CHANNEL as CALLBACKS
from juapesa.rails.inbox import Claimed as Callback
from juapesa_agents.common.base import Agent
from juapesa_agents.common.database import PASSING, listen
from juapesa_agents.common.lane import Lane
from juapesa_agents.common.options import Options, run_agent

PACE_SECONDS = 0.5
CALLBACKS_AT_ONCE = 32
LEGS_AT_ONCE = 64
LEGS_A_CYCLE = 16
MESSAGES_AT_ONCE = 16
FINISH_SECONDS_MAX = 5.0


@dataclass
class Settler:
    """One cycle: take up callbacks first, for they make legs due; then legs; then messages.

    Each is worked on in a lane of its own, so that a silent operator delays nobody else's payment.
    """

    parts: Parts
    gateway: AfricasTalking
    options: Options
    callbacks: Lane = field(default_factory=lambda: Lane(CALLBACKS_AT_ONCE))
    legs: Lane = field(default_factory=lambda: Lane(LEGS_AT_ONCE))
    messages: Lane = field(default_factory=lambda: Lane(MESSAGES_AT_ONCE))

    async def tick(self) -> int:
        if self.options.dry_run:
            return await asyncio.to_thread(self._due)
        taken_up = await self._take_up()
        if self.options.once:
            await self.finish()
        return taken_up

    async def finish(self) -> None:
        """Wait for everything under way."""
        for lane in (self.callbacks, self.legs, self.messages):
            await lane.finish()

    async def _take_up(self) -> int:
        callbacks = await asyncio.to_thread(self._claim_callbacks)
        for callback in callbacks:
            self.callbacks.start(self._act_on(callback))
        legs = await self.parts.work.claim(min(self.legs.free() // 2, LEGS_A_CYCLE))
        for leg in legs:
            self.legs.start(self.parts.work.work(leg))
        messages = await asyncio.to_thread(self._claim_messages)
        for message in messages:
            self.messages.start(self._send(message))
        return len(callbacks) + len(legs) + len(messages)

    async def _act_on(self, callback: Callback) -> None:
        outcome = await self.parts.callbacks.take(
            callback.rail, callback.kind, callback.reference, callback.body, callback.attempts
        )
        if outcome != LATER:
            await asyncio.to_thread(self._end_callback, callback.id, outcome)

    async def _send(self, message: Message) -> None:
        result = await self.gateway.send(message.phone, message.text)
        await asyncio.to_thread(self._end_message, message.id, result)

    def _end_message(self, message_id: int, result: SmsResult) -> None:
        with self.parts.db.unit_of_work() as uow:
            if result.delivery is Delivery.SENT:
                self.parts.outbox.sent(uow, message_id, result.gateway_id)
            else:
                refused = result.delivery is Delivery.REFUSED
                self.parts.outbox.failed(uow, message_id, result.code, for_good=refused)

    def _claim_callbacks(self) -> list[Callback]:
        with self.parts.db.unit_of_work() as uow:
            lease = self.parts.settings.waits.lease_seconds
            return self.parts.inbox.claim(uow, self.callbacks.free(), lease)

    def _end_callback(self, callback_id: int, outcome: str) -> None:
        with self.parts.db.unit_of_work() as uow:
            if outcome == "taken":
                self.parts.inbox.done(uow, callback_id)
            else:
                self.parts.inbox.give_up(uow, callback_id, outcome)

    def _claim_messages(self) -> list[Message]:
        with self.parts.db.unit_of_work() as uow:
            lease = self.parts.settings.waits.lease_seconds
            return self.parts.outbox.claim(uow, self.messages.free(), lease)

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
    with assemble(name="settler", connections_max=6) as parts:
        http = new_client()
        settler = Settler(parts, AfricasTalking(http, parts.settings.africastalking), options)
        agent = Agent("settler", settler.tick, PACE_SECONDS, passing=PASSING)
        channels = (RAIL_WORK, CALLBACKS, MESSAGES, CHAIN_ITEMS)
        ears = asyncio.create_task(listen(parts.database_url, channels, agent.wake))
        try:
            return await agent.run(once=options.once)
        finally:
            ears.cancel()
            with suppress(TimeoutError):  # what is cut off is asked about after the restart
                await asyncio.wait_for(settler.finish(), FINISH_SECONDS_MAX)
            await http.aclose()
            await parts.rails.close()


if __name__ == "__main__":
    run_agent("settler", run)
