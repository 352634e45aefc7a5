"""`jua sandbox`: the operators' sandboxes, one alone or the whole world in one process."""

import asyncio
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from starlette.applications import Starlette

from juapesa.clock import SystemClock
from juapesa.config import Settings, load
from juapesa.errors import InvalidInput
from juapesa.money import KES, Money
from juapesa.sandbox.engine import Delay
from juapesa.sandbox.server import Site, bind, serve
from juapesa.sandbox.store import Store
from juapesa.supervisor.tools import evm_tool

NAMES = ("daraja", "momo", "africastalking", "oracle")
HEDERA_PORT = 7546  # where the network's own local nodes have their relay
KEYS_VARIABLE = "JUA_SANDBOX_ORACLE_KEYS"


def sandbox(
    name: Annotated[
        str, typer.Argument(help="daraja, momo, africastalking, oracle, or world for these four; hedera")
    ],
    *,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one. Not for world.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    state: Annotated[
        Path | None,
        typer.Option(help="Outlives a restart: an SQLite file, for hedera a folder; world has its own."),
    ] = None,
    delay: Annotated[str, typer.Option(help="Seconds between accepting and outcome.")] = "1:3",
    seed: Annotated[int, typer.Option(help="Seed of the waiting times.")] = 1,
    deployment: Annotated[Path | None, typer.Option(help="JSON with the tokens' addresses.")] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Publishers' private keys, hexadecimal, a line each.")
    ] = None,
    kes_float: Annotated[int, typer.Option(help="Our opening float at M-Pesa, shillings.")] = 20_000_000,
    ngn_float: Annotated[int, typer.Option(help="Our opening float at MoMo, naira.")] = 200_000_000,
    delivery_url: Annotated[str | None, typer.Option(help="Where SMS delivery reports go.")] = None,
    lag: Annotated[str, typer.Option(help="Hedera: seconds between consensus and mirror.")] = "2:6",
    block_seconds: Annotated[float, typer.Option(help="Hedera: seconds between blocks.")] = 2.0,
    hapi_port: Annotated[int, typer.Option(help="Hedera: port of the native API (gRPC).")] = 50211,
    hapi_tls_port: Annotated[int | None, typer.Option(help="Hedera: a port for it with TLS.")] = None,
) -> None:
    """Play an operator in its own wire format. Faults and state: /_sandbox on the same port."""
    if name == "hedera":
        ports = (HEDERA_PORT if port is None else port, hapi_port, hapi_tls_port)
        _hedera(host, ports, Delay.parse(lag), block_seconds, seed=seed, state=state)
        return
    from juapesa.sandbox import africastalking, daraja, momo, oracle  # noqa: PLC0415 - Hedera needs none

    settings, clock, pace = load(), SystemClock(), Delay.parse(delay)
    names = _names(name, port)
    keys = _keys(key_file, settings) if "oracle" in names else None  # before the rest: opening costs memory
    if state is None and name == "world":
        state = settings.data_dir / "sandbox" / "world.sqlite"
    store = Store(state)
    builders: dict[str, Callable[[], Starlette]] = {
        "daraja": lambda: daraja.build(
            settings, store, clock, pace, seed=seed, opening=Money.whole(kes_float, KES)
        ),
        "momo": lambda: momo.build(settings, store, clock, pace, seed=seed + 1, opening_units=ngn_float),
        "africastalking": lambda: africastalking.build(settings, store, clock, pace, delivery_url),
        "oracle": lambda: oracle.build(settings, store, clock, deployment, keys),
    }
    sites = [Site(each, builders[each](), _port(settings, each, port)) for each in names]
    try:
        asyncio.run(serve(sites, host, functools.partial(_ready, host)))
    finally:
        store.close()


def _hedera(
    host: str,
    ports: tuple[int, int, int | None],
    lag: Delay,
    block_seconds: float,
    *,
    seed: int,
    state: Path | None,
) -> None:
    """A network of its own: it needs none of the operators' settings, and they do not need its libraries."""
    from juapesa.sandbox import hedera  # noqa: PLC0415

    port, hapi_port, hapi_tls = ports
    for each in (hapi_port, *([] if hapi_tls is None else [hapi_tls])):
        bind(host, each).close()  # said now, in one line, rather than by a server that has half started
    pace = hedera.Pace(block_seconds, lag.low, lag.high)
    hapi = (host, hapi_port)
    app = hedera.build(
        evm_tool("anvil"), SystemClock(), pace, seed=seed, hapi=hapi, hapi_tls=hapi_tls, state=state
    )
    asyncio.run(serve([Site("hedera", app, port)], host, functools.partial(_ready, host)))


def _names(name: str, port: int | None) -> tuple[str, ...]:
    if name == "world":
        if port is not None:
            raise InvalidInput("The world takes its ports from the settings (JUA_PORTS__DARAJA=8710 …).")
        return NAMES
    if name not in NAMES:
        raise InvalidInput(f"There are sandboxes for {', '.join(NAMES)} (world starts these) and hedera.")
    return (name,)


def _port(settings: Settings, name: str, port: int | None) -> int:
    return int(getattr(settings.ports, name)) if port is None else port


def _keys(key_file: Path | None, settings: Settings) -> list[bytes] | None:
    """The publishers' keys: from the file, the variable, or the local keystore; None: the sandbox's own."""
    text = os.environ.get(KEYS_VARIABLE)
    if key_file is not None:
        try:
            text = key_file.read_text()
        except OSError as fault:
            raise InvalidInput(f"{key_file} cannot be read: {fault.strerror}.") from None
    if not text and (settings.data_dir / "keys" / "keystore.json").exists():
        from juapesa.crypto import open_keystore  # noqa: PLC0415 - a sandbox alone needs none

        keystore = open_keystore(settings)
        numbers = range(1, settings.publishers + 1)
        return [keystore.export_private_key(f"publisher-{number}") for number in numbers]
    if not text:
        return None
    try:
        return [bytes.fromhex(each.removeprefix("0x")) for each in text.replace(",", " ").split()]
    except ValueError:
        raise InvalidInput("A publisher's key is 32 bytes in hexadecimal.") from None


def _ready(host: str, ports: dict[str, int]) -> None:
    shown = f"[{host}]" if ":" in host else host
    where = " ".join(f"{name}=http://{shown}:{port}" for name, port in ports.items())
    print(f"sandbox ready {where}", flush=True)
