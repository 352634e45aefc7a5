"""`jua liabilities`: what is owed to customers, stated so that each can check they are counted."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from juapesa.assembly import assemble
from juapesa.errors import InvalidInput
from juapesa.ledger import AccountKind
from juapesa.ledger.engine.sealer import Sealer
from juapesa.transparency import liabilities
from juapesa.wallet import parse_phone

app = typer.Typer(
    help="What is owed to customers, and proofs of being counted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def make() -> None:
    """State now what is owed, besides the statement that the bookkeeper makes each day."""
    with assemble(name="cli") as parts:
        bound = Sealer(parts.db).settle()
        if bound is None:
            sys.stderr.write("A transaction stays open, or an engine holds the books. Try again.\n")
            raise typer.Exit(1)
        with parts.db.unit_of_work() as uow:
            made = liabilities.make(uow, bound, parts.keystore.secret(liabilities.KEY_NAME))
    typer.echo(json.dumps(made.as_json()))


@app.command()
def check(
    topic: Annotated[
        str, typer.Option(help="A topic 0.0.N of the consensus service: our statements must be those in it.")
    ] = "",
    mirror: Annotated[
        list[str] | None, typer.Option(help="URL of a mirror node; several are compared.")
    ] = None,
) -> None:
    """For auditors: the newest statement against its leaves, the ledger and custody; exit 1 at a fault."""
    from juapesa.transparency.anchored import read_sound_anchors  # noqa: PLC0415 - quick help

    if bool(topic) != bool(mirror):
        raise typer.BadParameter("a topic and a mirror node go together")
    anchored = read_sound_anchors(mirror or [], topic).liabilities if topic else {}
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        found = liabilities.statements(uow, 1)
        if not found:
            raise liabilities.NoStatement("There is no statement yet.")
        fault = liabilities.fault_of(uow, found[0])
        roots = {each.statement: each.root for each in anchored.values()}
        fault = fault or liabilities.anchored_fault(uow, roots)
    typer.echo(json.dumps({"ok": fault is None, "fault": fault, **found[0].as_json()}))
    if fault is not None:
        raise typer.Exit(1)


@app.command()
def proof() -> None:
    """The proof that one person's wallets are counted; asks for their number."""
    number = parse_phone(typer.prompt("Phone number", err=True), None).e164
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        person = parts.people.find(uow, number)
        if person is None:
            raise liabilities.NotCounted("Nobody has this number.")
        key = parts.keystore.secret(liabilities.KEY_NAME)
        found = liabilities.counted(uow, key, AccountKind.WALLET, str(person.id))
    typer.echo(json.dumps(found.as_json()))


@app.command()
def verify(file: Annotated[Path, typer.Argument(help="A proof as `proof` or the API gives it.")]) -> None:
    """For customers: whether a proof holds. Asks nobody; compare its root with the published one."""
    try:
        told = json.loads(file.read_text())
        holds = liabilities.is_counted(told)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InvalidInput("This file holds no proof of liabilities.") from problem
    if not holds:
        sys.stderr.write("The proof does not lead to its root.\n")
        raise typer.Exit(1)
    for unit, amount in zip(told["currencies"], told["amounts"], strict=True):
        typer.echo(f"{amount} minor units of {unit} are counted in root {told['root']}")
