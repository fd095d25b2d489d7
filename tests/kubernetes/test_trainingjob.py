"""A TrainingJob on a real control plane gets the workers that its job holds, and no others."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from aryl.engine.lifecycle import JobEvent
from aryl.kube.kinds.base import object_path
from aryl.kube.kinds.trainingjob import OVERDUE_S, TrainingJobs
from aryl.kube.names import ENDED, FAILURES, FINALIZER
from aryl.kube.publishing import training_job
from aryl.kube.views import WorkloadView
from tests.builders import base, flexible, make_spec
from tests.kubernetes.api import Refused
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.workload_stage import (
    GRACE_S,
    WORKER,
    WorkloadStage,
    define_training_jobs,
    staged,
)

pytestmark = pytest.mark.kubernetes

ELASTIC = {"minWorkers": 2, "maxWorkers": 4, "gpusPerWorker": 2, "template": {"spec": WORKER}}


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str) -> Iterator[WorkloadStage]:
    define_training_jobs(control_plane.admin)
    with staged(control_plane, namespace, TrainingJobs) as stage:
        yield stage


def running(stage: WorkloadStage, **spec: Any) -> WorkloadView:
    """An elastic job that runs with its base workers on two servers."""
    view = stage.submit(ELASTIC | spec)
    stage.hold(view, base(1), base(2))
    stage.settle(view)
    return view


def indexes(stage: WorkloadStage, view: WorkloadView) -> list[str]:
    return [pod.name for pod in stage.pods(view)]


def test_a_job_that_starts_gets_its_base_workers_where_the_plan_says(stage: WorkloadStage) -> None:
    view = running(stage)

    assert stage.where(view) == {"bert-0": "train-0001", "bert-1": "train-0002"}
    (service,) = stage.api.list(f"/api/v1/namespaces/{stage.namespace}/services")
    assert service["metadata"]["name"] == f"aryl-bert-{view.uid[:5]}"
    assert service["spec"]["clusterIP"] == "None"
    assert stage.step(view) == 0


def test_a_job_grows_onto_a_loaned_server_and_shrinks_from_there(stage: WorkloadStage) -> None:
    view = running(stage)

    stage.hold(view, base(1), base(2), flexible(1), flexible(1, loaned=True))
    stage.settle(view)
    grown = stage.where(view)
    stage.hold(view, base(1), base(2), flexible(1))
    stage.settle(view)

    assert grown["bert-2"] == "train-0001"
    assert grown["bert-4"] == "infer-0001"
    assert sorted(stage.where(view)) == ["bert-0", "bert-1", "bert-2"]
    assert stage.hands.counts["evict", "done"] == 1


def test_a_preempted_job_loses_its_workers_and_starts_again_with_new_ones(
    stage: WorkloadStage,
) -> None:
    view = running(stage)
    before = {pod.uid for pod in stage.pods(view)}

    stage.job = None
    stage.settle(view)
    assert stage.pods(view) == []
    job = stage.hold(view, base(1, 2))
    stage.job = replace(job, preemptions=1)
    stage.settle(view)

    assert stage.where(view) == {"bert-r1w0": "train-0001", "bert-r1w1": "train-0001"}
    assert not before & {pod.uid for pod in stage.pods(view)}


def test_pods_of_the_last_run_go_before_a_new_run_begins(stage: WorkloadStage) -> None:
    view = running(stage)
    before = {pod.uid for pod in stage.pods(view)}

    assert stage.job is not None
    stage.job = replace(stage.job, preemptions=1)
    stage.settle(view)

    assert not before & {pod.uid for pod in stage.pods(view)}
    assert len(stage.where(view)) == 2


def test_a_new_run_does_not_wait_for_ever_for_a_node_that_hangs(stage: WorkloadStage) -> None:
    view = running(stage)
    stage.kubelets.hang("train-0002")

    assert stage.job is not None
    stage.hold(view, base(1, 2))
    stage.job = replace(stage.job, preemptions=1)
    stage.settle(view)
    held_back = stage.where(view)
    stage.wall_added_s += GRACE_S + OVERDUE_S + 1.0
    stage.settle(view)

    assert held_back == {"bert-1": "train-0002"}
    new = {name: node for name, node in stage.where(view).items() if name != "bert-1"}
    assert new == {"bert-r1w0": "train-0001", "bert-r1w1": "train-0001"}


def test_a_worker_that_a_user_deletes_comes_back(stage: WorkloadStage) -> None:
    view = running(stage)

    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/bert-0")
    stage.settle(view)

    assert stage.where(view) == {"bert-0": "train-0001", "bert-1": "train-0002"}


def test_a_worker_that_fails_is_counted_once_and_replaced(stage: WorkloadStage) -> None:
    view = running(stage)

    stage.kubelets.fail(stage.namespace, "bert-1")
    stage.settle(view)

    now = stage.find(view)
    assert now is not None
    assert '"count": 1' in now.annotations[FAILURES]
    assert stage.where(view) == {"bert-0": "train-0001", "bert-1": "train-0002"}
    assert stage.job is not None
    assert stage.kind.ending(now, stage.job, stage.pods(view)) is None


def test_too_many_failures_end_the_job_and_leave_its_pods_to_be_read(stage: WorkloadStage) -> None:
    view = running(stage, backoffLimit=0)
    stage.kubelets.fail(stage.namespace, "bert-1")

    assert stage.job is not None
    ending = stage.kind.ending(view, stage.job, stage.pods(view))
    assert ending == (JobEvent.FAIL, "1 workers failed; spec.backoffLimit is 0")
    end(stage, view)

    assert [(pod.name, pod.phase) for pod in stage.pods(view)] == [("bert-1", "Failed")]


def test_a_finished_job_keeps_what_succeeded_and_loses_the_rest(stage: WorkloadStage) -> None:
    view = running(stage)
    stage.hold(view, base(1), base(2), flexible(1))
    stage.settle(view)
    for name in ("bert-0", "bert-1"):
        stage.kubelets.succeed(stage.namespace, name)

    assert stage.job is not None
    ending = stage.kind.ending(view, stage.job, stage.pods(view))
    assert ending == (JobEvent.FINISH, "all 2 base workers succeeded")
    end(stage, view)

    assert [(p.name, p.phase) for p in stage.pods(view)] == [
        ("bert-0", "Succeeded"),
        ("bert-1", "Succeeded"),
    ]
    assert stage.step(view) == 0


def end(stage: WorkloadStage, view: WorkloadView) -> None:
    note = {"metadata": {"annotations": {ENDED: "{}"}}}
    stage.api.patch(object_path(stage.kind, view), note)
    stage.job = None
    stage.settle(view)


def test_a_deleted_job_goes_once_its_pods_are_gone(stage: WorkloadStage) -> None:
    view = running(stage)
    now = stage.find(view)
    assert now is not None
    assert now.raw["finalizers"] == (FINALIZER,)
    path = f"/apis/aryl.dev/v1alpha1/namespaces/{stage.namespace}/trainingjobs/bert"

    stage.api.delete(path)
    stage.step(view)
    assert stage.find(view) is not None
    stage.settle(view)

    assert (stage.find(view), stage.pods(view)) == (None, [])


def test_a_budget_holds_a_shrink_back_but_not_the_end(stage: WorkloadStage) -> None:
    view = running(stage)
    stage.api.create(
        f"/apis/policy/v1beta1/namespaces/{stage.namespace}/poddisruptionbudgets",
        {
            "metadata": {"name": "keep"},
            "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"aryl.dev/job": "bert"}}},
        },
    )

    stage.job = None
    stage.step(view)
    assert stage.hands.counts["evict", "refused"] == 2
    assert indexes(stage, view) == ["bert-0", "bert-1"]
    end(stage, view)

    assert stage.pods(view) == []


def test_the_definition_refuses_what_is_no_training_job(stage: WorkloadStage) -> None:
    for spec in ({"minWorkers": 0}, {"minWorkers": "2"}, {"gpuTypes": "V100"}):
        with pytest.raises(Refused) as refused:
            stage.submit(spec)
        assert refused.value.status == 422
    view = stage.submit({"template": {"spec": {"anything": {"goes": [1]}}}})
    raw = stage.api.get(f"/apis/aryl.dev/v1alpha1/namespaces/{stage.namespace}/trainingjobs/bert")
    assert raw["spec"]["template"] == {"spec": {"anything": {"goes": [1]}}}
    assert raw["spec"]["minWorkers"] == 1
    assert view.raw["generation"] == 1


def test_a_job_of_the_service_can_be_created_and_read_back(stage: WorkloadStage) -> None:
    spec = make_spec("Job_7", min_workers=2, max_workers=4, fungible=True, user="ada")
    body = training_job(spec, {"spec": WORKER}, stage.options)

    raw = stage.api.create(
        f"/apis/aryl.dev/v1alpha1/namespaces/{stage.namespace}/trainingjobs", body
    )

    assert stage.kind.describe(stage.kept(raw)).spec == spec
