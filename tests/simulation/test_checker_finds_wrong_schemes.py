"""The checker's rules of schemes that suspend, and of the opportunistic one, can fail."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.checker.check import check_run
from tests.checker.replays import Stage
from tests.checker.shape import Knobs
from tests.checker.tampering import Tables, Tampering, add, tampered


@pytest.fixture(scope="module")
def runs(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The crowded day under each of the schemes."""
    folder = tmp_path_factory.mktemp("schemes")
    names = ("srtf", "las", "opportunistic")
    return {name: stage.run(folder / name, scheme=name) for name in names}


def _start_elsewhere(run: Tables) -> None:
    job_id, at_s, _ = run.preempted()
    left = {row["server_id"] for row in run.rows_of(job_id)}
    for row in run.allocations:
        if row["start_s"] == at_s and row["server_id"] in left:
            row["server_id"] = "train-0099"


def _lengthen_the_heirs(run: Tables) -> None:
    _, at_s, _ = run.preempted()
    for row in run.allocations:
        if row["start_s"] == at_s:
            add(run.asked(row["job_id"]), "duration_s", 1e7)


def _lend_early(run: Tables) -> None:
    add(run.loans[0], "start_s", -5)


def _return_late(run: Tables) -> None:
    loan = next(loan for loan in run.loans if loan["end_s"])
    add(loan, "end_s", 100)
    loan["reclaim_s"] = loan["end_s"]


def _use_a_loan_late(run: Tables) -> None:
    loan = run.loans[0]
    for row in run.allocations:
        if row["server_id"] == loan["server_id"] and row["start_s"] == loan["start_s"]:
            add(row, "end_s", -100)
            run.allocations.append(row | {"start_s": loan["end_s"], "end_s": loan["end_s"]})


def _train_a_fungible_job_again(run: Tables) -> None:
    job_id, _, again_s = run.preempted()
    for row in run.rows_of(job_id):
        if row["start_s"] == again_s:
            row["server_id"] = "train-0001"


@pytest.mark.parametrize(
    ("scheme", "tampering", "fault"),
    [
        ("srtf", _start_elsewhere, "and nobody starts on its servers"),
        ("las", _start_elsewhere, "and nobody starts on its servers"),
        ("srtf", _lengthen_the_heirs, "which comes after it"),
        ("opportunistic", _lend_early, "and nobody starts there"),
        ("opportunistic", _return_late, "and nobody holds it"),
        ("opportunistic", _use_a_loan_late, "and nobody holds it"),
        ("opportunistic", _train_a_fungible_job_again, "runs on training servers from"),
    ],
)
def test_a_run_that_breaks_a_rule_of_its_scheme_is_found_out(
    scheme: str,
    tampering: Tampering,
    fault: str,
    runs: dict[str, Path],
    stage: Stage,
    tmp_path: Path,
) -> None:
    run_dir, trace = tampered(runs[scheme], stage.trace, tmp_path / "run", tampering)

    faults = check_run(run_dir, trace, stage.demand, stage.shape)

    assert any(fault in found for found in faults), faults[:10]


def test_a_suspension_within_a_queue_is_found_out(runs: dict[str, Path], stage: Stage) -> None:
    faults = stage.faults(runs["las"], Knobs(las_limits_gpu_s=()))

    assert any("which comes after it" in fault for fault in faults), faults[:10]


def test_suspending_shortens_completion_and_loses_no_work(
    runs: dict[str, Path], stage: Stage, tmp_path: Path
) -> None:
    summaries = {name: _summary(run) for name, run in runs.items()}
    for name, kin in (("srtf", "sjf"), ("las", "fifo-backfill")):
        plain = _summary(stage.run(tmp_path / kin, scheme=kin))
        assert summaries[name]["jct_s"]["mean"] < plain["jct_s"]["mean"]
        assert summaries[name]["preemptions"] > 20
        assert summaries[name]["lost_gpu_s"] == 0.0


def _summary(run: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    return summary
