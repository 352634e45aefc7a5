"""An attester: run by a custodian, an auditor or us; its own key, its own eyes at the operators.

It has no access to our database. It asks our desk what there is to sign, looks for itself at the
operator and the chain, writes down what it signs, and hands the signature in.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from juapesa import config
from juapesa.chain import Deployment, Rpc, abi, load_deployment
from juapesa.clock import Clock, SystemClock
from juapesa.config import Settings
from juapesa.crypto import open_keystore
from juapesa.errors import InvalidInput, JuaError, Unavailable
from juapesa.issuance import desk
from juapesa.issuance.attesting import Attester, Operator
from juapesa.issuance.domain import StatementRequest
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

PACE_SECONDS = 0.4
FLOAT_SECONDS = 2.0  # one look at a float serves all requests of that moment
REQUESTS_PATH = "/attesters/requests"


class Eyes:
    """An operator as ``issuance.attesting`` wants to see it, on top of a rail's reader."""

    def __init__(self, reader: OperatorReader) -> None:
        self._reader = reader
        self._float: asyncio.Task[Money] | None = None
        self._float_until = 0.0

    async def collected(self, reference: str, receipt: str) -> Money | None:
        seen = await self._reader.confirm_collect(reference, receipt or None)
        return seen.amount if seen.status is Outcome.SUCCESS else None

    async def payout_refused(self, reference: str) -> bool:
        return await self._reader.confirm_payout(reference) is Outcome.FAILED

    async def float_held(self) -> Money:
        loop = asyncio.get_running_loop()
        if self._float is None or loop.time() >= self._float_until:
            self._float = asyncio.create_task(self._reader.float_balance())
            self._float_until = loop.time() + FLOAT_SECONDS
        return await asyncio.shield(self._float)


class SqliteJournal:
    """What this attester has signed, on its own disk, before anybody else has it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS signed (receipt BLOB PRIMARY KEY, amount INTEGER, nonce BLOB)"
        )

    def signed_for(self, receipt_hash: bytes) -> tuple[int, bytes] | None:
        row = self._file.execute(
            "SELECT amount, nonce FROM signed WHERE receipt = ?", (receipt_hash,)
        ).fetchone()
        return (row[0], row[1]) if row else None

    def record(self, receipt_hash: bytes, amount: int, nonce: bytes) -> None:
        self._file.execute(
            "INSERT INTO signed VALUES (?, ?, ?) ON CONFLICT (receipt) DO UPDATE SET nonce = excluded.nonce",
            (receipt_hash, amount, nonce),
        )


@dataclass(frozen=True)
class ChainEyes:
    """The attester's own look at the registry."""

    rpc: Rpc
    deployment: Deployment

    async def is_minted(self, receipt_hash: bytes) -> bool:
        data = await self.rpc.call(self.deployment.registry, abi.RECEIPT_USED.call(receipt_hash))
        return bool(abi.RECEIPT_USED.result(data)[0])


@dataclass
class Attesting:
    """One cycle: read the desk, judge each request, hand in what was signed."""

    name: str
    attester: Attester
    http: httpx.AsyncClient
    desk_url: str
    clock: Clock
    dry_run: bool

    async def tick(self) -> int:
        requests = await self._requests()
        if self.dry_run:
            return len(requests)
        signed = await asyncio.gather(*(self._handle(each) for each in requests))
        return sum(signed)

    async def _handle(self, request: StatementRequest) -> bool:
        log = get_logger(self.name)
        try:
            signature = await self.attester.sign(request, self._now())
        except JuaError as refused:
            log.info("refused", item=str(request.item_id), why=refused.detail)
            return False
        path = f"{REQUESTS_PATH}/{request.item_id}/signature"
        body = json.dumps({"signature": "0x" + signature.hex()}).encode()
        answer = await self._call("POST", path, body)
        if answer.status_code != httpx.codes.NO_CONTENT:
            log.warning("signature not taken", item=str(request.item_id), status=answer.status_code)
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
) -> tuple[dict[str, Operator], DarajaReader]:
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
    http, rpc = new_client(), Rpc(settings.chain.rpc_url)
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
    work = Attesting(name, attester, http, settings.public_url, clock, options.dry_run)
    await listener.start(daraja.feed)
    try:
        return await Agent(name, work.tick, PACE_SECONDS).run(once=options.once)
    finally:
        await listener.stop()
        await http.aclose()
        await rpc.close()


if __name__ == "__main__":
    run_agent("attester", run)
