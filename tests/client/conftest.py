"""Fixtures of the client's tests: a real service in a process of its own, one for each worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.stage import serve
from tests.service.processes import Process, until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of somebody who has configured nothing yet."""
    for name in ("ARYL_SERVER", "ARYL_TOKEN", "ARYL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A service that goes on from test to test."""
    process = serve(tmp_path_factory.mktemp("service"))
    yield process
    process.stop()


@pytest.fixture
def service(shared: Process, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    """The service that the command speaks to; no job is left in it afterwards."""
    assert home.is_dir()
    monkeypatch.setenv("ARYL_SERVER", shared.address)
    yield shared
    for state in ("queued", "running"):
        for job in shared.get("/api/v1/jobs", params={"state": state, "limit": 1000})["items"]:
            shared.cancel(job["id"])
    until(lambda: not shared.get("/api/v1/status")["jobs"]["running"])
