"""Everything that a run reads, checked before anything runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aryl.config import read_cluster, read_policy
from aryl.model.cluster import Cluster, Pool
from aryl.model.job import JobSpec
from aryl.policy.config import PolicyConfig
from aryl.policy.rules import rules_of
from simulator.inference import InferenceLoad
from simulator.request import RunRequest
from simulator.scenario import drawn, scenario_named, with_wrong_estimates
from simulator.world import World
from traces.demand import builtin_demand, read_demand
from traces.table import job_specs, read_trace


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run needs; `rejected` pairs each job that can never fit with why."""

    world: World
    scenario: str
    seed: int
    jobs: tuple[JobSpec, ...]
    rejected: tuple[tuple[str, str], ...]


def read_inputs(request: RunRequest) -> RunInputs:
    """Read and check everything. Raises `BadInput`; nothing has been written then."""
    config = replace(read_policy(request.policy, request.scheme), seed=request.seed)
    cluster = read_cluster(request.cluster)
    servers = cluster.inference_servers
    gpus_per_server = servers[0].gpus if servers else 1
    if request.inference:
        series = read_demand(
            request.inference,
            servers=len(servers),
            gpus_per_server=gpus_per_server,
            peak=request.inference_peak,
        )
    else:
        series = builtin_demand(len(servers), request.inference_peak, seed=request.seed)
    trace = read_trace(request.trace)
    scenario = scenario_named(request.scenario, trace.columns)
    specs = job_specs(trace, cluster.servers[0].gpus)
    shaped = drawn(specs, scenario, trace.columns, request.seed)
    jobs = with_wrong_estimates(shaped, config.estimate_error, request.seed)
    fitting, rejected = _sorted_out(jobs, cluster, config)
    world = World(cluster, InferenceLoad(series), config)
    return RunInputs(world, scenario, request.seed, fitting, rejected)


def _sorted_out(
    jobs: Sequence[JobSpec], cluster: Cluster, config: PolicyConfig
) -> tuple[tuple[JobSpec, ...], tuple[tuple[str, str], ...]]:
    """Part the jobs that fit on an empty training pool from those that never do."""
    rules = rules_of(config)
    fitting, rejected = [], []
    slots: dict[int, int] = {}
    for job in jobs:
        size, workers = job.gpus_per_worker, rules.base_workers(job)
        if size not in slots:
            training = (s.gpus for s in cluster.servers if s.pool is Pool.TRAINING)
            slots[size] = sum(gpus // size for gpus in training)
        if workers <= slots[size]:
            fitting.append(job)
        else:
            needs = f"needs {workers} workers of {size} GPUs, each on one server"
            rejected.append((job.job_id, f"{needs}; {slots[size]} fit in the training pool"))
    return tuple(fitting), tuple(rejected)
