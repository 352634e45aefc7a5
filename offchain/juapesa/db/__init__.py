"""The database: connections, units of work, migrations and the embedded server."""

from juapesa.db.connection import Database, UnitOfWork, reading
from juapesa.db.embedded import DatabaseUnavailable, EmbeddedPostgres, resolve_url
from juapesa.db.retry import retried
from juapesa.db.workers import Worker

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "EmbeddedPostgres",
    "UnitOfWork",
    "Worker",
    "reading",
    "resolve_url",
    "retried",
]
