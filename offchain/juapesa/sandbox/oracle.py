"""The price publishers: three or more parties that sign rates for the pools, on one port.

Publisher n answers under ``/n``: ``GET /1/v1/prices``, faults at ``/1/_sandbox/faults``. What all of
them look at is the market; a rate fixed at the root, ``PUT /_sandbox/prices/cKES``, moves them all.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.errors import JuaError
from juapesa.sandbox import control
from juapesa.sandbox.faults import FaultBoard
from juapesa.sandbox.market import Market
from juapesa.sandbox.publisher import Publisher
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import on_control_error


def build(
    settings: Settings,
    store: Store,
    clock: Clock,
    deployment: Path | None = None,
    keys: Sequence[bytes] | None = None,
) -> Starlette:
    """The application: one publisher for each key. Without keys it makes its own and keeps them."""
    file = deployment or settings.chain.deployments_dir / f"{settings.chain.network}.json"
    market = Market(store, clock, file)
    all_keys = keys or [_own_key(store, number) for number in range(1, settings.publishers + 1)]
    publishers = [
        Publisher(number, market, store, settings.chain.chain_id, key)
        for number, key in enumerate(all_keys, start=1)
    ]
    faults, options = FaultBoard({}, clock), control.Options({}, {})
    return Starlette(
        routes=[
            *(Mount(f"/{number}", app=each.app()) for number, each in enumerate(publishers, start=1)),
            market.fixed.route(),
            *control.routes("oracle", faults, options, market.state),
        ],
        exception_handlers={JuaError: on_control_error},
    )


def _own_key(store: Store, number: int) -> bytes:
    name = f"publisher-{number}"
    kept = store.load("oracle/key").get(name)
    if kept is None:
        kept = {"key": secrets.token_hex(32)}
        store.put("oracle/key", name, kept)
        store.commit()
    return bytes.fromhex(kept["key"])
