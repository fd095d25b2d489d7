"""Phase 2 by example: which elastic jobs grow, by how much, and where."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from aryl.model.cluster import Cluster
from aryl.model.job import Job
from aryl.model.snapshot import Due
from aryl.policy import sharing
from aryl.policy.decide import decide
from aryl.policy.knapsack import Choice, Group, How, solve
from aryl.policy.registry import load_policy
from tests.builders import (
    base,
    flexible,
    make_cluster,
    make_job,
    make_snapshot,
    resizes,
)
from tests.growing import EIGHT, added, elastic, grown


@pytest.mark.parametrize(
    ("duration_a_s", "most_a", "gains"),
    [
        # 8 workers, A and B with 2 each (paper Tables 2 to 4; work = most workers x shortest time)
        pytest.param(150.0, 6, {"a": 3, "b": 1}, id="Table 3: 5 and 3 workers"),
        pytest.param(150.0, 3, {"a": 1, "b": 3}, id="Table 4: 3 and 5 workers"),
    ],
)
def test_spare_gpus_go_where_they_save_most(
    duration_a_s: float, most_a: int, gains: dict[str, int]
) -> None:
    jobs = [
        elastic(EIGHT, "a", base(1, 2), max_workers=most_a, duration_s=duration_a_s),
        elastic(EIGHT, "b", base(1, 2), max_workers=6, duration_s=60.0),
    ]

    assert added(grown(EIGHT, *jobs)) == gains


def test_flexible_workers_move_to_the_job_that_gains_more() -> None:
    short = elastic(
        EIGHT, "short", base(1, 2), flexible(1, 4), min_workers=2, num_gpus=2, max_workers=6
    )
    long = elastic(EIGHT, "long", base(1, 2), max_workers=6, duration_s=5_000.0)
    plan = grown(EIGHT, short, long)

    assert added(plan) == {"short": -4, "long": 4}
    assert [action.reason.text for action in resizes(plan)] == [
        "gives 4 flexible workers to jobs that gain more from them",
        "4 more workers save 3333.3 s",
    ]


def test_a_job_that_outlives_its_estimate_is_believed_to_gain_more_from_then_on() -> None:
    cluster = make_cluster([12])
    speed = {"a-surprise": 4.0, "as-expected": 0.0}
    jobs = [
        elastic(
            cluster,
            job_id,
            base(1, 4),
            max_workers=8,
            allowed_workers=(4, 8),
            duration_s=10_000.0,
            estimated_duration_s=estimated_s,
            speed=speed[job_id],
        )
        for job_id, estimated_s in [("a-surprise", 500.0), ("as-expected", 600.0)]
    ]

    assert added(grown(cluster, *jobs, now=1_400.0)) == {"as-expected": 4}
    assert added(grown(cluster, *jobs, now=1_600.0)) == {"a-surprise": 4}


def test_a_job_grows_to_an_allowed_number_only() -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=8, allowed_workers=(2, 4, 7, 10))

    assert added(grown(make_cluster([6]), job)) == {"job": 2}
    assert added(grown(EIGHT, job)) == {"job": 5}


def test_whole_training_workers_grow_on_loan() -> None:
    cluster = make_cluster([8], [8, 8], factor=3.0)
    job = elastic(
        cluster,
        "job",
        base(1, 3, loaned=True),
        min_workers=1,
        num_gpus=1,
        max_workers=9,
        fungible=True,
    )

    # 8 GPUs are free on the other server: two units of three, the last two GPUs are no use
    plan = grown(cluster, job)

    assert resizes(plan)[0].add == (flexible(2, 6, loaned=True),)
    assert resizes(plan)[0].reason.text == "6 more workers save 66.7 s"


def test_a_factor_of_three_halves_grows_by_what_makes_whole_workers() -> None:
    cluster = make_cluster([1], [8, 8], factor=1.5)
    job = elastic(
        cluster,
        "job",
        base(1, 2, loaned=True),
        min_workers=1,
        num_gpus=1,
        max_workers=3,
        fungible=True,
    )

    # one training worker takes two on loan, three take five
    assert added(grown(cluster, job)) == {"job": 3}


def test_a_unit_that_base_workers_have_half_of_takes_one_worker_more() -> None:
    # 1.5 workers make a unit: base workers are 2, so a third makes the second unit whole
    cluster = make_cluster([1], [2, 1], factor=1.5)
    job = elastic(
        cluster,
        "job",
        base(1, 2, loaned=True),
        min_workers=1,
        num_gpus=1,
        max_workers=3,
        fungible=True,
    )

    assert added(grown(cluster, job)) == {"job": 1}


def test_flexible_workers_keep_to_other_on_loan_servers_than_base_workers() -> None:
    cluster = make_cluster([8], [8, 8, 8])
    job = elastic(cluster, "job", base(1, 2, loaned=True), max_workers=12, fungible=True)
    other = elastic(
        cluster,
        "other",
        base(1, 1, loaned=True),
        flexible(3, 2, loaned=True),
        min_workers=1,
        num_gpus=1,
        max_workers=3,
        fungible=True,
    )
    add = [p for action in resizes(grown(cluster, job, other)) for p in action.add]

    assert {p.server_id for p in add} == {"infer-0002", "infer-0003"}


def test_a_fungible_job_grows_only_on_the_type_of_its_base_workers() -> None:
    cluster = make_cluster([4], [8, 8])
    on_training = elastic(cluster, "t", base(1, 2), max_workers=20, fungible=True)
    on_loan = elastic(cluster, "l", base(1, 2, loaned=True), max_workers=20, fungible=True)
    plan = grown(cluster, on_training, on_loan)

    assert added(plan) == {"t": 2, "l": 8}
    for action in resizes(plan):
        pools = {p.pool for p in action.add}
        assert pools == {
            p.pool for p in (on_training if action.job_id == "t" else on_loan).placements
        }


def test_a_heterogeneous_job_has_base_workers_on_training_and_flexible_ones_on_loan() -> None:
    cluster = make_cluster([8], [8, 8], factor=1.0)
    new = make_job("new", min_workers=2, max_workers=10, heterogeneous=True)
    plan = grown(cluster, queued=(new,), heterogeneous_efficiency=1.0)

    add = [p for action in resizes(plan) for p in action.add]
    assert [p.pool.label for action in resizes(plan) for p in action.add] == ["inference"] * len(
        add
    )
    assert sum(p.workers for p in add) == 8


def test_growing_onto_the_other_gpu_type_must_be_worth_the_loss_of_efficiency() -> None:
    cluster = make_cluster([4], [8])

    def gains(most: int) -> dict[str, int]:
        job = elastic(cluster, "job", base(1, 4), max_workers=most, heterogeneous=True)
        return added(grown(cluster, job))

    # at 0.7 of ideal, 5 workers of both types do less than 4 of one
    assert gains(5) == {}
    assert gains(8) == {"job": 4}


def test_scheme_without_scaling_never_grows() -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=6)

    assert resizes(grown(EIGHT, job, scheme="aryl-loaning")) == []


def two_widths() -> tuple[Cluster, list[Job]]:
    """Elastic jobs with workers of 3 and of 2 GPUs; 6 GPUs are free beside one, 1 by the other."""
    cluster = make_cluster([9, 3])
    jobs = [
        elastic(
            cluster,
            job_id,
            base(server, 1),
            gpus_per_worker=size,
            num_gpus=size,
            max_workers=most,
            duration_s=9_000.0,
        )
        for job_id, server, size, most in [("threes", 1, 3, 2), ("twos", 2, 2, 3)]
    ]
    return cluster, jobs


def test_growth_that_cannot_be_placed_falls_to_the_next_smaller_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "ROUNDS", 1)
    cluster, jobs = two_widths()

    # one worker of 3 and two of 2 would take 7 GPUs; beside the 3, only one of 2 fits
    plan = grown(cluster, *jobs)

    assert added(plan) == {"threes": 1, "twos": 1}
    assert [n.text for n in plan.notes] == [
        "2 more workers for twos were worth it; 1 could be placed"
    ]


def test_what_one_job_can_t_place_is_offered_to_the_others() -> None:
    cluster, jobs = two_widths()
    narrow = elastic(cluster, "ones", base(1, 1), max_workers=3, duration_s=1.0)
    cluster = make_cluster([10, 3])

    # of the 7 free GPUs, what is left beside 3 and 2 is of use to the job with 1-GPU workers
    assert added(grown(cluster, *jobs, narrow)) == {"threes": 1, "twos": 1, "ones": 2}


def test_the_solver_s_limit_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def limited(groups: Sequence[Group], capacity: int, *, nodes: int) -> Choice:
        return replace(solve(groups, capacity, nodes=nodes), how=How.FALLBACK)

    monkeypatch.setattr(sharing, "solve", limited)
    plan = grown(EIGHT, elastic(EIGHT, "job", base(1, 2), max_workers=6), solver_nodes=5)

    assert [note.text for note in plan.notes] == [
        "the solver reached its limit of 5 nodes; the greedy answer serves"
    ]


def test_every_knapsack_is_listed_with_its_size_and_time() -> None:
    ticks = iter(range(100))
    job = elastic(EIGHT, "job", base(1, 2), max_workers=6)
    snapshot = make_snapshot(EIGHT, running=[job], due=Due.SCHEDULE)
    plan = decide(snapshot, load_policy({}), lambda: float(next(ticks)))

    assert [(s.kind, s.items, s.seconds) for s in plan.solves] == [("knapsack", 4, 1.0)]
