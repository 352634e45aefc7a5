"""Wires the application to the real contexts and serves it."""

import uvicorn

from juapesa.api.app import build_app
from juapesa.api.ports import CallbackDesk, ReceiptReader
from juapesa.clock import SystemClock
from juapesa.config import Settings
from juapesa.crypto import Sealer, open_keystore
from juapesa.db import Database
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.inbox import Inbox
from juapesa.rails.routing import build_rails
from juapesa.rails.token_table import TableTokens

CONNECTIONS_MAX = 6


def serve(settings: Settings, database_url: str, receipts: ReceiptReader) -> None:
    """Serve on loopback until SIGTERM. A proxy in front ends TLS."""
    db = Database.connect(database_url, connections_max=CONNECTIONS_MAX, name="api")
    app = build_app(settings, db, receipts, callback_desk(settings, db))
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=settings.ports.api,
        log_level="warning",
        access_log=False,  # paths of callbacks hold their tokens
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=5,
    )


def callback_desk(settings: Settings, db: Database) -> CallbackDesk:
    """What the callback route needs, from the keystore and the configured rails."""
    clock, keystore = SystemClock(), open_keystore(settings)
    key, sealer = keystore.secret("callback"), Sealer(keystore.secret("seal"))
    addresses = CallbackUrls(key, settings.public_url)
    rails = build_rails(settings, TableTokens(db, sealer, clock), addresses, clock)
    answers = {name: rail.callback_answer for name, rail in rails.items()}
    return CallbackDesk(addresses, Inbox(sealer, key, clock), answers)
