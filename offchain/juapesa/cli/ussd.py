"""The USSD side: measure its hops."""

import asyncio
import json
import sys
from typing import Annotated

import typer

from juapesa import config

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def ussd() -> None:
    """Keeps `bench` a command of its own."""


@app.command()
def bench(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    sessions: Annotated[int, typer.Option(min=1, max=2_000, help="Handsets at once.")] = 50,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each run lasts.")] = 10.0,
    think: Annotated[
        float, typer.Option(min=0, help="Mean seconds between hops (±50 %); 0: a closed loop only.")
    ] = 1.0,
    url: Annotated[str, typer.Option(help="The bridge; default: the one of `jua up`.")] = "",
) -> None:
    """Let handsets walk the menus and report how fast hops are answered.

    First as people do, with think time: these are the figures at the top. Then as a closed loop,
    where every handset sends its next hop at once: what the machine can do at most. A fifth of
    the walks check a PIN; none pays.
    """
    from juapesa.ussd import bench as crowd  # noqa: PLC0415

    settings = config.load()
    target = url or f"http://127.0.0.1:{settings.ports.ussd}"
    path = f"/ussd/africastalking/{settings.ussd.gateway_secret.get_secret_value()}"

    def run(think_seconds: float) -> dict[str, float | int]:
        print(f"{sessions} sessions, {seconds:g} s, think {think_seconds:g} s …", file=sys.stderr)
        measured = crowd.measure(
            target,
            path,
            settings.ussd.service_code,
            sessions=sessions,
            seconds=seconds,
            think_seconds=think_seconds,
        )
        return asyncio.run(measured).report()

    found: dict[str, object] = {
        **run(think),
        "sessions": sessions,
        "seconds": seconds,
        "think_seconds": think,
    }
    if think:
        found["closed_loop"] = run(0.0)
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {value}")
