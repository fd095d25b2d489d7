"""The policy's knobs: one frozen object, read from a mapping and validated whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any

from aryl.model.errors import BadInput
from aryl.policy.speedup import speedup_named

PARTS = ("ordering", "placement", "loaning", "reclaim", "scaling")  # what a scheme is made of

ESTIMATES = ("given", "learned", "none")
# Entries that look at run times, and who takes their place where there are no estimates.
_AGNOSTIC = {
    "ordering": {"sjf": "las"},
    "placement": {"return-aware": "best-fit"},
    "preemption": {"remaining-time": "attained-service"},
}

# Each scheme names the registry entries and knobs in which it differs from `aryl` (spec §4).
_RIGID: dict[str, str | float] = {"loaning": "none", "scaling": "none"}
SCHEMES: dict[str, dict[str, str | float]] = {
    "fifo": _RIGID | {"ordering": "fifo"},
    "fifo-backfill": _RIGID | {"ordering": "fifo-backfill"},
    "sjf": _RIGID,
    "srtf": _RIGID | {"preemption": "remaining-time"},
    "las": _RIGID | {"ordering": "las", "preemption": "attained-service", "reconsider_s": 60.0},
    "opportunistic": {"loaning": "opportunistic", "scaling": "none", "reconsider_s": 60.0},
    "aryl-loaning": {"scaling": "none"},
    "aryl-scaling": {"loaning": "none"},
    "gandiva": {"ordering": "fifo", "loaning": "none", "scaling": "gandiva"},
    "afs": {"loaning": "none", "scaling": "afs"},
    "pollux": {
        "ordering": "fifo-backfill",
        "loaning": "none",
        "scaling": "pollux",
        "cycle_s": 60.0,
        "reconsider_s": 60.0,
    },
    "aryl": {},
    "aryl+": {
        "placement": "return-aware",
        "reclaim": "exact",
        "value_of_work": "soonest",
        "victim_weight": "lost_gpu_s",
        "min_run_s": 600.0,
        "hold_home_s": 3600.0,
    },
}


def _knob(default: Any, meaning: str, *within: Any) -> Any:  # noqa: ANN401 - a field specifier returns whatever the field is
    """A field with its meaning and what its value must be: a range, or one of some words."""
    return field(default=default, metadata={"meaning": meaning, "within": within})


AT_LEAST_0, AT_LEAST_1, ABOVE_0 = ">= 0", ">= 1", "> 0"
SHARE, SOME = "from 0 to 1", "above 0, at most 1"
_WITHIN = {
    AT_LEAST_0: lambda value: 0 <= value < inf,
    AT_LEAST_1: lambda value: 1 <= value < inf,
    ABOVE_0: lambda value: 0 < value < inf,
    SHARE: lambda value: 0 <= value <= 1,
    SOME: lambda value: 0 < value <= 1,
}


@dataclass(frozen=True, slots=True)
class EstimateError:
    """Wrong run-time estimates: the share of jobs, and how far each may be off at most."""

    share: float = 0.0
    max: float = 0.0


ALL_RIGHT = EstimateError()


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """Every knob of `[policy]`, for the simulator and the daemon alike (spec §3)."""

    scheme: str = _knob("aryl", "names a mix of the next five entries", *SCHEMES)
    ordering: str = _knob("sjf", "which queued job comes first")
    placement: str = _knob("best-fit", "which servers a job's workers go to")
    loaning: str = _knob("forecast", "how many inference servers are lent")
    reclaim: str = _knob("greedy", "which on-loan servers go back when jobs must be preempted")
    scaling: str = _knob("knapsack", "how spare GPUs go to elastic jobs")
    preemption: str = _knob("none", "whether queued jobs take the place of running ones")
    forecaster: str = _knob("seasonal", "how inference demand is foreseen")
    cycle_s: float = _knob(
        10.0, "least time between two decisions of the job scheduler", AT_LEAST_0
    )
    reconsider_s: float = _knob(
        0.0, "longest time between two decisions of the job scheduler; 0: any", AT_LEAST_0
    )
    orchestrator_s: float = _knob(300.0, "time between two looks at loans", AT_LEAST_1)
    decision_latency_s: float = _knob(0.0, "time from a snapshot to its plan's effect", AT_LEAST_0)
    headroom: float = _knob(0.02, "share of inference servers that is never lent", SHARE)
    quantile: float = _knob(0.95, "quantile of the largest demand within the lead time", SHARE)
    lend: str = _knob(
        "eager", "lend all that is loanable, or what training can use", "eager", "on-demand"
    )
    hold_home_s: float = _knob(
        0.0, "servers that would be asked back within so long are lent on demand only", AT_LEAST_0
    )
    vacate_s: float = _knob(0.0, "time from asking a server back until it is back", AT_LEAST_0)
    preemption_overhead_s: float = _knob(63.0, "time a preempted job takes to restart", AT_LEAST_0)
    resize_overhead_s: float = _knob(0.0, "time a job stands still when resized", AT_LEAST_0)
    speedup: str = _knob(
        "linear", "throughput by workers: linear, loss=X, amdahl=X, comm=S:BYTES:RATE, table=W:X,…"
    )
    heterogeneous_efficiency: float = _knob(
        0.7, "share of ideal throughput of a job on both GPU types", SOME
    )
    las_queues: int = _knob(4, "queues of jobs by the GPU-time that they have had", AT_LEAST_1)
    las_limit_gpu_s: float = _knob(
        3_600.0, "GPU-seconds after which a job leaves the first queue", ABOVE_0
    )
    las_growth: float = _knob(
        8.0, "limit of each further queue by that of the one before", AT_LEAST_1
    )
    value_of_work: str = _knob(
        "total",
        "what a growth is worth: time saved of all work, of what is left, or sooner ends",
        "total",
        "remaining",
        "soonest",
    )
    victim_weight: str = _knob(
        "jobs", "cost of a victim in exact reclaim: one, or GPU-seconds", "jobs", "lost_gpu_s"
    )
    min_run_s: float = _knob(
        0.0, "run time that each victim counts as losing, once more a preemption", AT_LEAST_0
    )
    solver_nodes: int = _knob(10_000, "search nodes after which a solver gives up", ABOVE_0)
    estimates: str = _knob(
        "given", "whose run times are believed: the trace's, learned ones, none", *ESTIMATES
    )
    estimate_error: EstimateError = field(
        default=ALL_RIGHT,
        metadata={"meaning": "{share, max}: jobs with a wrong run-time estimate, and by how much"},
    )
    seed: int = _knob(0, "feeds the random reclaim policy and wrong estimates", AT_LEAST_0)


def policy_config(
    given: Mapping[str, Any], *, scheme: str | None = None, source: str = "policy"
) -> PolicyConfig:
    """A configuration from the entries of a `[policy]` table; `scheme` wins over the table's.

    The scheme fills in the parts that the table leaves open. Registry names are checked by
    `registry.checked`. Raises `BadInput` that names `source`, entry and value.
    """
    known = {f.name: f for f in fields(PolicyConfig)}
    for name in given:
        if name not in known:
            raise BadInput(source, "is no entry of [policy]", value=name, expected=", ".join(known))
    name = scheme or given.get("scheme", "aryl")
    if not isinstance(name, str) or name not in SCHEMES:
        raise BadInput(
            source, "is no scheme", column="scheme", value=name, expected=", ".join(SCHEMES)
        )
    values: dict[str, Any] = {
        key: _value(known[key], value, source) for key, value in given.items()
    }
    config = PolicyConfig(**(SCHEMES[name] | values | {"scheme": name}))
    if config.estimates == "none":
        config = replace(config, **_agnostic(config, values, source))
    try:
        speedup_named(config.speedup)
    except BadInput as error:
        raise replace(error, file=source) from error
    return config


def _agnostic(config: PolicyConfig, given: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The entries that take the place of those that need run times."""
    found = {}
    for part, others in _AGNOSTIC.items():
        name = getattr(config, part)
        if name in others:
            if part in given:
                problem, expected = "needs estimates of run times", others[name]
                raise BadInput(source, problem, column=part, value=name, expected=expected)
            found[part] = others[name]
    return found


def _value(knob: Any, value: object, source: str) -> object:  # noqa: ANN401 - dataclasses.Field is generic in its own default
    """The value in the knob's type, checked."""
    if knob.name == "estimate_error":
        return _estimate_error(value, source)
    wanted = type(knob.default)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not wanted:
        raise BadInput(
            source, "has the wrong type", column=knob.name, value=value, expected=wanted.__name__
        )
    within = knob.metadata["within"]
    if wanted is not str and within and not _WITHIN[within[0]](value):
        raise BadInput(source, "is out of range", column=knob.name, value=value, expected=within[0])
    if wanted is str and within and value not in within:
        raise BadInput(
            source, "is unknown", column=knob.name, value=value, expected=" or ".join(within)
        )
    return value


def _estimate_error(value: object, source: str) -> EstimateError:
    if not isinstance(value, Mapping) or value.keys() != {"share", "max"}:
        raise BadInput(
            source,
            "has the wrong form",
            column="estimate_error",
            value=value,
            expected="{share = 0..1, max = 0..1}",
        )
    shares = {}
    for key in ("share", "max"):
        number = value[key]
        if type(number) not in (int, float) or not 0 <= number <= 1:
            raise BadInput(
                source, "is no share", column=f"estimate_error.{key}", value=number, expected=SHARE
            )
        shares[key] = float(number)
    return EstimateError(**shares)
