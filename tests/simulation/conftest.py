"""A run that all tests of a session may read."""

from pathlib import Path

import pytest

from tests.checker.replays import Stage, make_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A crowded day on a small cluster."""
    return make_stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="session")
def good_run(stage: Stage) -> Path:
    """That day under `aryl`."""
    return stage.run(stage.folder / "good", scheme="aryl")
