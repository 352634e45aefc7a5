"""Bring a database's schema up to date."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

# One process migrates at a time; the number is arbitrary but never reused.
MIGRATION_LOCK = 789_001


def upgrade(url: str, to: str = "head") -> None:
    """Run every migration that this database lacks, up to ``to``, in one transaction.

    ``url`` is a libpq URL (``postgresql://…``). Safe to run again and by several processes
    at once.
    """
    engine = sqlalchemy.create_engine(_dialect_url(url), poolclass=sqlalchemy.pool.NullPool)
    config = _config()
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def position(url: str) -> tuple[str | None, str | None]:
    """The migration that a database is at (None: none yet), and the one that this program brings."""
    engine = sqlalchemy.create_engine(_dialect_url(url), poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(_config()).get_current_head()


def _dialect_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
