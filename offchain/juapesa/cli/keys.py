"""`jua keys`: who may use the HTTP API."""

import json
from typing import Annotated

import typer

from juapesa.api.clients import NAME_CHARACTERS_MAX, Clients, Proof, Scope
from juapesa.assembly import assemble
from juapesa.errors import InvalidInput
from juapesa.wallet import parse_phone

app = typer.Typer(
    help="Who may use the HTTP API.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
client = typer.Typer(
    help="Programs that use the HTTP API.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
app.add_typer(client, name="client")


@client.command()
def add(
    name: Annotated[str, typer.Argument(help="What you call it; no two have the same.")],
    scopes: Annotated[str, typer.Option(help=f"Some of {', '.join(Scope)}, with commas.")],
    bearer: Annotated[bool, typer.Option("--bearer", help="A token instead of a signing secret.")] = False,
    owner: Annotated[
        bool, typer.Option("--owner", help="For one person's wallet; asks for their number.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
) -> None:
    """Make a client. Its secret is printed once and cannot be read again."""
    if not 0 < len(name) <= NAME_CHARACTERS_MAX:
        raise InvalidInput(f"A name has 1 to {NAME_CHARACTERS_MAX} characters.")
    wanted = _scopes(scopes)
    number = typer.prompt("Phone number", err=True) if owner else None
    proof = Proof.BEARER if bearer else Proof.SIGNATURE
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        person = parts.people.enroll(uow, parse_phone(number, None).e164).id if number else None
        made = Clients(parts.sealer, parts.clock).add(uow, name, wanted, proof, person)
    if as_json:
        typer.echo(json.dumps({"id": made.client.id, "proof": proof, "secret": made.secret}))
        return
    typer.echo(f"client  {made.client.id}\n{'token ' if bearer else 'secret'}  {made.secret}")
    typer.echo("Keep it now: it is not shown again.", err=True)


@client.command(name="list")
def list_clients() -> None:
    """Every client: id, how it shows who it is, scopes, name."""
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        found = Clients(parts.sealer, parts.clock).all(uow)
    for each in found:
        ended = "  ended" if each.ended_at else ""
        typer.echo(f"{each.id}  {each.proof:<9}  {','.join(sorted(each.scopes))}  {each.name}{ended}")


@client.command()
def end(client_id: Annotated[str, typer.Argument(help="As `jua keys client list` shows it.")]) -> None:
    """Let a client in no more."""
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        Clients(parts.sealer, parts.clock).end(uow, client_id)


def _scopes(text: str) -> list[Scope]:
    try:
        return [Scope(each.strip()) for each in text.split(",")]
    except ValueError:
        known = ", ".join(Scope)
        raise InvalidInput(f"A scope is one of {known}.") from None
