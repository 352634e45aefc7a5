"""`jua audit`: what an outsider can check without asking us for anything."""

import json
import sys
from typing import Annotated, Any

import typer

from juapesa.errors import JuaError

app = typer.Typer(help="Check the public attestation log from chain data alone.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Check the public attestation log from chain data alone."""


@app.command()
def verify(
    rpc: Annotated[str, typer.Option(help="URL of any JSON-RPC node of the chain")],
    registry: Annotated[str, typer.Option(help="address of the attestation registry")],
    from_block: Annotated[
        int | None,
        typer.Option(min=0, help="block of the registry's creation, if the node keeps no old state"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Recompute order, root, supply, custody cover and signatures; exit 1 at the first fault."""
    from juapesa.transparency.verify import verify as check  # noqa: PLC0415 - keeps `jua --help` quick

    try:
        verdict = check(rpc, registry, from_block)
    except JuaError as fault:
        sys.stderr.write(f"{fault.detail}\n")
        if as_json:
            _print_json({"ok": False, "entries": 0, "root": None, "tokens": [], "first_fault": fault.detail})
        raise typer.Exit(1) from None
    tokens = [
        {"token": each.token, "supply": each.supply, "custody": each.custody} for each in verdict.tokens
    ]
    body = {
        "ok": verdict.ok,
        "entries": verdict.entries,
        "root": verdict.root,
        "tokens": tokens,
        "first_fault": verdict.first_fault,
    }
    if as_json:
        _print_json(body)
    else:
        _print_text(body)
    raise typer.Exit(0 if verdict.ok else 1)


def _print_json(body: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(body) + "\n")


def _whole(units: int) -> str:
    """Base units as whole tokens; every token has six decimals."""
    return f"{units // 10**6:,}.{units % 10**6:06}"


def _print_text(body: dict[str, Any]) -> None:
    lines = [f"{body['entries']} entries, root {body['root']}"]
    lines += [
        f"{each['token']}  supply {_whole(each['supply'])}  custody {_whole(each['custody'])}"
        for each in body["tokens"]
    ]
    lines.append("Everything holds." if body["ok"] else f"First fault: {body['first_fault']}")
    sys.stdout.write("\n".join(lines) + "\n")
