"""The settler: acts on callbacks, orders and follows rail legs, sends messages, expires holds."""

import asyncio
from dataclasses import dataclass

from juapesa.assembly import Parts, assemble
from juapesa.issuance.service import CHAIN_ITEMS
from juapesa.notifications import AfricasTalking, Delivery
from juapesa.notifications.outbox import CHANNEL as MESSAGES
from juapesa.notifications.outbox import Claimed as Message
from juapesa.payments.execution import RAIL_WORK
from juapesa.rails.http import new_client
from juapesa.rails.inbox import CHANNEL as CALLBACKS
from juapesa.rails.inbox import Claimed as Callback
from juapesa_agents.common.base import Agent
from juapesa_agents.common.database import PASSING, listen
from juapesa_agents.common.options import Options, run_agent

PACE_SECONDS = 0.5
CALLBACKS_AT_ONCE = 32
MESSAGES_AT_ONCE = 32


@dataclass
class Settler:
    """One cycle: callbacks first, for they make legs due; then legs; then messages."""

    parts: Parts
    gateway: AfricasTalking
    dry_run: bool

    async def tick(self) -> int:
        if self.dry_run:
            return await asyncio.to_thread(self._due)
        done = await self._callbacks()
        done += await self.parts.work.tick()
        done += await self._messages()
        return done + await asyncio.to_thread(self._expire_holds)

    async def _callbacks(self) -> int:
        claimed = await asyncio.to_thread(self._claim_callbacks)
        await asyncio.gather(*(self._act_on(each) for each in claimed))
        return len(claimed)

    async def _act_on(self, callback: Callback) -> None:
        outcome = await self.parts.callbacks.take(
            callback.rail, callback.kind, callback.reference, callback.body
        )
        await asyncio.to_thread(self._end_callback, callback.id, outcome)

    async def _messages(self) -> int:
        claimed = await asyncio.to_thread(self._claim_messages)
        await asyncio.gather(*(self._send(each) for each in claimed))
        return len(claimed)

    async def _send(self, message: Message) -> None:
        result = await self.gateway.send(message.phone, message.text)
        with self.parts.db.unit_of_work() as uow:
            if result.delivery is Delivery.SENT:
                self.parts.outbox.sent(uow, message.id, result.gateway_id)
            else:
                refused = result.delivery is Delivery.REFUSED
                self.parts.outbox.failed(uow, message.id, result.code, for_good=refused)

    def _claim_callbacks(self) -> list[Callback]:
        with self.parts.db.unit_of_work() as uow:
            lease = self.parts.settings.waits.lease_seconds
            return self.parts.inbox.claim(uow, CALLBACKS_AT_ONCE, lease)

    def _end_callback(self, callback_id: int, outcome: str) -> None:
        with self.parts.db.unit_of_work() as uow:
            if outcome == "taken":
                self.parts.inbox.done(uow, callback_id)
            else:
                self.parts.inbox.give_up(uow, callback_id, outcome)

    def _claim_messages(self) -> list[Message]:
        with self.parts.db.unit_of_work() as uow:
            lease = self.parts.settings.waits.lease_seconds
            return self.parts.outbox.claim(uow, MESSAGES_AT_ONCE, lease)

    def _expire_holds(self) -> int:
        with self.parts.db.unit_of_work() as uow:
            return self.parts.ledger.expire_holds(uow, self.parts.clock.now())

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
        settler = Settler(parts, AfricasTalking(http, parts.settings.africastalking), options.dry_run)
        agent = Agent("settler", settler.tick, PACE_SECONDS, passing=PASSING)
        channels = (RAIL_WORK, CALLBACKS, MESSAGES, CHAIN_ITEMS)
        ears = asyncio.create_task(listen(parts.database_url, channels, agent.wake))
        try:
            return await agent.run(once=options.once)
        finally:
            ears.cancel()
            await http.aclose()
            await parts.rails.close()


if __name__ == "__main__":
    run_agent("settler", run)
