"""Placement by example: which servers base workers go to, and who makes room for them."""

import pytest

from aryl.model.job import Job, Placement
from aryl.model.plan import Plan
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.builders import (
    base,
    flexible,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
    resizes,
    starts,
    waits,
    where,
)


def planned(snapshot: Snapshot, scheme: str = "aryl", **entries: str) -> Plan:
    return decide(snapshot, load_policy({"scheme": scheme, **entries}))


def places(plan: Plan) -> dict[str, dict[str, int]]:
    return {name: where(action) for name, action in starts(plan).items()}


LOANED = ["infer-0001", "infer-0002", "infer-0003"]


def on_loans(*queued: Job, running: tuple[Job, ...] = (), factor: float = 1.0) -> Snapshot:
    cluster = make_cluster([8], [8, 8, 8], factor=factor)
    return make_snapshot(cluster, queued=queued, running=running, loans=LOANED, due=Due.SCHEDULE)


@pytest.mark.parametrize(
    ("kind", "entries", "server"),
    [
        pytest.param({}, {}, "train-0001", id="inelastic: training"),
        pytest.param({"fungible": True}, {}, "train-0001", id="inelastic fungible: training"),
        pytest.param({"max_workers": 2}, {}, "train-0001", id="elastic: training"),
        pytest.param(
            {"max_workers": 2, "fungible": True}, {}, "infer-0001", id="elastic fungible: on loan"
        ),
        pytest.param(
            {"max_workers": 2, "fungible": True},
            {"placement": "best-fit-training-first"},
            "train-0001",
            id="elastic fungible without care: training",
        ),
        pytest.param(
            {"max_workers": 2, "heterogeneous": True},
            {},
            "train-0001",
            id="elastic heterogeneous: base on training",
        ),
    ],
)
def test_base_workers_go_first_to(
    kind: dict[str, object], entries: dict[str, str], server: str
) -> None:
    plan = planned(on_loans(make_job("job", **kind)), **entries)

    assert list(places(plan)["job"]) == [server]


@pytest.mark.parametrize(
    ("kind", "workers"),
    [
        pytest.param({}, {}, id="a job that can't borrow waits"),
        pytest.param({"fungible": True}, {"infer-0001": 8, "infer-0002": 4}, id="fungible"),
        pytest.param(
            {"heterogeneous": True}, {"infer-0001": 8, "infer-0002": 4}, id="heterogeneous: all"
        ),
    ],
)
def test_where_training_servers_are_full(kind: dict[str, bool], workers: dict[str, int]) -> None:
    full = make_running(make_cluster(), make_spec("full", workers=8), [base(1, 8)])
    plan = planned(on_loans(make_job("job", workers=4, **kind), running=(full,), factor=3.0))

    assert places(plan).get("job", {}) == workers


def test_a_heterogeneous_job_fills_training_servers_before_it_borrows() -> None:
    plan = planned(on_loans(make_job("job", workers=15, heterogeneous=True), factor=3.0))

    assert places(plan)["job"] == {
        "train-0001": 8,
        "infer-0001": 8,
        "infer-0002": 8,
        "infer-0003": 5,
    }


def test_a_fungible_job_never_mixes_gpu_types() -> None:
    plan = planned(on_loans(make_job("job", workers=15, fungible=True), factor=3.0))

    assert starts(plan) == {}
    assert "job" in waits(plan)


def test_what_fits_is_counted_in_training_workers_on_the_better_side() -> None:
    plan = planned(
        on_loans(make_job("job", workers=10, gpus_per_worker=2, fungible=True), factor=3.0)
    )

    # 4 of 2 GPUs fit on the training server; of 12 on loan, three each do the work of one
    assert waits(plan) == {
        "job": "needs 10 workers of 2 GPUs, each on one server; 4 fit in the 32 free GPUs"
    }


def test_heterogeneous_jobs_are_placed_on_what_the_others_leave() -> None:
    mixed = make_job("a", workers=8, heterogeneous=True, duration_s=1)
    plan = planned(on_loans(mixed, make_job("b", workers=6)))

    assert places(plan)["b"] == {"train-0001": 6}
    assert places(plan)["a"] == {"infer-0001": 8}


def test_base_workers_stay_off_on_loan_servers_that_hold_flexible_ones() -> None:
    elastic = make_spec("elastic", min_workers=1, max_workers=2, fungible=True)
    grown = make_running(
        make_cluster([8], [8, 8, 8]),
        elastic,
        [base(1, 1, loaned=True), flexible(2, 1, loaned=True)],
    )
    wide = make_job(
        "wide", workers=8, gpus_per_worker=1, min_workers=8, max_workers=9, fungible=True
    )
    plan = planned(on_loans(wide, running=(grown,)))

    assert places(plan)["wide"] == {"infer-0001": 7, "infer-0003": 1}


def elastic_on(*placements: Placement, job_id: str = "elastic") -> Job:
    spec = make_spec(job_id, min_workers=1, max_workers=9, fungible=True)
    return make_running(make_cluster([8], [8, 8, 8]), spec, placements)


@pytest.mark.parametrize(
    ("workers", "removed"),
    [
        pytest.param(1, 0, id="free GPUs first"),
        (2, 0),
        (3, 1),
        (7, 5),
        pytest.param(8, None, id="0"),
    ],
)
def test_no_more_flexible_workers_leave_than_a_start_needs(
    workers: int, removed: int | None
) -> None:
    grown = elastic_on(base(1, 1), flexible(1, 5))
    snapshot = make_snapshot(
        make_cluster([8]),
        queued=[make_job("new", workers=workers)],
        running=[grown],
        due=Due.SCHEDULE,
    )
    plan = planned(snapshot)

    if removed is None:
        assert list(waits(plan)) == ["new"]
        return
    gone = [p for action in resizes(plan)[:1] for p in action.remove]
    assert gone == ([flexible(1, removed)] if removed else [])
    shrinks = f"its {workers} GPUs fit once 1 elastic jobs shrink"
    assert (starts(plan)["new"].reason.text == shrinks) == bool(removed)


def test_the_job_whose_flexible_workers_cover_the_need_most_closely_shrinks() -> None:
    jobs = [
        elastic_on(base(1, 1), flexible(1, 3), job_id="a"),
        elastic_on(base(1, 1), flexible(1, 2), job_id="b"),
        make_running(
            make_cluster(),
            make_spec("c", gpus_per_worker=1, min_workers=1, max_workers=3),
            [base(2, 1), flexible(2, 1)],
        ),
    ]
    snapshot = make_snapshot(
        make_cluster([7, 8]),
        queued=[make_job("new", workers=8, gpus_per_worker=1)],
        running=jobs,
        due=Due.SCHEDULE,
    )
    plan = planned(snapshot)

    # 6 are free on the second server, so 2 more are needed: not all 3 workers of `a`
    assert where(starts(plan)["new"]) == {"train-0002": 6, "train-0001": 2}
    first = resizes(plan)[0]
    assert (first.job_id, first.remove) == ("a", (flexible(1, 2),))


def test_flexible_workers_leave_an_on_loan_server_altogether_for_base_workers() -> None:
    full = make_running(make_cluster(), make_spec("full", workers=8), [base(1, 8)])
    grown = elastic_on(
        base(1, 1, loaned=True), flexible(2, 4, loaned=True), flexible(3, 2, loaned=True)
    )
    rest = make_running(make_cluster(), make_spec("rest", workers=7), [base(1, 7, loaned=True)])
    new = make_job("new", workers=3, fungible=True)
    plan = planned(on_loans(new, running=(full, grown, rest)))

    assert where(starts(plan)["new"]) == {"infer-0002": 3}
    assert resizes(plan)[0].remove == (flexible(2, 4, loaned=True),)


def test_a_server_on_its_way_back_takes_no_work() -> None:
    snapshot = on_loans(make_job("job", workers=9, fungible=True))
    back = make_snapshot(snapshot.cluster, queued=snapshot.queue.jobs.values(), due=Due.SCHEDULE)

    assert "job" in starts(planned(snapshot))
    assert "job" in waits(planned(back))
