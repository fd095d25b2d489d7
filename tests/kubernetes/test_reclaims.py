"""Nodes, kubelets and users that do ill: what was promised to inference still comes home."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube.names import MANAGED, SERVER
from aryl.kube.statuses import REWORDED_AFTER_S
from tests.builders import make_spec
from tests.kubernetes.cluster import bind, create_pods, pod_body
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.marks import HOME, LENT, RECLAIMING
from tests.kubernetes.stage import BOTH_TYPES, NODES, PODS, WORKER, KubeStage, kube_stage

pytestmark = pytest.mark.kubernetes

INFER = ("infer-1", "infer-2")


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[KubeStage]:
    with kube_stage(control_plane, namespace, tmp_path, training=1) as stage:
        yield stage


def grown(stage: KubeStage) -> None:
    """A job with a base worker at home and one flexible worker on each server on loan."""
    stage.begin()
    stage.bring("bert", minWorkers=1, maxWorkers=3, **BOTH_TYPES)
    stage.settle()
    assert len(stage.where("bert")) == 3


def test_when_a_kubelet_hangs_another_server_goes_back_after_the_deadline(
    stage: KubeStage,
) -> None:
    grown(stage)
    stage.kubelets.hang("infer-1")
    stage.kubelets.hang("infer-2")
    stage.ask(1)
    stage.pass_time(5.0)
    (late,) = [node for node in INFER if stage.marks(node) == RECLAIMING]
    (other,) = [node for node in INFER if node != late]

    stage.wall_added_s += stage.options.reclaim_deadline_s
    stage.kubelets.revive(other)
    for _ in range(3):
        stage.pass_time(60.0)

    assert stage.marks(late) == RECLAIMING
    assert stage.marks(other) == HOME
    assert stage.agreement() == []
    stage.kubelets.revive(late)
    stage.pass_time(5.0)
    assert stage.marks(late) == HOME


def test_a_job_loses_the_flexible_workers_of_a_lost_node_and_runs_on(stage: KubeStage) -> None:
    grown(stage)
    stage.kubelets.die("infer-1")
    stage.kubelets.report("infer-1", is_ready=False)
    stage.settle()
    held = len(stage.record("bert").job.placements)

    stage.wall_added_s += stage.options.node_lost_s + 5.0
    stage.settle()

    assert held == 3
    assert [p.server_id for p in stage.record("bert").job.placements] == ["train-1", "infer-2"]
    assert stage.states() == {"bert": JobState.RUNNING}


def test_a_job_whose_base_worker_was_on_a_lost_node_waits_again(stage: KubeStage) -> None:
    grown(stage)
    stage.kubelets.die("train-1")
    stage.kubelets.report("train-1", is_ready=False)
    stage.settle()

    stage.wall_added_s += stage.options.node_lost_s + 5.0
    for _ in range(3):
        stage.pass_time(60.0)

    record = stage.record("bert")
    assert record.job.preemptions == 1
    assert {p.server_id for p in record.job.placements} <= {*INFER}
    assert stage.states() == {"bert": JobState.RUNNING}


def test_a_node_that_is_deleted_takes_its_workers_along(stage: KubeStage) -> None:
    grown(stage)

    stage.api.delete(f"{NODES}/infer-1", grace_s=0)
    for pod in stage.api.list(PODS):
        if pod["spec"].get("nodeName") == "infer-1":
            name = pod["metadata"]["name"]
            stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/{name}", grace_s=0)
    stage.settle()

    assert sorted(stage.where("bert").values()) == ["infer-2", "train-1"]
    assert stage.states() == {"bert": JobState.RUNNING}


def test_a_worker_that_a_user_deletes_comes_back(stage: KubeStage) -> None:
    grown(stage)

    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/bert-0", grace_s=0)
    stage.settle()

    assert len(stage.where("bert")) == 3
    assert stage.agreement() == []


def test_a_drained_node_is_left_at_once_and_used_again_when_it_is_back(stage: KubeStage) -> None:
    grown(stage)

    stage.api.patch(f"{NODES}/infer-1", {"spec": {"unschedulable": True}})
    name = next(pod for pod, node in stage.where("bert").items() if node == "infer-1")
    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/{name}")
    for _ in range(2):
        stage.pass_time(5.0)
    drained = stage.where("bert")
    stage.api.patch(f"{NODES}/infer-1", {"spec": {"unschedulable": None}})
    stage.settle()

    assert sorted(drained.values()) == ["infer-2", "train-1"]
    assert len(stage.where("bert")) == 3


def test_an_inference_pod_that_slips_onto_a_lent_server_gets_all_of_it(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=1, maxWorkers=2, gpusPerWorker=4, **BOTH_TYPES)
    stage.settle()
    assert [stage.marks(node) for node in INFER] == [LENT, LENT]

    stage.serve("infer-2", gpus=4)
    stage.now += 300.0
    stage.pass_time(5.0)

    assert [stage.marks(node) for node in INFER] == [LENT, HOME]
    assert stage.agreement() == []


def test_jobs_wait_for_gpus_of_strangers(stage: KubeStage) -> None:
    stage.demand_was = 2.0
    stage.begin()
    stage.settle()
    create_pods(stage.api, stage.namespace, [pod_body("stranger", 4)])
    bind(stage.api, stage.namespace, "stranger", "train-1")
    stage.kubelets.settle()
    stage.submit(make_spec("whole", gpus_per_worker=8, workers=1))
    stage.submit(make_spec("half", gpus_per_worker=4, workers=1, duration_s=900.0))
    stage.settle()
    early = dict(stage.states())
    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/stranger", grace_s=0)
    stage.settle()
    stage.finish()
    stage.settle()

    assert early == {"whole": JobState.QUEUED, "half": JobState.RUNNING}
    assert stage.states() == {"whole": JobState.RUNNING, "half": JobState.FINISHED}
    assert stage.agreement() == []


def test_a_job_whose_workers_can_not_be_bound_waits_again_after_the_deadline(
    stage: KubeStage,
) -> None:
    stage.demand_was = 2.0
    stage.begin()
    pods = {"spec": WORKER | {"nodeSelector": {"no": "node"}}}
    stage.bring("bert", minWorkers=1, template=pods)
    stage.settle()
    early = stage.states()
    stage.wall_added_s += REWORDED_AFTER_S
    stage.settle()
    told = stage.job("bert")["status"]

    stage.wall_added_s += stage.options.start_deadline_s
    stage.step()

    assert early == {"bert": JobState.RUNNING}
    why = "bert-0: the pod selects nodes with no=node, train-1 lacks it"
    assert (told["reason"], told["message"]) == ("WorkersPending", f"0 of 1 workers run; {why}")
    assert stage.record("bert").job.preemptions == 1


def test_a_server_is_not_home_while_a_worker_may_just_be_bound_there(stage: KubeStage) -> None:
    stage.begin()
    stage.settle()
    assert [stage.marks(node) for node in INFER] == [LENT, LENT]
    meant = pod_body("late", gpus=1, schedulerName="aryl-scheduler")
    meant["metadata"] |= {"labels": {MANAGED: "true"}, "annotations": {SERVER: "infer-1"}}
    create_pods(stage.api, stage.namespace, [meant])

    stage.ask(2)
    stage.pass_time(5.0)
    assert [stage.marks(node) for node in INFER] == [RECLAIMING, HOME]

    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/late")
    stage.pass_time(5.0)
    assert stage.marks("infer-1") == HOME
