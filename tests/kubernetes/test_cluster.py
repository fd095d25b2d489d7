"""Jobs on a real control plane, from the first plan to their end, with the whole scheduler."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube.names import ALLOCATION, ENDED
from tests.builders import make_spec
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.stage import JOBS, KubeStage, annotation, kube_stage

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
