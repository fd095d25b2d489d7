"""A cluster at one moment: its objects, what they say about jobs and loans, and the servers."""

from collections.abc import Mapping
from dataclasses import dataclass

from aryl.kube.budgets import forbidding, is_evicted
from aryl.kube.kinds.base import Kind
from aryl.kube.loans import LoanNote, note_of
from aryl.kube.options import KubeOptions
from aryl.kube.picture import Picture
from aryl.kube.progress import Rates
from aryl.kube.running import Running, Times
from aryl.kube.shape import (
    NO_BURDEN,
    Burden,
    condition_of,
    is_overdue,
    is_refused,
    loans_of,
    next_turn_s,
    servers_of,
)
from aryl.kube.sight import Sight
from aryl.kube.state import is_sound
from aryl.kube.views import NodeView
from aryl.kube.workloads import Workload, Workloads, by_job
from aryl.model.cluster import Cluster, Condition, Loan, Pool, Server
from aryl.model.job import Job, WorkerKind


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What runs where; `workloads` are keyed by the job that each describes."""

    sight: Sight
    workloads: Mapping[str, Workload]
    running: Mapping[str, Job]  # as they can stand


@dataclass(frozen=True, slots=True, eq=False)
class Moment(Scene):
    """What is so by one picture; it stays so until `until_s`, in wall time.

    `objects` are keyed by uid. `lost` are jobs that should run and can't. `notes` are the loans,
    those that only workers tell of among them.
    """

    objects: Mapping[str, Workload]
    lost: Mapping[str, Job]
    notes: Mapping[str, LoanNote]
    cluster: Cluster
    loans: Mapping[str, Loan]
    until_s: float


class Moments:
    """Makes moments of pictures; what has not changed keeps its identity."""

    def __init__(self, kinds: Mapping[str, Kind], options: KubeOptions, rates: Rates) -> None:
        """Have seen nothing yet."""
        self._options, self._running = options, Running(options, rates)
        self._workloads = Workloads(
            kinds, lambda job: not job.placements or is_sound(rates.units, job.spec, job.placements)
        )
        self._cluster = self._shape(())

    def of(self, picture: Picture, times: Times) -> Moment:
        """What a picture says at `times`."""
        sight, wall_s = Sight(picture), times[1]
        objects = self._workloads.of(picture.workloads)
        workloads = by_job(objects)
        runs = self._running.of(sight, workloads, times)
        scene = Scene(sight, workloads, runs.running)
        notes = notes_of(picture.nodes, runs.running)
        burdens = burdens_of(scene)
        conditions = {
            node.name: self._condition(scene, node, burdens, notes.get(node.name), wall_s)
            for node in picture.nodes.values()
        }
        servers = servers_of(picture.nodes, burdens, conditions)
        if servers != self._cluster.servers:
            self._cluster = self._shape(servers)
        held = {name for name, burden in burdens.items() if burden.held}
        return Moment(
            sight=sight,
            objects=objects,
            workloads=workloads,
            running=runs.running,
            lost=runs.lost,
            notes=notes,
            cluster=self._cluster,
            loans=loans_of(notes, self._cluster.by_id, held),
            until_s=next_turn_s(picture.nodes, notes, wall_s, self._options),
        )

    def _shape(self, servers: tuple[Server, ...]) -> Cluster:
        options = self._options
        types = (options.training_gpu_type, options.inference_gpu_type)
        return Cluster(servers, options.workers_per_training_worker, *types)

    def _condition(
        self,
        scene: Scene,
        node: NodeView,
        burdens: Mapping[str, Burden],
        note: LoanNote | None,
        wall_s: float,
    ) -> Condition:
        return condition_of(
            node,
            burdens.get(node.name, NO_BURDEN),
            is_overdue=is_overdue(note, wall_s, self._options),
            is_pinned=is_refused(note, wall_s, self._options) and bool(pinning(scene, node.name)),
            options=self._options,
        )


def pinning(scene: Scene, node: str) -> str:
    """The budget that lets a server not be emptied now; "" where none minds.

    With a base worker, all workers of its job have to go.
    """
    sight, going = scene.sight, [*scene.sight.pods_on(node)]
    for name, job in scene.running.items():
        if any(p.server_id == node and p.kind is WorkerKind.BASE for p in job.placements):
            workload = scene.workloads[name]
            going += workload.kind.pods(workload.view, sight)
    pods = {pod.uid: pod for pod in going if pod.is_ours and is_evicted(pod)}
    return forbidding(pods.values(), sight.picture.budgets.values())


def notes_of(nodes: Mapping[str, NodeView], running: Mapping[str, Job]) -> dict[str, LoanNote]:
    """The loans by node: those written, and those of nodes that workers are on all the same."""
    since_s: dict[str, float] = {}
    for job in running.values():
        for p in job.placements:
            if p.pool is Pool.INFERENCE:
                start_s = job.started_s or 0.0
                since_s[p.server_id] = min(start_s, since_s.get(p.server_id, start_s))
    found = {}
    for name, node in nodes.items():
        note = note_of(node.loan) if node.pool is Pool.INFERENCE else None
        if name in since_s and (note is None or note.reclaim_s is not None):
            note = LoanNote(note.start_s if note else since_s[name], note.term if note else 0)
        if note is not None:
            found[name] = note
    return found


def burdens_of(scene: Scene) -> dict[str, Burden]:
    """What stands on each node. A job's pods are where its plan has them, or in the way."""
    held, covered = _held_and_covered(scene)
    taken: dict[str, int] = {}
    foreign: dict[str, int] = {}
    for pod in scene.sight.picture.pods.values():
        if pod.gpus and pod.holds_gpus:
            taken[pod.node] = taken.get(pod.node, 0) + pod.gpus
            if not pod.is_ours:
                foreign[pod.node] = foreign.get(pod.node, 0) + pod.gpus
    return {
        name: Burden(
            held.get(name, 0), taken.get(name, 0) - covered.get(name, 0), foreign.get(name, 0)
        )
        for name in (held | taken)
        if name in scene.sight.picture.nodes
    }


def _held_and_covered(scene: Scene) -> tuple[dict[str, int], dict[str, int]]:
    """GPUs by node that jobs were given, and as many of these as their own pods hold there."""
    held: dict[str, int] = {}
    covered: dict[str, int] = {}
    for name, job in scene.running.items():
        workload, size = scene.workloads[name], job.spec.gpus_per_worker
        bound: dict[str, int] = {}
        for pod in workload.kind.pods(workload.view, scene.sight):
            if pod.holds_gpus:
                bound[pod.node] = bound.get(pod.node, 0) + pod.gpus
        for p in job.placements:
            gpus = p.workers * size
            held[p.server_id] = held.get(p.server_id, 0) + gpus
            own = min(gpus, bound.get(p.server_id, 0))
            if own:
                bound[p.server_id] -= own  # base and flexible workers may share a server
                covered[p.server_id] = covered.get(p.server_id, 0) + own
    return held, covered
