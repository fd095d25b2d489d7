"""No schedule has a lower mean JCT than the bound: of no scheme, nor any found by trying all."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from functools import cache
from itertools import count, product
from math import ceil, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.model.demand import BIN_S
from aryl.model.job import JobSpec
from aryl.policy.config import SCHEMES
from aryl.policy.fitting import EmptyPool
from aryl.policy.registry import load_policy
from simulator.bound import JctBound, jct_bound
from simulator.inference import InferenceLoad
from simulator.inputs import RunInputs
from simulator.run import replayed
from simulator.summary import Finished
from simulator.world import World
from tests.builders import make_cluster, make_spec
from tests.strategies import clusters, configs, often, specs
from traces.demand import DemandSeries

SPEEDUPS = st.sampled_from(
    ["linear", "loss=0.3", "amdahl=0.3", "comm=1:4:10", "table=1:1,2:3,4:10", "table=1:2,2:3,3:1"]
)
EXACT = 1.0 - 1e-9  # the simulator and the bound round differently
MAX_STEPS = 1_000
LONGEST_S = 3_600.0


class Endless(Exception):
    """A replay takes very long, or for ever: a job that starts over whenever demand comes back."""


@st.composite
def runs(draw: st.DrawFn, scheme: str) -> RunInputs:
    """A few jobs of any kind on a small cluster, often more than fit."""
    cluster = draw(clusters(training=2, inference=4))
    series = draw(st.lists(st.integers(0, len(cluster.inference_servers)), min_size=1, max_size=6))
    quick = {"cycle_s": 0.0, "preemption_overhead_s": 0.0} if draw(st.booleans()) else {}
    fixed = {"speedup": draw(SPEEDUPS), "forecaster": "last"} | quick
    config = draw(configs(scheme=scheme, **fixed))
    world = World(cluster, InferenceLoad(DemandSeries(np.array(series))), config)
    shared = draw(st.sampled_from([0, 0, 1, 2]))  # GPUs a worker of all jobs; 0: of each its own
    drawn = [draw(specs(f"job-{n}", worker_gpus=shared)) for n in range(draw(st.integers(1, 8)))]
    jobs = [
        replace(
            job,
            submit_s=0.0 if job.carry_in else job.submit_s,
            duration_s=min(job.duration_s, LONGEST_S),
        )
        for job in drawn
    ]
    pool = EmptyPool(cluster, config)
    fitting = tuple(sorted((j for j in jobs if not pool.never_fits(j)), key=lambda j: j.submit_s))
    return RunInputs(world, "as-is", config.seed, fitting, ())


def mean_jct_s(run: Finished) -> float:
    """The mean JCT of the jobs that were not carried in; infinity where there is none."""
    jcts = [
        (record.finish_s or 0.0) - record.spec.submit_s
        for record in run.journal.jobs.values()
        if not record.spec.carry_in
    ]
    return float(np.mean(jcts)) if jcts else inf


def demand_left(run: Finished, series: DemandSeries) -> DemandSeries:
    """The demand as the run met it: where inference fell short, what was left to it."""
    journal, inference = run.journal, len(run.inputs.world.cluster.inference_servers)
    end_s = max((record.finish_s or 0.0 for record in journal.jobs.values()), default=0.0)
    bins = series.servers.size * (ceil((end_s + 1) / (BIN_S * series.servers.size)) + 1)
    demand = np.resize(series.servers, bins)
    starts = np.arange(bins) * BIN_S
    begun = np.array([loan.start_s for loan in journal.loans])
    back = np.array([end_s if loan.reclaim_s is None else loan.reclaim_s for loan in journal.loans])
    lent = ((begun[:, None] < starts + BIN_S) & (back[:, None] >= starts)).sum(axis=0)
    return DemandSeries(np.minimum(demand, np.maximum(0, inference - lent)).astype(np.int64))


def bound_of(inputs: RunInputs, series: DemandSeries) -> JctBound:
    return jct_bound(inputs.jobs, inputs.world.cluster, series, inputs.world.config)


def series_of(inputs: RunInputs) -> DemandSeries:
    load = inputs.world.load
    assert isinstance(load, InferenceLoad)
    return load.series


def ended(inputs: RunInputs) -> Finished | None:
    """Replay the inputs; None where that would take too long."""
    steps = count()

    def tell(_ended: int) -> None:
        if next(steps) == MAX_STEPS:
            raise Endless

    with suppress(Endless):
        return replayed(inputs, progress=tell)
    return None


def check(inputs: RunInputs) -> None:
    run, series = ended(inputs), series_of(inputs)
    if run is None:
        return
    if run.journal.meters.shortfall_servers.total:
        series = demand_left(run, series)

    bound = bound_of(inputs, series)

    assert bound.mean is None or mean_jct_s(run) >= bound.mean * EXACT
    assert bound.mean is None or bound.mean >= max(bound.alone or 0.0, bound.pooled or 0.0) * EXACT


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_scheme_beats_the_bound(scheme: str) -> None:
    @often(0.5)
    @given(runs(scheme))
    def above(inputs: RunInputs) -> None:
        check(inputs)

    above()


def test_a_bound_that_forgets_the_inference_servers_is_beaten() -> None:
    config = load_policy({"scheme": "aryl-loaning", "forecaster": "last"})
    nothing = DemandSeries(np.array([0]))
    world = World(make_cluster([1], [1] * 4), InferenceLoad(nothing), config)
    jobs = [make_spec(f"job-{n}", duration_s=3_600.0, fungible=True) for n in range(4)]
    run = ended(RunInputs(world, "as-is", 0, tuple(jobs), ()))
    assert run is not None

    forgetful = jct_bound(jobs, make_cluster([1]), nothing, config).mean
    bound = jct_bound(jobs, world.cluster, nothing, config).mean

    assert bound is not None
    assert forgetful is not None
    assert bound <= mean_jct_s(run) < forgetful


@st.composite
def puzzles(draw: st.DrawFn) -> tuple[list[JobSpec], DemandSeries, int]:
    """Up to three jobs of whole bins of work, on one training GPU or more, and GPUs on loan."""
    jobs = []
    for n in range(draw(st.integers(1, 3))):
        least = draw(st.integers(1, 2))
        most = least + draw(st.integers(0, 1))
        duration_s = BIN_S * draw(st.integers(1, 4))
        submit_s = BIN_S * draw(st.integers(0, 2))
        jobs.append(
            make_spec(
                f"job-{n}",
                workers=least,
                min_workers=least,
                max_workers=most,
                submit_s=submit_s,
                duration_s=duration_s,
                heterogeneous=True,
            )
        )
    demand = draw(st.lists(st.integers(0, 2), min_size=1, max_size=4))
    return jobs, DemandSeries(np.array(demand)), draw(st.integers(2, 3))


def least_mean_jct_s(jobs: Sequence[JobSpec], demand: DemandSeries, training_gpus: int) -> float:
    """The best of all schedules that change only at bins, on GPUs of one type, at no cost."""

    @cache
    def waited(at: int, left: tuple[int, ...]) -> float:
        """The bins that jobs still spend in the system, in sum."""
        if not any(left):
            return 0.0
        free = training_gpus + 2 - demand.at(at * BIN_S)
        choices = [
            (0, *range(job.min_workers, job.max_workers + 1))
            if todo and job.submit_s <= at * BIN_S
            else (0,)
            for job, todo in zip(jobs, left, strict=True)
        ]
        best = inf
        for workers in product(*choices):
            if sum(workers) > free or (not any(workers) and any(len(c) > 1 for c in choices)):
                continue
            after = tuple(max(0, todo - n) for todo, n in zip(left, workers, strict=True))
            here = sum(
                # within its last bin, a job ends as soon as its work is done
                min(1.0, todo / n) if n else float(job.submit_s <= at * BIN_S and todo > 0)
                for job, todo, n in zip(jobs, left, workers, strict=True)
            )
            best = min(best, here + waited(at + 1, after))
        return best

    return waited(0, tuple(round(job.work / BIN_S) for job in jobs)) * BIN_S / len(jobs)


@often(2)
@given(puzzles())
def test_the_bound_is_below_the_best_of_all_schedules(
    puzzle: tuple[list[JobSpec], DemandSeries, int],
) -> None:
    jobs, demand, training_gpus = puzzle
    cluster = make_cluster([training_gpus], [1, 1])

    config = load_policy({"heterogeneous_efficiency": 1.0})

    bound = jct_bound(jobs, cluster, demand, config)

    assert bound.mean is not None
    assert bound.mean <= least_mean_jct_s(jobs, demand, training_gpus) / EXACT


def test_on_one_gpu_the_bound_is_the_best_schedule() -> None:
    # the least left first: b at 300 s for 300 s, then the rest of a
    jobs = [
        make_spec("a", duration_s=1_200.0),
        make_spec("b", submit_s=300.0, duration_s=300.0),
        make_spec("c", submit_s=2_000.0, duration_s=0.0),
    ]

    bound = jct_bound(jobs, make_cluster([1]), DemandSeries(np.array([0])), load_policy({}))

    assert astuple(bound) == pytest.approx((600.0, 500.0, 600.0))


def test_the_bound_joins_the_kth_ends_of_both_ways() -> None:
    # alone, both end at 600 s; one machine of 2 GPUs ends them at 300 s and, the wide one, at 900 s
    jobs = [make_spec("a", duration_s=600.0), make_spec("b", workers=2, duration_s=600.0)]

    bound = jct_bound(jobs, make_cluster([2]), DemandSeries(np.array([0])), load_policy({}))

    assert astuple(bound) == pytest.approx((750.0, 600.0, 600.0))


@pytest.mark.parametrize(
    ("changes", "alone_s"),
    [
        ({}, 400.0),
        ({"fungible": True}, 200.0),
        ({"heterogeneous": True}, 1_600.0 / (0.7 * 12)),
        ({"fungible": True, "max_workers": 4}, 400.0),
        ({"max_workers": 16, "allowed_workers": (2, 12)}, 800.0),
        ({"fungible": True, "allowed_workers": (2, 5)}, 320.0),
    ],
    ids=["training only", "on loan", "mixed", "small", "no size fits but the least", "a list"],
)
def test_a_job_alone_is_as_fast_as_its_kind_and_the_empty_cluster_let_it_be(
    changes: dict[str, object], alone_s: float
) -> None:
    # 800 s on 2 workers; 4 training GPUs, and of 12 inference servers with 2 GPUs each demand
    # leaves 12 at best: 24 GPUs do the work of 8 training workers
    spec = {"workers": 2, "min_workers": 2, "max_workers": 16, "duration_s": 800.0}
    job = make_spec("a", **spec | changes)
    cluster = make_cluster([4], [2] * 12, factor=3.0)

    bound = jct_bound([job], cluster, DemandSeries(np.array([7, 0, 9])), load_policy({}))

    assert bound.alone == pytest.approx(alone_s)


@pytest.mark.parametrize(
    ("speedup", "alone_s", "pooled_s"),
    [
        # one worker takes 300 s; three GPUs end two jobs of p GPU-seconds at p / 3 and 2 p / 3
        ("linear", 100.0, 150.0),
        ("amdahl=0.5", 200.0, 150.0),
        ("table=1:1,2:3,3:4", 75.0, 100.0),
        ("table=1:2,2:3,3:1", 200.0, 150.0),
    ],
    ids=["linear", "below", "above: two workers waste least", "two workers are the fastest"],
)
def test_every_speed_up_model_has_its_fastest_and_its_thriftiest_size(
    speedup: str, alone_s: float, pooled_s: float
) -> None:
    jobs = [make_spec(name, min_workers=1, max_workers=3, duration_s=300.0) for name in "ab"]
    config = load_policy({"speedup": speedup})

    bound = jct_bound(jobs, make_cluster([3]), DemandSeries(np.array([0])), config)

    assert (bound.alone, bound.pooled) == pytest.approx((alone_s, pooled_s))
