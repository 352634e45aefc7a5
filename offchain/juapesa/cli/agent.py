"""Run one agent by itself."""

import runpy
import sys
from typing import Annotated

import typer

NAMES = ("ussd_bridge", "relayer", "attester", "watcher", "settler", "bookkeeper", "anchor")


def agent(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
    once: Annotated[bool, typer.Option("--once", help="One cycle, then end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, say what is due, touch nothing.")] = False,
    number: Annotated[int, typer.Option(help="Which attester.")] = 1,
) -> None:
    """Run one agent in the foreground; Ctrl-C ends it after the cycle under way."""
    if name not in NAMES:
        raise typer.BadParameter(f"there is no agent {name[:40]!r}; use one of {', '.join(NAMES)}")
    flags = [flag for flag, given in (("--once", once), ("--dry-run", dry_run)) if given]
    sys.argv = [name, *flags, "--number", str(number)]
    # Agents stand above this package; the name is looked up at run time, not imported.
    runpy.run_module(f"juapesa_agents.{name}", run_name="__main__")
