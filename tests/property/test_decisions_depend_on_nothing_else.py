"""A plan follows from the snapshot's content and the configuration, and from nothing else."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aryl.model.capacity import FreeIndex
from aryl.model.snapshot import Snapshot
from aryl.policy import offers
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide
from tests.builders import make_queue
from tests.strategies import configs, shuffled, snapshots


def content(snapshot: Snapshot) -> dict[str, Any]:
    """All that a decision could have changed, copied."""

    def servers(index: FreeIndex) -> object:
        return list(index.free), list(index.group), [list(bits) for bits in index.levels]

    return {
        "capacity": servers(snapshot.capacity.now),
        "without flexible": servers(snapshot.capacity.without_flexible),
        "holders": dict(snapshot.holders),
        "queue": dict(snapshot.queue.jobs),
        "groups": dict(snapshot.queue.groups),
        "running": dict(snapshot.running),
        "placements": {name: job.placements for name, job in snapshot.running.items()},
        "elastic": dict(snapshot.elastic),
        "loans": dict(snapshot.loans),
        "demand": snapshot.demand,
    }


@given(snapshots(), configs())
def test_deciding_twice_gives_the_same_plan_and_leaves_the_snapshot_alone(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    before = content(snapshot)

    plan = decide(snapshot, config)

    assert content(snapshot) == before
    assert decide(snapshot, config) == plan


@given(snapshots(), configs())
def test_what_was_decided_before_does_not_matter(snapshot: Snapshot, config: PolicyConfig) -> None:
    later = replace(snapshot, now=snapshot.now + 3_600.0)  # by then, jobs outlive their estimates
    decide(snapshot, config)

    plan = decide(later, config)

    offers._wish.cache_clear()
    assert decide(later, config) == plan


@given(st.data(), configs())
def test_the_order_in_which_things_were_entered_does_not_matter(
    data: st.DataObject, config: PolicyConfig
) -> None:
    snapshot = data.draw(snapshots())
    twin = data.draw(shuffled(snapshot))

    assert decide(twin, config) == decide(snapshot, config)


@given(snapshots(), configs())
def test_a_queue_that_is_ranked_already_gives_the_same_plan(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    queue = make_queue(snapshot.queue.jobs.values(), ranking=config)

    assert decide(replace(snapshot, queue=queue), config) == decide(snapshot, config)


@given(snapshots(), configs(), st.integers(1, 1_000))
def test_the_time_that_optimisers_take_does_not_matter(
    snapshot: Snapshot, config: PolicyConfig, step: int
) -> None:
    def slow() -> Callable[[], float]:
        ticks = count(0, step)
        return lambda: float(next(ticks))

    plan = decide(snapshot, config, slow())

    assert plan == decide(snapshot, config)
    assert all(solve.seconds == step for solve in plan.solves)
