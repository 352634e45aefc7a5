"""Serves the application with the parts of this process."""

import uvicorn

from juapesa.api.app import build_app
from juapesa.api.attesters import attester_routes
from juapesa.api.figures import figure_routes
from juapesa.api.ports import CallbackDesk
from juapesa.api.programs import program_routes
from juapesa.assembly import Parts


def serve(parts: Parts) -> None:
    """Serve on loopback until SIGTERM. A proxy in front ends TLS."""
    answers = {name: rail.callback_answer for name, rail in parts.rails.items()}
    app = build_app(
        parts.settings,
        parts.db,
        parts.receipts,
        CallbackDesk(parts.urls, parts.inbox, answers),
        more=(
            attester_routes(parts.db, parts.issuance, parts.clock),
            figure_routes(parts),
            *program_routes(parts),
        ),
    )
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=parts.settings.ports.api,
        log_level="warning",
        access_log=False,  # paths of callbacks hold their tokens
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=5,
    )
