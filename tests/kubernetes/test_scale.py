"""What a larger cluster costs, in requests and in processor time: waiting is not counted."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aryl.kube.access import Access
from aryl.kube.client import Asked, KubeApi
from tests.kubernetes.cluster import create_pods, inference_pod
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.stage import KubeStage, kube_stage

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

TRAINING, INFERENCE, INFERENCE_PODS = 24, 16, 48
WORKERS = 16
CPU_S = 0.1  # of one step; a fiftieth of it is usual


class CountingApi(KubeApi):
    """Counts what the thread that schedules asks of the server."""

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self.asked: Counter[str] = Counter()

    def get(self, path: str, **query: Asked) -> Any:
        self._count("GET")
        return super().get(path, **query)

    def _write(self, method: str, *words: Any) -> Any:
        self._count(method)
        return super()._write(method, *words)

    def _count(self, method: str) -> None:
        if threading.current_thread() is threading.main_thread():
            self.asked[method] += 1


@pytest.fixture
def apis() -> list[CountingApi]:
    """Those that schedulers have spoken through."""
    return []


@pytest.fixture
def stage(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, apis: list[CountingApi]
) -> Iterator[KubeStage]:
    def speak(access: Access) -> KubeApi:
        apis.append(CountingApi(access))
        return apis[-1]

    size = {"training": TRAINING, "inference": INFERENCE}
    with kube_stage(control_plane, namespace, tmp_path, **size) as stage:
        nodes = [f"infer-{n % INFERENCE + 1}" for n in range(INFERENCE_PODS)]
        pods = [inference_pod(f"web-{n}", 1, nodeName=node) for n, node in enumerate(nodes)]
        create_pods(stage.api, namespace, pods)
        stage.kubelets.settle()
        stage.speak = speak
        yield stage


def test_a_worker_costs_a_few_requests_and_rest_none(
    stage: KubeStage, apis: list[CountingApi]
) -> None:
    stage.begin()
    stage.settle()
    (api,) = apis
    api.asked.clear()

    stage.bring("wide", gpusPerWorker=8, minWorkers=WORKERS, maxWorkers=WORKERS)
    stage.settle()

    assert len(stage.where("wide")) == WORKERS
    writes = api.asked.total() - api.asked["GET"]
    assert writes <= 2 * WORKERS + 10  # it is made, with its marks, and bound; object and status
    assert api.asked["GET"] <= 2 * WORKERS + 10  # before it is bound: the pod, and those beside it

    api.asked.clear()
    stage.now += 60.0
    stage.step()
    assert not api.asked


def test_a_step_after_one_change_asks_for_nothing_and_computes_little(
    stage: KubeStage, apis: list[CountingApi]
) -> None:
    stage.begin()
    stage.bring("wide", gpusPerWorker=8, minWorkers=WORKERS, maxWorkers=WORKERS)
    stage.settle()
    (api,) = apis
    api.asked.clear()

    stage.api.delete(f"/api/v1/namespaces/{stage.namespace}/pods/web-0", grace_s=0)
    stage.catch_up()
    stage.now += 1.0
    since_s = time.thread_time()
    stage.scheduler.step(stage.now)

    assert time.thread_time() - since_s < CPU_S
    assert not api.asked


def test_a_successor_sees_all_in_a_list_for_each_kind_and_writes_nothing(
    stage: KubeStage, apis: list[CountingApi]
) -> None:
    stage.begin()
    stage.bring("wide", gpusPerWorker=8, minWorkers=WORKERS, maxWorkers=WORKERS)
    stage.settle()

    stage.begin()
    stage.step()
    stage.step()

    lists = [health.lists for health in stage.opened.mirror.health().values()]
    assert set(lists) <= {0, 1}  # none of what the server does not serve
    assert apis[-1].asked.total() == apis[-1].asked["GET"]
    assert stage.agreement() == []
