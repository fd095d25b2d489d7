"""A large Kubernetes cluster without machines, in a process of its own: what goes on is asked for.

API server and etcd are real; kubelets and whoever binds inference pods are played here. There are
no controllers: nothing but the service that is measured acts on what it sees.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from tests.kubernetes.api import Api
from tests.kubernetes.assets import find_assets
from tests.kubernetes.cluster import create_pods, delete_pods, inference_pod, make_nodes, pod_body
from tests.kubernetes.control_plane import running
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.workload_stage import define_training_jobs

NAMESPACE = "default"
GPUS = 8  # of each node
NEVER_S = 1e9  # no controller looks at heartbeats
WORKERS = "aryl.dev/managed=true"


@dataclass(frozen=True, slots=True)
class Size:
    """How many of what; `foreign` pods run on training nodes, one in ten of them with a GPU."""

    training: int = 600
    inference: int = 400
    inference_pods: int = 1_900
    foreign: int = 600


class World:
    """The cluster; each method is a thing that can be asked for."""

    def __init__(self, api: Api, kubelets: FakeKubelets, size: Size) -> None:
        """Begin with an empty cluster."""
        self._api, self._kubelets, self._size = api, kubelets, size
        self._rng, self._numbers = random.Random(7), count()
        self._on: dict[str, list[str]] = defaultdict(list)  # inference pods by node

    def populate(self) -> None:
        """Nodes, and pods that are not Aryl's."""
        size = self._size
        define_training_jobs(self._api)
        make_nodes(self._kubelets, training=size.training, inference=size.inference, gpus=GPUS)
        create_pods(self._api, NAMESPACE, [self._foreign(n) for n in range(size.foreign)])
        self._serve(size.inference_pods)

    def churn(self, jobs: int, pods: int) -> None:
        """Let jobs end, and inference pods go and others come."""
        names = defaultdict(list)
        for pod in self._workers():
            if pod["status"].get("phase") == "Running":
                names[pod["metadata"]["name"].rpartition("-")[0]].append(pod["metadata"]["name"])
        for job in self._rng.sample(sorted(names), min(jobs, len(names))):
            for name in names[job]:
                self._kubelets.succeed(NAMESPACE, name)
        busy = sorted(node for node, there in self._on.items() if there)
        gone = [self._on[node].pop() for node in self._rng.sample(busy, min(pods, len(busy)))]
        delete_pods(self._api, NAMESPACE, gone)
        self._serve(pods)

    def workers(self) -> Mapping[str, int]:
        """Aryl's pods by how they stand: `bound`, `waiting`, `ended`."""
        found: Counter[str] = Counter()
        for pod in self._workers():
            is_over = pod["status"].get("phase") in {"Succeeded", "Failed"}
            found["ended" if is_over else "bound" if "nodeName" in pod["spec"] else "waiting"] += 1
        return found

    def pods(self) -> int:
        """All pods."""
        return len(self._api.list("/api/v1/pods", resourceVersion=0))

    def _workers(self) -> Sequence[Any]:
        return self._api.list("/api/v1/pods", labelSelector=WORKERS, resourceVersion=0)

    def _foreign(self, number: int) -> Any:  # noqa: ANN401 - JSON
        node = f"training-{number % self._size.training}"
        return pod_body(f"foreign-{number}", int(number % 10 == 0), nodeName=node)

    def _serve(self, count: int) -> None:
        """Inference pods of one GPU, on the first nodes that have room and are not on loan."""
        lent = {
            node["metadata"]["name"]
            for node in self._api.list("/api/v1/nodes", resourceVersion=0)
            if node["metadata"]["labels"].get("aryl.dev/state", "home") != "home"
        }
        bodies = []
        for node in (f"inference-{n}" for n in range(self._size.inference)):
            while node not in lent and len(self._on[node]) < GPUS and len(bodies) < count:
                name = f"web-{next(self._numbers)}"
                self._on[node].append(name)
                bodies.append(inference_pod(name, 1, nodeName=node))
        create_pods(self._api, NAMESPACE, bodies)


class Remote:
    """The cluster, as the process that schedules it can ask for things."""

    def __init__(self, pipe: Connection, kubeconfig: str) -> None:
        """Know whom to ask."""
        self._pipe, self.kubeconfig = pipe, kubeconfig

    def ask(self, what: str, *words: int) -> Any:  # noqa: ANN401 - whatever is asked for
        """Let something be done; what it answers."""
        self._pipe.send((what, words))
        return self._pipe.recv()


def can_play() -> bool:
    """Whether this machine has the programs of a control plane."""
    return find_assets() is not None


@contextmanager
def far_world(size: Size) -> Iterator[Remote]:
    """An empty cluster in another process, which ends with the block."""
    spawn = get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_play, args=(there, size), name="cluster")
    process.start()
    there.close()
    try:
        yield Remote(here, here.recv())
    finally:
        here.close()
        process.join()


def _play(pipe: Connection, size: Size) -> None:
    assets = find_assets()
    assert assets is not None, "asked before"
    with running(assets, controllers=False) as control_plane:
        api = control_plane.admin
        with FakeKubelets(api, heartbeat_s=NEVER_S) as kubelets:
            world = World(api, kubelets, size)
            pipe.send(str(control_plane.kubeconfig()))
            while True:
                try:
                    what, words = pipe.recv()
                except EOFError:
                    return
                pipe.send(getattr(world, what)(*words))
