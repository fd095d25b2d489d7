"""Jobs on a real control plane, from the first plan to their end, with the whole scheduler."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube.names import ALLOCATION, ENDED
from aryl.kube.wishes import GONE_S
from aryl.model.errors import LeaseLost
from aryl.store.edits import Wish
from tests.builders import make_spec
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.marks import annotation
from tests.kubernetes.stage import JOBS, PODS, KubeStage, kube_stage
from tests.service.stage import USER

pytestmark = pytest.mark.kubernetes


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[KubeStage]:
    with kube_stage(control_plane, namespace, tmp_path) as stage:
        stage.demand_was = 2.0  # nothing is lent
        yield stage


def test_a_job_brought_by_kubectl_runs_where_the_plan_says_and_finishes(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=2, pods={"test.aryl.dev/runs-s": "100"})

    stage.settle()
    placed, faults = stage.where("bert"), stage.agreement()
    stage.pass_time(100.0)

    assert placed == {"bert-0": "train-1", "bert-1": "train-2"}
    assert faults == []
    assert stage.states() == {"bert": JobState.FINISHED}
    assert annotation(stage.job("bert"), ENDED)["event"] == "finish"
    assert annotation(stage.job("bert"), ALLOCATION) is None
    assert stage.agreement() == []


def test_a_job_submitted_to_the_service_is_seen_on_the_cluster(stage: KubeStage) -> None:
    stage.begin()
    stage.submit(make_spec("vit", gpus_per_worker=8, workers=1))
    stage.submit(make_spec("late", gpus_per_worker=8, workers=2, duration_s=900.0))

    stage.settle()

    assert stage.where("vit") == {"vit-0": "train-1"}
    assert stage.states() == {"vit": JobState.RUNNING, "late": JobState.QUEUED}
    assert {raw["metadata"]["name"] for raw in stage.api.list(JOBS)} == {"vit", "late"}
    assert stage.agreement() == []


def test_a_job_that_is_cancelled_while_it_runs_leaves_nothing_running(stage: KubeStage) -> None:
    stage.begin()
    stage.submit(make_spec("vit", gpus_per_worker=8, workers=2))
    stage.settle()
    before = stage.where("vit")

    stage.users.jobs.request_cancel("vit", Wish(who=USER, at_s=stage.now))
    stage.settle()
    stage.pass_time(5.0)

    assert len(before) == 2
    assert stage.where("vit") == {}
    assert stage.states() == {"vit": JobState.CANCELLED}
    assert annotation(stage.job("vit"), ENDED)["event"] == "cancel"
    assert stage.agreement() == []


def test_a_job_that_is_cancelled_while_it_waits_is_over_on_the_cluster_too(
    stage: KubeStage,
) -> None:
    stage.begin()
    stage.submit(make_spec("wide", gpus_per_worker=8, workers=3))
    stage.settle()

    stage.users.jobs.request_cancel("wide", Wish(who=USER, at_s=stage.now))
    stage.settle()

    assert stage.states() == {"wide": JobState.CANCELLED}
    assert annotation(stage.job("wide"), ENDED)["event"] == "cancel"


def test_an_object_that_is_deleted_takes_its_running_job_along(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=2)
    stage.settle()

    stage.api.delete(object_of(stage, "bert"))
    stage.settle()
    stage.pass_time(5.0)

    assert stage.api.list(JOBS) == []
    assert stage.api.list(PODS) == []
    assert stage.states() == {"bert": JobState.CANCELLED}


def test_a_worker_that_is_being_deleted_does_not_count_as_running(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=2)
    stage.settle()
    whole = stage.job("bert")["status"]["reason"]

    stage.kubelets.hang(stage.where("bert")["bert-1"])
    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/bert-1")
    stage.settle()

    status = stage.job("bert")["status"]
    assert (whole, status["reason"]) == ("WorkersRunning", "WorkersPending")
    assert status["message"].startswith("1 of 2 workers run")


def test_an_object_that_vanishes_ends_its_job_and_is_not_made_again(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=2)
    stage.settle()

    stage.api.patch(object_of(stage, "bert"), {"metadata": {"finalizers": None}})
    stage.api.delete(object_of(stage, "bert"))
    stage.settle()
    early = stage.api.list(JOBS)
    stage.wall_added_s += GONE_S
    stage.settle()

    assert early == []
    assert stage.api.list(JOBS) == []
    assert stage.states() == {"bert": JobState.CANCELLED}


def test_other_bounds_are_taken_from_the_cluster_and_from_the_service(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=1, maxWorkers=2)
    stage.settle()
    grown = len(stage.where("bert"))
    name = stage.record("bert").id

    stage.api.patch(object_of(stage, "bert"), {"spec": {"maxWorkers": 1}})
    stage.settle()
    stage.pass_time(5.0)
    shrunk = len(stage.where("bert"))
    wish = Wish(who=USER, at_s=stage.now)
    stage.users.jobs.change_bounds(name, wish, min_workers=1, max_workers=2)
    stage.settle()

    assert (grown, shrunk) == (2, 1)
    assert stage.job("bert")["spec"]["maxWorkers"] == 2
    assert len(stage.where("bert")) == 2
    assert stage.agreement() == []


def test_a_leader_that_was_followed_by_another_writes_nothing_more(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=1)
    stage.settle()
    text = stage.job("bert")["metadata"]["annotations"][ALLOCATION]
    later = json.dumps(json.loads(text) | {"term": 99})
    stage.api.patch(object_of(stage, "bert"), {"metadata": {"annotations": {ALLOCATION: later}}})
    stage.catch_up()

    with pytest.raises(LeaseLost):
        stage.scheduler.step(stage.now)


def test_in_shadow_nothing_is_written_and_all_is_seen(stage: KubeStage) -> None:
    stage.begin(is_shadow=True)
    stage.bring("bert", minWorkers=2)
    before = stage.versions()

    for _ in range(3):
        stage.step()

    assert stage.versions() == before
    assert stage.opened.hands is None
    assert stage.states() == {"bert": JobState.QUEUED}


def object_of(stage: KubeStage, name: str) -> str:
    return f"/apis/aryl.dev/v1alpha1/namespaces/{stage.namespace}/trainingjobs/{name}"
