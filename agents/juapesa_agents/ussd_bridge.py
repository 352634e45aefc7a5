"""Serves the USSD gateways and the phone page; answers in 100 ms and never waits for the world."""

import argparse
from collections.abc import Sequence

from juapesa.assembly import Parts, assemble
from juapesa.ussd.app import THREADS, build_app
from juapesa.ussd.service import Ussd
from juapesa.wallet import COUNTRIES, parse_phone

BACKLOG = 512
KEEP_ALIVE_SECONDS = 75


def make_ussd(parts: Parts) -> Ussd:
    """The USSD side on the real wallet and payments desk."""
    return Ussd(
        parts.settings,
        parts.db,
        parts.people,
        parts.payments,
        read_phone=parse_phone,
        rail_labels={each.rail: each.label for each in COUNTRIES.values()},
        sealer=parts.sealer,
        hop_key=parts.keystore.secret("hop"),
        clock=parts.clock,
    )


def serve(parts: Parts) -> None:
    """Serve on loopback until SIGTERM. A proxy in front ends TLS."""
    import uvicorn  # noqa: PLC0415 - not needed by --once

    uvicorn.run(
        build_app(parts.settings, make_ussd(parts)),
        host="127.0.0.1",
        port=parts.settings.ports.ussd,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,  # a path holds the gateway secret, and a line a hop costs more than the hop
        log_level="warning",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
        server_header=False,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; ``--once`` and ``--dry-run`` as for every agent."""
    parser = argparse.ArgumentParser(prog="jua agent ussd_bridge")
    parser.add_argument("--once", action="store_true", help="forget sessions older than a day, then end")
    parser.add_argument("--dry-run", action="store_true", help="check that everything opens, touch nothing")
    parser.add_argument("--number", type=int, default=1, help="not used: there is one bridge a port")
    given = parser.parse_args(arguments)
    with assemble(name="ussd_bridge", connections_max=THREADS) as parts:
        if given.dry_run:
            make_ussd(parts)
        elif given.once:
            make_ussd(parts).clean()
        else:
            serve(parts)


if __name__ == "__main__":
    main()
