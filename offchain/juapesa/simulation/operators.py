"""Two mobile-money operators with memories of their own, behind our ``Rail`` port.

M-Pesa knows no idempotency key for collections, answers questions about payouts by callback and keeps a
statement; MoMo knows every order by our reference. Both remember a reference that they have looked at,
also one they refused, so an order that arrives twice moves money once. An order is on its way for less
than a lease; later it is lost (HTTP clients and operators both give up by then).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from juapesa.errors import InvalidInput
from juapesa.money import Currency, Money
from juapesa.rails.ports import (
    CallbackNews,
    Capabilities,
    CollectOrder,
    Outcome,
    PayoutOrder,
    RailAnswer,
    Reason,
)
from juapesa.simulation.chance import Chance, Trouble
from juapesa.simulation.hand import wait

COLLECT_REFUSALS = (Reason.PAYER_FUNDS, Reason.PAYER_DECLINED, Reason.PAYER_UNREACHABLE, Reason.EXPIRED)
PAYOUT_REFUSALS = (Reason.PAYEE_NOT_FOUND, Reason.PAYEE_LIMIT)
# After we gave up, and even a day later; a payout is asked about every 15 s until it is decided.
LATE_SECONDS = {"collect": (400.0, 700.0, 5_000.0, 120_000.0), "payout": (200.0, 900.0)}
CALLBACK_TRIES_MAX = 4
ON_ITS_WAY_SECONDS_MAX = 25.0  # less than a lease
LOSING_SECONDS = (0.0, 60.0, 1_500.0)  # for how long no order arrives, once one is lost

UNHEARD = RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, "silence")


class World(Protocol):
    """What an operator needs of the world around it."""

    chance: Chance

    def seconds(self) -> float:
        """True time, from the beginning."""
        ...

    def heard(self, rail: str, kind: str, reference: str) -> None:
        """An order is about to leave our house."""
        ...

    def note(self, what: str) -> None:
        """A line of the history."""
        ...


@dataclass
class Known:
    """An order that has arrived. ``moved`` is what was moved, once it was."""

    kind: str
    reference: str
    handle: str
    amount: Money
    url: str
    decides_at: float
    refusal: Reason | None
    tells_amount: bool
    moved: Money | None = None
    ended: bool = False

    @property
    def will_move(self) -> bool:
        """It moves money, or has."""
        return self.refusal is None

    def answer(self, receipt: str) -> RailAnswer:
        """What the operator says of it now."""
        if not self.ended:
            return RailAnswer(Outcome.PENDING, handle=self.handle)
        if self.refusal is not None:
            return RailAnswer(Outcome.FAILED, self.refusal, "refused", handle=self.handle)
        said = self.moved if self.tells_amount else None
        return RailAnswer(Outcome.SUCCESS, code="0", handle=self.handle, receipt=receipt, amount=said)


@dataclass
class Post:
    """A callback on its way to us."""

    due: float
    url: str
    body: bytes
    tries: int = 0


@dataclass
class Operator:
    """Implements ``rails.ports.Rail``; ``by_callback``: as M-Pesa, else as MoMo."""

    world: World
    name: str
    label: str
    capabilities: Capabilities
    balance_now: Money
    known: list[Known] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    down_until: float = 0.0
    limited: bool = False
    losing_until: float = 0.0

    @property
    def by_callback(self) -> bool:
        return self.capabilities.status_by_callback_only

    @property
    def unit(self) -> Currency:
        return self.capabilities.currency

    # --- what our house calls --------------------------------------------------------------

    async def collect(self, order: CollectOrder) -> RailAnswer:
        return await self._order("collect", order, COLLECT_REFUSALS)

    async def payout(self, order: PayoutOrder) -> RailAnswer:
        return await self._order("payout", order, PAYOUT_REFUSALS)

    async def find_collect(self, reference: str, handle: str | None) -> RailAnswer:
        return await self._asked(lambda: self._look(reference, handle))

    async def find_payout(self, reference: str, handle: str | None, result_url: str) -> RailAnswer:
        if not self.by_callback:
            return await self._asked(lambda: self._look(reference, handle))

        def later() -> RailAnswer:
            found = self._first(reference)
            said = found.answer(receipt_of(found)) if found else RailAnswer(Outcome.ABSENT)
            self._post(result_url, reference, said)
            return RailAnswer(Outcome.PENDING, handle=handle)

        return await self._asked(later)

    async def balance(self, result_url: str) -> Money | None:  # noqa: ARG002
        return self.balance_now

    def parse_callback(self, kind: str, body: bytes) -> CallbackNews:
        try:
            said = json.loads(body)
            answer = RailAnswer(
                Outcome(said["outcome"]),
                Reason(said["reason"]),
                kind,
                handle=said["handle"],
                receipt=said["receipt"],
                amount=None if said["amount"] is None else Money(said["amount"], self.unit),
            )
        except (ValueError, KeyError) as problem:
            raise InvalidInput("not this operator's format") from problem
        return CallbackNews(answer, said["reference"], said["handle"])

    def callback_answer(self, kind: str) -> tuple[int, bytes, str]:  # noqa: ARG002
        return 200, b"", "application/json"

    # --- inside ----------------------------------------------------------------------------

    async def _order(
        self, kind: str, order: CollectOrder | PayoutOrder, refusals: tuple[Reason, ...]
    ) -> RailAnswer:
        self.world.heard(self.name, kind, order.reference)
        sent = self.world.seconds()
        await wait("order on its way")
        if self._is_down():
            return self._turned_away()
        too_late = self.world.seconds() - sent > ON_ITS_WAY_SECONDS_MAX
        if too_late or self._is_losing_orders():
            return UNHEARD  # it never arrives
        answer = self._take_in(kind, order, refusals)
        await wait("answer on its way")
        return UNHEARD if self.world.chance.strikes(Trouble.SILENCE, 0.08) else answer

    def _take_in(
        self, kind: str, order: CollectOrder | PayoutOrder, refusals: tuple[Reason, ...]
    ) -> RailAnswer:
        again = self._first(order.reference)
        if again is not None and (kind == "payout" or self.capabilities.collect_is_idempotent):
            if self.by_callback:
                return RailAnswer(Outcome.PENDING, Reason.DUPLICATE, handle=again.handle)
            return again.answer(receipt_of(again))
        chance, now = self.world.chance, self.world.seconds()
        refusal = chance.pick(refusals) if chance.strikes(Trouble.REFUSAL, 0.18) else None
        takes = chance.seconds(1, 50)
        if chance.strikes(Trouble.LATE, 0.12):
            takes = chance.pick(LATE_SECONDS[kind])
        made = Known(
            kind,
            order.reference,
            order.reference if not self.by_callback else f"{kind}-{len(self.known)}",
            order.amount,
            order.callback_url,
            now + takes,
            refusal,
            chance.likely(0.7),
        )
        self.known.append(made)
        at_once = refusal is not None and chance.likely(0.3)
        if at_once:
            made.ended = True
            return RailAnswer(Outcome.FAILED, refusal or Reason.OTHER, "at the door")
        return RailAnswer(Outcome.PENDING, handle=made.handle)

    async def _asked(self, look: Callable[[], RailAnswer]) -> RailAnswer:
        await wait("question on its way")
        if self._is_down() or self.world.chance.strikes(Trouble.SILENCE, 0.08):
            return UNHEARD
        answer = look()
        await wait("answer on its way")
        return answer

    def _look(self, reference: str, handle: str | None) -> RailAnswer:
        if self.capabilities.collect_is_idempotent:
            found = self._first(reference)
            return found.answer(receipt_of(found)) if found else RailAnswer(Outcome.ABSENT)
        named = next((each for each in self.known if each.handle == handle), None)
        return named.answer(receipt_of(named)) if named else self._statement(reference)

    def _statement(self, reference: str) -> RailAnswer:
        """M-Pesa's Pull Transactions: only what has moved is in it."""
        found = next((each for each in self.known if each.reference == reference and each.moved), None)
        if found is None:
            return RailAnswer(Outcome.UNKNOWN, code="not-in-statement")
        return RailAnswer(Outcome.SUCCESS, receipt=receipt_of(found), amount=found.moved)

    def _first(self, reference: str) -> Known | None:
        return next((each for each in self.known if each.reference == reference), None)

    def _is_down(self) -> bool:
        chance, now = self.world.chance, self.world.seconds()
        if now >= self.down_until and chance.strikes(Trouble.OUTAGE, 0.02):
            self.down_until = now + chance.pick((20.0, 120.0, 900.0))
            self.limited = chance.likely(0.5)
            self.world.note(f"{self.name} is {'limiting us' if self.limited else 'down'}")
        return now < self.down_until and not chance.calm

    def _is_losing_orders(self) -> bool:
        """Orders get lost one by one, or all of them for a while in which questions are answered.

        That while ends by itself, not because the history does: most payouts come late.
        """
        chance, now = self.world.chance, self.world.seconds()
        if now < self.losing_until:
            return True
        if not chance.strikes(Trouble.LOST_ORDER, 0.06):
            return False
        self.losing_until = now + chance.pick(LOSING_SECONDS)
        return True

    def _turned_away(self) -> RailAnswer:
        if self.limited:
            return RailAnswer(Outcome.FAILED, Reason.RATE_LIMITED, "429")
        return UNHEARD

    # --- as time goes by -------------------------------------------------------------------

    def decide(self) -> None:
        """Do what is due: move money or refuse, and tell us."""
        now = self.world.seconds()
        for order in self.known:
            if not order.ended and order.decides_at <= now:
                self._decide(order)

    def _decide(self, order: Known) -> None:
        order.ended = True
        if order.refusal is None:
            less = Money(max(order.amount.minor - self.capabilities.amount_step_minor, 1), self.unit)
            wrong = order.kind == "collect" and self.world.chance.strikes(Trouble.WRONG_AMOUNT, 0.03)
            order.moved = less if wrong else order.amount
            order.tells_amount = order.tells_amount or wrong
            self.balance_now = (
                self.balance_now + order.moved if order.kind == "collect" else self.balance_now - order.moved
            )
            self.world.note(f"{self.name} moves {order.moved} ({order.kind})")
        said = order.answer(receipt_of(order))
        self._post(order.url, None if self.by_callback and order.kind == "collect" else order.reference, said)

    def _post(self, url: str, reference: str | None, said: RailAnswer) -> None:
        chance, now = self.world.chance, self.world.seconds()
        body = told(said, reference)
        if not chance.strikes(Trouble.LOST_CALLBACK, 0.15):
            self.posts.append(Post(now + chance.seconds(0, 20), url, body))
        if chance.strikes(Trouble.DUPLICATE, 0.1):
            self.posts.append(Post(now + chance.pick((1.0, 60.0, 4_000.0)), url, body))


def told(said: RailAnswer, reference: str | None) -> bytes:
    """A callback's body in these operators' one format."""
    words = {
        "outcome": said.outcome,
        "reason": said.reason,
        "handle": said.handle,
        "receipt": said.receipt,
        "amount": None if said.amount is None else said.amount.minor,
        "reference": reference,
    }
    return json.dumps(words).encode()


def receipt_of(order: Known) -> str:
    """The operator's own number of the movement."""
    return f"R{order.handle}"
