"""Serves one sandbox or several in one process, until told to stop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette

from juapesa.errors import Unavailable

GRACE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Site:
    """An application and the port it is to have; 0 takes any free one."""

    name: str
    app: Starlette
    port: int


class _Server(uvicorn.Server):
    """Leaves signals to us: there may be several in one loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises Unavailable when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as fault:
        made.close()
        raise Unavailable(f"Port {port} on {host} cannot be had: {fault.strerror}.") from None
    made.setblocking(False)  # noqa: FBT003  # the socket module offers no name for it
    return made


async def serve(sites: list[Site], host: str, ready: Callable[[dict[str, int]], None]) -> None:
    """Serve until SIGINT or SIGTERM. ``ready`` is told each name's port once all answer."""
    sockets = [bind(host, site.port) for site in sites]
    servers = [_Server(_config(site.app)) for site in sites]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    pairs = zip(servers, sockets, strict=True)
    running = [asyncio.create_task(server.serve(sockets=[made])) for server, made in pairs]
    while not all(server.started for server in servers) and not any(task.done() for task in running):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    if all(server.started for server in servers):
        names = (site.name for site in sites)
        ready({name: made.getsockname()[1] for name, made in zip(names, sockets, strict=True)})
    await asyncio.gather(*running)


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses hold phone numbers
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
