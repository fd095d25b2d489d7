"""Kubelets without containers: one plays those of all nodes, and does ill on command."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from http.client import HTTPException
from itertools import count
from typing import Self

from aryl.clock import elapsed
from tests.kubernetes import pod_life, statuses
from tests.kubernetes.api import Api, Raw, Refused
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.pod_life import Act, Life, Pod
from tests.kubernetes.watching import Follower

PODS = "/api/v1/pods"
BOUND = {"fieldSelector": "spec.nodeName!="}
WRITERS = 8  # requests under way at once
AGAIN_S = 0.3  # until a write that failed is tried once more
ROUNDS = 100  # a settled cluster comes to rest within a few
LOST = (OSError, HTTPException)


@dataclass(slots=True)
class Node:
    """What is known of a node; a dead one does nothing, a hung one stops no pod."""

    gpus: int
    alive: bool = True
    hung: bool = False


class FakeKubelets:
    """The kubelets of any number of nodes.

    Either a thread plays them, between `start` and `close`, or nothing happens but in `settle`:
    for tests in virtual time. Pods' times run by `clock` (seconds), or by the machine's time,
    `speed` times as fast; heartbeats always by the machine's. `refused` names the pods that
    failed because they were bound to a node whose GPUs were in use.
    """

    def __init__(
        self,
        api: Api,
        *,
        clock: Callable[[], float] | None = None,
        speed: float = 1.0,
        heartbeat_s: float = 10.0,
    ) -> None:
        self.refused: list[str] = []
        self._api = api
        self._speed = speed
        self._clock = clock or (lambda: elapsed() * speed)
        self._heartbeat_s = heartbeat_s
        self._beats_from_s = 0.0
        self._beats: list[Future[None]] = []
        self._nodes: dict[str, Node] = {}
        self._pods: dict[str, tuple[Pod, Life]] = {}
        self._on: defaultdict[str, dict[str, tuple[Pod, Life]]] = defaultdict(dict)  # by node
        self._due: list[tuple[float, str]] = []
        self._lock = threading.RLock()
        self._stirred = threading.Event()
        self._closed = threading.Event()
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="kubelet")
        self._addresses = count(1)
        self._follower: Follower | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Let a thread play the kubelets from now on."""
        self._follower = Follower(self._api, PODS, self._listed, self._changed, **BOUND)
        self._thread = threading.Thread(target=self._run, name="kubelets")
        self._thread.start()

    def close(self) -> None:
        """End all threads; nodes and pods stay as they are."""
        self._closed.set()
        self._stirred.set()
        if self._follower is not None:
            self._follower.close()
        if self._thread is not None:
            self._thread.join()
        self._writers.shutdown()

    def settle(self) -> None:
        """Do all that can be done now, and what follows from it, until nothing changes."""
        self._beat()
        for _ in range(ROUNDS):
            self._listed(self._api.list(PODS, **BOUND))
            doing = self._begin()
            for future in doing:
                future.result()
            if not doing:
                return
        raise AssertionError(f"kubelets do not settle; last: {self._pods.values()}")

    def add(self, nodes: Iterable[Raw]) -> None:
        """Register nodes, each with its lease, and wait until pods may run on them."""
        bodies = list(nodes)
        for _ in self._writers.map(self._register, bodies):
            pass
        with self._lock:
            for body in bodies:
                gpus = int(body["status"]["capacity"][pod_life.GPU])
                self._nodes[body["metadata"]["name"]] = Node(gpus)
        self._look_again()

    def die(self, node: str) -> None:
        """Let a node fall silent: no heartbeats, and nothing is done for its pods."""
        self._nodes[node].alive = False

    def revive(self, node: str) -> None:
        """Let a node that died or hangs work again."""
        self._nodes[node].alive = True
        self._nodes[node].hung = False
        self._api.patch(f"{statuses.LEASES}/{node}", statuses.lease_body(node))
        self.report(node, is_ready=True)
        self._look_again()

    def hang(self, node: str) -> None:
        """Let a node stop no pod: those that are deleted stay Terminating until `revive`."""
        self._nodes[node].hung = True

    def report(self, node: str, *, is_ready: bool) -> None:
        """Let a node say that it is Ready, or is not; controllers taint it accordingly."""
        condition = statuses.ready_condition(is_ready=is_ready)
        path = f"/api/v1/nodes/{node}/status"
        self._api.patch(path, {"status": {"conditions": [condition]}})

    def succeed(self, namespace: str, name: str) -> None:
        """Let a running pod end well."""
        self._end(namespace, name, Act.SUCCEED)

    def fail(self, namespace: str, name: str) -> None:
        """Let a running pod end badly."""
        self._end(namespace, name, Act.FAIL)

    def held_gpus(self, node: str) -> int:
        """GPUs of the pods that run on a node or are being stopped there."""
        with self._lock:
            there = self._on[node].values()
            return sum(pod.gpus for pod, life in there if pod_life.holds(pod, life))

    def _register(self, body: Raw) -> None:
        name = body["metadata"]["name"]
        self._api.create("/api/v1/nodes", body)
        self._api.delete(f"{statuses.LEASES}/{name}")
        self._api.create(statuses.LEASES, statuses.lease_body(name))
        wait_until(lambda: statuses.is_open(self._api.get(f"/api/v1/nodes/{name}")))

    def _end(self, namespace: str, name: str, act: Act) -> None:
        with self._lock:
            known = [
                (pod, life)
                for pod, life in self._pods.values()
                if (pod.namespace, pod.name) == (namespace, name)
            ]
        assert known, f"no pod {namespace}/{name} is on a node"
        self._write(*known[0], act)

    def _listed(self, raws: Sequence[Raw]) -> None:
        with self._lock:
            for uid in self._pods.keys() - {raw["metadata"]["uid"] for raw in raws}:
                self._forget(uid)
            for raw in raws:
                self._take(raw)

    def _changed(self, event: Raw) -> None:
        with self._lock:
            if event["type"] == "DELETED":
                self._forget(event["object"]["metadata"]["uid"])
            else:
                self._take(event["object"])

    def _take(self, raw: Raw) -> None:
        """Know a pod as it is now."""
        pod = pod_life.read(raw)
        known = self._pods.get(pod.uid)
        life = (
            known[1] if known else Life(since_s=self._clock() if pod.phase == "Running" else None)
        )
        if pod.grace_s is not None and life.ending_since_s is None:
            life.ending_since_s = self._clock()
        self._pods[pod.uid] = self._on[pod.node][pod.uid] = (pod, life)
        self._plan(pod, life)

    def _forget(self, uid: str) -> None:
        known = self._pods.pop(uid, None)
        if known:
            del self._on[known[0].node][uid]

    def _plan(self, pod: Pod, life: Life) -> None:
        """Note when a pod wants to be looked at."""
        coming = pod_life.next_act(pod, life)
        if coming and not life.busy:
            heappush(self._due, (coming[1], pod.uid))
            self._stirred.set()

    def _look_again(self) -> None:
        with self._lock:
            for pod, life in self._pods.values():
                self._plan(pod, life)

    def _begin(self) -> list[Future[None]]:
        """Start all that is due; GPUs are given here, in one place."""
        doing: list[Future[None]] = []
        with self._lock:
            while self._due and self._due[0][0] <= self._clock():
                uid = heappop(self._due)[1]
                if uid in self._pods:
                    doing += self._begin_one(*self._pods[uid])
        return doing

    def _begin_one(self, pod: Pod, life: Life) -> list[Future[None]]:
        coming, node = pod_life.next_act(pod, life), self._nodes.get(pod.node)
        if not coming or life.busy or coming[1] > self._clock():
            return []  # another look has led to it, or will
        act = coming[0]
        if node is None or not node.alive or (act is Act.REMOVE and node.hung):
            return []  # `add` and `revive` look at all again
        if act is Act.ADMIT and self.held_gpus(pod.node) + pod.gpus > node.gpus:
            act = Act.REFUSE
            self.refused.append(f"{pod.namespace}/{pod.name}")
        if act is Act.ADMIT:
            life.since_s = self._clock()
        life.busy = True
        return [self._writers.submit(self._do, pod, life, act)]

    def _do(self, pod: Pod, life: Life, act: Act) -> None:
        """Write one thing, and again until the server has taken it."""
        while not self._closed.is_set() and not self._is_taken(pod, life, act):
            self._closed.wait(AGAIN_S)
        with self._lock:
            life.busy = False
            if pod.uid in self._pods:
                self._plan(*self._pods[pod.uid])

    def _is_taken(self, pod: Pod, life: Life, act: Act) -> bool:
        try:
            self._write(pod, life, act)
        except Refused as refused:
            gone = refused.status == 404 or (refused.status == 409 and "UID" in str(refused))
            life.removed = gone
            return gone
        except LOST:
            return False
        return True

    def _write(self, pod: Pod, life: Life, act: Act) -> None:
        if act is Act.REMOVE:
            self._api.delete(pod.path, grace_s=0, uid=pod.uid)
            life.removed = True
            return
        body = {"metadata": {"uid": pod.uid}, "status": self._status(pod, act)}
        self._api.patch(f"{pod.path}/status", body)
        life.ended = act is not Act.ADMIT

    def _status(self, pod: Pod, act: Act) -> Raw:
        if act is Act.ADMIT:
            return statuses.running(pod, next(self._addresses))
        if act is Act.REFUSE:
            return statuses.refused(pod, self.held_gpus(pod.node), self._nodes[pod.node].gpus)
        return statuses.ended(pod, well=act is Act.SUCCEED)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._beat()
            self._begin()
            with self._lock:
                next_s = self._due[0][0] if self._due else float("inf")
                self._stirred.clear()
            self._stirred.wait(min(max(next_s - self._clock(), 0.0) / self._speed, 0.5))

    def _beat(self) -> None:
        """Renew leases when it is time, unless the last round is still under way."""
        if elapsed() < self._beats_from_s or not all(beat.done() for beat in self._beats):
            return
        self._beats_from_s = elapsed() + self._heartbeat_s
        alive = [name for name, node in self._nodes.items() if node.alive]
        self._beats = [self._writers.submit(self._renew, name) for name in alive]

    def _renew(self, node: str) -> None:
        with suppress(Refused, *LOST):  # the next heartbeat comes soon
            self._api.patch(f"{statuses.LEASES}/{node}", statuses.lease_body(node))
