"""A scheduler on a real database and a real control plane; the test sets cluster time.

Pods' lives run in cluster time too, and only when the kubelets are stepped. Wall time is the
machine's and what the test adds to it, since nodes and pods bear the machine's. Whoever binds
inference pods is played here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from aryl.clock import SystemClock, elapsed
from aryl.daemon.scheduler import Instant, Scheduler, Stage
from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.kube.access import Access, from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.cluster import Demands
from aryl.kube.demand.demand import Demand, DemandSource
from aryl.kube.discovery import discover
from aryl.kube.names import POOL
from aryl.kube.opening import Opened, Opening, opened
from aryl.kube.options import KubeOptions, Placing
from aryl.kube.reflector import Means, Pace
from aryl.model.demand import BIN_S
from aryl.model.job import JobSpec
from aryl.policy.config import PolicyConfig
from aryl.policy.registry import load_policy
from aryl.store.database import Database
from aryl.store.jobs import JobFilter
from aryl.store.lease import Lease
from aryl.store.scheduler import SchedulerStore
from aryl.store.service import ServiceStore
from aryl.store.submitting import Submission
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.cluster import bind, create_pods, inference_pod
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.faults import disagreements, faults_of_nodes, refusal
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.marks import Marks, marks_of
from tests.kubernetes.statuses import node_body
from tests.kubernetes.workload_stage import define_training_jobs
from tests.service.stage import USER, Killed, Unwatched

JOBS = "/apis/aryl.dev/v1alpha1/trainingjobs"
NODES, PODS = "/api/v1/nodes", "/api/v1/pods"
START_S = 300_000.0  # cluster time; a whole number of demand bins
WORKER = {
    "terminationGracePeriodSeconds": 5,
    "containers": [{"name": "main", "image": "none"}],
}
POLICY = {
    "forecaster": "last",
    "headroom": 0.0,
    "cycle_s": 0.0,
    "orchestrator_s": 300.0,
    "preemption_overhead_s": 0.0,
}
BOTH_TYPES = {"gpuTypes": ["V100", "T4"], "heterogeneous": True}
ROUNDS = 60  # a cluster on which nobody wishes anything comes to rest within a few

_names = count(1)


@dataclass
class KubeStage:
    """One database and one cluster, with the scheduler that leads now."""

    control_plane: ControlPlane
    namespace: str
    kubelets: FakeKubelets
    database: Database
    options: KubeOptions
    config: PolicyConfig = field(default_factory=lambda: load_policy(POLICY))
    demand_was: float = 0.0  # servers, in all bins before the test
    now: float = START_S
    wall_added_s: float = 0.0
    speak: Callable[[Access], KubeApi] = KubeApi  # how the scheduler speaks to the server
    pace: Pace = field(default_factory=Pace)  # at which it follows what happens there
    told: Demands | None = None  # who tells what inference needs, where its pods don't
    watcher: Unwatched = field(default_factory=Unwatched)
    deaths: int = 0

    def __post_init__(self) -> None:
        self.database.migrate()
        self.users = ServiceStore.on(self.database, lambda: self.lease_s)
        self.lease_s = 1_000_000.0
        self._open: ExitStack | None = None

    @property
    def api(self) -> Api:
        """The cluster, as the test sees it."""
        return self.control_plane.admin

    def begin(self, *, is_shadow: bool = False) -> None:
        """Start a scheduler; one that was there before is gone without a word."""
        self.end()
        self.lease_s += 60.0  # the lease of whoever led before has run out
        term = Lease(self.database, f"at {self.lease_s}", lambda: self.lease_s).acquire()
        assert term is not None
        instant = Instant()
        instant.move_to(self.now)
        self.store = SchedulerStore(self.database, self.config, term=term)
        with ExitStack() as stack:
            api = stack.enter_context(self.speak(from_kubeconfig(self.control_plane.kubeconfig())))
            served = discover(api)
            past = self.store.demand_bins(0.0) or [
                (START_S - n * BIN_S, self.demand_was) for n in range(1, 13)
            ]
            opening = Opening(
                Means(api, elapsed, Random(1), self.pace),
                served,
                self.options,
                self.config,
                self.told or Demand(DemandSource.PODS, past=past),
                instant,
                self.wall,
                self.store.template,
            )
            self.opened: Opened = stack.enter_context(opened(opening, term, is_shadow=is_shadow))
            self._open = stack.pop_all()
        stage = Stage(instant, self.opened.cluster, self.store, self.watcher, lambda: 0.0)
        self.scheduler = Scheduler(self.config, stage)

    def end(self) -> None:
        """Drop the scheduler, its threads and its connections."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def wall(self) -> float:
        """Wall time."""
        return SystemClock().now() + self.wall_added_s

    def step(self) -> None:
        """One step; killed, a new scheduler takes it again."""
        self.catch_up()
        while True:
            try:
                self.scheduler.step(self.now)
            except Killed:
                self.deaths += 1
                self.begin()
                self.catch_up()
            else:
                return

    def settle(self) -> None:
        """Step scheduler and kubelets in turns until nothing changes any more."""
        before: object = None
        for _ in range(ROUNDS):
            self.step()
            self.kubelets.settle()
            versions = self.versions()
            if versions == before:
                return
            before = versions
        raise AssertionError(f"it does not settle: {self.opened.hands}")

    def pass_time(self, seconds: float) -> None:
        """Let cluster time pass, and everything happen by then."""
        self.now += seconds
        self.kubelets.settle()
        self.settle()

    def catch_up(self) -> None:
        """Wait until the mirror shows what the server has."""
        wait_until(lambda: self._shown() == {*self.versions().values()}, pause_s=0.01)

    def versions(self) -> dict[str, str]:
        """The versions of all nodes, pods and TrainingJobs."""
        return {
            raw["metadata"]["uid"]: raw["metadata"]["resourceVersion"]
            for path in (NODES, PODS, JOBS)
            for raw in self.api.list(path)
        }

    def submit(self, *specs: JobSpec, template: Mapping[str, Any] | None = None) -> None:
        """Submit jobs as a user of the service does."""
        batch = [
            Submission(spec=spec, name=spec.job_id, owner=USER.name, who=USER, template=template)
            for spec in specs
        ]
        for answer in self.users.jobs.submit(batch):
            assert not isinstance(answer, Exception), answer

    def bring(self, name: str, **spec: Any) -> Raw:
        """Create a TrainingJob as a user of the cluster does."""
        pod = {"metadata": {"annotations": spec.pop("pods", {})}, "spec": WORKER}
        body = {
            "apiVersion": "aryl.dev/v1alpha1",
            "kind": "TrainingJob",
            "metadata": {"name": name},
            "spec": {"gpusPerWorker": 8, "template": pod} | spec,
        }
        path = f"/apis/aryl.dev/v1alpha1/namespaces/{self.namespace}/trainingjobs"
        return self.api.create(path, body)

    def serve(self, *nodes: str, gpus: int = 8) -> list[str]:
        """Let inference pods run on these nodes; their names."""
        names = self.ask(len(nodes), gpus)
        for name, node in zip(names, nodes, strict=True):
            bind(self.api, self.namespace, name, node)
        self.kubelets.settle()
        return names

    def ask(self, count: int, gpus: int = 8) -> list[str]:
        """Let inference pods wait for a node; their names."""
        names = [f"web-{next(_names)}" for _ in range(count)]
        create_pods(self.api, self.namespace, [inference_pod(name, gpus) for name in names])
        return names

    def finish(self) -> None:
        """Let all workers succeed, and everything follow from that."""
        for pod in self.api.list(PODS):
            metadata = pod["metadata"]
            is_worker = metadata["labels"].get("aryl.dev/managed") == "true"
            if is_worker and pod["status"].get("phase") == "Running":
                self.kubelets.succeed(metadata["namespace"], metadata["name"])
        self.pass_time(5.0)

    def record(self, name: str) -> JobRecord:
        """A live job of the store, by its name or the end of it."""
        return next(r for r in self.store.live().values() if r.name.endswith(name))

    def states(self) -> dict[str, JobState]:
        """How all jobs stand in the store, by their names."""
        records = self.users.jobs.page(JobFilter(), limit=1000)
        return {record.name.rpartition("/")[2]: record.state for record in records}

    def where(self, name: str) -> dict[str, str]:
        """The nodes of a job's running pods, by pod."""
        return {
            raw["metadata"]["name"]: raw["spec"]["nodeName"]
            for raw in self.api.list(PODS)
            if raw["metadata"]["name"].rpartition("-")[0] == name
            and raw["status"].get("phase") == "Running"
            and "deletionTimestamp" not in raw["metadata"]
        }

    def job(self, name: str) -> Raw:
        """A TrainingJob."""
        return next(raw for raw in self.api.list(JOBS) if raw["metadata"]["name"] == name)

    def marks(self, node: str) -> Marks:
        """What a node bears."""
        return marks_of(self.api, node)

    def agreement(self) -> list[str]:
        """Where the store, the annotations and the pods differ."""
        running = self.opened.cluster.observe().running
        return [
            *disagreements(running, self.store.live()),
            *faults_of_nodes(self.api),
            *map(refusal, self.kubelets.refused),
        ]

    def _shown(self) -> set[str]:
        """The versions that the mirror has of these."""
        return {
            version
            for kept in self.opened.mirror._kept
            if kept.source.resource in {"nodes", "pods", "workloads"}
            for version in kept.shelf._versions.values()
        }


@contextmanager
def kube_stage(
    control_plane: ControlPlane,
    namespace: str,
    folder: Path,
    *,
    training: int = 2,
    inference: int = 2,
    **options: Any,
) -> Iterator[KubeStage]:
    """Nodes `train-1`… and `infer-1`… of 8 GPUs; no scheduler yet."""
    define_training_jobs(control_plane.admin)
    stage: KubeStage
    kubelets = FakeKubelets(control_plane.admin, clock=lambda: stage.now)
    names = {f"train-{n}": "training" for n in range(1, training + 1)}
    names |= {f"infer-{n}": "inference" for n in range(1, inference + 1)}
    kubelets.add(node_body(name, 8, {POOL: pool}) for name, pool in names.items())
    database = Database(f"sqlite:///{folder / 'aryl.db'}")
    usual = {"placing": Placing.BINDING, "worker_template": {"spec": WORKER}}
    chosen = KubeOptions(namespace=namespace, **usual | options)
    stage = KubeStage(control_plane, namespace, kubelets, database, chosen)
    try:
        yield stage
    finally:
        stage.end()
        database.close()
        kubelets.close()
