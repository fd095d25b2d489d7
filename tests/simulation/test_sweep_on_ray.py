"""`aryl sim sweep --on ray`: the same cells on a Ray cluster give the same results."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.simulation.sweeps import (
    COMMAND,
    descendants,
    is_running,
    refused,
    swept,
    until,
    write_spec,
)
from traces.synthetic import generate
from traces.writing import write_trace

START = (
    *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--block"),
    *("--port=0", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats"),
    "--object-store-memory=80000000",
)
FILES = 'file = "jobs.csv"\ninference = "demand.csv"\n'
CLUSTER_GRID = '[[grid]]\nname = "another cluster"\ncluster = "c.toml"\n'
CLUSTER = """
[pools.training]
servers = 5
gpus_per_server = 8
gpu_type = "V100"
[pools.inference]
servers = 4
gpus_per_server = 8
gpu_type = "T4"
[gpu_types.T4]
workers_per_training_worker = 3
"""


@pytest.fixture
def ray_address() -> Iterator[str]:
    """A Ray cluster of our own on this machine, all of whose processes end with the test."""
    folder = Path(mkdtemp(prefix="ray-", dir="/tmp"))  # a short path, for sockets
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*START, f"--temp-dir={folder}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        found = (re.search(r"--address='(.+)'", line) for line in process.stdout)
        yield next(address[1] for address in found if address)
    finally:
        below = descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what is left of its session
        process.communicate()
        until(lambda: not any(is_running(pid) for pid in below))
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_a_ray_cluster_gives_the_same_results_without_a_shared_disk(
    ray_address: str, tmp_path: Path
) -> None:
    write_trace(tmp_path / "jobs.csv", generate(seed=5, jobs=60, days=0.25, gpus=32))
    (tmp_path / "demand.csv").write_text("t_s,servers\n0,2\n300,3\n", encoding="utf-8")
    (tmp_path / "c.toml").write_text(CLUSTER, encoding="utf-8")
    spec = write_spec(tmp_path, trace=FILES, more=CLUSTER_GRID)
    swept(spec, tmp_path / "here")

    words = [*COMMAND, spec.name, "--out", "there", "--on", "ray"]  # paths that a worker lacks
    subprocess.run(  # noqa: S603 - our own command
        words, check=True, cwd=tmp_path, env=os.environ | {"RAY_ADDRESS": ray_address}
    )

    here, there = (tmp_path / name / "results.parquet" for name in ("here", "there"))
    assert there.read_bytes() == here.read_bytes()


def test_without_ray_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed

    answer = refused(write_spec(tmp_path), tmp_path / "out", "--on", "ray")

    assert "pip install 'aryl[ray]'" in answer.err


def test_an_address_that_nobody_listens_at_is_refused_at_once(tmp_path: Path) -> None:
    words = ("--on", "ray", "--ray-address", "127.0.0.1:1")

    answer = refused(write_spec(tmp_path), tmp_path / "out", *words)

    assert "--ray-address: '127.0.0.1:1' can't be reached" in answer.err
    assert "ray start --head" in answer.err


def test_cells_run_here_or_on_ray(tmp_path: Path) -> None:
    answer = refused(write_spec(tmp_path), tmp_path / "out", "--on", "mars")

    assert "'mars'" in answer.err
    assert "local or ray" in answer.err
