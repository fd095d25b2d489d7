"""Scaling schemes against their rules, written down plainly; and no growth slows a job down."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.model.job import Holding, Job, holding_of
from aryl.model.plan import Plan, ResizeJob, StartJob
from aryl.model.reason import ReasonCode
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide
from aryl.policy.speedup import throughput
from aryl.policy.units import speed, together, without
from tests.builders import base, flexible, make_cluster
from tests.growing import NOW_S, added, elastic, grown
from tests.strategies import SLOWING, configs, often, snapshots

CONCAVE = st.sampled_from(["linear", "loss=0.2", "amdahl=0.3", "comm=1:4:10", "comm=1:4:10:0.2"])


@dataclass(frozen=True)
class Line:
    """Jobs with 1-GPU workers on one server, by base and flexible workers, and its free GPUs."""

    free_gpus: int
    jobs: tuple[tuple[int, int, int, float, float], ...]  # base, held, most, duration, age

    def running(self, gpus: int) -> list[Job]:
        cluster = make_cluster([gpus])
        return [
            elastic(
                cluster,
                f"job-{n}",
                *(p for p in (base(1, least), flexible(1, held)) if p.workers),
                min_workers=least,
                num_gpus=least,
                max_workers=most,
                duration_s=duration_s,
                submit_s=NOW_S - age_s,
            )
            for n, (least, held, most, duration_s, age_s) in enumerate(self.jobs)
        ]

    @property
    def spare_gpus(self) -> int:
        return self.free_gpus + sum(held for _, held, _, _, _ in self.jobs)

    def plan(self, scheme: str, speedup: str) -> Plan:
        gpus = self.spare_gpus + sum(least for least, _, _, _, _ in self.jobs)
        cluster = make_cluster([gpus])
        return grown(cluster, *self.running(gpus), scheme=scheme, speedup=speedup)

    def sizes_after(self, plan: Plan) -> list[int]:
        gains = added(plan)
        return [
            least + held + gains.get(f"job-{n}", 0)
            for n, (least, held, _, _, _) in enumerate(self.jobs)
        ]


@st.composite
def lines(draw: st.DrawFn) -> Line:
    jobs = []
    for _ in range(draw(st.integers(1, 4))):
        least, more = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        held = draw(st.integers(0, more))
        duration_s, age_s = draw(st.floats(100, 1e5)), draw(st.sampled_from([5.0, 90.0, 1000.0]))
        jobs.append((least, held, least + more, duration_s, age_s))
    return Line(draw(st.integers(0, 10)), tuple(jobs))


def one_worker_at_a_time(line: Line, speedup: str) -> list[int]:
    """AFS as the paper puts it: base to all, then +1 to the largest gain; ties to the shortest."""
    sizes = [least for least, _, _, _, _ in line.jobs]

    def gain_of(n: int) -> float:
        least, now = line.jobs[n][0], throughput(speedup, sizes[n], line.jobs[n][0])
        return round(throughput(speedup, sizes[n] + 1, least) - now, 8)

    def left_s(n: int) -> float:
        least, _, _, duration_s, _ = line.jobs[n]
        return duration_s * least / throughput(speedup, sizes[n], least)

    for _ in range(line.spare_gpus):
        growing = [n for n, job in enumerate(line.jobs) if sizes[n] < job[2] and gain_of(n) > 0]
        if growing:
            sizes[min(growing, key=lambda n: (-gain_of(n), left_s(n), n))] += 1
    return sizes


@often(2)
@given(lines(), CONCAVE)
def test_afs_gives_one_worker_at_a_time_to_whoever_gains_most(line: Line, speedup: str) -> None:
    plan = line.plan("afs", speedup)

    assert line.sizes_after(plan) == one_worker_at_a_time(line, speedup)


def inverse_speedups(line: Line, sizes: Sequence[int], speedup: str) -> float:
    """Pollux's objective for p = -1: the sum of inverse speed-ups over the fair share."""
    gpus = line.spare_gpus + sum(least for least, _, _, _, _ in line.jobs)
    share, total = gpus / len(line.jobs), 0.0
    for size, (least, held, most, _, age_s) in zip(sizes, line.jobs, strict=True):
        at_share = throughput(speedup, min(max(int(share), least), most), least)
        fair = at_share * min(1.0, share / least)
        factor = 1.0 if size == least + held else age_s / (age_s + 30.0)
        total += fair / (throughput(speedup, size, least) * factor)
    return total


@often(2)
@given(lines(), st.one_of(CONCAVE, st.sampled_from(SLOWING)))
def test_pollux_finds_the_best_mean_there_is(line: Line, speedup: str) -> None:
    choices = [range(least, most + 1) for least, _, most, _, _ in line.jobs]
    base_gpus = sum(least for least, _, _, _, _ in line.jobs)
    best = min(
        inverse_speedups(line, sizes, speedup)
        for sizes in product(*choices)
        if sum(sizes) <= line.spare_gpus + base_gpus
    )

    found = inverse_speedups(line, line.sizes_after(line.plan("pollux", speedup)), speedup)

    assert found == pytest.approx(best, rel=1e-9)


@given(snapshots(due=Due.SCHEDULE), configs(scaling="gandiva"))
def test_under_gandiva_nobody_grows_while_somebody_waits_nor_shrinks_but_for_a_start(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)

    resizes = [action for action in plan.actions if isinstance(action, ResizeJob)]
    for action in resizes:
        assert not (action.add and plan.waiting)
        assert not action.remove or action.reason.code is ReasonCode.SHRINKS_FOR_START


@often(2)
@given(snapshots(due=Due.SCHEDULE), configs())
def test_no_growth_slows_a_job_down(snapshot: Snapshot, config: PolicyConfig) -> None:
    held = {job.id: job.placements for job in snapshot.running.values()}
    jobs = {**snapshot.running, **snapshot.queue.jobs}

    def speed_of(job_id: str, holding: Holding) -> float:
        return speed(
            snapshot.cluster,
            jobs[job_id].spec,
            holding,
            model=config.speedup,
            heterogeneous_efficiency=config.heterogeneous_efficiency,
        )

    for action in decide(snapshot, config).actions:
        if isinstance(action, StartJob):
            held[action.job_id] = action.placements
        if isinstance(action, ResizeJob):
            before = held[action.job_id]
            after = together(without(before, action.remove), action.add)
            if action.add:
                was = speed_of(action.job_id, holding_of(before))
                assert speed_of(action.job_id, holding_of(after)) > was
            held[action.job_id] = after
