"""`jua pay`: look at one payment."""

import json
from typing import Annotated

import typer

from juapesa.assembly import assemble

app = typer.Typer(help="Look at a payment.", no_args_is_help=True)


@app.callback()
def pay() -> None:
    """Look at a payment."""


@app.command()
def trace(
    code: Annotated[str, typer.Argument(help="The receipt code, as in the SMS.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
) -> None:
    """Every step of a payment with its reasons, oldest first."""
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        receipt = parts.receipts.receipt(uow, code)
        lines = parts.receipts.trace(uow, code)
    if as_json:
        steps = [
            {
                "at": line.at.isoformat(),
                "name": line.name,
                "detail": line.detail,
                "reference": line.reference,
                "operator_receipt": line.operator_receipt,
            }
            for line in lines
        ]
        typer.echo(json.dumps({"code": receipt.code, "status": receipt.status, "steps": steps}))
        return
    typer.echo(f"{receipt.code}  {receipt.kind}  {receipt.paid} -> {receipt.receives}  {receipt.status}")
    for line in lines:
        beside = "  ".join(part for part in (line.detail, line.operator_receipt or "") if part)
        typer.echo(f"  {line.at:%Y-%m-%d %H:%M:%S.%f}  {line.name:<22} {beside}".rstrip())
