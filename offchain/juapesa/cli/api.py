"""Serve callbacks, receipts and the attesters' desk."""

from juapesa import config


def api() -> None:
    """Serve the HTTP API on loopback until SIGTERM."""
    from juapesa.api.serve import serve  # noqa: PLC0415 - the framework only when it is served
    from juapesa.assembly import assemble  # noqa: PLC0415
    from juapesa.observability import configure_logging  # noqa: PLC0415

    configure_logging(config.load().log_level, service="api")
    with assemble(name="api", connections_max=6) as parts:
        serve(parts)
