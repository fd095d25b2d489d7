"""Users see on their TrainingJobs how these stand, with the whole scheduler on a real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube.names import ALLOCATION, LAST_CHECKPOINT
from aryl.kube.statuses import moment
from tests.builders import make_spec
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.marks import annotation
from tests.kubernetes.stage import KubeStage, kube_stage

pytestmark = pytest.mark.kubernetes


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[KubeStage]:
    with kube_stage(control_plane, namespace, tmp_path) as stage:
        stage.demand_was = 2.0  # nothing is lent
        stage.begin()
        yield stage


def path_of(stage: KubeStage, name: str) -> str:
    return f"/apis/aryl.dev/v1alpha1/namespaces/{stage.namespace}/trainingjobs/{name}"


def status(stage: KubeStage, name: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.job(name)["status"]
    return found


def condition(stage: KubeStage, name: str, kind: str) -> tuple[str, str]:
    found = next(c for c in status(stage, name)["conditions"] if c["type"] == kind)
    return found["status"], found["reason"]


def test_a_job_tells_why_it_waits_that_it_runs_and_how_it_ended(stage: KubeStage) -> None:
    stage.bring("first", minWorkers=2, pods={"test.aryl.dev/runs-s": "100"})
    stage.settle()
    stage.bring("second", minWorkers=2, pods={"test.aryl.dev/runs-s": "100"})
    stage.settle()
    runs, waits = status(stage, "first"), status(stage, "second")
    stage.pass_time(100.0)
    over = status(stage, "first")

    assert (runs["phase"], runs["workers"], runs["reason"]) == ("Running", 2, "WorkersRunning")
    assert (waits["phase"], waits["reason"]) == ("Queued", "NotEnoughGpus")
    assert waits["message"].startswith("needs 16 GPUs; 0 are free")
    assert (over["phase"], over["workers"]) == ("Succeeded", 0)
    assert over["completionTime"] == moment(stage.now)
    assert condition(stage, "first", "Finished") == ("True", "Succeeded")
    assert status(stage, "second")["phase"] == "Running"


def test_a_bad_spec_is_refused_and_looked_at_again_when_it_is_corrected(stage: KubeStage) -> None:
    stage.bring("wrong", minWorkers=3, maxWorkers=2)
    stage.settle()
    refused, states = status(stage, "wrong"), stage.states()

    stage.api.patch(path_of(stage, "wrong"), {"spec": {"minWorkers": 1}})
    stage.settle()

    assert refused["phase"] == "Refused"
    assert refused["message"].startswith("spec.minWorkers: 3 ")
    assert states == {}
    assert condition(stage, "wrong", "Accepted") == ("True", "Valid")
    assert status(stage, "wrong")["phase"] == "Running"
    assert status(stage, "wrong")["observedGeneration"] == 2


def test_a_settled_cluster_causes_no_writes(stage: KubeStage) -> None:
    stage.bring("runs")
    stage.bring("waits", minWorkers=2)
    stage.settle()
    hands = stage.opened.hands
    assert hands is not None
    before = hands.counts.total()

    for _ in range(5):
        stage.step()

    assert hands.counts.total() == before


def test_a_checkpoint_on_the_object_is_kept_when_workers_are_lost(stage: KubeStage) -> None:
    stage.bring("bert", minWorkers=2, workers=2)
    stage.settle()
    stage.pass_time(100.0)
    note = {"metadata": {"annotations": {LAST_CHECKPOINT: moment(stage.now - 40.0)}}}
    stage.api.patch(path_of(stage, "bert"), note)
    stage.settle()
    stage.pass_time(50.0)

    stage.api.delete("/api/v1/nodes/train-2")
    stage.settle()

    held = annotation(stage.job("bert"), ALLOCATION)["job"]
    assert (held["saved"], held["done"], held["placements"]) == (120.0, 120.0, [])
    assert stage.states() == {"bert": JobState.QUEUED}
    assert status(stage, "bert")["preemptions"] == 1


def test_a_job_whose_template_makes_no_worker_is_not_started_again_and_again(
    stage: KubeStage,
) -> None:
    stage.submit(make_spec("bad", gpus_per_worker=8), template={"spec": {"containers": []}})
    stage.settle()
    stage.wall_added_s += stage.options.start_deadline_s + 1.0
    stage.settle()
    given_up = status(stage, "bad")
    stage.pass_time(60.0)

    assert given_up["phase"] == "Refused"
    assert "spec.template.spec.containers" in given_up["message"]
    assert status(stage, "bad")["preemptions"] == given_up["preemptions"] <= 1
