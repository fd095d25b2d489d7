"""Whatever flexible workers a job loses, it is left with whole units and an allowed number."""

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from aryl.model.cluster import Cluster, Pool, build_cluster
from aryl.model.job import Job, Placement, WorkerKind
from aryl.policy.units import whole_units, without
from tests.builders import make_running, make_snapshot
from tests.ledger import Ledger
from tests.room import Room
from tests.strategies import MOSTLY, clusters, often, running_jobs, specs


@st.composite
def losses(draw: st.DrawFn) -> tuple[Cluster, Job, tuple[Placement, ...]]:
    """A job on any mix of servers, all inference servers on loan, and flexible workers it loses."""
    cluster = draw(clusters(training=3, inference=3, min_inference=1))
    room = Room(draw, cluster, {s.id: s.gpus for s in cluster.servers})
    spec = replace(draw(specs("job", worker_gpus=1)), heterogeneous=draw(MOSTLY))
    job = draw(running_jobs(spec, room))
    assume(job is not None)
    assert job is not None
    flexible = [p for p in job.placements if p.kind is WorkerKind.FLEXIBLE]
    assume(flexible)
    hit = flexible[draw(st.integers(0, len(flexible) - 1)) :]
    return cluster, job, tuple(replace(p, workers=draw(st.integers(1, p.workers))) for p in hit)


@often(4)
@given(losses())
def test_what_is_left_after_any_loss_of_flexible_workers_is_allowed(
    loss: tuple[Cluster, Job, tuple[Placement, ...]],
) -> None:
    cluster, job, lost = loss
    left = without(job.placements, lost)

    rest = without(left, whole_units(cluster, job.spec, left))

    loans = [s.id for s in cluster.inference_servers]
    twin = make_running(cluster, job.spec, rest)
    Ledger(make_snapshot(cluster, running=[twin], loans=loans)).check_job("job")
    assert _base(rest) == _base(job.placements)
    assert whole_units(cluster, job.spec, rest) == ()


def _base(placements: Iterable[Placement]) -> list[Placement]:
    return [p for p in placements if p.kind is WorkerKind.BASE]


@given(st.integers(100, 1_000).map(lambda n: n / 100), st.integers(1, 4_000))
def test_workers_on_loan_stand_for_the_training_workers_they_were_made_of(
    factor: float, training_workers: int
) -> None:
    cluster = build_cluster(training_servers=1, inference_servers=1, factor=factor)

    workers = cluster.workers_on(Pool.INFERENCE, training_workers)

    assert cluster.training_workers_of(Pool.INFERENCE, workers) == training_workers
    assert cluster.training_workers_of(Pool.INFERENCE, workers - 1) == training_workers - 1
