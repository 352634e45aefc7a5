"""`jua audit`: what an outsider can check without asking us for anything."""

import json
import sys
from typing import Annotated, Any

import typer

from juapesa.errors import JuaError

app = typer.Typer(
    help="Check the public attestation log from chain data alone.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


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
    topic: Annotated[
        str, typer.Option(help="topic 0.0.N of the consensus service in which the log is anchored")
    ] = "",
    mirror: Annotated[
        list[str] | None, typer.Option(help="URL of a mirror node; give several to compare them")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Recompute order, root, supply, custody cover and signatures; exit 1 at the first fault.

    With --topic and --mirror also every anchor: its place, the topic's running hash, and that the log had the
    root that was anchored.
    """
    if bool(topic) != bool(mirror):
        raise typer.BadParameter("a topic and a mirror node go together")
    try:
        body = _examine(rpc, registry, from_block, topic, mirror or [])
    except JuaError as fault:
        sys.stderr.write(f"{fault.detail}\n")
        if as_json:
            _print_json({"ok": False, "entries": 0, "root": None, "tokens": [], "first_fault": fault.detail})
        raise typer.Exit(1) from None
    if as_json:
        _print_json(body)
    else:
        _print_text(body)
    raise typer.Exit(0 if body["ok"] else 1)


def _examine(
    rpc: str, registry: str, from_block: int | None, topic: str, mirrors: list[str]
) -> dict[str, Any]:
    """The topic before the chain, so that the chain is never older than what was anchored of it."""
    from juapesa.transparency.anchored import log_fault, read_anchors  # noqa: PLC0415 - quick help
    from juapesa.transparency.verify import verify as check  # noqa: PLC0415

    anchored = read_anchors(mirrors, topic) if topic else None
    checkpoints = anchored.logs if anchored else {}
    verdict = check(rpc, registry, from_block, {each.size for each in checkpoints.values()})
    body: dict[str, Any] = {
        "ok": verdict.ok,
        "entries": verdict.entries,
        "root": verdict.root,
        "tokens": [
            {"token": each.token, "supply": each.supply, "custody": each.custody} for each in verdict.tokens
        ],
        "first_fault": verdict.first_fault,
    }
    if anchored is not None:
        mine = anchored.logs_of(verdict.chain_id, registry)
        fault = anchored.first_fault or log_fault(mine, verdict.roots, verdict.entries)
        said = anchored.as_json() | {"checkpoints": len(mine), "first_fault": fault}
        body |= {"anchors": said, "first_fault": verdict.first_fault or fault}
        body["ok"] = body["first_fault"] is None
    return body


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
    if "anchors" in body:
        said = body["anchors"]
        lines.append(
            f"{said['messages']} messages in topic {said['topic']}, the last at {said['last_at']}: "
            f"{said['checkpoints']} checkpoints of this log, {said['heads']} ledger heads"
        )
    lines.append("Everything holds." if body["ok"] else f"First fault: {body['first_fault']}")
    sys.stdout.write("\n".join(lines) + "\n")
