"""Processes that write to one SQLite file have their turns, however busy one of them is."""

import multiprocessing
from contextlib import closing
from multiprocessing.synchronize import Event

from aryl.store import Database
from aryl.store.database import replace_rows
from aryl.store.tables import FACTS

WRITES = 150
OTHERS_MAX = 50  # commits of the busy one that one write may have to wait for


def write_without_a_rest(url: str, has_begun: Event, is_enough: Event) -> None:
    with closing(Database(url)) as database:
        while not is_enough.is_set():
            write(database, "busy")
            has_begun.set()


def write(database: Database, name: str) -> int:
    """Count a write; how many the busy one has done by then."""
    with database.write() as connection:
        rows = connection.execute(FACTS.select()).mappings()
        counts = {row["key"]: int(str(row["value"])) for row in rows}
        replace_rows(connection, FACTS, [{"key": name, "value": counts.get(name, 0) + 1}])
        return counts.get("busy", 0)


def read(database: Database) -> int:
    with database.read() as connection:
        row = connection.execute(FACTS.select().where(FACTS.c.key == "busy")).mappings().one()
        return int(str(row["value"]))


def test_a_write_waits_for_a_few_of_a_busy_process_at_most(sqlite_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    has_begun, is_enough = context.Event(), context.Event()
    busy = context.Process(target=write_without_a_rest, args=(sqlite_url, has_begun, is_enough))
    busy.start()
    try:
        assert has_begun.wait(30.0)
        with closing(Database(sqlite_url)) as database:
            waited = [-read(database) + write(database, "calm") for _ in range(WRITES)]
    finally:
        is_enough.set()
        busy.join()

    assert max(waited) <= OTHERS_MAX
