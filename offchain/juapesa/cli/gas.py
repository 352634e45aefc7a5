"""`jua gas`: what each action costs on chain, beside what others cost."""

import json
import sys
from typing import Annotated

import typer

app = typer.Typer(help="What each action costs on chain, beside what others cost.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def gas(
    *, as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False
) -> None:
    """Deploy the contracts on a chain of their own and measure each action's third transaction."""
    from juapesa.measure.gas import ANCHORS, measure  # noqa: PLC0415 - keeps `jua --help` quick
    from juapesa.measure.local_chain import local_chain  # noqa: PLC0415

    with local_chain() as chain:
        found = measure(chain, _say)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, used in found.items():
        others = ", ".join(f"{who} {their:,}" for who, their in ANCHORS.get(name, {}).items())
        sys.stdout.write(f"{name:26} {used:>9,}  {others}\n")


def _say(step: str) -> None:
    sys.stderr.write(f"{step} …\n")
