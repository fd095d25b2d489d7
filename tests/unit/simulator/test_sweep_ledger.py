"""What a sweep keeps, what its workers are given, and when a simulator is another one."""

import shutil
from pathlib import Path

import pytest

from simulator.inputs import read_inputs
from simulator.request import RunRequest
from simulator.run import replayed
from simulator.summary import summary_of
from simulator.sweep.ledger import Ledger
from simulator.sweep.on_ray import Parcel, run_parcel
from simulator.sweep.version import simulator_version, version_of
from simulator.sweep.work import Failure, Figures, Order, carried_out
from traces.synthetic import generate
from traces.writing import write_trace

FIGURES = Figures({"jobs": 1}, {"cpu_s": 2.0})


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    write_trace(tmp_path / "jobs.csv", generate(seed=5, jobs=40, days=0.25, gpus=32))
    return RunRequest(tmp_path / "jobs.csv", cluster="testbed", scheme="sjf")


def test_a_ledger_finds_what_it_kept(tmp_path: Path) -> None:
    Ledger(tmp_path).keep("a", {"seed": 1}, FIGURES)

    assert Ledger(tmp_path).finished(["a", "b"]) == {"a": FIGURES}
    assert (tmp_path / "a" / "cell.json").read_text() == '{\n  "seed": 1\n}\n'


def test_a_failed_cell_is_not_finished_until_it_is_run_well(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)

    ledger.keep("a", {}, Failure("SolverFailed: no answer", "Traceback …"))
    before, error = ledger.finished(["a"]), (tmp_path / "a" / "error.txt").read_text()
    ledger.keep("a", {}, FIGURES)

    assert before == {}
    assert error == "SolverFailed: no answer\n\nTraceback …"
    assert ledger.finished(["a"]) == {"a": FIGURES}
    assert not (tmp_path / "a" / "error.txt").exists()


@pytest.mark.parametrize("left", ["half a folder", "no timing", "half a file"])
def test_what_was_left_half_done_is_not_finished(left: str, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.keep("a", {}, FIGURES)
    folder = tmp_path / "a"
    if left == "half a folder":
        folder.rename(folder.with_name(".a.part"))
    elif left == "no timing":
        (folder / "timing.json").unlink()
    else:
        (folder / "summary.json").write_text('{"jobs": ', encoding="utf-8")

    assert ledger.finished(["a"]) == {}
    ledger.keep("a", {}, FIGURES)
    assert ledger.finished(["a"]) == {"a": FIGURES}


def test_an_order_comes_to_the_figures_of_a_run(request_: RunRequest) -> None:
    told: list[tuple[int, int]] = []

    ended = carried_out(Order("a", request_), lambda ended, jobs: told.append((ended, jobs)))

    assert isinstance(ended.outcome, Figures)
    assert ended.outcome.summary == summary_of(replayed(read_inputs(request_)))
    assert ended.outcome.timing["cpu_s"] > 0
    assert all(ended <= jobs == 40 for ended, jobs in told)


def test_an_order_that_raises_comes_to_a_failure(tmp_path: Path) -> None:
    ended = carried_out(Order("a", RunRequest(tmp_path / "nowhere.csv")))

    assert isinstance(ended.outcome, Failure)
    assert ended.outcome.error.startswith("BadInput: ")
    assert "nowhere.csv" in ended.outcome.error
    assert "Traceback" in ended.outcome.trace


def test_a_parcel_needs_none_of_its_files_where_it_is_run(
    request_: RunRequest, tmp_path: Path
) -> None:
    here = carried_out(Order("a", request_))
    contents = request_.trace.read_bytes()
    shutil.rmtree(tmp_path)

    there = run_parcel(Parcel(Order("a", request_), simulator_version(), ("jobs.csv",)), contents)

    assert isinstance(here.outcome, Figures)
    assert isinstance(there.outcome, Figures)
    assert there.outcome.summary == here.outcome.summary


def test_a_parcel_of_another_simulator_is_not_run(request_: RunRequest) -> None:
    ended = run_parcel(Parcel(Order("a", request_), "0123", ("jobs.csv",)), b"")

    assert isinstance(ended.outcome, Failure)
    assert "another simulator" in ended.outcome.error


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A module that matters, and one that it imports late."""
    (tmp_path / "simulator").mkdir()
    (tmp_path / "simulator" / "inputs.py").write_text(
        '"""Says."""\ndef jobs():\n    """Says."""\n    import traces.late\n    return 1  # why\n'
    )
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "late.py").write_text("LATE = 1\n")
    (tmp_path / "traces" / "unused.py").write_text("UNUSED = 1\n")
    return tmp_path


def changed(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("module", "old", "new", "matters"),
    [
        ("simulator/inputs.py", "return 1", "return 2", True),
        ("traces/late.py", "LATE = 1", "LATE = 2", True),
        ("traces/unused.py", "UNUSED = 1", "UNUSED = 2", False),
        ("simulator/inputs.py", "Says", "Tells", False),
        ("simulator/inputs.py", "# why", "# because", False),
    ],
    ids=["code", "what it imports", "what it does not", "docstrings", "comments"],
)
def test_the_version_follows_the_code_that_a_run_can_reach(
    code: Path, module: str, old: str, new: str, *, matters: bool
) -> None:
    before = version_of(code)

    changed(code / module, old, new)

    assert (version_of(code) != before) is matters
