"""What a replay hands over, read from files as `aryl sim run` reads them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any

from api.replay.options import Source
from api.replay.player import Arrival, Sample
from aryl.model.demand import BIN_S
from aryl.model.job import JobSpec
from simulator.scenarios.drawing import drawn
from simulator.scenarios.named import scenario_named, workload_of
from traces.demand import DemandSeries, read_demand
from traces.table import job_specs, read_trace

LABEL_MAX = 100  # letters of a user, a queue or a model that a service takes
NAME_MAX = 200
ID_MAX = 63


@dataclass(frozen=True, slots=True)
class Script:
    """Jobs by the time at which they are due; demand follows them where it is told."""

    arrivals: tuple[Arrival, ...]
    first_s: float
    demand: DemandSeries | None

    def samples(self) -> Iterator[Sample]:
        """Demand from the first job's bin to that of the last."""
        if self.demand is None:
            return
        end_s = self.arrivals[-1].due_s
        first_bin = int(self.first_s // BIN_S)
        for place in count(first_bin):
            due_s = max(0.0, place * BIN_S - self.first_s)
            if due_s > end_s:
                return
            yield Sample(due_s, self.demand.at(place * BIN_S))


def script_of(source: Source, pools: Mapping[str, Mapping[str, Any]]) -> Script:
    """Read everything for a cluster with these pools. Raises `BadInput`."""
    training, inference = pools["training"], pools["inference"]
    trace = read_trace(source.trace)
    scenario = scenario_named(source.scenario, trace.columns)
    specs = job_specs(trace, training["gpus"] // training["servers"])
    workload = workload_of(scenario, trace.columns)
    shaped = drawn(specs, workload, trace.columns, source.seed)
    by_time = sorted(shaped, key=_submit_s)[: source.limit]
    first_s = _submit_s(by_time[0])
    demand = None
    if source.inference is not None:
        servers = inference["servers"]
        demand = read_demand(
            source.inference,
            servers=servers,
            gpus_per_server=inference["gpus"] // max(1, servers),
            peak=source.inference_peak,
        )
    arrivals = (
        Arrival(_submit_s(spec) - first_s, body_of(spec, source.prefix), not spec.carry_in)
        for spec in by_time
    )
    return Script(tuple(arrivals), first_s, demand)


def _submit_s(spec: JobSpec) -> float:
    """When a job is submitted; what ran before the start is there at the start (spec §3)."""
    return 0.0 if spec.carry_in else spec.submit_s


def body_of(spec: JobSpec, prefix: str) -> dict[str, Any]:
    """What the service is asked for; a job's name is its id in the trace."""
    return {
        "id": _id_of(prefix + spec.job_id),
        "name": _label(spec.job_id, NAME_MAX) or "job",
        "num_gpus": spec.num_gpus,
        "duration_s": spec.duration_s,
        "gpus_per_worker": spec.gpus_per_worker,
        "min_workers": spec.min_workers,
        "max_workers": spec.max_workers,
        "allowed_workers": list(spec.allowed_workers) or None,
        "fungible": spec.fungible,
        "heterogeneous": spec.heterogeneous,
        "checkpoint_s": spec.checkpoint_s,
        "estimated_duration_s": spec.estimated_duration_s,
        "carry_in": spec.carry_in,
        "priority": spec.priority,
        "user": _label(spec.user),
        "queue": _label(spec.queue),
        "model": _label(spec.model),
    }


def _id_of(name: str) -> str:
    """The id itself where a service takes it, else one like it that no other name has."""
    sound = re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-")
    if sound == name and len(name) <= ID_MAX:
        return name
    mark = sha256(name.encode()).hexdigest()[:12]
    return f"{sound[: ID_MAX - 1 - len(mark)] or 'job'}-{mark}"


def _label(text: str, letters: int = LABEL_MAX) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:letters]
