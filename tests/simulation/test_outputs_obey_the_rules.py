"""The files of real replays, held to the rules of spec §6 by an independent checker."""

import csv
import gzip
import json
from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest

from simulator.request import RunRequest
from simulator.run import run_request
from tests.checker.check import check_run
from tests.checker.files import read_run
from tests.checker.replays import Stage, first_lines, make_stage
from tests.checker.shape import PHILLY, TESTBED, Knobs, Shape
from traces.demand import builtin_demand
from traces.job import trace_of
from traces.synthetic import generate
from traces.table import read_trace
from traces.windows import window_of
from traces.writing import write_trace

SCHEMES = (
    "fifo",
    "fifo-backfill",
    "sjf",
    "srtf",
    "las",
    "opportunistic",
    "aryl-loaning",
    "aryl-scaling",
    "gandiva",
    "afs",
    "pollux",
    "aryl",
)
DAY_S = 86_400.0
MORE = {
    "elastic_jobs": 0.4,
    "range": 3,
    "fungible_jobs": 0.5,
    "heterogeneous_jobs": 0.5,
    "checkpoint_jobs": 1,
    "checkpoint_s": 600,
}
POLICIES = {
    "at every event": ("cycle_s = 0", Knobs()),
    "slow to vacate": ("vacate_s = 400", Knobs(vacate_s=400)),
    "slow to decide": ("decision_latency_s = 7", Knobs(decision_latency_s=7)),
    "slow to restart": ("preemption_overhead_s = 900", Knobs(preemption_overhead_s=900)),
    "slow to resize": ("resize_overhead_s = 30", Knobs(resize_overhead_s=30)),
    "on demand": ('lend = "on-demand"', Knobs()),
    "more headroom": ("headroom = 0.2", Knobs(headroom=0.2)),
    "last value": ('forecaster = "last"', Knobs()),
    "exact": ('reclaim = "exact"', Knobs(reclaim="exact")),
    "exact by loss": ('reclaim = "exact"\nvictim_weight = "lost_gpu_s"', Knobs()),
    "scf": ('reclaim = "scf"', Knobs()),
    "random": ('reclaim = "random"', Knobs()),
    "all at once": (
        "cycle_s = 0\nvacate_s = 400\ndecision_latency_s = 11\nresize_overhead_s = 30",
        Knobs(vacate_s=400, decision_latency_s=11, resize_overhead_s=30),
    ),
}
NO_TRACE = Path()
DRAWN = {
    "sjf": (RunRequest(NO_TRACE, scheme="sjf"), Knobs()),
    "basic": (RunRequest(NO_TRACE), Knobs()),
    "advanced": (RunRequest(NO_TRACE, scenario="advanced"), Knobs()),
    "heterogeneous": (RunRequest(NO_TRACE, scenario="heterogeneous"), Knobs()),
    "ideal": (RunRequest(NO_TRACE, scenario="ideal"), Knobs(heterogeneous_efficiency=1.0)),
    "more of everything": (RunRequest(NO_TRACE, workload=MORE), Knobs()),
}
SHAPES = {
    "types alike": Shape(6, 12, factor=1.0),
    "broken factor": Shape(6, 12, factor=2.5),
    "almost alike": Shape(5, 10, factor=1.1),
    "narrow inference servers": Shape(5, 14, inference_gpus=4, factor=1.5),
    "narrow training servers": Shape(9, 9, training_gpus=4, factor=2.0),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_obeys_the_rules(scheme: str, stage: Stage, tmp_path: Path) -> None:
    run_dir = stage.run(tmp_path / "run", scheme=scheme)

    faults = stage.faults(run_dir)

    assert faults == [], first_lines(faults)


@pytest.mark.parametrize("policy", POLICIES)
def test_aryl_obeys_the_rules_whatever_its_knobs(policy: str, stage: Stage, tmp_path: Path) -> None:
    lines, knobs = POLICIES[policy]
    run_dir = stage.run(tmp_path / "run", scheme="aryl", policy=lines)

    faults = stage.faults(run_dir, knobs)

    assert faults == [], first_lines(faults)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_clusters_of_every_shape_obey_the_rules(shape: Shape, tmp_path: Path) -> None:
    stage = make_stage(tmp_path, jobs=120, seed=2, shape=shape)
    run_dir = stage.run(tmp_path / "run", scheme="aryl", seed=2)

    faults = stage.faults(run_dir)

    assert faults == [], first_lines(faults)


def test_the_days_replayed_leave_nothing_out(good_run: Path, stage: Stage) -> None:
    summary = json.loads((good_run / "summary.json").read_text(encoding="utf-8"))

    assert min(summary[name] for name in ("loans", "reclaims", "preemptions", "resizes")) > 20
    held = read_run(good_run, stage.trace).held
    assert {row.kind for row in held if row.is_on_loan} == {"base", "flexible"}


@pytest.mark.parametrize("case", DRAWN)
def test_what_scenarios_draw_obeys_the_rules(case: str, tmp_path: Path) -> None:
    asked, knobs = DRAWN[case]
    trace = tmp_path / "trace.csv"
    write_trace(trace, generate(seed=3, jobs=300, days=1.0, gpus=32))
    run_request(replace(asked, trace=trace, cluster="testbed", seed=3), tmp_path / "run")
    demand = builtin_demand(TESTBED.inference_servers, seed=3).servers

    faults = check_run(tmp_path / "run", trace, demand, TESTBED, knobs)

    assert faults == [], first_lines(faults)


def test_two_days_of_philly_decided_once_a_minute_obey_the_rules(
    traces_dir: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace.csv"
    days = window_of(read_trace(traces_dir / "window15d_philly.csv.gz"), 0.0, 2 * DAY_S)
    # a job of two months would make the test wait for two months of demand
    jobs = [replace(job, duration_s=min(job.duration_s, 2 * DAY_S)) for job in days.jobs]
    write_trace(trace, trace_of("two days", jobs))

    assert _philly_faults(trace, traces_dir, tmp_path, "cycle_s = 60") == []


@pytest.mark.slow
def test_the_whole_window_of_philly_obeys_the_rules(traces_dir: Path, tmp_path: Path) -> None:
    trace = traces_dir / "window15d_philly.csv.gz"

    assert _philly_faults(trace, traces_dir, tmp_path) == []


def _philly_faults(trace: Path, traces_dir: Path, tmp_path: Path, knobs: str = "") -> list[str]:
    inference, policy = traces_dir / "window15d_infer_azure.csv.gz", tmp_path / "policy.toml"
    policy.write_text(f"[policy]\n{knobs}\n", encoding="utf-8")
    request = RunRequest(trace, inference, cluster="philly", policy=policy, seed=1)
    run_request(request, tmp_path / "run")
    with gzip.open(inference, "rt", newline="") as file:
        shares = [float(row["demand_norm"]) for row in csv.DictReader(file)]
    pool = PHILLY.inference_servers * 0.95
    demand = [ceil(share * pool - 1e-6) for share in shares]
    return check_run(tmp_path / "run", trace, demand, PHILLY)[:10]
