"""A real database for tests: one server a session, a fresh copy of the migrated template for each test.

``tests/conftest.py`` loads this as a plugin, so any test may simply ask for ``database``
(fresh for it alone, 0.05 s) or ``module_database`` (shared by the tests of one file).
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from juapesa.db import Database, EmbeddedPostgres
from juapesa.db.migrate import upgrade

TEMPLATE = "template_juapesa"


@dataclass(frozen=True, slots=True)
class PostgresForTests:
    """The session's server; ``fresh()`` gives the URL of a migrated database of one's own."""

    server: EmbeddedPostgres
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def prepare(self) -> None:
        """Start, and migrate the template that every database is copied from."""
        self.server.start()
        self.server.create_database(TEMPLATE)
        upgrade(self.server.url(TEMPLATE))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a new migrated database, which is dropped at the end of the block."""
        name = f"test_{next(self.numbers)}"
        self.server.create_database(name, template=TEMPLATE)
        try:
            yield self.server.url(name)
        finally:
            self.server.drop_database(name)

    @contextmanager
    def connected(self, connections_max: int = 8) -> Iterator[Database]:
        """A Database on a new migrated database."""
        with self.fresh() as url:
            database = Database.connect(url, connections_max=connections_max, name="tests")
            try:
                yield database
            finally:
                database.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresForTests]:
    """The server of this test session; not durable, gone at its end."""
    server = EmbeddedPostgres(Path(tmp_path_factory.mktemp("postgres")), durable=False)
    try:
        found = PostgresForTests(server)
        found.prepare()
        yield found
    finally:
        server.stop()


@pytest.fixture
def database_url(postgres: PostgresForTests) -> Iterator[str]:
    """The URL of a fresh migrated database for one test."""
    with postgres.fresh() as url:
        yield url


@pytest.fixture
def database(postgres: PostgresForTests) -> Iterator[Database]:
    """A fresh migrated database for one test."""
    with postgres.connected() as found:
        yield found


@pytest.fixture(scope="module")
def module_database(postgres: PostgresForTests) -> Iterator[Database]:
    """A migrated database shared by the tests of one file."""
    with postgres.connected() as found:
        yield found
