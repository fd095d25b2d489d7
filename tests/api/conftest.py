"""Fixtures of the API's tests: each test has a database and an API of its own."""

from collections.abc import Iterator

import pytest

from aryl.store import Database
from tests.api.stage import Stage, staged
from tests.databases import sqlite_template, sqlite_url

__all__ = ["database", "locked", "sqlite_template", "sqlite_url", "stage"]


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    """An empty database."""
    opened = Database(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    """An open API whose scheduler has told of two training and two inference servers."""
    with staged(database) as opened:
        opened.scheduler()
        yield opened


@pytest.fixture
def locked(stage: Stage) -> Stage:
    """As `stage`, with a token for each role."""
    stage.lock()
    return stage
