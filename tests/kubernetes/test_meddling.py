"""Users and strangers meddle at the worst moment: nothing leaks, and nothing is given twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube.client import KubeApi
from aryl.kube.names import LOAN, POOL
from tests.kubernetes.cluster import bind, create_pods, pod_body
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.leaks import leaks
from tests.kubernetes.marks import HOME, LENT, RECLAIMING
from tests.kubernetes.stage import BOTH_TYPES, JOBS, NODES, PODS, KubeStage, kube_stage
from tests.kubernetes.test_evictions import lift, protect

pytestmark = pytest.mark.kubernetes

INFER = ("infer-1", "infer-2")
COLLECTED = "aryl-bert-"  # the service of a deleted job goes when Kubernetes collects it


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


def delete_job(stage: KubeStage, name: str = "bert") -> None:
    path = f"/apis/aryl.dev/v1alpha1/namespaces/{stage.namespace}/trainingjobs/{name}"
    stage.api.delete(path)


def check(stage: KubeStage) -> None:
    assert stage.agreement() == []
    assert [leak for leak in leaks(stage.api) if not leak.startswith(COLLECTED)] == []


def test_a_budget_that_changes_between_the_look_and_the_eviction_only_delays_it(
    stage: KubeStage,
) -> None:
    refused: list[str] = []

    class Raced(KubeApi):
        def evict(
            self, namespace: str, name: str, grace_s: int | None = None, uid: str | None = None
        ) -> None:
            if not refused:
                protect(stage, "bert", 3)
            refused.append(name)
            super().evict(namespace, name, grace_s, uid)

    stage.speak = Raced
    grown(stage)

    stage.ask(1)
    stage.settle()
    early = sorted(stage.marks(node) for node in INFER)
    there = len(stage.where("bert"))
    lift(stage, "bert")
    for _ in range(2):
        stage.pass_time(5.0)

    assert (early, there) == (sorted([LENT, RECLAIMING]), 3)
    assert len(refused) > 1
    assert sorted(stage.marks(node) for node in INFER) == sorted([HOME, LENT])
    check(stage)


def test_a_lost_node_that_comes_back_gives_up_the_workers_that_it_kept(stage: KubeStage) -> None:
    grown(stage)
    stage.kubelets.die("infer-1")
    stage.kubelets.report("infer-1", is_ready=False)
    stage.settle()
    stage.wall_added_s += stage.options.node_lost_s + 5.0
    stage.settle()
    lost = sorted(p.server_id for p in stage.record("bert").job.placements)

    stage.kubelets.revive("infer-1")
    stage.kubelets.report("infer-1", is_ready=True)
    shut = "node.kubernetes.io/"
    wait_until(lambda: shut not in str(stage.api.get(f"{NODES}/infer-1")["spec"].get("taints")))
    for _ in range(3):
        stage.pass_time(60.0)

    assert lost == ["infer-2", "train-1"]
    assert len(stage.where("bert")) == 3
    check(stage)


def test_a_job_that_is_deleted_while_its_server_is_asked_back_takes_nothing_along(
    stage: KubeStage,
) -> None:
    grown(stage)
    stage.ask(1)
    stage.settle()
    early = sorted(stage.marks(node) for node in INFER)

    delete_job(stage)
    stage.settle()
    stage.pass_time(5.0)

    assert early == sorted([LENT, RECLAIMING])
    assert HOME in [stage.marks(node) for node in INFER]
    assert stage.api.list(JOBS) == []
    assert stage.states() == {"bert": JobState.CANCELLED}
    check(stage)


def test_a_job_of_the_same_name_as_one_that_was_deleted_is_another(stage: KubeStage) -> None:
    grown(stage)
    delete_job(stage)
    stage.settle()
    stage.pass_time(5.0)

    stage.bring("bert", minWorkers=1)
    stage.settle()

    assert stage.where("bert") == {"bert-0": "train-1"}
    services = stage.api.list(f"/api/v1/namespaces/{stage.namespace}/services")
    owners = {service["metadata"]["ownerReferences"][0]["uid"] for service in services}
    assert stage.job("bert")["metadata"]["uid"] in owners
    records = {record.name: record.state for record in stage.store.live().values()}
    assert list(records.values()) == [JobState.RUNNING]
    check(stage)


@pytest.mark.parametrize("node", ["infer-1", "train-1"])
def test_a_node_that_changes_its_pool_under_workers_is_left_by_them(
    stage: KubeStage, node: str
) -> None:
    grown(stage)
    pool = "training" if node == "infer-1" else "inference"

    stage.api.patch(f"{NODES}/{node}", {"metadata": {"labels": {POOL: pool}}})
    for _ in range(3):
        stage.settle()
        stage.pass_time(5.0)

    server = next(s for s in stage.opened.cluster.observe().cluster.servers if s.id == node)
    assert server.pool.label == pool
    check(stage)


def test_a_loan_that_was_wiped_off_its_node_is_written_anew(stage: KubeStage) -> None:
    grown(stage)
    wiped = {"metadata": {"annotations": {LOAN: None}}, "spec": {"taints": None}}

    stage.api.patch(f"{NODES}/infer-1", wiped)
    stage.settle()

    assert [stage.marks(node) for node in INFER] == [LENT, LENT]
    assert len(stage.where("bert")) == 3
    check(stage)


def test_a_cordoned_server_on_loan_gets_nobody_new_and_keeps_who_is_there(
    stage: KubeStage,
) -> None:
    grown(stage)
    stage.api.patch(f"{NODES}/infer-1", {"spec": {"unschedulable": True}})
    stage.settle()
    held = len(stage.where("bert"))
    delete_job(stage)
    stage.bring("next", minWorkers=1, maxWorkers=3, **BOTH_TYPES)
    stage.settle()
    for _ in range(2):
        stage.pass_time(5.0)

    assert held == 3
    assert sorted(stage.where("next").values()) == ["infer-2", "train-1"]
    stage.api.patch(f"{NODES}/infer-1", {"spec": {"unschedulable": None}})
    stage.settle()
    assert len(stage.where("next")) == 3
    check(stage)


def test_gpus_that_a_stranger_takes_just_before_a_worker_comes_are_not_given_twice(
    stage: KubeStage,
) -> None:
    stage.demand_was = 2.0
    strangers: list[str] = []

    class Overtaken(KubeApi):
        def create(self, path: str, body: Any, **options: Any) -> Any:
            if path.endswith("/pods") and not strangers:
                strangers.append("stranger")
                create_pods(stage.api, stage.namespace, [pod_body("stranger", 4)])
                bind(stage.api, stage.namespace, "stranger", "train-1")
            return super().create(path, body, **options)

    stage.speak = Overtaken
    stage.begin()
    stage.bring("bert", minWorkers=1)
    stage.settle()
    overtaken = [pod["metadata"]["name"] for pod in stage.api.list(PODS) if _runs(pod)]
    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/stranger", grace_s=0)
    stage.settle()

    assert overtaken == ["stranger"]
    assert stage.where("bert") == {"bert-0": "train-1"}
    check(stage)


def _runs(pod: Any) -> bool:
    return bool(pod["status"].get("phase") == "Running")
