"""Everything that a run reads, checked before anything runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aryl.config import read_cluster, read_policy
from aryl.model.cluster import Cluster
from aryl.model.job import JobSpec
from aryl.policy.config import PolicyConfig
from aryl.policy.fitting import EmptyPool
from simulator.inference import InferenceLoad
from simulator.request import RunRequest
from simulator.scenarios.drawing import drawn
from simulator.scenarios.estimates import with_wrong_estimates
from simulator.scenarios.named import policy_defaults, scenario_named, workload_of
from simulator.scenarios.workload import Workload
from simulator.world import World
from traces.demand import builtin_demand, read_demand
from traces.table import job_specs, read_trace


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run needs; `rejected` pairs each job that can never fit with why.

    `workload` says what was drawn for the jobs; None: nothing.
    """

    world: World
    scenario: str
    seed: int
    jobs: tuple[JobSpec, ...]
    rejected: tuple[tuple[str, str], ...]
    workload: Workload | None = None


def read_inputs(request: RunRequest) -> RunInputs:
    """Read and check everything. Raises `BadInput`; nothing has been written then."""
    defaults = policy_defaults(request.scenario)
    config = read_policy(request.policy, request.scheme, request.knobs, defaults=defaults)
    seed = config.seed if request.seed is None else request.seed
    config = replace(config, seed=seed)
    world = read_world(request.cluster, config, request.inference, request.inference_peak)
    trace = read_trace(request.trace)
    scenario = scenario_named(request.scenario, trace.columns)
    workload = workload_of(scenario, trace.columns, request.workload)
    specs = job_specs(trace, world.cluster.servers[0].gpus)
    shaped = drawn(specs, workload, trace.columns, seed)
    jobs = with_wrong_estimates(_carried_in_at_0(shaped), config.estimate_error, seed)
    fitting, rejected = _sorted_out(jobs, world.cluster, config)
    return RunInputs(world, scenario, seed, fitting, rejected, workload)


def read_world(
    cluster_name: str, config: PolicyConfig, inference: Path | None, peak: float
) -> World:
    """Both pools and the inference demand on them; without a file, the built-in series.

    Raises `BadInput`.
    """
    cluster = read_cluster(cluster_name)
    servers = cluster.inference_servers
    if inference is None:
        series = builtin_demand(len(servers), peak, seed=config.seed)
    else:
        gpus_per_server = servers[0].gpus if servers else 1
        series = read_demand(
            inference, servers=len(servers), gpus_per_server=gpus_per_server, peak=peak
        )
    return World(cluster, InferenceLoad(series), config)


def _carried_in_at_0(jobs: Sequence[JobSpec]) -> list[JobSpec]:
    """The jobs by submission; those that ran before t = 0 are there at t = 0 (spec §3)."""
    there = [replace(job, submit_s=0.0) if job.carry_in else job for job in jobs]
    return sorted(there, key=lambda job: job.submit_s)


def _sorted_out(
    jobs: Sequence[JobSpec], cluster: Cluster, config: PolicyConfig
) -> tuple[tuple[JobSpec, ...], tuple[tuple[str, str], ...]]:
    """Part the jobs that fit on an empty training pool from those that never do."""
    pool = EmptyPool(cluster, config)
    fitting, rejected = [], []
    for job in jobs:
        problem = pool.never_fits(job)
        if problem is None:
            fitting.append(job)
        else:
            rejected.append((job.job_id, problem))
    return tuple(fitting), tuple(rejected)
