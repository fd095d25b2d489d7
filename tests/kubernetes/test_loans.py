"""Servers are lent, used, asked back and brought home, all by what stands on their nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube.names import RESERVED_TAINT
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.marks import HOME, LENT, RECLAIMING
from tests.kubernetes.stage import BOTH_TYPES, NODES, KubeStage, kube_stage

pytestmark = pytest.mark.kubernetes


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[KubeStage]:
    with kube_stage(control_plane, namespace, tmp_path) as stage:
        yield stage


def test_idle_servers_are_lent_and_an_elastic_job_grows_onto_them(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=2, maxWorkers=4, **BOTH_TYPES)

    stage.settle()

    assert [stage.marks(node) for node in ("infer-1", "infer-2")] == [LENT, LENT]
    assert sorted(stage.where("bert").values()) == ["infer-1", "infer-2", "train-1", "train-2"]
    assert stage.agreement() == []


def test_a_waiting_inference_pod_brings_a_server_home_at_once(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=2, maxWorkers=4, **BOTH_TYPES)
    stage.settle()

    stage.ask(1)
    stage.settle()
    assert RECLAIMING in [stage.marks(node) for node in ("infer-1", "infer-2")]
    stage.pass_time(5.0)  # the grace of the worker that goes

    marks = sorted(stage.marks(node) for node in ("infer-1", "infer-2"))
    assert marks == [HOME, LENT]
    assert len(stage.where("bert")) == 3
    assert stage.states() == {"bert": JobState.RUNNING}
    assert stage.agreement() == []


def test_a_server_with_an_inference_pod_is_not_lent(stage: KubeStage) -> None:
    stage.serve("infer-1", gpus=1)
    stage.begin()

    stage.settle()

    assert [stage.marks(node) for node in ("infer-1", "infer-2")] == [HOME, LENT]


def test_a_settled_cluster_causes_no_writes(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=2, maxWorkers=4, **BOTH_TYPES)
    stage.settle()
    assert stage.opened.hands is not None
    writes = stage.opened.hands.counts.copy()

    for _ in range(3):
        stage.now += 1.0
        stage.step()

    assert stage.opened.hands.counts == writes


def test_marks_that_were_edited_by_hand_are_put_right(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=2, maxWorkers=3, **BOTH_TYPES)
    stage.settle()

    for node in ("infer-1", "infer-2", "train-1"):
        taint = {"key": RESERVED_TAINT, "value": "other", "effect": "NoSchedule"}
        own = {"key": "example.com/own", "effect": "PreferNoSchedule"}
        body = {"spec": {"taints": [taint, own]}, "metadata": {"labels": {"aryl.dev/state": None}}}
        stage.api.patch(f"{NODES}/{node}", body)
    stage.settle()

    assert [stage.marks(node) for node in ("infer-1", "infer-2")] == [LENT, LENT]
    assert stage.marks("train-1") == ("", [], False)
    taints = stage.api.get(f"{NODES}/infer-1")["spec"]["taints"]
    assert {"key": "example.com/own", "effect": "PreferNoSchedule"} in taints
