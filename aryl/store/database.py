"""Connections to SQLite or PostgreSQL; whatever differs between the two is here and only here.

Every write runs alone on either database (decision 11), so that the order of ids is the order of
commits. A read sees one consistent picture, however many statements it takes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, Final

import orjson
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, Table, and_, bindparam, create_engine, event, exc
from sqlalchemy.engine import URL, make_url

from aryl.model.errors import BadInput
from aryl.store.turns import Turns

BUSY_S: Final = 30  # how long a write waits for that of another process
IDLE_S: Final = 60  # how long PostgreSQL lets a transaction do nothing
CONNECTIONS: Final = 8  # kept open: the threads of one process that ask at the same time
MORE_CONNECTIONS: Final = 24  # opened above that while they are needed
WRITE_LOCK: Final = 0x6172_796C  # "aryl": the advisory lock that every PostgreSQL write takes

# What is raised where the database is away, locked or out of space: it may be back later.
UNAVAILABLE: Final[tuple[type[Exception], ...]] = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.TimeoutError,
)

_WRITES: Final = "aryl_writes"  # the execution option that marks a connection that will write
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Database:
    """One database, opened by URL: `sqlite:///file.db` or `postgresql+psycopg://…`.

    `label` is the URL without its password, for logs.
    """

    def __init__(self, url: str) -> None:
        """Open lazily: the first transaction connects. Raises `BadInput` for an unknown URL."""
        parsed = _parsed(url)
        self._url = url
        self.label = parsed.set(query={}).render_as_string(hide_password=True)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        self._engine = _sqlite(parsed) if self._is_sqlite else _postgres(parsed)
        self._turn = Turns(Path(parsed.database or "")).turn if self._is_sqlite else nullcontext
        self._alone = Lock()  # threads of this process queue here instead of polling SQLite's lock

    def __repr__(self) -> str:
        """Show the URL without its password."""
        return f"Database({self.label!r})"

    def __reduce__(self) -> tuple[type["Database"], tuple[str]]:
        """Let another process have it: there it opens connections of its own."""
        return Database, (self._url,)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees the database as it is at its first statement."""
        with self._engine.connect() as connection:
            if not self._is_sqlite:  # in SQLite's WAL every transaction reads like this
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that no other write overlaps; it is rolled back when the block raises."""
        with self._alone, self._turn(), self._engine.connect() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                if not self._is_sqlite:
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
                yield connection

    def migrate(self) -> None:
        """Bring the schema to this release's; of two that start at once, one does it.

        Raises `BadInput` where a newer release has been here.
        """
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.write() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise BadInput(self.label, f"can't be brought to this release: {error}") from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def replace_rows(
    connection: Connection, table: Table[Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows in place of those with the same primary key; none is fine."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    same = and_(*(table.c[key] == bindparam(f"key_{key}") for key in keys))
    stale = [{f"key_{key}": row[key] for key in keys} for row in rows]
    connection.execute(table.delete().where(same), stale)
    connection.execute(table.insert(), list(rows))


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise BadInput("database", "is no database URL", expected="scheme://…") from None
    known = {"sqlite": "sqlite", "postgresql+psycopg": "postgresql"}
    in_a_file = parsed.database not in {None, "", ":memory:"}
    if parsed.drivername not in known or (parsed.drivername == "sqlite" and not in_a_file):
        raise BadInput(
            "database",
            "can't be used",
            value=parsed.set(query={}).render_as_string(hide_password=True),
            expected="sqlite:///FILE or postgresql+psycopg://…",
        )
    return parsed


def _sqlite(url: URL) -> Engine:
    engine = _engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres(url: URL) -> Engine:
    engine = _engine(url, pool_pre_ping=True)
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _engine(url: URL, **options: Any) -> Engine:  # noqa: ANN401 - whatever an engine takes
    return create_engine(
        url,
        json_serializer=_json,
        json_deserializer=_plain,
        pool_size=CONNECTIONS,
        max_overflow=MORE_CONNECTIONS,
        **options,
    )


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _plain(stored: str | bytes | float) -> object:
    """The value in a JSON column; SQLite stores a bare number as one, not as text."""
    if isinstance(stored, int | float):
        return stored
    value: object = orjson.loads(stored)
    return value


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None  # transactions begin where SQLAlchemy begins them
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _prepare_postgres(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    # A process that stops within a write must not hold up the others for ever.
    connection.execute(f"SET lock_timeout = '{BUSY_S}s'")
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_S}s'")
    # Pages walk along an index. After many inserts, while its statistics are old, PostgreSQL would
    # rather gather and sort all that follows.
    connection.execute("SET enable_bitmapscan = off")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
