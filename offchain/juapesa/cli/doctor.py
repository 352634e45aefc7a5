"""Check this machine's set-up, and say what to do about what is wrong."""

import json
from typing import Annotated

import typer

from juapesa import config
from juapesa.cli._checks import Finding, examine


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
) -> None:
    """Check configuration, database, chain, contracts, clock, keys, operators and our own services.

    Ends with status 1 when something is wrong. It changes nothing and starts nothing.
    """
    findings = examine(config.load())
    good = all(finding.ok for finding in findings)
    if as_json:
        checks = [{"name": f.name, "ok": f.ok, "detail": f.detail, "advice": f.advice} for f in findings]
        typer.echo(json.dumps({"ok": good, "checks": checks}))
    else:
        for finding in findings:
            typer.echo(_line(finding))
    raise typer.Exit(0 if good else 1)


def _line(finding: Finding) -> str:
    mark = "ok " if finding.ok else "BAD"
    advice = f"\n{'':<20}-> {finding.advice}" if not finding.ok and finding.advice else ""
    return f"{mark} {finding.name:<16}{finding.detail}{advice}"
