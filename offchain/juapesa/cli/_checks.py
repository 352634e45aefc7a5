"""The checks of `jua doctor`: each looks at one thing and never raises for what it finds."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg

from juapesa.chain import load_deployment
from juapesa.chain.purse import WEIBARS_PER_HBAR, Purse, PurseLow
from juapesa.config import Settings, ledger_socket, topic_of
from juapesa.crypto import Keystore, open_keystore
from juapesa.db import EmbeddedPostgres, reading
from juapesa.db.migrate import position
from juapesa.errors import JuaError, Unavailable
from juapesa.ledger.engine.checks import last_verdict
from juapesa.payments import stuck_store
from juapesa.payments.leg_steps import patience
from juapesa.transparency import anchor_store

TIMEOUT_SECONDS = 3.0
CLOCK_SKEW_SECONDS_MAX = 15.0  # a custody statement that is newer than the chain's time is refused
CHECK_AGE_MAX = timedelta(hours=3)
ANCHOR_AGE_MAX = timedelta(minutes=10)
START = "Start everything with `jua up`, or look into its logs."


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``advice`` says what to do when it is not ok."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


class Fault(Unavailable):
    """Something is wrong; ``advice`` says what to do about it."""

    slug = "check-failed"

    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.advice = advice


def examine(settings: Settings) -> list[Finding]:
    """Every check, in an order in which the first bad one is likely the cause of the others."""
    return [_examined(name, check) for name, check in _checks(settings)]


def _examined(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except Fault as fault:
        return Finding(name, False, fault.detail, fault.advice)
    except JuaError as error:
        return Finding(name, False, error.detail, START)


def _checks(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "configuration", lambda: _configuration(settings)
    yield "keys", lambda: _keys(settings)
    yield "database", lambda: _database(settings)
    yield "books", lambda: _books(settings)
    yield "ledger", lambda: _ledger(settings)
    yield "payments", lambda: _payments(settings)
    yield "anchors", lambda: _anchors(settings)
    yield "chain", lambda: _chain(settings)
    yield "clock", lambda: _clock(settings)
    yield "contracts", lambda: _contracts(settings)
    yield "fees", lambda: _fees(settings)
    for account in settings.chain.native_nodes:
        yield f"node-{account}", lambda account=account: _node(settings, account)  # type: ignore[misc]
    operators = {
        "mpesa-ke": settings.daraja.base_url,
        "momo-ng": settings.momo.base_url,
        "sms": settings.africastalking.base_url,
    }
    for name, url in operators.items():
        yield name, lambda url=url: _answers(url, "Is the operator's host right and reachable from here?")  # type: ignore[misc]
    for number, url in enumerate(settings.chain.price_urls, start=1):
        yield f"prices-{number}", lambda url=url: _answers(f"{url}/v1/prices", START)  # type: ignore[misc]
    yield "api", lambda: _answers(f"http://127.0.0.1:{settings.ports.api}/ready", START)
    yield "ussd", lambda: _answers(f"http://127.0.0.1:{settings.ports.ussd}/health", START)


def _configuration(settings: Settings) -> str:
    if settings.attester_quorum > settings.attesters:
        raise Fault(
            f"{settings.attester_quorum} signatures are wanted of {settings.attesters} attesters",
            "Lower JUA_ATTESTER_QUORUM or raise JUA_ATTESTERS.",
        )
    return f"network {settings.chain.network}, data in {settings.data_dir}"


def _keys(settings: Settings) -> str:
    _keystore(settings)
    directory = settings.data_dir / "keys"
    files = list(directory.iterdir())
    loose = [file.name for file in files if file.stat().st_mode & 0o077]
    if loose:
        raise Fault(f"others may read {', '.join(sorted(loose))}", f"chmod 600 {directory}/*")
    return f"the keystore opens; {len(files)} files, for their owner only"


def _keystore(settings: Settings) -> Keystore:
    """The keystore that is there; opening would make one."""
    directory = settings.data_dir / "keys"
    if not (directory / "keystore.json").exists():
        raise Fault(f"no keystore in {directory}", "`jua up` makes it at its first start.")
    return open_keystore(settings)


def _database_url(settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    server = EmbeddedPostgres(settings.data_dir)
    if server.pid is None:
        raise Fault("the embedded PostgreSQL does not run", START)
    return server.url()


def _books(settings: Settings) -> str:
    try:
        with reading(_database_url(settings)) as snapshot:
            checked = last_verdict(snapshot)
    except psycopg.Error as problem:
        raise Fault(f"they cannot be read ({type(problem).__name__})", "Run `jua db upgrade`.") from problem
    if checked is None:
        raise Fault("nobody has checked them yet", "Does the bookkeeper run? `jua agent bookkeeper --once`.")
    if checked.verdict.first_fault is not None:
        raise Fault(checked.verdict.first_fault, "Stop paying and call who knows; run `jua ledger verify`.")
    age = datetime.now(UTC) - checked.at
    if age > CHECK_AGE_MAX:
        raise Fault(f"last checked at {checked.at:%Y-%m-%d %H:%M} UTC", "Does the bookkeeper run?")
    return f"{checked.verdict.transfers} rows, all as they were booked, {age.total_seconds():.0f} s ago"


def _ledger(settings: Settings) -> str:
    """The writer that shares the books; payments do not need it."""
    path = ledger_socket(settings)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=TIMEOUT_SECONDS) as client:
            said = client.get("http://ledger/health").json()
    except (httpx.HTTPError, ValueError) as problem:
        raise Fault(f"nobody answers on {path}; payments go on without it", START) from problem
    return (
        f"the writer has booked {said['orders']} orders in {said['batches']} batches, {said['waiting']} wait"
    )


def _payments(settings: Settings) -> str:
    before = datetime.now(UTC) - patience(settings.waits)
    try:
        with reading(_database_url(settings)) as snapshot:
            stuck = stuck_store.legs(snapshot, before)
    except psycopg.Error as problem:
        raise Fault(f"they cannot be read ({type(problem).__name__})", "Run `jua db upgrade`.") from problem
    if stuck:
        raise Fault(
            f"{len(stuck)} need a person, the first is {stuck[0]['code']}", "Look at `jua pay stuck`."
        )
    return "none needs a person"


def _anchors(settings: Settings) -> str:
    topic = topic_of(settings)
    if topic is None:
        return "there is no topic, so nothing is anchored; `jua anchor topic` makes one"
    try:
        with reading(_database_url(settings)) as snapshot:
            last, waiting = anchor_store.last_placed(snapshot, topic), anchor_store.waiting(snapshot, topic)
    except psycopg.Error as problem:
        raise Fault(f"they cannot be read ({type(problem).__name__})", "Run `jua db upgrade`.") from problem
    advice = "Does the agent run? `jua agent anchor --once`; has its account HBAR?"
    if last is None or last.anchored_at is None:
        raise Fault(f"nothing is in topic {topic} yet", advice)
    age = datetime.now(UTC) - last.anchored_at
    said = f"message {last.sequence} of topic {topic}, {age.total_seconds():.0f} s ago"
    if waiting and age > ANCHOR_AGE_MAX:
        raise Fault(f"more is to be anchored since {said}", advice)
    return said


def _database(settings: Settings) -> str:
    url = _database_url(settings)
    try:
        with psycopg.connect(url, connect_timeout=int(TIMEOUT_SECONDS)) as connection:
            row = connection.execute("SELECT current_setting('server_version')").fetchone()
    except psycopg.OperationalError as problem:
        raise Fault(
            f"it cannot be reached ({type(problem).__name__})", "Is JUA_DATABASE_URL right? Does it run?"
        ) from problem
    found, head = position(url)
    if found != head:
        raise Fault(f"its tables are at {found or 'nothing'}, ours at {head}", "Run `jua db upgrade`.")
    return f"PostgreSQL {row[0] if row else '?'}, tables at {head}"


def _chain(settings: Settings) -> str:
    found = int(_rpc(settings, "eth_chainId"), 16)
    if found != settings.chain.chain_id:
        raise Fault(
            f"the node is on chain {found}, we expect {settings.chain.chain_id}",
            "Set JUA_CHAIN__RPC_URL or JUA_CHAIN__CHAIN_ID right.",
        )
    return f"chain {found}, block {int(_rpc(settings, 'eth_blockNumber'), 16)}"


def _clock(settings: Settings) -> str:
    block = _rpc(settings, "eth_getBlockByNumber", "latest", False)
    behind = time.time() - int(block["timestamp"], 16)
    if abs(behind) > CLOCK_SKEW_SECONDS_MAX + settings.chain.block_seconds:
        raise Fault(
            f"the last block is {behind:.0f} s behind this machine's clock",
            "Does the chain still make blocks? Is this machine's clock set by NTP?",
        )
    return f"{behind:.1f} s from the last block's"


def _contracts(settings: Settings) -> str:
    deployment = load_deployment(settings.chain.deployments_dir, settings.chain.network)
    addresses = {"registry": deployment.registry, "router": deployment.router, "pools": deployment.pools}
    addresses |= {token.code: address for token, address in deployment.tokens.items()}
    missing = [name for name, at in addresses.items() if _rpc(settings, "eth_getCode", at, "latest") == "0x"]
    if missing:
        raise Fault(
            f"no code on chain for {', '.join(missing)}", "Run `jua deploy`; locally `jua up --fresh`."
        )
    return f"{len(addresses)} contracts have code"


def _fees(settings: Settings) -> str:
    """The relayer pays for everything that goes to the chain."""
    chain, relayer = settings.chain, _keystore(settings).signer("relayer").address
    held = int(_rpc(settings, "eth_getBalance", relayer, "latest"), 16)
    try:
        Purse(chain.balance_floor_hbar, chain.fee_max_hbar).require_filled(held)
    except PurseLow as low:
        raise Fault(low.detail, f"Pay HBAR to {relayer}; until then nothing reaches the chain.") from low
    return f"the relayer holds {held // WEIBARS_PER_HBAR} HBAR"


def _node(settings: Settings, account: str) -> str:
    """A consensus node knows nothing of a transaction that never was, and says so."""
    from juapesa.chain.native_ids import TransactionId, entity_number  # noqa: PLC0415 - only on Hedera
    from juapesa.chain.native_nodes import NOT_FOUND, NativeNodes, NodeUnreachable  # noqa: PLC0415

    chain = settings.chain
    address, signer = chain.native_nodes[account], _keystore(settings).signer("relayer")
    fee, certificates = chain.native_fee_tinybars_max, chain.native_certificates

    async def ask() -> str:
        nodes = NativeNodes({account: address}, signer, fee, TIMEOUT_SECONDS, certificates)
        try:
            return (await nodes.receipt(TransactionId(entity_number(account), time.time_ns()))).status
        finally:
            await nodes.close()

    advice = "Until it answers, transactions go by the relay, seconds slower (JUA_CHAIN__NATIVE_NODES)."
    try:
        said = asyncio.run(ask())
    except NodeUnreachable as silent:
        raise Fault(silent.detail, advice) from silent
    if said != NOT_FOUND:
        raise Fault(f"{address} says {said}", advice)
    return f"{address} answers" + (" by TLS" if account in certificates else ", without TLS")


def _rpc(settings: Settings, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        answer = httpx.post(
            settings.chain.rpc_url, json=body, timeout=TIMEOUT_SECONDS, trust_env=False
        ).json()
    except (httpx.HTTPError, ValueError) as problem:
        raise Fault(f"{settings.chain.rpc_url} does not answer", START) from problem
    if not isinstance(answer, dict) or answer.get("result") is None:
        raise Fault(f"{settings.chain.rpc_url} refuses {method}", "Is it an Ethereum JSON-RPC endpoint?")
    return answer["result"]


def _answers(url: str, advice: str) -> str:
    """Anything but a fault of the other side counts: without credentials 401 and 404 are fine."""
    try:
        status = httpx.get(url, timeout=TIMEOUT_SECONDS, trust_env=False).status_code
    except httpx.HTTPError as problem:
        raise Fault(f"{url} does not answer ({type(problem).__name__})", advice) from problem
    if status >= 500:
        raise Fault(f"{url} answers with {status}", advice)
    return f"{url} answers"
