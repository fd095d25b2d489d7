"""The emulated cluster: it runs on while nobody looks, and a restart finds it as it was."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aryl.engine.lifecycle import JobEvent
from aryl.engine.ports import Status
from aryl.model.errors import BadInput, LeaseLost
from aryl.model.job import Job, Placement
from aryl.model.plan import LoanServer, PreemptJob, ReclaimServer, ResizeJob, StartJob
from aryl.model.reason import ReasonCode, because
from aryl.policy.registry import load_policy
from simulator.clock import VirtualClock
from simulator.cluster_file import AWAY
from simulator.emulated import EmulatedCluster
from simulator.inference import InferenceLoad
from simulator.world import World
from tests.builders import base, flexible, make_cluster, make_spec
from traces.demand import DemandSeries

WHY = because(ReasonCode.FITS, gpus=1, place=1)


class Site:
    """A place where a cluster can be opened again and again."""

    def __init__(self, path: Path, **knobs: Any) -> None:
        self.path, self.clock = path, VirtualClock()
        load = InferenceLoad(DemandSeries(np.array([1])))
        self.world = World(make_cluster([8, 8], [8, 8]), load, load_policy(knobs))

    @contextmanager
    def opened(self, term: int = 1, service: str = "ours") -> Iterator[EmulatedCluster]:
        cluster = EmulatedCluster(self.world, self.clock, self.path, term=term, service=service)
        try:
            yield cluster
        finally:
            cluster.close()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "cluster.db")


def start(cluster: EmulatedCluster, job: Job, *placements: Placement) -> Job:
    outcome = cluster.apply(StartJob(job.id, placements, WHY), job)
    assert outcome.status is Status.DONE, outcome.detail
    assert outcome.job is not None
    return outcome.job


def job(name: str = "job", **changes: Any) -> Job:
    return Job(make_spec(name, **changes))


def test_a_job_ends_at_its_own_moment_however_late_one_looks(site: Site) -> None:
    with site.opened() as cluster:
        start(cluster, job(duration_s=100.0), base(1))
        site.clock.move_to(5_000.0)

        ending = cluster.endings()["job"]

        assert (ending.event, ending.at_s) == (JobEvent.FINISH, 100.0)
        assert ending.job.done == ending.job.spec.work
        assert cluster.observe().running == {}


def test_a_job_ends_while_nobody_has_the_cluster_open(site: Site) -> None:
    with site.opened() as cluster:
        start(cluster, job(duration_s=100.0), base(1))
    site.clock.move_to(400.0)

    with site.opened(term=2) as cluster:
        assert cluster.endings()["job"].at_s == 100.0
        assert cluster.observe().capacity.now.free[0] == 8


def test_a_restart_finds_jobs_loans_and_free_gpus_as_they_were(site: Site) -> None:
    elastic = job("elastic", workers=2, max_workers=4, duration_s=1_000.0, checkpoint_s=90.0)
    with site.opened() as cluster:
        cluster.apply(LoanServer("infer-0001", WHY))
        start(cluster, elastic, base(1, 2))
        start(cluster, job("lent", duration_s=700.0, fungible=True), base(1, loaned=True))
        site.clock.move_to(50.0)
        cluster.apply(ResizeJob("elastic", WHY, add=(flexible(2, 2),)))
        before, change_s = cluster.observe(), cluster.next_change_s()

    with site.opened() as cluster:
        after = cluster.observe()
        assert cluster.next_change_s() == change_s == 50.0 + (2_000.0 - 100.0) / 4.0
    assert list(after.running) == list(before.running)
    for name, was in before.running.items():
        assert vars(after.running[name]) | {"holding": 0} == vars(was) | {"holding": 0}
    assert after.loans == before.loans
    assert after.capacity.now.free == before.capacity.now.free
    assert after.holders == before.holders
    assert list(after.elastic) == ["elastic"]
    assert after.version == before.version


def test_a_preempted_job_is_told_with_what_it_kept_until_it_is_forgotten(site: Site) -> None:
    with site.opened() as cluster:
        start(cluster, job(duration_s=100.0, checkpoint_s=20.0), base(1))
        site.clock.move_to(50.0)
        cluster.apply(PreemptJob("job", WHY))
    with site.opened() as cluster:
        ending = cluster.endings()["job"]
        assert (ending.event, ending.job.done, ending.job.preemptions) == (
            JobEvent.PREEMPT,
            40.0,
            1,
        )
        cluster.forget(["job", "unknown"])
    with site.opened() as cluster:
        assert cluster.endings() == {}


def test_a_job_that_starts_again_has_not_ended(site: Site) -> None:
    with site.opened() as cluster:
        start(cluster, job(duration_s=100.0), base(1))
        preempted = cluster.apply(PreemptJob("job", WHY)).job
        assert preempted is not None
        start(cluster, preempted, base(2))
    with site.opened() as cluster:
        assert cluster.endings() == {}
        assert list(cluster.observe().running) == ["job"]


def test_a_job_that_has_ended_is_not_started_again(site: Site) -> None:
    with site.opened() as cluster:
        once = job(duration_s=10.0)
        start(cluster, once, base(1))
        site.clock.move_to(20.0)

        outcome = cluster.apply(StartJob("job", (base(1),), WHY), once)

        assert (outcome.status, outcome.detail) == (Status.REFUSED, "the job has ended: finish")


def test_the_second_of_two_equal_actions_changes_nothing(site: Site) -> None:
    with site.opened() as cluster:
        once = job(duration_s=10.0)
        start(cluster, once, base(1))
        seen = cluster.observe()

        assert cluster.apply(StartJob("job", (base(1),), WHY), once).status is Status.REFUSED
        assert cluster.observe().capacity.now.free == seen.capacity.now.free


def test_a_stopped_job_is_cancelled_and_its_gpus_are_free(site: Site) -> None:
    with site.opened() as cluster:
        start(cluster, job(duration_s=100.0), base(1))
        site.clock.move_to(30.0)
        cluster.stop("job")
        cluster.stop("job")
        assert cluster.endings()["job"].event is JobEvent.CANCEL
        assert cluster.endings()["job"].at_s == 30.0
        assert cluster.observe().capacity.now.free[0] == 8


def test_new_bounds_and_a_reported_checkpoint_outlive_a_restart(site: Site) -> None:
    wide = job(workers=2, max_workers=4, duration_s=100.0)
    with site.opened() as cluster:
        start(cluster, wide, base(1, 2))
        cluster.amend(make_spec(workers=2, max_workers=2, duration_s=100.0), saved=25.0)
    with site.opened() as cluster:
        running = cluster.observe().running["job"]
        assert (running.spec.max_workers, running.saved) == (2, 25.0)
        assert dict(cluster.observe().elastic) == {}
        site.clock.move_to(20.0)
        left = cluster.apply(PreemptJob("job", WHY)).job
        assert left is not None
        assert left.done == 25.0


def test_a_server_asked_back_is_vacated_in_time_across_a_restart(tmp_path: Path) -> None:
    site = Site(tmp_path / "cluster.db", vacate_s=60.0)
    with site.opened() as cluster:
        cluster.apply(LoanServer("infer-0001", WHY))
        site.clock.move_to(100.0)
        cluster.apply(ReclaimServer("infer-0001", WHY))
        assert cluster.next_change_s() == 160.0
    with site.opened() as cluster:
        site.clock.move_to(159.0)
        assert list(cluster.observe().loans) == ["infer-0001"]
        site.clock.move_to(160.0)
        assert dict(cluster.observe().loans) == {}
    with site.opened() as cluster:
        assert dict(cluster.observe().loans) == {}


def test_a_scheduler_of_an_older_term_can_change_nothing(site: Site) -> None:
    with site.opened(term=1) as old, site.opened(term=2) as new:
        start(new, job("new"), base(1))
        with pytest.raises(LeaseLost):
            start(old, job("old"), base(1))
        with pytest.raises(LeaseLost), site.opened(term=1):
            pass
    with site.opened(term=2) as cluster:
        assert list(cluster.observe().running) == ["new"]


def test_a_file_of_another_cluster_is_refused(site: Site) -> None:
    with site.opened():
        pass
    other = Site(site.path)
    other.world = World(make_cluster([8]), other.world.load, other.world.config)
    with pytest.raises(BadInput, match="another shape"), other.opened():
        pass


def test_the_cluster_of_another_service_is_left_alone(site: Site) -> None:
    with site.opened() as cluster:
        start(cluster, job(duration_s=10.0), base(1))
    with pytest.raises(BadInput, match="another service"), site.opened(term=9, service="theirs"):
        pass
    with site.opened() as cluster:
        assert list(cluster.observe().running) == ["job"]


def test_a_file_that_is_ahead_of_the_clock_is_another_database_s(site: Site) -> None:
    with site.opened() as cluster:
        site.clock.move_to(200_000.0)
        start(cluster, job(duration_s=10.0), base(1))
    site.clock = VirtualClock()
    with pytest.raises(BadInput, match="ahead of the service's clock"), site.opened():
        pass


def test_a_file_that_can_not_be_written_leaves_the_cluster_as_it_was(site: Site) -> None:
    with site.opened() as cluster, sqlite3.connect(site.path, isolation_level=None) as other:
        start(cluster, job("first"), base(1))
        cluster._file._rows.execute("PRAGMA busy_timeout=0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AWAY):
            cluster.apply(LoanServer("infer-0001", WHY))
        other.execute("ROLLBACK")
    with site.opened() as cluster:
        assert list(cluster.observe().running) == ["first"]
        assert dict(cluster.observe().loans) == {}
    other.close()
