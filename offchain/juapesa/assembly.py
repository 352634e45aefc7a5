"""Puts the contexts together: the one place where a process's parts are made from the configuration."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import httpx

from juapesa import config
from juapesa.chain import Deployment, load_deployment
from juapesa.clock import Clock, SystemClock
from juapesa.config import Settings
from juapesa.crypto import Keystore, Sealer, open_keystore
from juapesa.db import Database, resolve_url
from juapesa.issuance.service import Issuance
from juapesa.ledger import Ledger
from juapesa.money import Currency
from juapesa.notifications import Outbox
from juapesa.payments.callbacks import Callbacks
from juapesa.payments.capital import Capital
from juapesa.payments.chain_desk import IssuanceDesk
from juapesa.payments.execution import Execution
from juapesa.payments.rail_work import RailWork
from juapesa.payments.receipts import Receipts
from juapesa.payments.service import Payments
from juapesa.payments.stuck import StuckDesk
from juapesa.pools.book import Book
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.inbox import Inbox
from juapesa.rails.routing import Rails, build_rails
from juapesa.rails.token_table import TableTokens
from juapesa.wallet import COUNTRIES, People


@dataclass(frozen=True)
class Parts:
    """Everything a process may need; it takes what it does need."""

    settings: Settings
    database_url: str
    db: Database
    clock: Clock
    keystore: Keystore
    sealer: Sealer
    deployment: Deployment
    ledger: Ledger
    people: People
    issuance: Issuance
    rails: Rails
    urls: CallbackUrls
    inbox: Inbox
    outbox: Outbox
    payments: Payments
    work: RailWork
    callbacks: Callbacks
    receipts: Receipts
    stuck: StuckDesk
    capital: Capital


@contextmanager
def assemble(
    settings: Settings | None = None,
    *,
    name: str,
    connections_max: int = 4,
    idle_seconds_max: float | None = None,
) -> Iterator[Parts]:
    """The parts of one process, its database connections closed at the end (``Database.connect``).

    Raises NotDeployed, KeystoreUnavailable, DatabaseUnavailable.
    """
    settings = settings or config.load()
    deployment = load_deployment(settings.chain.deployments_dir, settings.chain.network)
    database_url = resolve_url(settings)
    db = Database.connect(
        database_url, connections_max=connections_max, name=name, idle_seconds_max=idle_seconds_max
    )
    try:
        yield build_parts(settings, database_url, db, deployment)
    finally:
        db.close()


def custody_rails() -> dict[Currency, str]:
    """The rail that holds the custody of each currency."""
    return {country.currency: country.rail for country in COUNTRIES.values()}


def attester_addresses(settings: Settings, keystore: Keystore) -> frozenset[str]:
    """Who may sign custody statements: as configured, else the local keys."""
    if settings.attester_addresses:
        return frozenset(address.lower() for address in settings.attester_addresses)
    names = (f"attester-{number}" for number in range(1, settings.attesters + 1))
    return frozenset(keystore.signer(name).address.lower() for name in names)


def build_parts(
    settings: Settings,
    database_url: str,
    db: Database,
    deployment: Deployment,
    *,
    clock: Clock | None = None,
    rails: Rails | None = None,
    keystore: Keystore | None = None,
    http: httpx.AsyncClient | None = None,
) -> Parts:
    """Every part on the given database and deployment; opens nothing but the keystore.

    ``clock``, ``rails``, ``keystore``: other ones than the machine's and the configuration's; ``http``: what
    the configuration's rails speak through.
    """
    clock, ledger, keystore = clock or SystemClock(), Ledger(), keystore or open_keystore(settings)
    sealer, callback_key = Sealer(keystore.secret("seal")), keystore.secret("callback")
    people = People.from_keystore(keystore, clock=clock)
    urls = CallbackUrls(callback_key, settings.public_url)
    if rails is None:
        rails = build_rails(settings, TableTokens(db, sealer, clock), urls, clock, http)
    outbox = Outbox(sealer, people.phones_of, clock)
    issuance = Issuance(
        deployment=deployment,
        ledger=ledger,
        clock=clock,
        receipt_key=keystore.secret("receipt"),
        attesters=attester_addresses(settings, keystore),
        quorum=settings.attester_quorum,
        item_seconds=settings.chain.item_deadline_seconds,
        statement_seconds=settings.waits.statement_seconds,
    )
    chain_desk = IssuanceDesk(issuance)
    execution = Execution(
        ledger=ledger,
        chain=chain_desk,
        outbox=outbox,
        people=people,
        sealer=sealer,
        clock=clock,
        public_url=settings.public_url,
        float_rails=custody_rails(),
    )
    payments = Payments(
        people=people,
        prices=Book(clock),
        rails=rails,
        execution=execution,
        sealer=sealer,
        clock=clock,
        fees=settings.fees,
        waits=settings.waits,
    )
    work = RailWork(db, execution, rails, urls, sealer, clock, settings.waits)
    return Parts(
        settings=settings,
        database_url=database_url,
        db=db,
        clock=clock,
        keystore=keystore,
        sealer=sealer,
        deployment=deployment,
        ledger=ledger,
        people=people,
        issuance=issuance,
        rails=rails,
        urls=urls,
        inbox=Inbox(sealer, callback_key, clock),
        outbox=outbox,
        payments=payments,
        work=work,
        callbacks=Callbacks(rails, work),
        receipts=Receipts(chain_desk, ledger),
        stuck=StuckDesk(work, clock),
        capital=Capital(ledger, issuance, settings.capital, custody_rails()),
    )


def settler_of(parts: Parts, gateway: object) -> Any:
    """The settler agent on these parts, for simulations and measurements; ``gateway`` sends its messages.

    Agents stand above this package and are looked up at run time.
    """
    options = import_module("juapesa_agents.common.options").Options(once=False, dry_run=False, number=1)
    return import_module("juapesa_agents.settler").Settler(parts, gateway, options)
