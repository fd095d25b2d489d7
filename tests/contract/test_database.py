"""Writes run alone, reads see one picture, and no password is shown."""

import sqlite3
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from aryl.engine.lifecycle import JobState
from aryl.model.errors import BadInput, StalePlan
from aryl.store import UNAVAILABLE, Database, ServiceStore
from aryl.store.database import replace_rows
from aryl.store.tables import FACTS
from tests.builders import base, make_spec
from tests.contract.worlds import Desk, Wall, start, submission, wish
from tests.databases import PostgresServer

THREADS, ROUNDS = 4, 25


def _add_one(database: Database) -> None:
    """Read, think, and write: lost where two do it at once."""
    with database.write() as connection:
        known = connection.execute(select(FACTS.c.value).where(FACTS.c.key == "n")).scalar() or 0
        replace_rows(connection, FACTS, [{"key": "n", "value": known + 1}])


def _add(url: str) -> None:
    with closing(Database(url)) as database:
        for _ in range(ROUNDS):
            _add_one(database)


def test_threads_that_read_and_write_lose_nothing(database: Database) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(_add_one, [database] * THREADS * ROUNDS))

    assert ServiceStore.on(database, Wall()).facts.get("n") == THREADS * ROUNDS


def test_processes_that_read_and_write_lose_nothing(sqlite_url: str, postgres_url: str) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_add, [sqlite_url, sqlite_url, postgres_url, postgres_url]))

    for url in (sqlite_url, postgres_url):
        with closing(Database(url)) as database:
            assert ServiceStore.on(database, Wall()).facts.get("n") == 2 * ROUNDS


def test_a_write_keeps_even_strangers_out_of_a_sqlite_file(sqlite_url: str) -> None:
    with (
        closing(Database(sqlite_url)) as database,
        closing(sqlite3.connect(make_url(sqlite_url).database or "", timeout=0.0)) as stranger,
        database.write(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        stranger.execute("BEGIN IMMEDIATE")


def test_a_read_sees_one_picture_while_others_write(database: Database) -> None:
    count = select(func.count()).select_from(FACTS)
    with database.read() as connection:
        before = connection.execute(count).scalar()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_add_one, database).result()
        assert connection.execute(count).scalar() == before == 0

    with database.read() as connection:
        assert connection.execute(count).scalar() == 1


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            replace_rows(connection, FACTS, [{"key": "n", "value": 1}])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert ServiceStore.on(database, Wall()).facts.get("n") is None
    _add_one(database)


def test_floats_keep_every_bit(database: Database) -> None:
    desk = Desk(database)
    odd = 0.1 + 0.2
    desk.submit(make_spec("j", submit_s=1.7e9 + odd, duration_s=odd))
    desk.store.put_fact("odd", [odd, 1e-300, 5.0])

    spec = desk.known("j").job.spec
    assert (spec.submit_s, spec.duration_s) == (1.7e9 + odd, odd)
    assert desk.users.facts.get("odd") == [odd, 1e-300, 5.0]


def _submit_and_cancel(desk: Desk, user: int) -> None:
    for number in range(15):
        name = f"j{user}-{number}"
        desk.users.jobs.submit([submission(make_spec(name))])
        if number % 3 == 0:
            desk.users.jobs.request_cancel(name, wish(1.0))


def _start_all(desk: Desk, done: Event) -> None:
    now, is_last = 0.0, False
    places = cycle(range(1, 9))  # 45 jobs fit on eight servers of eight GPUs
    while not is_last or desk.store.queue():
        now += 1.0
        is_last = done.is_set()  # asked before the look: what came until then is seen by it
        desk.store.refresh()
        waiting = list(desk.store.queue().jobs)[:4]
        with suppress(StalePlan):
            desk.record(*(start(name, base(1)) for name in waiting), now=now)
            desk.settle(*(start(name, base(next(places))) for name in waiting), now=now)


def test_users_and_a_scheduler_at_once_lose_nothing(database: Database) -> None:
    desk = Desk(database)
    done = Event()
    scheduler = Thread(target=_start_all, args=(desk, done))
    scheduler.start()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(_submit_and_cancel, [desk] * 3, range(3)))
    done.set()
    scheduler.join()

    desk.store.refresh()
    assert desk.users.jobs.counts()[JobState.RUNNING] == 45
    cancelled = [it for it in desk.store.live().values() if it.cancel_requested_s is not None]
    assert len(cancelled) == 15
    assert len(desk.users.events.after(0)) == 45 + 15 + 45 + len(desk.users.plans.page())
    newest = Desk(database).store.live()
    assert {job_id: it.version for job_id, it in newest.items()} == {
        job_id: it.version for job_id, it in desk.store.live().items()
    }


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "postgresql://h/d"],
)
def test_an_unknown_database_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as error:
        Database(url)

    assert "secret" not in str(error.value)


def test_no_password_is_shown() -> None:
    database = Database("postgresql+psycopg://aryl:secret@db/aryl?password=secret")

    assert "secret" not in database.label + repr(database) + str(database)
    assert database.label == "postgresql+psycopg://aryl:***@db/aryl"


def test_a_newer_releases_database_is_refused(database: Database) -> None:
    release = "SELECT version_num FROM alembic_version"
    with database.write() as connection:
        before = connection.exec_driver_sql(release).scalar_one()
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(BadInput, match="can't be brought to this release"):
        database.migrate()

    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{before}'")  # noqa: S608 - as it was


def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/no/such.db", f"postgresql+psycopg:///d?host={tmp_path}"):
        with pytest.raises(UNAVAILABLE), Database(url).read():
            pass


def test_a_process_that_stops_within_a_write_does_not_hold_up_postgres_for_ever(
    postgres_url: str,
) -> None:
    with closing(Database(postgres_url)) as database, database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("lock_timeout", "idle_in_transaction_session_timeout")
        }

    assert settings == {"lock_timeout": "30s", "idle_in_transaction_session_timeout": "1min"}


def test_a_lost_connection_is_replaced(postgres: PostgresServer, postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database:
        _add_one(database)
        postgres.emptied()  # which ends every connection

        _add_one(database)

        assert ServiceStore.on(database, Wall()).facts.get("n") == 1


def test_a_read_can_not_write_in_postgres(postgres_url: str) -> None:
    with (
        closing(Database(postgres_url)) as database,
        pytest.raises(DBAPIError, match="read-only"),
        database.read() as connection,
    ):
        replace_rows(connection, FACTS, [{"key": "n", "value": 1}])
