"""The schema that migrations make is the one that the program reads."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from aryl.store.database import Database
from aryl.store.tables import METADATA
from tests.builders import make_spec
from tests.contract.worlds import Desk


def test_migrations_lead_to_the_tables_as_they_are_declared(empty_database: Database) -> None:
    empty_database.migrate()

    with empty_database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    database.migrate()

    with database.read() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "0002"


def test_an_older_releases_database_is_brought_up_with_all_that_is_in_it(
    database: Database,
) -> None:
    desk = Desk(database)
    desk.submit(make_spec("old"))
    with database.write() as connection:  # as the first release left it
        connection.exec_driver_sql("DROP TABLE templates")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")

    database.migrate()

    assert desk.known("old").name == "old"
    desk.submit(make_spec("new"), template={"a": 1})
    assert desk.store.template("new") == {"a": 1}
    assert desk.store.template("old") is None


def _migrate(url: str) -> str:
    database = Database(url)
    database.migrate()
    database.close()
    return "migrated"


def test_two_processes_may_migrate_at_once(tmp_path: Path, empty_postgres_url: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'new.db'}", empty_postgres_url):
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            assert list(pool.map(_migrate, [url, url])) == ["migrated", "migrated"]
