"""The schema that migrations make is the one that the program reads."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from aryl.store.database import Database
from aryl.store.tables import METADATA


def test_migrations_lead_to_the_tables_as_they_are_declared(empty_database: Database) -> None:
    empty_database.migrate()

    with empty_database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    database.migrate()

    with database.read() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "0001"


def _migrate(url: str) -> str:
    database = Database(url)
    database.migrate()
    database.close()
    return "migrated"


def test_two_processes_may_migrate_at_once(tmp_path: Path, empty_postgres_url: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'new.db'}", empty_postgres_url):
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            assert list(pool.map(_migrate, [url, url])) == ["migrated", "migrated"]
