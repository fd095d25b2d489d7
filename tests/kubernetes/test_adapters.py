"""Objects that others own are resized, paused and placed; their controllers make the pods."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aryl.engine.lifecycle import JobEvent
from aryl.kube.discovery import Served
from aryl.kube.kinds.managed import Managed
from aryl.kube.kinds.registry import kinds_of
from aryl.kube.names import MANAGED
from aryl.kube.options import KubeOptions
from aryl.kube.paths import within
from aryl.kube.views import WorkloadView
from tests.builders import base, flexible
from tests.kubernetes.api import Raw
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.definitions import DEFINITIONS
from tests.kubernetes.operators import OPERATORS, Operator
from tests.kubernetes.workload_stage import WorkloadStage, define, staged

pytestmark = pytest.mark.kubernetes

OLD_SERVER = Served((1, 20), "policy/v1beta1", {})  # what runs here: no Job can be suspended
CONTAINER = {
    "name": "main",
    "image": "busybox",
    "resources": {"limits": {"nvidia.com/gpu": "2"}},
}
TEMPLATE: Raw = {
    "metadata": {"labels": {MANAGED: "true"}},
    "spec": {
        "schedulerName": "aryl-scheduler",
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "containers": [CONTAINER],
    },
}
PLAIN = {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}
INNER = {"parallelism": 2, "completions": 2, "template": TEMPLATE}
GROUP = {"groupName": "gpu", "replicas": 2, "minReplicas": 2, "maxReplicas": 6}
SPECS: dict[str, Any] = {
    "Job": {"parallelism": 2, "template": TEMPLATE},
    "PyTorchJob": {
        "elasticPolicy": {"minReplicas": 2, "maxReplicas": 6},
        "pytorchReplicaSpecs": {"Worker": {"replicas": 2, "template": TEMPLATE}},
    },
    "JobSet": {
        "replicatedJobs": [
            {"name": "workers", "replicas": 1, "template": {"spec": INNER}},
        ]
    },
    "RayCluster": {
        "headGroupSpec": {"rayStartParams": {}, "template": PLAIN},
        "workerGroupSpecs": [{**GROUP, "rayStartParams": {}, "template": TEMPLATE}],
    },
}
ENDS = {"Job": "Complete", "PyTorchJob": "Succeeded", "JobSet": "Completed"}
ELASTIC = {"aryl.dev/min-workers": "2", "aryl.dev/max-workers": "6"}


@pytest.fixture(params=sorted(SPECS))
def stage(
    request: pytest.FixtureRequest, control_plane: ControlPlane, namespace: str
) -> Iterator[WorkloadStage]:
    if request.param in DEFINITIONS:
        define(control_plane.admin, DEFINITIONS[request.param])

    def kind_of(options: KubeOptions, wall: Callable[[], float]) -> Managed:
        kind = kinds_of(options, OLD_SERVER, wall)[request.param]
        assert isinstance(kind, Managed)
        return kind

    with staged(control_plane, namespace, kind_of) as stage:
        stage.operate = operator_of(stage).operate
        yield stage


def operator_of(stage: WorkloadStage) -> Operator:
    path = within(stage.kind.path, stage.namespace)
    return OPERATORS[stage.kind.kind](stage.api, stage.namespace, path)


def waiting(stage: WorkloadStage) -> WorkloadView:
    """An elastic workload of two to six workers, which waits."""
    view = stage.submit(SPECS[stage.kind.kind], labels={MANAGED: "true"}, annotations=dict(ELASTIC))
    stage.settle(view)
    return view


def running(stage: WorkloadStage) -> WorkloadView:
    view = waiting(stage)
    stage.hold(view, base(1), base(2))
    stage.settle(view)
    return view


def by_server(stage: WorkloadStage, view: WorkloadView) -> Counter[str]:
    return Counter(stage.where(view).values())


def test_while_it_waits_it_has_no_workers_and_its_wishes_are_kept(stage: WorkloadStage) -> None:
    view = waiting(stage)

    now = stage.find(view)
    assert now is not None
    assert stage.pods(view) == []
    spec = stage.kind.describe(now).spec
    assert (spec.min_workers, spec.requested_workers, spec.max_workers) == (2, 2, 6)
    assert stage.step(view) == 0


def test_it_runs_where_the_plan_says(stage: WorkloadStage) -> None:
    view = running(stage)

    assert by_server(stage, view) == {"train-0001": 1, "train-0002": 1}
    assert stage.step(view) == 0


def test_it_grows_onto_a_loaned_server_and_shrinks_from_there(stage: WorkloadStage) -> None:
    view = running(stage)

    stage.hold(view, base(1), base(2), flexible(1, 2), flexible(1, loaned=True))
    stage.settle(view)
    grown = by_server(stage, view)
    stage.hold(view, base(1), base(2), flexible(1, 2))
    stage.settle(view)

    assert grown == {"train-0001": 3, "train-0002": 1, "infer-0001": 1}
    assert by_server(stage, view) == {"train-0001": 3, "train-0002": 1}
    assert stage.step(view) == 0


def test_whoever_the_controller_takes_the_rest_end_where_the_plan_says(
    stage: WorkloadStage,
) -> None:
    view = running(stage)
    stage.hold(view, base(1), base(2), flexible(1), flexible(1, 2, loaned=True))
    stage.settle(view)

    stage.hold(view, base(1), base(2), flexible(1, 2, loaned=True))
    stage.settle(view)

    assert by_server(stage, view) == {"train-0001": 1, "train-0002": 1, "infer-0001": 2}


def test_nothing_is_evicted_before_its_controller_has_shrunk_it(
    stage: WorkloadStage, control_plane: ControlPlane
) -> None:
    assert control_plane.controllers is not None
    view = running(stage)
    stage.hold(view, base(1), base(2), flexible(1, 2, loaned=True))
    stage.settle(view)
    stage.hands.counts.clear()

    stage.hold(view, base(1), base(2), flexible(1, loaned=True))
    with control_plane.controllers.paused():  # a Job's acts within moments, whoever steps
        for _ in range(3):
            stage.step(view)

    assert stage.hands.counts == {("patch", "done"): 1}


def test_preempted_it_is_paused_by_its_own_controller(stage: WorkloadStage) -> None:
    view = running(stage)
    stage.hands.counts.clear()

    stage.job = None
    stage.settle(view)
    assert stage.pods(view) == []
    assert {verb for verb, _ in stage.hands.counts} == {"patch"}
    stage.hold(view, base(2, 2))
    stage.settle(view)

    assert by_server(stage, view) == {"train-0002": 2}


def test_a_worker_that_a_user_deletes_comes_back(stage: WorkloadStage) -> None:
    view = running(stage)
    name = next(iter(stage.where(view)))

    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/{name}")
    stage.settle(view)

    assert by_server(stage, view) == {"train-0001": 1, "train-0002": 1}


def test_what_its_controller_says_of_its_end_counts(stage: WorkloadStage) -> None:
    view = running(stage)
    if stage.kind.kind == "RayCluster":
        return  # it never ends by itself
    assert stage.job is not None
    assert stage.kind.ending(view, stage.job, ()) is None

    if stage.kind.kind == "Job":
        for name in stage.where(view):
            stage.kubelets.succeed(stage.namespace, name)
        stage.operate()
    else:
        operator_of(stage).end("bert", ENDS[stage.kind.kind])

    now = stage.find(view)
    assert now is not None
    ending = stage.kind.ending(now, stage.job, ())
    assert ending is not None
    assert ending[0] is JobEvent.FINISH
    assert stage.step(view) == 0
