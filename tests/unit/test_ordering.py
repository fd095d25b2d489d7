"""Which queued job comes first, and a queue that keeps that order."""

from itertools import permutations

import pytest

from aryl.model.job import Job
from aryl.model.queue import JobQueue
from aryl.policy.ordering import ORDERINGS
from aryl.policy.ranking import RankedQueue, ranked
from aryl.policy.registry import load_policy
from aryl.policy.rules import Rules, rules_of
from tests.builders import make_job


def rules(ordering: str) -> Rules:
    return rules_of(load_policy({"ordering": ordering}))


def order(ordering: str, *jobs: Job) -> list[str]:
    return [job.id for job in sorted(jobs, key=rules(ordering).rank)]


@pytest.mark.parametrize("ordering", ORDERINGS)
@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param({"submit_s": 1}, {"submit_s": 2}, id="earlier submission"),
        pytest.param({"priority": 1, "submit_s": 9}, {"submit_s": 2}, id="higher priority"),
        pytest.param({"carry_in": True, "submit_s": 9}, {"priority": 5}, id="carried in"),
        pytest.param(
            {"carry_in": True, "gpus_per_worker": 4},
            {"carry_in": True, "gpus_per_worker": 2, "workers": 4, "submit_s": -1},
            id="carried in with wider workers",
        ),
        pytest.param(
            {"carry_in": True, "workers": 3},
            {"carry_in": True, "workers": 2, "submit_s": -1},
            id="carried in with more GPUs",
        ),
        pytest.param(
            {"priority": 1}, {"carry_in": True, "preemptions": 1}, id="carried in, not preempted"
        ),
        pytest.param({}, {}, id="by name in the end"),
    ],
)
def test_comes_first(ordering: str, first: dict[str, object], then: dict[str, object]) -> None:
    # the one that is to be first has the later name, unless names decide
    names = ("b", "a") if first or then else ("a", "b")

    assert order(ordering, make_job(names[1], **then), make_job(names[0], **first)) == list(names)


@pytest.mark.parametrize(
    ("ordering", "names"),
    [
        ("fifo", ["a-mixed", "b"]),
        ("fifo-backfill", ["b", "a-mixed"]),
        ("sjf", ["b", "a-mixed"]),
        ("las", ["b", "a-mixed"]),
    ],
)
def test_heterogeneous_jobs_come_last_but_for_strict_fifo(ordering: str, names: list[str]) -> None:
    mixed = make_job("a-mixed", heterogeneous=True)
    urgent = make_job("b", submit_s=1.0)

    assert order(ordering, urgent, mixed) == names


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        pytest.param({"duration_s": 9}, {"duration_s": 10}, id="run time"),
        pytest.param(
            {"duration_s": 20, "estimated_duration_s": 9}, {"duration_s": 10}, id="as estimated"
        ),
        pytest.param(
            {"duration_s": 20, "max_workers": 4}, {"duration_s": 10}, id="with the most workers"
        ),
        pytest.param({"duration_s": 20, "done": 15.0}, {"duration_s": 10}, id="what is left"),
    ],
)
def test_shortest_first_ranks_by(shorter: dict[str, float], longer: dict[str, float]) -> None:
    jobs = make_job("a", **longer), make_job("b", **shorter)

    assert order("sjf", *jobs) == ["b", "a"]
    assert order("fifo", *jobs) == ["a", "b"]


@pytest.mark.parametrize(
    ("had_gpu_s", "names"),
    [
        pytest.param(3_599, ["early", "late"], id="both are in the first queue"),
        pytest.param(3_600, ["late", "early"], id="one has left it"),
    ],
)
def test_las_serves_queues_by_gpu_time_and_each_by_arrival(
    had_gpu_s: float, names: list[str]
) -> None:
    early = make_job("early", gpus_per_worker=4, done=had_gpu_s / 4, preemptions=1)
    late = make_job("late", submit_s=5.0, duration_s=1e6)

    assert order("las", late, early) == names


def test_the_queues_of_las_grow_by_a_factor() -> None:
    knobs = {"ordering": "las", "las_queues": 4, "las_limit_gpu_s": 100.0, "las_growth": 3.0}

    assert rules_of(load_policy(knobs)).limits_gpu_s == (100.0, 300.0, 900.0)


def test_only_strict_fifo_lets_its_head_block_the_rest() -> None:
    assert [name for name, ordering in ORDERINGS.items() if ordering.head_blocks] == ["fifo"]


def listed(queue: JobQueue) -> list[list[str]]:
    return sorted(list(group.job_ids) for group in queue.groups.values())


def test_a_queue_groups_jobs_that_fit_alike_in_order_whatever_order_they_came_in() -> None:
    jobs = [
        make_job("a", duration_s=30),
        make_job("b", duration_s=20),
        make_job("c", duration_s=10, gpus_per_worker=2),
        make_job("d", duration_s=10),
        make_job("e", duration_s=10, fungible=True),
    ]

    for entered in permutations(jobs):
        queue = RankedQueue(rules("sjf"), entered).frozen()
        assert listed(queue) == [["c"], ["d", "b", "a"], ["e"]]
        for group in queue.groups.values():
            assert tuple(job.id for job in group.jobs) == group.job_ids
            assert list(group.ranks) == sorted(group.ranks)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"gpus_per_worker": 2}, id="width of a worker"),
        pytest.param({"min_workers": 1, "num_gpus": 2}, id="base workers"),
        pytest.param({"max_workers": 3}, id="most workers"),
        pytest.param({"min_workers": 1, "num_gpus": 1, "max_workers": 2}, id="requested workers"),
        pytest.param({"fungible": True}, id="fungible"),
        pytest.param({"heterogeneous": True}, id="heterogeneous"),
    ],
)
def test_jobs_that_differ_in_anything_that_decides_a_fit_are_apart(
    other: dict[str, object],
) -> None:
    jobs = [make_job("a", workers=2), make_job("b", **({"workers": 2} | other))]

    assert len(RankedQueue(rules("sjf"), jobs).frozen().groups) == 2


def test_a_frozen_queue_stays_as_jobs_come_and_go() -> None:
    queue = RankedQueue(rules("fifo"), [make_job("a"), make_job("b")])
    seen = queue.frozen()

    queue.remove("a")
    queue.add(make_job("c", submit_s=-1.0))
    queue.remove("b")

    assert (listed(seen), list(seen.jobs)) == ([["a", "b"]], ["a", "b"])
    assert listed(queue.frozen()) == [["c"]]
    assert len(queue) == 1
    queue.remove("c")
    assert queue.frozen().groups == {}


def test_a_job_waits_once() -> None:
    with pytest.raises(AssertionError, match="waits once"):
        RankedQueue(rules("fifo"), [make_job("a"), make_job("a")])


def test_a_queue_in_the_order_asked_for_is_taken_as_it_is() -> None:
    queue = RankedQueue(rules("fifo"), [make_job("a"), make_job("b", duration_s=1)]).frozen()

    assert ranked(queue, rules("fifo")) is queue
    assert listed(ranked(queue, rules("sjf"))) == [["b", "a"]]
