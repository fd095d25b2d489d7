"""Fixtures of the API's tests: each test has a database and an API of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aryl.store import Database
from tests.api.stage import Stage, copied, migrated, staged


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    return migrated(tmp_path_factory.mktemp("template") / "aryl.db")


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    with copied(template, tmp_path) as opened:
        yield opened


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
