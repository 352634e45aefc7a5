"""Serve callbacks, receipts and the attesters' desk."""


def api() -> None:
    """Serve the HTTP API on loopback until SIGTERM."""
    from juapesa.api.serve import serve  # noqa: PLC0415 - the framework only when it is served
    from juapesa.assembly import assemble  # noqa: PLC0415

    with assemble(name="api", connections_max=6) as parts:
        serve(parts)
