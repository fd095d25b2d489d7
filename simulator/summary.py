"""The numbers of a run (spec §5 summary.json and timing.json)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aryl.model.cluster import Pool
from simulator.bound import JctBound, jct_bound
from simulator.inference import InferenceLoad
from simulator.inputs import RunInputs
from simulator.journal import JobRecord, Journal
from simulator.observer import Observer
from simulator.scenarios.drawing import shares_of
from simulator.stopwatch import peak_rss_mib

PERCENTILES = (50, 75, 95, 99)


@dataclass(frozen=True, slots=True)
class Finished:
    """A replay that has ended, with what it took."""

    inputs: RunInputs
    journal: Journal
    observer: Observer
    wall_s: float
    cpu_s: float


def summary_of(run: Finished) -> dict[str, Any]:
    """What happened, as a mapping that JSON can hold."""
    inputs, journal, tally = run.inputs, run.journal, run.observer.tally
    config = inputs.world.config
    records = [r for r in journal.jobs.values() if not r.spec.carry_in]
    preemptions = sum(r.preemptions for r in records)
    return {
        "scheme": config.scheme,
        "scenario": inputs.scenario,
        "workload": inputs.workload and asdict(inputs.workload),
        "seed": inputs.seed,
        "policy": asdict(config),
        "cluster": _cluster(inputs),
        "forecaster": _forecaster(run),
        "jobs": len(records),
        "carry_in_jobs": len(journal.jobs) - len(records),
        "rejected": [{"job_id": name, "reason": why} for name, why in inputs.rejected],
        **_shares(inputs),
        "queuing_s": _distribution([r.queuing_s for r in records]),
        "jct_s": _distribution([_jct_s(r) for r in records]),
        "jct_bound_s": asdict(_bound(inputs)),
        "estimates": _estimates(run, records),
        **_usage(run),
        "preemptions": preemptions,
        "preemption_ratio": preemptions / max(1, len(records)),
        "resizes": sum(r.resizes for r in records),
        "loans": tally.loans,
        "reclaims": tally.reclaims,
        "flexible_share": _ratio(tally.flexible_servers, tally.reclaims - tally.vacant_servers),
        "collateral": _ratio(tally.collateral_gpus, tally.asked_back_gpus),
        "lost_gpu_s": sum(r.lost_gpu_s for r in records),
        "inference_shortfall_server_s": journal.meters.shortfall_servers.total,
        "inference_shortfall_share": _shortfall_share(run),
        "cycles": tally.cycles,
        "solver_calls": len(tally.solver_s),
    }


def timing_of(run: Finished) -> dict[str, Any]:
    """What the replay cost on this machine."""
    tally = run.observer.tally
    return {
        "wall_s": run.wall_s,
        "cpu_s": run.cpu_s,
        "jobs_per_s": len(run.journal.jobs) / max(run.wall_s, 1e-9),
        "cycle_s": _spread(tally.cycle_s),
        "solver_s": _spread(tally.solver_s),
        "peak_rss_mib": peak_rss_mib(),
    }


def _bound(inputs: RunInputs) -> JctBound:
    world = inputs.world
    assert isinstance(world.load, InferenceLoad), "a whole run knows all demand"
    return jct_bound(inputs.jobs, world.cluster, world.load.series, world.config)


def _shares(inputs: RunInputs) -> dict[str, float]:
    """What the jobs came to, drawn or not."""
    shares = shares_of(inputs.jobs)
    return {
        "elastic_share": shares.elastic_jobs,
        "elastic_gpu_time_share": shares.elastic_gpu_time,
        "fungible_share": shares.fungible_jobs,
        "heterogeneous_share": shares.heterogeneous_jobs,
        "checkpoint_share": shares.checkpoint_jobs,
    }


def _cluster(inputs: RunInputs) -> dict[str, Any]:
    cluster = inputs.world.cluster
    types = {
        Pool.TRAINING: cluster.training_gpu_type,
        Pool.INFERENCE: cluster.inference_gpu_type,
    }
    pools = {pool: [s.gpus for s in cluster.servers if s.pool is pool] for pool in Pool}
    return {
        pool.label: {
            "servers": len(sizes),
            "gpus_per_server": max(sizes, default=0),
            "gpu_type": types[pool],
        }
        for pool, sizes in pools.items()
    }


def _forecaster(run: Finished) -> str | None:
    """Who foresaw demand; the oracle, which no real scheduler has, is marked as one."""
    config = run.inputs.world.config
    if config.loaning == "none":
        return None
    is_oracle = config.forecaster == "oracle"
    return "oracle (sees the future; a bound, not a policy)" if is_oracle else config.forecaster


def _estimates(run: Finished, records: Sequence[JobRecord]) -> dict[str, Any]:
    """How far first estimates of run times were off, as |ln(run time / estimate)|.

    `expected_log_error` is what the estimator itself expected on average; without estimates, or
    jobs, there are no errors.
    """
    mode = run.inputs.world.config.estimates
    names = ("median_log_error", "mean_log_error", "within_factor_2", "expected_log_error")
    if mode == "none" or not records:
        return {"mode": mode} | dict.fromkeys(names)
    run_s = np.array([(r.spec.duration_s, r.spec.estimated_duration_s) for r in records])
    off = np.abs(np.diff(np.log(np.maximum(run_s, 1.0)), axis=1))
    guessed = run.observer.tally.log_error / len(run.journal.jobs)
    found = [np.median(off), np.mean(off), np.mean(off <= np.log(2.0)), guessed]
    return {"mode": mode} | {n: float(v) for n, v in zip(names, found, strict=True)}


def _usage(run: Finished) -> dict[str, float | None]:
    """Shares of GPU-time in use between the first and the last submission."""
    meters, cluster = run.journal.meters, run.inputs.world.cluster
    span_s = meters.training_gpus.end_s - meters.training_gpus.start_s
    inference_gpus = sum(s.gpus for s in cluster.servers if s.pool is Pool.INFERENCE)
    server_gpus = inference_gpus / max(1, len(cluster.inference_servers))
    busy = meters.training_gpus.total + meters.on_loan_gpus.total
    busy += meters.demand_servers.total * server_gpus
    lent = meters.on_loan_servers.total * server_gpus
    return {
        "training_usage": _ratio(meters.training_gpus.total, cluster.training_gpus * span_s),
        "overall_usage": _ratio(busy, (cluster.training_gpus + inference_gpus) * span_s),
        "on_loan_usage": _ratio(meters.on_loan_gpus.total, lent),
    }


def _shortfall_share(run: Finished) -> float | None:
    """The shortfall of the whole run in inference server-seconds of the time of submissions."""
    meters, cluster = run.journal.meters, run.inputs.world.cluster
    span_s = meters.demand_servers.end_s - meters.demand_servers.start_s
    return _ratio(meters.shortfall_servers.total, len(cluster.inference_servers) * span_s)


def _jct_s(record: JobRecord) -> float:
    assert record.finish_s is not None, "a run ends when every job has ended"
    return record.finish_s - record.spec.submit_s


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _distribution(values: Sequence[float]) -> dict[str, float | None]:
    names = ["mean", *(f"p{p}" for p in PERCENTILES), "max"]
    if not values:
        return dict.fromkeys(names)
    found = [np.mean(values), *np.percentile(values, PERCENTILES), np.max(values)]
    return {name: float(value) for name, value in zip(names, found, strict=True)}


def _spread(seconds: Sequence[float]) -> dict[str, float | None]:
    if not seconds:
        return dict.fromkeys(("p50", "p99", "max"))
    p50, p99 = np.percentile(seconds, (50, 99))
    return {"p50": float(p50), "p99": float(p99), "max": float(max(seconds))}
