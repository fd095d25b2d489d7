"""Disruption budgets are honoured: what may not be evicted stays, and another server goes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube.names import JOB, LOAN
from tests.builders import make_spec
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.marks import HOME, LENT, annotation
from tests.kubernetes.stage import BOTH_TYPES, NODES, KubeStage, kube_stage

pytestmark = pytest.mark.kubernetes

INFER = ("infer-1", "infer-2")


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[KubeStage]:
    with kube_stage(control_plane, namespace, tmp_path, training=1) as stage:
        yield stage


def protect(stage: KubeStage, job: str, pods: int) -> None:
    """Let a budget allow no disruption of a job's workers, and wait until it says so."""
    path = f"/apis/policy/v1beta1/namespaces/{stage.namespace}/poddisruptionbudgets"
    selector = {"matchLabels": {JOB: job}}
    body = {"metadata": {"name": job}, "spec": {"minAvailable": pods, "selector": selector}}
    stage.api.create(path, body)

    def is_counted() -> bool:
        status = stage.api.get(f"{path}/{job}").get("status", {})
        return bool(status.get("currentHealthy") == pods and not status["disruptionsAllowed"])

    wait_until(is_counted)


def lift(stage: KubeStage, job: str) -> None:
    """Let a job's workers be disrupted again."""
    stage.api.delete(
        f"/apis/policy/v1beta1/namespaces/{stage.namespace}/poddisruptionbudgets/{job}"
    )
    key = f"{stage.namespace}/{job}"
    wait_until(lambda: key not in stage.opened.mirror.seen().views["budgets"])


def refused_s(stage: KubeStage, node: str) -> Any:
    """Since when a server's workers may not be evicted."""
    return annotation(stage.api.get(f"{NODES}/{node}"), LOAN)["refused_s"]


def on_loan(stage: KubeStage) -> None:
    """Two jobs that each fill a server on loan."""
    stage.begin()
    stage.submit(make_spec("fixed", gpus_per_worker=8, workers=1))
    stage.settle()
    for name in ("one", "two"):
        stage.submit(make_spec(name, gpus_per_worker=8, workers=1, fungible=True))
    stage.settle()
    assert sorted([*stage.where("one").values(), *stage.where("two").values()]) == [
        "infer-1",
        "infer-2",
    ]


def test_a_protected_job_stays_and_after_the_deadline_another_server_goes(
    stage: KubeStage,
) -> None:
    on_loan(stage)
    for name in ("one", "two"):
        protect(stage, name, 1)
    stage.ask(1)
    stage.settle()
    (refused,) = [node for node in INFER if refused_s(stage, node)]
    (other,) = [node for node in INFER if node != refused]
    victim, spared = ("one", "two") if refused in stage.where("one").values() else ("two", "one")

    lift(stage, spared)
    stage.settle()
    early = stage.states()
    stage.wall_added_s += stage.options.reclaim_deadline_s
    for _ in range(3):
        stage.pass_time(60.0)

    assert early == dict.fromkeys(("fixed", "one", "two"), JobState.RUNNING)
    assert stage.states()[victim] is JobState.RUNNING
    assert stage.states()[spared] is JobState.QUEUED
    assert stage.marks(refused) == LENT
    assert stage.marks(other) == HOME
    assert stage.agreement() == []


def test_a_protected_flexible_worker_stays_until_its_budget_is_gone(stage: KubeStage) -> None:
    stage.begin()
    stage.bring("bert", minWorkers=1, maxWorkers=3, **BOTH_TYPES)
    stage.settle()
    assert len(stage.where("bert")) == 3
    protect(stage, "bert", 3)

    stage.ask(2)
    stage.settle()
    before = stage.where("bert")
    noted = [refused_s(stage, node) for node in INFER]
    lift(stage, "bert")
    stage.now += 60.0
    for _ in range(3):
        stage.pass_time(5.0)

    assert len(before) == 3
    assert any(noted)
    assert list(stage.where("bert").values()) == ["train-1"]
    assert [stage.marks(node) for node in INFER] == [HOME, HOME]
    assert stage.agreement() == []
