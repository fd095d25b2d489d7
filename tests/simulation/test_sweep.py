"""`aryl sim sweep`: what runs, what is kept, what changes, what fails (docs/sweeps.md)."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from simulator.request import RunRequest
from simulator.run import run_request
from simulator.sweep import sweeping
from simulator.sweep.ledger import locked
from simulator.sweep.work import Ended, Order, Show, carried_out
from tests.simulation.command import aryl
from tests.simulation.sweeps import (
    CELLS,
    COMMAND,
    LARGER,
    descendants,
    going,
    is_running,
    refused,
    runs,
    swept,
    swept_afresh,
    until,
    write_spec,
)
from traces.synthetic import generate
from traces.writing import write_trace


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small sweep that has ended; tests read it."""
    folder = tmp_path_factory.mktemp("sweep")
    assert swept(write_spec(folder), folder / "out", "--processes", 1)["run"] == CELLS
    return folder / "out"


@pytest.fixture
def out(done: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to go on with."""
    return Path(shutil.copytree(done, tmp_path / "out"))


def test_a_sweep_leaves_one_row_per_cell_with_its_coordinates_and_figures(done: Path) -> None:
    rows = pq.read_table(done / "results.parquet").to_pylist()

    assert [(row["scheme"], row["seed"], row["policy.headroom"]) for row in rows] == [
        *(("fifo", 0, 0.02), ("sjf", 0, 0.02), ("aryl", 0, 0.02), ("aryl", 0, 0.1)),
    ]
    costs = pq.read_table(done / "timing.parquet").to_pylist()
    for row, cost in zip(rows, costs, strict=True):
        folder = done / "cells" / cost["cell"]
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        assert row["error"] is None
        assert row["jct_s.mean"] == summary["jct_s"]["mean"]
        assert (row["scheme"], row["seed"]) == (summary["scheme"], summary["seed"])
        assert row["policy.headroom"] == summary["policy"]["headroom"]
        assert cost["cpu_s"] == json.loads((folder / "timing.json").read_text())["cpu_s"]


def test_a_cell_is_the_run_that_the_same_options_give(tmp_path: Path) -> None:
    more = '[grid.workload]\nelastic_jobs = 0.5\n[[grid]]\nscenario = "ideal"\nscheme = "sjf"\n'
    spec = write_spec(tmp_path, more=more)

    cells = swept(spec, tmp_path / "out")["cells"]

    request = RunRequest(tmp_path / "out" / "traces" / "made-up.csv.gz", cluster="testbed")
    drawn = RunRequest(
        request.trace,
        cluster="testbed",
        scheme="aryl",
        seed=0,
        knobs={"headroom": 0.1},
        workload={"elastic_jobs": 0.5},
    )
    ideal = RunRequest(request.trace, cluster="testbed", scheme="sjf", scenario="ideal", seed=0)
    for asked, cell in ((drawn, cells[-2]), (ideal, cells[-1])):
        kept = tmp_path / "out" / "cells" / cell["cell"] / "summary.json"
        assert json.loads(kept.read_text(encoding="utf-8")) == run_request(asked, None)


def test_a_finished_cell_is_not_run_again(out: Path, tmp_path: Path) -> None:
    first, results = runs(out), (out / "results.parquet").read_bytes()

    again = swept(write_spec(tmp_path), out)

    assert (again["run"], again["kept"]) == (0, CELLS)
    assert runs(out) == first
    assert (out / "results.parquet").read_bytes() == results


def test_a_changed_spec_runs_only_what_is_new(out: Path, tmp_path: Path) -> None:
    first = runs(out)
    spec = write_spec(tmp_path, more='[[grid]]\nname = "more"\nscheme = ["sjf", "srtf"]\n')

    again = swept(spec, out)

    assert (again["run"], again["kept"]) == (1, CELLS)
    assert first.items() < runs(out).items()


def test_sweeps_that_share_cells_run_each_once(done: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"

    assert swept(write_spec(tmp_path), second, "--cells", done / "cells")["run"] == 0
    files = [folder / "results.parquet" for folder in (done, second)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_what_the_spec_asks_for_no_more_is_not_in_the_results(out: Path, tmp_path: Path) -> None:
    more = write_spec(tmp_path, more='[[grid]]\nname = "more"\nscheme = "srtf"\n')
    assert len(swept(more, out)["cells"]) == CELLS + 1

    swept(write_spec(tmp_path), out)

    schemes = pq.read_table(out / "results.parquet")["scheme"].to_pylist()
    assert schemes == ["fifo", "sjf", "aryl", "aryl"]


def test_cells_whose_files_have_changed_are_run_again(tmp_path: Path) -> None:
    jobs, demand, cluster = (tmp_path / name for name in ("jobs.csv", "demand.csv", "c.toml"))
    write_trace(jobs, generate(seed=5, jobs=60, days=0.25, gpus=32))
    demand.write_text("t_s,servers\n0,2\n300,3\n", encoding="utf-8")
    cluster.write_text(CLUSTER, encoding="utf-8")
    spec = tmp_path / "spec.toml"
    spec.write_text(ON_FILES, encoding="utf-8")
    ran = []

    def sweep() -> None:
        ran.append(swept(spec, tmp_path / "out")["run"])

    sweep()
    cluster.write_text(CLUSTER.replace("5", "6", 1), encoding="utf-8")
    sweep()
    demand.write_text("t_s,servers\n0,2\n300,4\n", encoding="utf-8")
    sweep()
    write_trace(jobs, generate(seed=6, jobs=60, days=0.25, gpus=32))
    sweep()
    sweep()

    assert ran == [2, 1, 2, 2, 0]


ON_FILES = """
[[trace]]
name = "t"
file = "jobs.csv"
inference = "demand.csv"
[[grid]]
cluster = ["testbed", "c.toml"]
"""
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


def test_the_results_are_the_same_bytes_however_many_processes_run(
    done: Path, tmp_path: Path
) -> None:
    swept(write_spec(tmp_path), tmp_path / "out", "--processes", 3)

    for file in ("results.parquet", "report.html"):
        assert (tmp_path / "out" / file).read_bytes() == (done / file).read_bytes()


def test_the_results_are_the_same_bytes_in_whatever_order_cells_end(
    done: Path, tmp_path: Path
) -> None:
    def backwards(orders: Sequence[Order], _: Show) -> Iterator[Ended]:
        return (carried_out(order) for order in reversed(orders))

    found = sweeping.swept(write_spec(tmp_path), tmp_path / "out", backwards)

    assert found.results.read_bytes() == (done / "results.parquet").read_bytes()


def test_a_dry_run_lists_the_cells_and_how_many_are_done(out: Path, tmp_path: Path) -> None:
    before = aryl("sim", "sweep", write_spec(tmp_path), "--out", tmp_path / "new", "--dry-run")
    assert not (tmp_path / "new").exists()
    spec = write_spec(tmp_path, more='[[grid]]\nname = "more"\nscheme = "srtf"\n')

    after = aryl("sim", "sweep", spec, "--out", out, "--dry-run")
    listed = json.loads(aryl("sim", "sweep", spec, "--out", out, "--dry-run", "--json").out)

    assert f"{CELLS} cells, 0 of them done" in before.out
    assert f"{CELLS + 1} cells, {CELLS} of them done" in after.out
    assert [cell["state"] for cell in listed["cells"]] == ["done"] * CELLS + ["to run"]


def test_a_cell_whose_process_dies_fails_and_the_others_go_on(tmp_path: Path) -> None:
    spec, out = write_spec(tmp_path, trace=f"synth = {{ {LARGER} }}"), tmp_path / "out"

    with going(spec, out, "--processes", "1") as process:
        until(lambda: len(runs(out)) >= 1)
        os.kill(_worker(process), signal.SIGKILL)
        said, complaint = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "1 failed" in said
    assert "ended by SIGKILL" in complaint
    errors = pq.read_table(out / "results.parquet")["error"].to_pylist()
    assert sum(error is not None for error in errors) == 1
    assert "ended by SIGKILL" in (out / "report.html").read_text(encoding="utf-8")
    assert swept_afresh(spec, out)["run"] == 1


def _worker(process: "subprocess.Popen[Any]") -> int:
    """The process that runs a cell: the child of a child of the sweep."""
    found: list[int] = []

    def is_there() -> bool:
        below = descendants(process.pid)
        found[:] = [child for child, parent in below.items() if parent in below]
        return bool(found)

    until(is_there)
    return found[0]


def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    spec, out = write_spec(tmp_path, trace=f"synth = {{ {LARGER} }}"), tmp_path / "out"
    with going(spec, out, "--processes", "1") as process:
        until(lambda: len(runs(out)) >= 1)
        process.kill()
        process.wait()
    kept = runs(out)
    assert 1 <= len(kept) < CELLS

    again = swept_afresh(spec, out)

    assert (again["run"], again["kept"]) == (CELLS - len(kept), len(kept))
    assert kept.items() < runs(out).items()


def test_no_cell_outlives_a_killed_sweep(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.csv")  # which nobody writes to: the cell waits for ever
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path)  # noqa: S603 - our own code
    try:
        _worker(process)
        below = descendants(process.pid)
    finally:
        process.kill()
        process.wait()

    try:
        until(lambda: not any(is_running(pid) for pid in below))
    finally:
        for pid in filter(is_running, below):
            os.kill(pid, signal.SIGKILL)


ENDLESS = """
from pathlib import Path
from simulator.request import RunRequest
from simulator.sweep.local import run_here
from simulator.sweep.work import Order

if __name__ == "__main__":
    list(run_here([Order("a", RunRequest(Path("endless.csv")))], 1, print))
"""


def test_two_sweeps_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path / "out"):
        answer = refused(write_spec(tmp_path), tmp_path / "out")

    assert "another sweep" in answer.err


def test_no_progress_bar_shows_in_a_pipe(tmp_path: Path) -> None:
    words = [*COMMAND, str(write_spec(tmp_path)), "--out", str(tmp_path / "out")]

    answer = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603 - our own command

    assert answer.stderr == ""
    assert "\x1b" not in answer.stdout
    assert "\r" not in answer.stdout
