"""The checker derives summary.json and timeline.csv again, and knows the trace."""

import re
from pathlib import Path

import pytest

from tests.checker.check import check_run
from tests.checker.replays import Stage
from tests.checker.tampering import Tables, Tampering, add, tampered

FIGURES = (
    *("jobs", "carry_in_jobs", "preemptions", "preemption_ratio", "resizes", "lost_gpu_s"),
    *("loans", "reclaims", "elastic_share", "elastic_gpu_time_share", "fungible_share"),
    *("heterogeneous_share", "checkpoint_share"),
    *("training_usage", "overall_usage", "on_loan_usage", "inference_shortfall_server_s"),
    "inference_shortfall_share",
)
SPREADS = [
    (name, key)
    for name in ("queuing_s", "jct_s")
    for key in ("mean", "p50", "p75", "p95", "p99", "max")
]
COLUMNS = (
    *("queued_jobs", "running_jobs", "training_gpus_used"),
    *("on_loan_servers", "on_loan_gpus_used", "inference_demand_servers"),
)


def _faults_after(tampering: Tampering, run_dir: Path, stage: Stage, folder: Path) -> list[str]:
    copy, trace = tampered(run_dir, stage.trace, folder / "bad", tampering)
    return check_run(copy, trace, stage.demand, stage.shape)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_wrong_figure_is_named(figure: str, good_run: Path, stage: Stage, tmp_path: Path) -> None:
    def tamper(run: Tables) -> None:
        run.summary[figure] = 1.001 * run.summary[figure] + 0.001

    faults = _faults_after(tamper, good_run, stage, tmp_path)

    assert len(faults) == 1
    assert faults[0].startswith(f"summary.json says {figure} = ")


@pytest.mark.parametrize(("share", "amount"), [("flexible_share", 0.01), ("collateral", 0.5)])
def test_a_wrong_share_of_reclaim_is_named(
    share: str, amount: float, good_run: Path, stage: Stage, tmp_path: Path
) -> None:
    def tamper(run: Tables) -> None:
        run.summary[share] += amount

    faults = _faults_after(tamper, good_run, stage, tmp_path)

    assert len(faults) == 1
    assert faults[0].startswith(f"summary.json says {share} = ")


@pytest.mark.parametrize(("name", "key"), SPREADS)
def test_a_wrong_statistic_is_named(
    name: str, key: str, good_run: Path, stage: Stage, tmp_path: Path
) -> None:
    def tamper(run: Tables) -> None:
        run.summary[name][key] += 1.0

    faults = _faults_after(tamper, good_run, stage, tmp_path)

    assert len(faults) == 1
    assert faults[0].startswith(f"summary.json says {name}.{key} = ")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_wrong_row_of_the_timeline_is_named(
    column: str, good_run: Path, stage: Stage, tmp_path: Path
) -> None:
    faults = _faults_after(lambda run: add(run.timeline[3], column, 1), good_run, stage, tmp_path)

    assert len(faults) == 1
    assert re.match(f"timeline.csv says {column} = .* at 900.0 s; the tables say", faults[0])


def test_a_missing_row_of_the_timeline_is_named(
    good_run: Path, stage: Stage, tmp_path: Path
) -> None:
    def tamper(run: Tables) -> None:
        del run.timeline[7]

    faults = _faults_after(tamper, good_run, stage, tmp_path)

    assert any("timeline.csv does not have a row each 300.0 s" in fault for fault in faults)


def _ask_for_what_never_fits(run: Tables) -> None:
    row = run.trace[0]
    size = row["gpus_per_worker"]
    row.update(num_gpus=str(1000 * int(size)), min_workers="1000", max_workers="1000")


def _reject(run: Tables) -> None:
    job_id = run.trace[0]["job_id"]
    run.summary["rejected"] = [{"job_id": job_id, "reason": "made up"}]


INPUTS: dict[str, tuple[Tampering, str]] = {
    "twice": (lambda run: run.jobs.append(dict(run.jobs[0])), "jobs.csv lists a job twice"),
    "gone": (lambda run: run.trace.append(run.trace[0] | {"job_id": "gone"}), "gone is in the tr"),
    "unknown": (lambda run: run.jobs.append(run.jobs[0] | {"job_id": "new"}), "new is in jobs.csv"),
    "ghost": (
        lambda run: run.allocations.append(run.allocations[0] | {"job_id": "ghost"}),
        "ghost holds GPUs but is not in jobs.csv",
    ),
    "altered": (lambda run: add(run.jobs[2], "max_workers", 1), "not in jobs.csv as it was subm"),
    "too large": (_ask_for_what_never_fits, "can never fit"),
    "rejected": (_reject, "is rejected but fits"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_jobs_that_are_not_the_traces_are_named(
    case: str, good_run: Path, stage: Stage, tmp_path: Path
) -> None:
    tampering, sentence = INPUTS[case]

    faults = _faults_after(tampering, good_run, stage, tmp_path)

    assert any(sentence in fault for fault in faults), faults[:10]
