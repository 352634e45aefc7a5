"""One history: customers, agents, operators, a chain and a clock, and what goes wrong between them."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

import psycopg

from juapesa.errors import JuaError
from juapesa.ledger.engine.verify import examine
from juapesa.money import Money
from juapesa.notifications import Delivery, SmsResult
from juapesa.rails.daraja.adapter import CAPABILITIES as MPESA
from juapesa.rails.momo.adapter import capabilities as momo_capabilities
from juapesa.rails.ports import Outcome, RailAnswer
from juapesa.simulation import truth
from juapesa.simulation.chance import Chance, Trouble
from juapesa.simulation.customers import Customers
from juapesa.simulation.database import Fate
from juapesa.simulation.hand import Death, Job, Process, wait
from juapesa.simulation.house import FLOATS, House, local
from juapesa.simulation.operations import Operations
from juapesa.simulation.operators import CALLBACK_TRIES_MAX, Operator, told
from juapesa.simulation.register import Register
from juapesa.simulation.truth import Broken, Seen

STEPS = 120
QUIET_ROUNDS_MAX = 400
AGENTS = 2
WAITS_A_STEP_MAX = 8
LONG_SECONDS = 40 * 86_400.0
TOGETHER_SECONDS = 4.0  # at the end, what is due at nearly the same time is done in one cycle
HOURS_LATER = (0.0, 700.0, 5_000.0, 100_000.0, 200_000.0)


@dataclass
class Texts:
    """The SMS gateway."""

    world: "World"
    sent: Counter[str] = field(default_factory=Counter)

    async def send(self, phone: str, text: str) -> SmsResult:
        await wait("message on its way")
        if self.world.chance.strikes(Trouble.SMS_DOWN, 0.2):
            return SmsResult(Delivery.RETRY, code="500")
        self.sent[f"{phone} {text}"] += 1
        return SmsResult(Delivery.SENT, "1")


@dataclass
class AgentProcess:
    """A settler that is started, moved on and killed."""

    process: Process
    settler: Any
    tick: Job | None = None
    woken: bool = False  # an answer waits to be recorded

    def wake(self) -> None:
        """The next cycle is to begin at once."""
        self.woken = True

    def begin(self) -> None:
        """Begin a cycle."""
        self.woken = False
        self.tick = self.process.create_task(self.settler.tick())


class World:
    """Play with ``run``. Everything is drawn from the seed."""

    def __init__(self, house: House, seed: int, without: frozenset[Trouble] = frozenset()) -> None:
        self.chance = Chance(seed, without)
        self.house = house
        self.lines: list[str] = []
        self.steps = 0
        self.clock = house.clock
        self.clock.elapsed = self.clock.skew = 0.0
        self.operators = {
            name: Operator(self, name, label, able, Money(FLOATS[name], local(name)))
            for name, label, able in (
                ("mpesa-ke", "M-Pesa", MPESA),
                ("momo-ng", "MTN MoMo", momo_capabilities(local("momo-ng"))),
            )
        }
        house.operators.clear()
        house.operators.update(self.operators)
        self.texts = Texts(self)
        self.register = Register()
        self.agents = [self._new_agent(f"settler-{number}") for number in range(1, AGENTS + 1)]
        self.customers = Customers(house, self.chance, self.note)
        self.operations = Operations(house, seed, self.note)
        self._statuses: dict[int, str] = {}
        self._writes_checked = self._due_known_at = -1
        self._due: datetime | None = None

    # --- the World of operators.py ---------------------------------------------------------

    def seconds(self) -> float:
        return self.clock.elapsed

    def note(self, what: str) -> None:
        self.lines.append(f"{self.clock.elapsed:10.3f} {what}")

    def heard(self, rail: str, kind: str, reference: str) -> None:
        """Before the world hears of an order, the intent is on record, and a payout's float is reserved."""
        with self.house.db.looked_at() as uow:
            row = uow.one("SELECT attempts, hold_id FROM payments.leg WHERE reference = %s", (reference,))
        if row is None or row["attempts"] == 0:
            raise Broken(f"{rail} is asked for a {kind} that is not on record as asked")
        if kind == "payout" and row["hold_id"] is None:
            raise Broken(f"{rail} is asked for a payout whose float is not reserved")
        self.note(f"our {kind} leaves for {rail}")

    # --- the history -----------------------------------------------------------------------

    def run(self) -> list[Seen]:
        """Play, checking after every step, then let everything heal; the payments. Raises Broken."""
        with self.house.db.history():
            self.house.db.fate = self._fate
            try:
                with self.house.db.looked_at() as uow:
                    self._before = truth.balances(uow)
                for _ in range(STEPS):
                    self._step()
                self._heal()
                return self._end()
            finally:
                self.house.db.fate = lambda: Fate.GOOD
                for agent in self.agents:
                    agent.process.die()

    def _step(self) -> None:
        doing = self.chance.weighted(_STEPS)
        self.steps += 1
        self.clock.elapsed += 0.001 + self.chance.seconds(0, 0.4)
        doing(self)
        for operator in self.operators.values():
            operator.decide()
        self._check()

    def _customer_acts(self) -> None:
        with self._in_the_api():
            self.customers.act()

    def _agent_moves(self) -> None:
        """Some waits of one agent's jobs; a new cycle begins when something is due, and now and then."""
        agent = self.chance.pick(self.agents)
        for _ in range(self.chance.whole(1, WAITS_A_STEP_MAX)):
            if agent.tick is None or agent.tick.done():
                wanted = agent.process.jobs or agent.woken or self._anything_due()
                if not wanted and not self.chance.likely(0.1):
                    return
                agent.begin()
            if not self._advance(agent, self.chance.pick(agent.process.jobs)):
                return

    def _agent_dies(self) -> None:
        if self.chance.strikes(Trouble.DEATH, 0.5):
            self._die(self.chance.pick(self.agents), "between two waits")

    def _time_passes(self) -> None:
        self.clock.elapsed += self.chance.seconds(1, 40)

    def _long_time_passes(self) -> None:
        self.clock.elapsed += self.chance.pick((120.0, 650.0, 4_000.0))
        self._person_decides()

    def _person_decides(self) -> None:
        with self._in_the_api():
            self.operations.act()

    def _clock_jumps(self) -> None:
        """It is wrong for a while; or time really has gone by, as when a machine was off for long."""
        if not self.chance.strikes(Trouble.CLOCK, 0.5):
            return
        if self.chance.likely(0.3):
            self.clock.elapsed += LONG_SECONDS
            self.note("forty days go by")
        self.clock.skew = self.chance.pick((0.0, -3_600.0, 3_600.0, -30.0, 45.0))
        self.note(f"our clock is {self.clock.skew:+.0f} s off")

    def _operator_calls(self) -> None:
        """An operator posts a callback, whichever comes first."""
        operator = self.chance.pick(list(self.operators.values()))
        due = [post for post in operator.posts if post.due <= self.seconds()]
        if not due:
            return
        post = self.chance.pick(due)
        operator.posts.remove(post)
        kept = False
        with self._in_the_api():
            kept = self.take_callback(post.url, post.body)
        post.tries += 1
        if not kept and post.tries < CALLBACK_TRIES_MAX:
            post.due = self.seconds() + 30
            operator.posts.append(post)

    def take_callback(self, url: str, body: bytes) -> bool:
        """As the API's route does: what did not come to an address of ours is not even kept."""
        rail, kind, reference, token = url.split("/callbacks/")[1].split("/")
        parts = self.house.parts
        if not parts.urls.verify(rail, kind, reference, token):
            self.note(f"a callback about {kind} with a false address is turned away")
            return True
        with self.house.db.unit_of_work() as uow:
            parts.inbox.record(uow, rail, kind, reference, body)
        self.note(f"a callback about {kind} from {rail} is kept")
        return True

    def _stranger_calls(self) -> None:
        """Somebody posts nonsense about a true order: to a guessed address, or to one that leaked."""
        if not self.chance.strikes(Trouble.FORGERY, 0.4):
            return
        orders = [(op, order) for op in self.operators.values() for order in op.known]
        if not orders:
            return
        operator, order = self.chance.pick(orders)
        outcome = self.chance.pick((Outcome.SUCCESS, Outcome.FAILED))
        amount = self.chance.pick((order.amount, Money(1, order.amount.currency)))
        said = RailAnswer(
            outcome, handle=self.chance.pick((order.handle, "forged")), receipt="R0", amount=amount
        )
        body = told(said, None if operator.by_callback and order.kind == "collect" else order.reference)
        believed = operator.by_callback and order.kind == "payout"  # there the address is the proof
        leaked = self.chance.likely(0.5) and not believed
        url = order.url if leaked else order.url[:-4] + "0000"
        self.note(
            f"a stranger says that a {order.kind} {outcome}, {'with' if leaked else 'without'} its address"
        )
        with self._in_the_api():
            self.take_callback(url, body)

    def _strangers_guess(self) -> None:
        """Where an address is all the proof there is, somebody guesses it and says that a payout has arrived.

        Most payouts come late in a history, so this goes on when all trouble has ended: it must never matter.
        """
        for operator in self.operators.values():
            for order in operator.known:
                if operator.by_callback and order.kind == "payout" and not order.ended:
                    said = RailAnswer(Outcome.SUCCESS, handle=order.handle, receipt="R0", amount=order.amount)
                    self.take_callback(order.url[:-4] + "0000", told(said, order.reference))

    def _chain_acts(self) -> None:
        """The relayer and the chain, as they record what became of an item."""
        if self.chance.strikes(Trouble.CHAIN_LATE, 0.3):
            return
        with self.house.db.looked_at() as uow:
            row = uow.one("SELECT id FROM issuance.item WHERE state = 'open' ORDER BY number LIMIT 1")
        if row is None:
            return
        with self.house.db.played() as uow:
            refused = self.chance.strikes(Trouble.CHAIN_REFUSAL, 0.12)
            state, reason = ("failed", "MinOutNotMet") if refused else ("settled", "")
            uow.execute(
                "UPDATE issuance.item SET state = %s, reason = %s WHERE id = %s", (state, reason, row["id"])
            )
        self.note(f"an item on chain is {state}")

    def _holds_end(self) -> None:
        """The bookkeeper ends the holds that are past their time."""
        with self._in_the_api(), self.house.db.unit_of_work() as uow:
            self.house.parts.ledger.expire_holds(uow, self.clock.now())

    # --- failures --------------------------------------------------------------------------

    def _fate(self) -> Fate:
        chance = self.chance
        if chance.strikes(Trouble.DEATH, 0.01):
            return chance.pick((Fate.DIES_BEFORE, Fate.DIES_AFTER))
        if chance.strikes(Trouble.LOST_COMMIT, 0.015):
            return Fate.ANSWER_LOST
        if chance.strikes(Trouble.BROKEN_LINE, 0.01):
            return chance.pick((Fate.BROKEN_OFF, Fate.BROKEN_OFF, Fate.DEADLOCK))
        return Fate.GOOD

    @contextmanager
    def _in_the_api(self) -> Any:
        """A request: when the process dies or its database fails, the caller has no answer."""
        try:
            yield
        except Death as death:
            self.note(f"the API dies {death}")
        except psycopg.OperationalError as failure:
            self.note(f"the API cannot tell: {failure}")
        except JuaError as refused:
            self.note(f"refused: {refused.slug}")

    def _new_agent(self, name: str) -> AgentProcess:
        agent = AgentProcess(Process(name), self.house.settler(self.texts))
        agent.settler.heard, agent.settler.worker = agent.wake, self.register.enlist()
        return agent

    def _advance(self, agent: AgentProcess, job: Job) -> bool:
        """Move a job on; False when the process died of it."""
        try:
            agent.process.advance(job)
        except Death as death:
            self._die(agent, str(death))
            return False
        return True

    def _die(self, agent: AgentProcess, when: str) -> None:
        self.note(f"{agent.process.name} dies {when}")
        agent.process.die()
        agent.settler.worker.resign()
        fresh = self._new_agent(agent.process.name)
        fresh.settler.heard = agent.wake
        agent.process, agent.settler, agent.tick, agent.woken = fresh.process, fresh.settler, None, False

    # --- promises --------------------------------------------------------------------------

    def _check(self) -> None:
        if self._writes_checked == self.house.db.writes:
            return
        self._writes_checked = self.house.db.writes
        with self.house.db.looked_at() as uow:
            seen = truth.payments(uow)
            now = truth.balances(uow)
        truth.check_states(seen, self._statuses)
        truth.check_operators(seen, self.operators)
        truth.check_money(self._before, now, seen)
        for payment in seen:
            if self._statuses.get(payment.id) != payment.status:
                self.note(f"{self.customers.name(payment.code)} is {payment.status}")
            self._statuses[payment.id] = payment.status

    def _heal(self) -> None:
        """No more trouble; time goes on until nothing is left to do, two days and more."""
        self.note("everything heals")
        self.chance.calm = True
        self.clock.skew = 0.0
        for later in HOURS_LATER:
            self.clock.elapsed += later
            self._person_decides()
            self._quiet()

    def _quiet(self) -> None:
        """Let everybody work, and time jump to whatever is due next, until nothing is."""
        for _ in range(QUIET_ROUNDS_MAX):
            for operator in self.operators.values():
                operator.decide()
                while operator.posts and min(post.due for post in operator.posts) <= self.seconds():
                    self._operator_calls()
            self._chain_acts()
            self._holds_end()
            with self._in_the_api():
                self.customers.repeat_all()
            if self._anything_due() or any(each.woken for each in self.agents):
                self._work_off()
            self._strangers_guess()
            self._check()
            if not self._go_to_next():
                return
        self._broken("it never comes to rest")

    def _work_off(self) -> None:
        """What is under way; a cycle of the first agent; then cycles while answers wait to be recorded."""
        self.agents[0].wake()
        for each in self.agents:
            self._finish_jobs(each)
            while each.woken:
                each.begin()
                self._finish_jobs(each)

    def _finish_jobs(self, agent: AgentProcess) -> None:
        while agent.process.jobs:
            self.clock.elapsed += 0.000_1
            self._advance(agent, agent.process.jobs[0])

    def _anything_due(self) -> bool:
        due = self._due_at()
        return due is not None and due <= self.clock.now()

    def _due_at(self) -> datetime | None:
        """When something of our own is due next, by our clock."""
        writes = self.house.db.writes
        if self._due_known_at != writes:
            with self.house.db.looked_at() as uow:
                row = uow.one(_NEXT)
            assert row is not None
            self._due_known_at, self._due = writes, row["at"]
        return self._due

    def _go_to_next(self) -> bool:
        """To a little after the next thing that is due within the hour; False when there is none."""
        ours, now = self._due_at(), self.seconds()
        due = [] if ours is None else [(ours - self.clock.now()).total_seconds()]
        due += [post.due - now for operator in self.operators.values() for post in operator.posts]
        due += [
            each.decides_at - now for op in self.operators.values() for each in op.known if not each.ended
        ]
        soon = min(due, default=None)
        if soon is None or soon > 3_600:
            return False
        self.clock.elapsed += max(soon, 0.0) + TOGETHER_SECONDS
        return True

    def _end(self) -> list[Seen]:
        """Every payment has ended or waits for a person with a reason; all books say the same."""
        with self.house.db.looked_at() as uow:
            seen = truth.payments(uow)
            verdict = examine(uow)  # nobody else writes, so this is one snapshot
            now = truth.balances(uow)
            waiting = uow.all("SELECT key FROM notifications.message WHERE state = 'waiting'")
            receipts = {each.code: self.house.parts.receipts.receipt(uow, each.code) for each in seen}
        if verdict.first_fault is not None:
            self._broken(verdict.first_fault)
        if waiting:
            self._broken(f"messages still wait: {waiting}")
        truth.check_ended(seen, receipts)
        truth.check_floats(now, seen, self.operators)
        self.customers.check(seen)
        return seen

    def _broken(self, why: str) -> NoReturn:
        raise Broken(why)


_NEXT = """
SELECT min(at) AS at FROM (
    SELECT greatest(next_at, lease_until) AS at FROM payments.leg WHERE next_at IS NOT NULL
    UNION ALL SELECT claimable_at FROM rails.callback WHERE state = 'new'
    UNION ALL SELECT next_attempt_at FROM notifications.message WHERE state = 'waiting') due
"""

_STEPS: Mapping[Callable[[World], None], int] = {
    World._customer_acts: 12,
    World._agent_moves: 100,
    World._agent_dies: 2,
    World._time_passes: 12,
    World._long_time_passes: 1,
    World._clock_jumps: 1,
    World._operator_calls: 16,
    World._stranger_calls: 3,
    World._chain_acts: 10,
    World._holds_end: 2,
}
