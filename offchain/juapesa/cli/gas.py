"""`jua gas`: what each action costs on chain, beside what others cost; on Hedera in USD too."""

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(
    help="What each action costs on chain, beside what others cost.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
)


class Network(StrEnum):
    """Whose tokens are measured."""

    PLAIN = "plain"
    HEDERA = "hedera"


@app.callback(invoke_without_command=True)
def gas(
    *,
    network: Annotated[
        Network, typer.Option(help="plain ERC-20s, or Hedera's own tokens with prices in USD")
    ] = Network.PLAIN,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Deploy the contracts on a chain of their own and measure each action's third transaction."""
    if network is Network.HEDERA:
        return _hedera(as_json=as_json)
    from juapesa.measure.gas import ANCHORS, measure  # noqa: PLC0415 - keeps `jua --help` quick
    from juapesa.measure.local_chain import local_chain  # noqa: PLC0415

    with local_chain() as chain:
        found = measure(chain, _say)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        return None
    for name, used in found.items():
        others = ", ".join(f"{who} {their:,}" for who, their in ANCHORS.get(name, {}).items())
        sys.stdout.write(f"{name:26} {used:>9,}  {others}\n")
    return None


def _hedera(*, as_json: bool) -> None:
    from juapesa.measure.hedera import measure_hedera  # noqa: PLC0415 - keeps `jua --help` quick
    from juapesa.measure.hedera_chain import hedera_chain  # noqa: PLC0415

    with hedera_chain() as chain:
        found = measure_hedera(chain, _say)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, price in found["usd"].items():
        used = found["gas"].get(name)
        sys.stdout.write(f"{name:26} {'' if used is None else f'{used:,}':>9}  {price} USD\n")
    for name, price in found["transfer_usd"].items():
        goal = found["goals_usd"].get(name)
        sys.stdout.write(f"a transfer, {name:22} {price} USD{f', goal {goal}' if goal else ''}\n")


def _say(step: str) -> None:
    sys.stderr.write(f"{step} …\n")
