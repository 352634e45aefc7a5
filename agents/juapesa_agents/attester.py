"""An attester: run by a custodian, an auditor or us; its own key, its own eyes at the operators.

It has no access to our database. It asks our desk what there is to sign, looks for itself at the
operator and the chain, writes down what it signs, and hands the signature in.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from juapesa import config
from juapesa.chain import Deployment, Rpc, abi, load_deployment
from juapesa.chain.failover import open_rpc
from juapesa.clock import Clock, SystemClock
from juapesa.config import Settings
from juapesa.crypto import open_keystore
from juapesa.errors import InvalidInput, JuaError, Unavailable
from juapesa.issuance import desk
from juapesa.issuance.attesting import Attester, EntriesRefused, Signed
from juapesa.issuance.statements import Entry, StatementRequest
from juapesa.money import Money
from juapesa.observability import get_logger
from juapesa.rails.daraja.client import DarajaClient
from juapesa.rails.daraja.credential import InitiatorCredential
from juapesa.rails.daraja.reader import DarajaReader
from juapesa.rails.http import new_client
from juapesa.rails.momo.client import MomoClient
from juapesa.rails.momo.mapping import Product
from juapesa.rails.momo.reader import MomoReader
from juapesa.rails.ports import Outcome
from juapesa.rails.reading import OperatorReader
from juapesa.rails.tokens import MemoryTokens
from juapesa_agents.common.base import Agent
from juapesa_agents.common.listener import Listener
from juapesa_agents.common.options import Options, run_agent

PACE_SECONDS = 0.3
REQUESTS_AT_ONCE = 64
REFUSED_PAUSE_SECONDS = 1.0  # before the same request is judged again
FLOAT_SECONDS_MAX = 10.0
FLOAT_REFRESH_SECONDS = 3.0
FLOAT_WANTED_SECONDS = 120.0
REQUESTS_PATH = "/attesters/requests"


class Eyes:
    """An operator as ``issuance.attesting`` wants to see it, on top of a rail's reader.

    An operator takes seconds to tell a balance. While there is work, the float is therefore looked at
    again and again beside it; what is older than ``FLOAT_SECONDS_MAX`` never counts.
    """

    def __init__(self, reader: OperatorReader) -> None:
        self._reader = reader
        self._seen: tuple[float, Money] | None = None
        self._look: asyncio.Task[Money] | None = None
        self._wanted_at = float("-inf")

    async def collected(self, reference: str, receipt: str) -> Money | None:
        seen = await self._reader.confirm_collect(reference, receipt or None)
        return seen.amount if seen.status is Outcome.SUCCESS else None

    async def payout_refused(self, reference: str) -> bool:
        return await self._reader.confirm_payout(reference) in {Outcome.FAILED, Outcome.ABSENT}

    async def float_held(self) -> Money:
        now = self._wanted_at = asyncio.get_running_loop().time()
        if self._seen is not None and now - self._seen[0] <= FLOAT_SECONDS_MAX:
            return self._seen[1]
        return await asyncio.shield(self._looking())

    def keep_fresh(self) -> None:
        """Look again if somebody has asked lately and the last look is getting old."""
        now = asyncio.get_running_loop().time()
        in_use = now - self._wanted_at <= FLOAT_WANTED_SECONDS
        old = self._seen is None or now - self._seen[0] >= FLOAT_REFRESH_SECONDS
        if in_use and old:
            self._looking()

    def _looking(self) -> "asyncio.Task[Money]":
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_now())
            self._look.add_done_callback(_read_failure)
        return self._look

    async def _look_now(self) -> Money:
        began = asyncio.get_running_loop().time()
        held = await self._reader.float_balance()
        self._seen = (began, held)
        return held


def _read_failure(look: "asyncio.Task[Money]") -> None:
    """A look that failed is reported by whoever waits for it, and tried again by whoever asks next."""
    if not look.cancelled():
        look.exception()


class SqliteJournal:
    """What this attester has signed, on its own disk, before anybody else has it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.execute(
            """CREATE TABLE IF NOT EXISTS signature
               (receipt BLOB PRIMARY KEY, amount INTEGER, number INTEGER)"""
        )

    def signed_for(self, receipt_hash: bytes) -> Signed | None:
        row = self._file.execute(
            "SELECT amount, number FROM signature WHERE receipt = ?", (receipt_hash,)
        ).fetchone()
        return Signed(*row) if row else None

    def record(self, entries: Sequence[Entry]) -> None:
        rows = [(each.receipt_hash, each.amount, each.number) for each in entries]
        self._file.execute("BEGIN IMMEDIATE")
        try:
            self._file.executemany(
                """INSERT INTO signature (receipt, amount, number) VALUES (?, ?, ?)
                   ON CONFLICT (receipt) DO NOTHING""",
                rows,
            )
        except sqlite3.Error:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")


@dataclass(frozen=True)
class ChainEyes:
    """The attester's own look at the registry."""

    rpc: Rpc
    deployment: Deployment

    async def is_minted(self, number: int) -> bool:
        data = await self.rpc.call(self.deployment.registry, abi.NUMBER_USED.call(number))
        return bool(abi.NUMBER_USED.result(data)[0])


@dataclass
class Attesting:
    """One cycle: read the desk and take up what is new there.

    A request is judged beside the cycle, for an operator takes seconds to answer and the next
    request must not wait for that; ``finish`` waits for those under way.
    """

    name: str
    attester: Attester
    eyes: Sequence[Eyes]
    http: httpx.AsyncClient
    desk_url: str
    clock: Clock
    options: Options
    under_way: dict[int, "asyncio.Task[bool]"] = field(default_factory=dict)

    async def tick(self) -> int:
        requests = await self._requests()
        if self.options.dry_run:
            return len(requests)
        self._put_away()
        fresh = [each for each in requests if each.id not in self.under_way][:REQUESTS_AT_ONCE]
        for each in fresh:
            self.under_way[each.id] = asyncio.create_task(self._handle(each))
        for eye in self.eyes:
            eye.keep_fresh()
        if self.options.once:
            await self.finish()
        return len(fresh)

    async def finish(self) -> None:
        """Wait for the requests under way."""
        await asyncio.gather(*self.under_way.values())

    def _put_away(self) -> None:
        """Forget what is done; a bug in judging ends the process here."""
        for statement, task in list(self.under_way.items()):
            if task.done():
                task.result()
                del self.under_way[statement]

    async def _handle(self, request: StatementRequest) -> bool:
        log = get_logger(self.name)
        try:
            signature = await self.attester.sign(request, self._now())
        except EntriesRefused as refused:
            log.info("entries refused", statement=request.id, entries=refused.numbers, why=refused.detail)
            told = await self._hand_in(request, "refusal", {"numbers": refused.numbers})
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)  # a quorum may have it that way: then nothing changes
            return told
        except JuaError as refused:
            log.info("refused", statement=request.id, why=refused.detail)
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)
            return False
        return await self._hand_in(request, "signature", {"signature": "0x" + signature.hex()})

    async def _hand_in(self, request: StatementRequest, what: str, said: object) -> bool:
        try:
            answer = await self._call(
                "POST", f"{REQUESTS_PATH}/{request.id}/{what}", json.dumps(said).encode()
            )
        except Unavailable:
            return False  # still on the desk: the next cycle takes it up again
        if answer.status_code != httpx.codes.NO_CONTENT:
            get_logger(self.name).warning(
                f"{what} not taken", statement=request.id, status=answer.status_code
            )
            return False
        return True

    async def _requests(self) -> list[StatementRequest]:
        answer = await self._call("GET", REQUESTS_PATH, b"")
        if answer.status_code != httpx.codes.OK:
            raise Unavailable(f"The desk answered {answer.status_code}.")
        found = answer.json()
        if not isinstance(found, dict) or not isinstance(found.get("requests"), list):
            raise InvalidInput("The desk's answer is no list of requests.")
        return [desk.read_request(each) for each in found["requests"]]

    async def _call(self, method: str, path: str, body: bytes) -> httpx.Response:
        header = desk.authorization(self.attester.signer, method, path, body, self._now())
        headers = {"Authorization": header, "Content-Type": "application/json"}
        try:
            return await self.http.request(method, self.desk_url + path, content=body, headers=headers)
        except httpx.TransportError as silent:
            raise Unavailable(f"The desk does not answer: {type(silent).__name__}.") from silent

    def _now(self) -> int:
        return int(self.clock.now().timestamp())


def operators(
    settings: Settings, http: httpx.AsyncClient, clock: Clock, result_url: Callable[[str, str], str]
) -> tuple[dict[str, Eyes], DarajaReader]:
    """This attester's eyes at every operator, by rail, with the credentials of its own configuration."""
    tokens = MemoryTokens(clock)
    daraja = DarajaReader(
        DarajaClient(http, settings.daraja, tokens),
        settings.daraja,
        InitiatorCredential(http, settings.daraja),
        clock=clock,
        result_url=result_url,
        shortcodes=tuple(dict.fromkeys((settings.daraja.shortcode, settings.daraja.b2c_shortcode))),
    )
    momo = MomoReader(
        MomoClient(http, settings.momo, Product.COLLECTION, tokens),
        MomoClient(http, settings.momo, Product.DISBURSEMENT, tokens),
        settings.momo.currency,
        counted=(Product.COLLECTION, Product.DISBURSEMENT),
    )
    return {daraja.rail: Eyes(daraja), momo.rail: Eyes(momo)}, daraja


async def run(options: Options) -> int:
    """Run the agent; its exit code."""
    settings, clock, name = config.load(), SystemClock(), f"attester-{options.number}"
    deployment = load_deployment(settings.chain.deployments_dir, settings.chain.network)
    keystore = open_keystore(settings)
    http, rpc = new_client(), open_rpc(settings.chain)
    listener = Listener(settings.ports.attester_first + options.number - 1)
    eyes, daraja = operators(settings, http, clock, listener.result_url)
    attester = Attester(
        signer=keystore.signer(name),
        deployment=deployment,
        receipt_key=keystore.secret("receipt"),
        operators=eyes,
        journal=SqliteJournal(settings.data_dir / name / "signed.sqlite"),
        chain=ChainEyes(rpc, deployment),
    )
    work = Attesting(name, attester, list(eyes.values()), http, settings.public_url, clock, options)
    if not options.dry_run:  # nothing is asked of operators then, so no answers come
        await listener.start(daraja.feed)
    try:
        return await Agent(name, work.tick, PACE_SECONDS).run(once=options.once)
    finally:
        await listener.stop()
        await http.aclose()
        await rpc.close()


if __name__ == "__main__":
    run_agent("attester", run)
