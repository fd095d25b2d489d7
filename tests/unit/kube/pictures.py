"""Pictures of clusters for tests, with dull defaults; random ones for laws."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from aryl.kube.allocation import Allocation, allocation_text
from aryl.kube.kinds.trainingjob import TrainingJobs
from aryl.kube.loans import LoanNote, note_text
from aryl.kube.names import ALLOCATION, MANAGED, POOL
from aryl.kube.options import KubeOptions
from aryl.kube.picture import Picture
from aryl.kube.views import NodeView, PodView, Taint, WorkloadView
from aryl.model.cluster import Pool
from aryl.model.job import Job, JobSpec, Placement, WorkerKind

OPTIONS = KubeOptions()
KIND = TrainingJobs(OPTIONS, lambda: WALL_S)
WALL_S = 1_000.0
TRAIN, INFER = ("train-1", "train-2", "train-3"), ("infer-1", "infer-2", "infer-3")


def a_node(name: str = "train-1", **changes: Any) -> NodeView:
    pool = Pool.INFERENCE if name.startswith("infer") else Pool.TRAINING
    known: dict[str, Any] = {
        "name": name,
        "uid": name,
        "version": "1",
        "pool": pool,
        "gpus": 8,
        "cpu_milli": 64_000,
        "memory_bytes": 2**38,
        "is_ready": True,
        "ready_since_s": 0.0,
        "is_cordoned": False,
        "labels": {POOL: pool.label},
        "taints": (),
        "loan": "",
    }
    return NodeView(**(known | changes))


def a_pod(name: str, node: str = "", gpus: int = 1, **changes: Any) -> PodView:
    known: dict[str, Any] = {
        "namespace": "default",
        "name": name,
        "uid": name,
        "version": "1",
        "owner_uid": "",
        "owner_kind": "",
        "node": node,
        "phase": "Running" if node else "Pending",
        "is_ready": bool(node),
        "is_unschedulable": False,
        "created_s": 0.0,
        "deleted_s": None,
        "gpus": gpus,
        "cpu_milli": 0,
        "memory_bytes": 0,
        "scheduler": OPTIONS.scheduler_name,
        "labels": {},
        "annotations": {},
        "tolerations": (),
        "node_selector": {},
        "has_affinity": False,
    }
    return PodView(**(known | changes))


def a_worker(workload: WorkloadView, index: int, node: str = "", **changes: Any) -> PodView:
    labels = {MANAGED: "true"} | changes.pop("labels", {})
    name = f"{workload.name}-{index}"
    return a_pod(name, node, owner_uid=workload.uid, labels=labels, **changes)


def a_workload(name: str, job: Job | None = None, **spec: Any) -> WorkloadView:
    """A TrainingJob, and what is written that its job holds."""
    annotations = {} if job is None else {ALLOCATION: allocation_text(Allocation(job, 1))}
    raw = {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"{name}-uid",
            "resourceVersion": "1",
            "annotations": annotations,
        },
        "spec": {"gpusPerWorker": 1, "template": {"spec": {"containers": [{"name": "m"}]}}} | spec,
    }
    return KIND.keep(raw)


def spec_of(name: str, **spec: Any) -> JobSpec:
    """What `a_workload` asks for."""
    return KIND.describe(a_workload(name, **spec)).spec


def a_picture(
    nodes: Iterable[NodeView] = (),
    pods: Iterable[PodView] = (),
    workloads: Iterable[WorkloadView] = (),
    **more: Any,
) -> Picture:
    return Picture(
        nodes={node.name: node for node in nodes},
        pods={pod.key: pod for pod in pods},
        workloads={workload.uid: workload for workload in workloads},
        **more,
    )


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Clusters on which anything may be wrong."""
    missing = draw(st.sets(st.sampled_from(TRAIN + INFER), max_size=3))
    nodes = [draw(nodes_named(name)) for name in TRAIN + INFER if name not in missing]
    workloads, pods = [], []
    for number in range(draw(st.integers(0, 4))):
        name = f"job-{number}"
        spec = draw(specs())
        workload = a_workload(name, draw(st.none() | jobs(name, spec)), **spec)
        workloads.append(workload)
        for index in range(draw(st.integers(0, 4))):
            node = draw(st.sampled_from(("", *TRAIN, *INFER)))
            pods.append(a_worker(workload, index, node, phase=draw(PHASES)))
    for number in range(draw(st.integers(0, 3))):
        node = draw(st.sampled_from(("", *TRAIN, *INFER)))
        pods.append(a_pod(f"web-{number}", node, draw(st.integers(1, 8))))
    return a_picture(nodes, pods, workloads)


PHASES = st.sampled_from(["Running", "Pending", "Succeeded", "Failed"])


@st.composite
def nodes_named(draw: st.DrawFn, name: str) -> NodeView:
    """A node in any condition, lent or not."""
    note = LoanNote(
        start_s=0.0,
        term=1,
        reclaim_s=draw(st.none() | st.just(5.0)),
        asked_s=draw(st.none() | st.sampled_from([0.0, WALL_S])),
        refused_s=draw(st.none() | st.sampled_from([0.0, WALL_S])),
    )
    return a_node(
        name,
        gpus=draw(st.sampled_from([0, 2, 8])),
        is_ready=draw(st.booleans()),
        ready_since_s=draw(st.sampled_from([0.0, WALL_S])),
        is_cordoned=draw(st.booleans()),
        taints=draw(st.sampled_from([(), (Taint("other", "", "NoSchedule"),)])),
        loan=draw(st.sampled_from(["", "{", note_text(note)])),
    )


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """What a user may ask for."""
    least = draw(st.integers(1, 3))
    return {
        "minWorkers": least,
        "maxWorkers": draw(st.integers(least, 5)),
        "gpuTypes": draw(st.sampled_from([[], ["V100", "T4"]])),
        "heterogeneous": draw(st.booleans()),
        "gpusPerWorker": draw(st.integers(1, 4)),
    }


@st.composite
def jobs(draw: st.DrawFn, name: str, spec: dict[str, Any]) -> Job:
    """Something that may be written about a job: mostly sound; else spoilt, or of another time."""
    found = spec_of(name, **spec)
    home = draw(st.sampled_from(TRAIN + INFER))
    least = draw(st.sampled_from([found.min_workers, 3 * found.min_workers, 1]))
    placements = [_placement(home, WorkerKind.BASE, least)]
    others = draw(st.lists(st.sampled_from(TRAIN + INFER), max_size=2, unique=True))
    placements += [_placement(n, WorkerKind.FLEXIBLE, draw(st.integers(1, 3))) for n in others]
    return Job(found, tuple(placements), started_s=1.0, speed=1.0)


def _placement(node: str, kind: WorkerKind, workers: int) -> Placement:
    return Placement(node, Pool.INFERENCE if node in INFER else Pool.TRAINING, kind, workers)
