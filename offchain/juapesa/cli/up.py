"""Start everything on this machine; Ctrl-C stops it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from juapesa import config
from juapesa.supervisor.local import LocalRun


def up(
    data: Annotated[
        Path | None, typer.Option(help="Folder for database, chain, keys and logs. Default: .jua")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what the folder holds; start empty.")
    ] = False,
    network: Annotated[
        str | None,
        typer.Option(
            help="hedera-local: a plain EVM (default); hedera-sandbox: Hedera's own rules, tokens and delays."
        ),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave one process out, by its name. May be repeated.")
    ] = None,
) -> None:
    """Start the database, the chain, the sandboxed operators, the API and the agents.

    Prints where to dial and where receipts are. A second start continues where the first
    one ended. Logs lie in DATA/logs, process numbers in DATA/run.
    """
    overrides: dict[str, Any] = {"data_dir": data} if data is not None else {}
    if network is not None:
        overrides["chain"] = {"network": network}
    settings = config.load(**overrides)
    _say(
        f"Jua Pesa starts on {settings.chain.network}."
        f" Data: {settings.data_dir}, logs: {settings.data_dir / 'logs'}"
    )
    LocalRun(settings, _say, fresh=fresh, without=without or ()).run()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
