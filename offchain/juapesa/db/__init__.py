"""The database: connections, units of work, migrations and the embedded server."""

from juapesa.db.connection import Database, UnitOfWork

__all__ = ["Database", "UnitOfWork"]
