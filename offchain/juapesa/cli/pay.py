"""`jua pay`: look at one payment; see and release those that are stuck; measure what one costs."""

import json
import os
import pwd
from dataclasses import asdict
from typing import Annotated, Any, Literal

import typer

from juapesa import config
from juapesa.api.clients import Clients, Scope
from juapesa.assembly import Parts, assemble
from juapesa.db import UnitOfWork
from juapesa.payments.decisions import TWO_PEOPLE, Decider, Decision
from juapesa.payments.stuck import StuckLeg

TOKEN = "JUA_OPERATOR_TOKEN"  # noqa: S105 - the name of a variable

app = typer.Typer(
    help="Look at a payment; see and release those that are stuck.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


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


@app.command()
def stuck(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
) -> None:
    """Payments that need a person: since when, why, when they are tried again, what may be decided."""
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        found = parts.stuck.stuck(uow)
    if as_json:
        typer.echo(json.dumps({"stuck": [asdict(each) for each in found]}, default=str))
        return
    for each in found:
        typer.echo("\n".join(_lines(each)))
    typer.echo(f"{len(found)} stuck", err=True)


@app.command()
def release(
    code: Annotated[str, typer.Argument(help="The receipt code.")],
    leg: Annotated[int, typer.Option(help="The leg's number, as `jua pay stuck` shows it.")],
    because: Annotated[str, typer.Option(help="Why; on record for good, so no phone numbers.")],
    decision: Annotated[
        Decision,
        typer.Option(
            help="try again now; give up and pay back; the operator states that it has, or has not, paid"
            " (two people); an ended one is dealt with"
        ),
    ] = Decision.TRY_AGAIN,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
) -> None:
    """Decide about a stuck leg. What is not stuck or not safe is refused; twice is as once.

    On record as the machine's user, or by the name of the operator's client whose token is in
    JUA_OPERATOR_TOKEN. What takes two people needs a token from each and asks for it.
    """
    token = os.environ.get(TOKEN, "")
    if decision in TWO_PEOPLE and not token:
        token = typer.prompt("Your token", hide_input=True, err=True)
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        by = _decider(uow, parts, token)
        made = parts.stuck.release(uow, code, leg, decision, by=by, because=because)
    if as_json:
        typer.echo(json.dumps({"code": code, **asdict(made)}, default=str))
        return
    done = "" if made.acted else "; a second person has to say the same within a day"
    typer.echo(f"{code} leg {made.seq}: {made.decision}, {made.at:%Y-%m-%d %H:%M:%S} by {made.by}{done}")


@app.command()
def bench(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
    payments: Annotated[int, typer.Option(min=1, max=1_000_000, help="Payments in each round.")] = 400,
    rounds: Annotated[int, typer.Option(min=1, max=99, help="Rounds that count; one more warms up.")] = 5,
    settlers: Annotated[int, typer.Option(min=1, max=8, help="Processes that share the work.")] = 1,
    operators: Annotated[
        Literal["immediate", "http"],
        typer.Option(
            help="http: the sandboxes by HTTP, in processes of their own, and callbacks to our API."
        ),
    ] = "immediate",
) -> None:
    """What a payment costs ourselves, with a chain, and unless told otherwise operators, that answer at once.

    Uses a PostgreSQL of its own in the data folder, with fsync on.
    """
    from juapesa.measure.sagas import Operators, SagaBench  # noqa: PLC0415 - quick help

    folder = config.load().data_dir / "saga-bench"
    who = Operators(operators)
    made = SagaBench(folder, lambda line: typer.echo(line, err=True), payments, rounds, settlers, who)
    _report(made.run(), as_json)


@app.command()
def kill(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
    kills: Annotated[int, typer.Option(min=1, help="Settlers to kill.")] = 20,
    load: Annotated[int, typer.Option(min=1, help="Payments confirmed a second meanwhile.")] = 20,
) -> None:
    """Kill settlers under load; how long the legs that they had waited for their next step, in seconds.

    Uses a PostgreSQL of its own in the data folder, with fsync on. Checks the books at the end.
    """
    from juapesa.measure.recovery import Recovery  # noqa: PLC0415 - quick help

    folder = config.load().data_dir / "saga-recovery"
    _report(Recovery(folder, lambda line: typer.echo(line, err=True), kills, load).run(), as_json)


def _report(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report))
        return
    for name, value in report.items():
        typer.echo(f"{name}: {value}")


def _decider(uow: UnitOfWork, parts: Parts, token: str) -> Decider:
    """Who calls: the system's word for it, never a variable's. Raises NotAuthenticated, ScopeMissing."""
    number = os.getuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:
        user = f"user {number}"
    if not token:
        return Decider(user, user, proven=False)
    client = Clients(parts.sealer, parts.clock).holder(uow, token, Scope.OPERATIONS_DECIDE)
    return Decider(client.name, user, proven=True)


def _lines(leg: StuckLeg) -> list[str]:
    again = f"{leg.next_at:%Y-%m-%d %H:%M:%S}" if leg.next_at else "not by itself"
    return [
        f"{leg.code}  leg {leg.seq}  {leg.kind} {leg.state}  {leg.payment} {leg.status}",
        f"  since {leg.since:%Y-%m-%d %H:%M:%S}, asked {leg.attempts} times, tried again: {again}",
        f"  {leg.reason}" + (f" ({leg.last_word})" if leg.last_word else ""),
        f"  may be decided: {', '.join(leg.choices)}",
    ]
