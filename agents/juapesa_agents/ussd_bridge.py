"""Serves the USSD gateways and the phone page; answers in 100 ms and never waits for the world.

``python -m juapesa_agents.ussd_bridge``. ``--once`` forgets old sessions and ends; ``--dry-run``
only checks that database, keystore and catalogues can be used.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from juapesa.payments.desk import open_payments

from juapesa import config
from juapesa.clock import SystemClock
from juapesa.config import Settings
from juapesa.crypto import Sealer, open_keystore
from juapesa.db import Database
from juapesa.db.embedded import resolve_url
from juapesa.ussd.app import THREADS, build_app
from juapesa.ussd.service import Ussd
from juapesa.wallet import COUNTRIES, People, parse_phone

HOST = "127.0.0.1"
BACKLOG = 512


@contextmanager
def open_ussd(settings: Settings) -> Iterator[Ussd]:
    """The USSD side on the real wallet and payments desk."""
    keystore = open_keystore(settings)
    db = Database.connect(resolve_url(settings), connections_max=THREADS, name="ussd_bridge")
    try:
        people = People.from_keystore(keystore)
        yield Ussd(
            settings,
            db,
            people,
            open_payments(settings, keystore, people),
            read_phone=parse_phone,
            rail_labels={each.rail: each.label for each in COUNTRIES.values()},
            sealer=Sealer(keystore.secret("seal")),
            hop_key=keystore.secret("hop"),
            clock=SystemClock(),
        )
    finally:
        db.close()


def serve(settings: Settings) -> None:
    """Run until stopped."""
    import uvicorn  # noqa: PLC0415 - not needed by --once

    with open_ussd(settings) as ussd:
        uvicorn.run(
            build_app(settings, ussd),
            host=HOST,
            port=settings.ports.ussd,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            access_log=False,  # a path holds the gateway secret, and a line a hop costs more than the hop
            log_level=settings.log_level.lower(),
            backlog=BACKLOG,
            timeout_keep_alive=75,
            server_header=False,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="ussd_bridge", description=__doc__)
    parser.add_argument("--once", action="store_true", help="forget old sessions, then end")
    parser.add_argument(
        "--dry-run", action="store_true", help="check that everything can be opened, then end"
    )
    chosen = parser.parse_args(arguments)
    settings = config.load()
    if not (chosen.once or chosen.dry_run):
        serve(settings)
        return
    with open_ussd(settings) as ussd:
        if not chosen.dry_run:
            ussd.clean()


if __name__ == "__main__":
    main()
