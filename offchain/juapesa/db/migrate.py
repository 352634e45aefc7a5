"""Bring a database's schema up to date."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

# One process migrates at a time; the number is arbitrary but never reused.
MIGRATION_LOCK = 789_001


def upgrade(url: str) -> None:
    """Run every migration that this database lacks, in one transaction.

    ``url`` is a libpq URL (``postgresql://…``). Safe to run again and by several processes
    at once.
    """
    engine = sqlalchemy.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=sqlalchemy.pool.NullPool
    )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
