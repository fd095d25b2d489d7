"""What a picture says about servers, loans and jobs."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.kube.books import observation_of
from aryl.kube.loans import LoanNote, note_text
from aryl.kube.moment import Moment, Moments
from aryl.kube.names import SERVER
from aryl.kube.picture import Picture
from aryl.kube.progress import rates_of
from aryl.kube.views import BudgetView, Taint
from aryl.model.cluster import Condition, Loan
from aryl.model.job import Job
from aryl.model.queue import JobQueue
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.check import inconsistencies
from aryl.policy.config import PolicyConfig
from tests.builders import base, flexible
from tests.unit.kube.pictures import (
    KIND,
    OPTIONS,
    WALL_S,
    a_node,
    a_picture,
    a_pod,
    a_worker,
    a_workload,
    pictures,
    spec_of,
)

ELASTIC: dict[str, Any] = {
    "minWorkers": 1,
    "maxWorkers": 4,
    "gpuTypes": ["V100", "T4"],
    "heterogeneous": True,
}


def moments(factor: float = 1.0) -> Moments:
    options = replace(OPTIONS, workers_per_training_worker=factor)
    return Moments({KIND.kind: KIND}, options, rates_of(PolicyConfig(), factor))


def look(picture: Picture, factor: float = 1.0, wall_s: float = WALL_S) -> Moment:
    return moments(factor).of(picture, (100.0, wall_s))


@given(picture=pictures(), factor=st.sampled_from([1.0, 2.2, 3.0]))
def test_whatever_a_picture_shows_the_policy_sees_nothing_inconsistent(
    picture: Picture, factor: float
) -> None:
    seen = observation_of(look(picture, factor), 1)
    snapshot = Snapshot(
        100.0,
        1,
        Due.SCHEDULE,
        seen.cluster,
        seen.capacity,
        seen.holders,
        JobQueue(),
        seen.running,
        seen.elastic,
        seen.loans,
        seen.demand,
    )

    # a user may have lowered the most that a job may hold only just now
    found = [fault for fault in inconsistencies(snapshot) if "does not allow" not in fault]
    assert found == []
    assert all(0 <= server.shut_gpus <= server.gpus for server in seen.cluster.servers)


@given(picture=pictures())
def test_the_same_picture_is_the_same_moment(picture: Picture) -> None:
    seen = moments()

    first = seen.of(picture, (100.0, WALL_S))
    second = seen.of(replace(picture, version=2), (200.0, WALL_S))

    assert first.cluster is second.cluster
    assert first.loans == second.loans
    assert first.running == second.running


def job(name: str, *placements: object, **spec: object) -> Job:
    return Job(spec_of(name, **ELASTIC | spec), placements, started_s=3.0, speed=1.0)  # type: ignore[arg-type]


def condition(moment: Moment, server: str) -> tuple[Condition, int]:
    found = moment.cluster.by_id[server]
    return found.condition, found.usable_gpus


@pytest.mark.parametrize(
    "changes",
    [
        {"is_cordoned": True},
        {"is_ready": False, "ready_since_s": WALL_S},
        {"taints": (Taint("example.com/broken", "", "NoExecute"),)},
        {"gpus": 0},
    ],
    ids=str,
)
def test_a_server_that_serves_nobody_new_keeps_what_runs_there(changes: dict[str, object]) -> None:
    held = job("a", base(1))
    moment = look(
        a_picture([a_node("train-0001", **changes)], (), [a_workload("a", held, **ELASTIC)])
    )

    assert condition(moment, "train-0001") == (Condition.AWAY, 1)
    assert [*moment.running] == [held.id]


def test_taints_that_workers_tolerate_shut_nothing() -> None:
    taints = (Taint("nvidia.com/gpu", "", "NoSchedule"), Taint("x", "", "PreferNoSchedule"))

    moment = look(a_picture([a_node(taints=taints)]))

    assert condition(moment, "train-1") == (Condition.OPEN, 8)


def test_gpus_of_strangers_are_shut_and_those_of_own_pods_are_not() -> None:
    held = job("a", base(1, 2))
    workload = a_workload("a", held, **ELASTIC)
    pods = [
        a_worker(workload, 0, "train-0001"),
        a_worker(workload, 1, "train-0001"),
        a_worker(workload, 2, "train-0001"),  # no longer, but still there
        a_pod("stranger", "train-0001", 2),
        a_pod("over", "train-0001", 2, phase="Succeeded"),
    ]

    moment = look(a_picture([a_node("train-0001")], pods, [workload]))

    assert condition(moment, "train-0001") == (Condition.OPEN, 5)


def test_an_inference_server_with_an_inference_pod_is_busy() -> None:
    nodes = [a_node("infer-1"), a_node("infer-2")]

    moment = look(a_picture(nodes, [a_pod("web", "infer-1", 1)]))

    assert condition(moment, "infer-1") == (Condition.BUSY, 0)
    assert condition(moment, "infer-2") == (Condition.OPEN, 8)


def test_a_server_that_was_asked_back_long_ago_is_away_and_no_loan() -> None:
    note = LoanNote(0.0, 1, reclaim_s=1.0, asked_s=WALL_S - OPTIONS.reclaim_deadline_s)
    nodes = [a_node("infer-1", loan=note_text(note))]

    early, late = look(a_picture(nodes), wall_s=WALL_S - 1.0), look(a_picture(nodes))

    assert early.loans == {"infer-1": Loan("infer-1", 0.0, 1.0)}
    assert early.until_s == WALL_S
    assert late.loans == {}
    assert condition(late, "infer-1")[0] is Condition.AWAY


def test_a_server_is_pinned_while_a_budget_refuses_and_the_deadline_has_passed() -> None:
    held = job("a", base(1, loaned=True))
    note = LoanNote(0.0, 1, refused_s=WALL_S - OPTIONS.reclaim_deadline_s)
    workload = a_workload("a", held, **ELASTIC)
    pods = [a_worker(workload, 0, "infer-0001", labels={"app": "a"})]
    node = a_node("infer-0001", loan=note_text(note))
    budget = BudgetView("default", "b", {"matchLabels": {"app": "a"}}, 0, selects_all_if_empty=True)

    picture = a_picture([node], pods, [workload], budgets={"default/b": budget})
    lifted = replace(picture, budgets={})

    assert condition(look(picture), "infer-0001")[0] is Condition.PINNED
    assert condition(look(picture, wall_s=WALL_S - 1.0), "infer-0001")[0] is Condition.OPEN
    assert condition(look(lifted), "infer-0001")[0] is Condition.OPEN


@pytest.mark.parametrize("loan", ["", "{}", note_text(LoanNote(1.0, 1, reclaim_s=2.0))])
def test_where_workers_are_there_is_a_loan(loan: str) -> None:
    held = job("a", base(1, loaned=True))
    node = a_node("infer-0001", loan=loan)

    moment = look(a_picture([node], (), [a_workload("a", held, **ELASTIC)]))

    assert moment.loans["infer-0001"].is_open


def test_a_lost_node_takes_flexible_workers_along_by_whole_training_workers() -> None:
    held = job("a", base(1), flexible(1, 2, loaned=True), flexible(2, 4, loaned=True))
    nodes = [a_node("train-0001"), a_node("infer-0002")]

    moment = look(a_picture(nodes, (), [a_workload("a", held, **ELASTIC)]), factor=3.0)

    left = moment.running[held.id]
    assert left.placements == (base(1), flexible(2, 3, loaned=True))
    assert left.speed == 2.0 * PolicyConfig().heterogeneous_efficiency
    assert moment.lost == {}


def test_a_job_without_its_base_worker_is_lost() -> None:
    held = job("a", base(1), base(2))

    moment = look(a_picture([a_node("train-0001")], (), [a_workload("a", held, **ELASTIC)]))

    assert moment.running == {}
    assert moment.lost == {held.id: moment.workloads[held.id].allocation.job}  # type: ignore[union-attr]


def test_pods_that_nobody_placed_are_taken_over() -> None:
    workload = a_workload("a", **ELASTIC)
    pods = [a_worker(workload, n, node) for n, node in enumerate(["infer-0001", "train-0001"])]
    nodes = [a_node("train-0001"), a_node("infer-0001")]

    moment = look(a_picture(nodes, pods, [workload]))

    (taken,) = moment.running.values()
    assert taken.placements == (base(1), flexible(1, loaned=True))
    assert [*moment.loans] == ["infer-0001"]


def test_pods_left_over_from_a_plan_are_not_taken_over() -> None:
    workload = a_workload("a", **ELASTIC)
    pods = [a_worker(workload, 0, "train-0001", annotations={SERVER: "train-0001"})]

    moment = look(a_picture([a_node("train-0001")], pods, [workload]))

    assert moment.running == {}
    assert condition(moment, "train-0001") == (Condition.OPEN, 7)
