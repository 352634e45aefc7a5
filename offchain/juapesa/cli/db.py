"""The database: bring its tables up to date, say where it is, compare its mirror of the chain."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from juapesa import config
from juapesa.db.embedded import resolve_url

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.command()
def upgrade() -> None:
    """Run every migration that the database lacks; safe to run again."""
    from juapesa.db.migrate import upgrade as migrate  # noqa: PLC0415 - alembic and sqlalchemy are heavy

    migrate(resolve_url(config.load()))


@app.command()
def url() -> None:
    """Print the address for psql and other tools; starts the embedded server when it does not run."""
    print(resolve_url(config.load()))


@app.command()
def stop() -> None:
    """Stop the embedded server, for instance after `jua db url` has started it."""
    from juapesa.db import EmbeddedPostgres  # noqa: PLC0415

    EmbeddedPostgres(config.load().data_dir).stop()


@app.command(name="rebuild-mirror")
def rebuild_mirror(
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; the same as without options.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Correct the books by reversals and new entries.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Make the mirror of the chain anew from the chain alone and compare; exit 1 where they differ.

    It is made in memory, up to where the running mirror has read. Agents may go on meanwhile.
    """
    if check and repair:
        raise typer.BadParameter("either compare or repair")
    body = asyncio.run(_rebuilt(repair))
    if as_json:
        print(json.dumps(body))
    else:
        print(
            f"{body['transactions']} transactions up to {body['up_to']}: {body['postings']} postings, "
            f"{body['leaves']} leaves, {body['accounts']} accounts"
        )
        if not body["postings_compared"]:
            print("Postings were not compared: months are archived, or the chain is shorter than the mirror.")
        for line in body["differences"]:
            print(line)
        if body["repaired"]:
            print(f"{body['repaired']} of these are corrected.")
    raise typer.Exit(0 if body["ok"] else 1)


async def _rebuilt(repair: bool) -> dict[str, Any]:
    """The report of a rebuild, as JSON. Raises what ``Rebuild.run`` raises."""
    from juapesa.assembly import assemble  # noqa: PLC0415 - `jua db upgrade` needs none of it
    from juapesa.chain.events import open_events  # noqa: PLC0415
    from juapesa.chain.failover import open_rpc  # noqa: PLC0415
    from juapesa.issuance.rebuild import Rebuild  # noqa: PLC0415

    with assemble(name="cli") as parts:
        chain = parts.settings.chain
        rpc = open_rpc(chain)
        try:
            with open_events(chain, rpc, parts.deployment) as events:
                rebuild = Rebuild(parts.db, parts.ledger, parts.deployment, events)
                report = await rebuild.run(repair=repair)
                return {"ok": report.ok, **asdict(report), "up_to": events.told(report.cursor)}
        finally:
            await rpc.close()
