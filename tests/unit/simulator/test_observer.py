"""What an observer counts of a plan."""

from aryl.engine.cycle import CycleReport, Proposal
from aryl.model.plan import Plan, ReclaimServer, ResizeJob, StartJob
from aryl.model.reason import ReasonCode, because
from simulator.observer import Observer
from tests.builders import (
    base,
    flexible,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
)

REASON = because(ReasonCode.RECLAIMED_FLEXIBLE, demand=1)


def test_a_job_that_starts_and_grows_as_servers_go_back_vacates_nothing() -> None:
    cluster = make_cluster((8, 8), (8, 8))
    gone = (flexible(1, loaned=True), flexible(2, loaned=True))
    spec = make_spec("old", max_workers=3, heterogeneous=True)
    shrinking = make_running(cluster, spec, (base(1), *gone))
    loans = ("infer-0001", "infer-0002")
    waiting = make_job("new", max_workers=2)
    snapshot = make_snapshot(cluster, running=[shrinking], queued=[waiting], loans=loans)
    plan = Plan(
        snapshot.version,
        (
            ResizeJob("old", REASON, remove=gone),
            ReclaimServer("infer-0001", REASON),
            StartJob("new", (base(2),), REASON),
            ResizeJob("new", REASON, add=(flexible(2),)),
        ),
    )
    observer = Observer()

    observer.cycled(CycleReport(Proposal(snapshot, plan, 0.0), (), 0.0), 0.0)

    tally = observer.tally
    assert (tally.reclaims, tally.asked_back_gpus, tally.collateral_gpus) == (1, 8, 1)
