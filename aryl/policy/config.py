"""The policy's knobs: one frozen object, read from a mapping and validated whole."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from aryl.model.errors import BadInput


def _knob(default: Any, meaning: str, check: str = "", choices: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 - a field specifier returns whatever the field is
    return field(
        default=default, metadata={"meaning": meaning, "check": check, "choices": choices}
    )


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """Every knob of `[policy]`, for the simulator and the daemon alike (spec §3)."""

    scheme: str = _knob("aryl", "the named mix of the next five entries that fills in their values")
    ordering: str = _knob("sjf", "which queued job comes first")
    placement: str = _knob("best-fit", "which servers a job's workers go to")
    loaning: str = _knob("forecast", "how many inference servers are lent")
    reclaim: str = _knob("greedy", "which on-loan servers go back when jobs must be preempted")
    scaling: str = _knob("knapsack", "how spare GPUs go to elastic jobs")
    forecaster: str = _knob("seasonal", "how inference demand is foreseen")
    cycle_s: float = _knob(10.0, "least time between two decisions of the job scheduler", ">=0")
    orchestrator_s: float = _knob(300.0, "time between two looks at loans", ">0")
    decision_latency_s: float = _knob(0.0, "time from a snapshot to its plan's effect", ">=0")
    headroom: float = _knob(0.02, "share of inference servers that is never lent", "0..1")
    quantile: float = _knob(0.95, "quantile of the demand foreseen within the lead time", "0..1")
    lend: str = _knob(
        "eager",
        "lend all that is loanable, or only what training can use",
        choices=("eager", "on-demand"),
    )
    vacate_s: float = _knob(0.0, "time from asking a server back until it is back", ">=0")
    preemption_overhead_s: float = _knob(63.0, "time a preempted job takes to start again", ">=0")
    resize_overhead_s: float = _knob(0.0, "time a job stands still when it is resized", ">=0")
    speedup: str = _knob(
        "linear",
        "throughput by workers: linear, loss=SHARE, amdahl=SERIAL_SHARE, "
        "comm=SECONDS:BYTES:BANDWIDTH[:COMPRESSION[:OVERLAP]] or table=W:X,W:X,…",
    )
    heterogeneous_efficiency: float = _knob(
        0.7, "share of ideal throughput when a job runs on both GPU types", "0..1"
    )
    value_of_work: str = _knob(
        "total",
        "work that a growth's value counts: a job's total (our reading of the paper) or remaining",
        choices=("total", "remaining"),
    )
    victim_weight: str = _knob(
        "jobs",
        "what a preemption costs in exact reclaim: one a job, or its GPU-seconds lost",
        choices=("jobs", "lost_gpu_s"),
    )
    solver_nodes: int = _knob(10_000, "branch-and-bound nodes after which a solver gives up", ">0")
    estimate_error_share: float = _knob(0.0, "share of jobs with a wrong run-time estimate", "0..1")
    estimate_error_max: float = _knob(0.0, "largest relative error of a wrong estimate", "0..1")
    seed: int = _knob(0, "seed of the random reclaim policy and of wrong estimates", ">=0")
