"""Phase 1 and placement by example: who starts, where, and why the others wait."""

import pytest

from aryl.model.job import Job
from aryl.model.plan import Plan
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.builders import (
    base,
    flexible,
    make_cluster,
    make_job,
    make_snapshot,
    resizes,
    starts,
    waits,
    where,
)


def planned(snapshot: Snapshot, scheme: str = "aryl", **entries: str) -> Plan:
    return decide(snapshot, load_policy({"scheme": scheme, **entries}))


def scheduled(cluster_sizes: tuple[int, ...], *queued: Job, scheme: str = "sjf") -> Plan:
    snapshot = make_snapshot(make_cluster(cluster_sizes), queued=queued, due=Due.SCHEDULE)
    return planned(snapshot, scheme)


def places(plan: Plan) -> dict[str, dict[str, int]]:
    return {name: where(action) for name, action in starts(plan).items()}


@pytest.mark.parametrize(
    ("scheme", "started"),
    [("fifo", ["a"]), ("fifo-backfill", ["a", "c", "d"]), ("sjf", ["d", "c"])],
)
def test_a_job_that_does_not_fit_is_skipped_or_blocks(scheme: str, started: list[str]) -> None:
    queue = [
        make_job("a", workers=3, submit_s=1, duration_s=40),
        make_job("b", workers=9, submit_s=2, duration_s=30),
        make_job("c", workers=2, submit_s=3, duration_s=20),
        make_job("d", workers=3, submit_s=4, duration_s=10),
    ]
    sizes = (8,) if scheme != "sjf" else (6,)

    assert sorted(starts(scheduled(sizes, *queue, scheme=scheme))) == sorted(started)


def test_jobs_behind_a_blocked_head_wait_for_it() -> None:
    queue = [
        make_job("a", workers=9, submit_s=1),
        make_job("b", workers=9, submit_s=2),
        make_job("c", submit_s=3),
    ]

    assert waits(scheduled((8,), *queue, scheme="fifo")) == {
        "a": "needs 9 GPUs; 8 are free and 0 could be freed by shrinking elastic jobs",
        "b": "waits in order behind a, which needs 9 GPUs and does not fit",
        "c": "waits in order behind a, which needs 9 GPUs and does not fit",
    }


def test_fragmented_gpus_are_told_from_too_few() -> None:
    wide = make_job("wide", gpus_per_worker=4, workers=2)

    assert waits(scheduled((6, 3), wide)) == {
        "wide": "needs 2 workers of 4 GPUs, each on one server; 1 fit in the 9 free GPUs"
    }


def test_jobs_that_wait_for_the_same_thing_share_a_reason() -> None:
    plan = scheduled((8,), *(make_job(f"j{n}", workers=9, duration_s=n) for n in (3, 1, 2)))

    assert [entry.job_ids for entry in plan.waiting] == [("j1", "j2", "j3")]


def test_a_start_says_its_gpus_and_its_place_in_order() -> None:
    plan = scheduled((8,), make_job("a", workers=2), make_job("b", workers=3, duration_s=1))

    assert starts(plan)["b"].reason.text == "its 3 GPUs fit; it is number 1 in order"
    assert starts(plan)["a"].reason.text == "its 2 GPUs fit; it is number 2 in order"


def test_workers_go_to_the_fullest_servers_that_fit() -> None:
    assert places(scheduled((8, 3, 5), make_job("a", workers=7))) == {
        "a": {"train-0002": 3, "train-0003": 4}
    }


def test_the_widest_workers_are_placed_first_where_all_fit_either_way() -> None:
    # shortest first alone would put the small job on the server that the wide ones fill
    small = make_job("small", gpus_per_worker=3, duration_s=1)
    wide = make_job("wide", gpus_per_worker=4)
    plan = scheduled((4, 5), small, wide)

    assert places(plan) == {"wide": {"train-0001": 1}, "small": {"train-0002": 1}}


def test_the_order_s_own_placement_serves_where_widest_first_would_leave_a_job_out() -> None:
    # widest first, the 4-GPU workers would take 4 of 5 and 4 of 8 GPUs: no room for 2 and 3 beside
    queue = [
        make_job("two", gpus_per_worker=2, duration_s=1),
        make_job("fours", gpus_per_worker=4, workers=2, duration_s=2),
        make_job("three", gpus_per_worker=3, duration_s=3),
    ]

    assert places(scheduled((5, 8), *queue)) == {
        "two": {"train-0001": 1},
        "fours": {"train-0002": 2},
        "three": {"train-0001": 1},
    }


def test_a_job_starts_with_base_workers_and_then_grows() -> None:
    snapshot = make_snapshot(
        make_cluster([8]),
        queued=[make_job("job", min_workers=2, max_workers=5)],
        due=Due.SCHEDULE,
    )
    plan = planned(snapshot)

    assert starts(plan)["job"].placements == (base(1, 2),)
    assert [action.add for action in resizes(plan)] == [(flexible(1, 3),)]
    assert resizes(plan)[0].reason.text == "3 more workers save 60 s"
