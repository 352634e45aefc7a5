"""The database: bring its tables up to date, or say where it is."""

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
