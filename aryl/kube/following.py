"""What follows for jobs of what is written on them: their pods, their end, and what can't be."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aryl.engine.live import Ending
from aryl.kube.ended import left_by
from aryl.kube.moment import Moment
from aryl.kube.progress import resized
from aryl.kube.shape import why_away
from aryl.kube.state import standing
from aryl.kube.views import PodView, WorkloadView
from aryl.kube.workloads import Workload
from aryl.kube.writing import Pen
from aryl.model.job import Job


@dataclass(frozen=True, slots=True, eq=False)
class _Settled:
    """A workload with which all was well, and will be until one of these changes."""

    view: WorkloadView
    job: Job | None
    pods: tuple[PodView, ...]


class Following:
    """Looks after workloads; one that is settled is looked at again when it has changed."""

    def __init__(self, pen: Pen) -> None:
        """Know nothing to be settled."""
        self._pen = pen
        self._settled: dict[str, _Settled] = {}
        self._short_s: dict[tuple[str, str], float] = {}  # since when a job's server lacks pods

    def decide(self, moment: Moment) -> None:
        """Write what has become of jobs: ended, lost, or running otherwise than written."""
        for name, job in moment.lost.items():
            self._pen.allocate(moment.workloads[name], job.preempted(self._pen.clock.now()))
        short: set[tuple[str, str]] = set()
        for name, job in moment.running.items():
            workload = moment.workloads[name]
            written = workload.allocation.job if workload.allocation else None
            pods = tuple(workload.kind.pods(workload.view, moment.sight))
            if written is not job:
                self._pen.allocate(workload, job)
            elif not self._is_settled(workload, job, pods) and not self._ends(workload, job, pods):
                servers = _short_servers(job, pods)
                short.update((name, server) for server in servers)
                self._give_up(moment, workload, job, servers)
        self._short_s = {key: since for key, since in self._short_s.items() if key in short}

    def follow(self, moment: Moment) -> None:
        """Make pods suit what is written; those that lose workers come first."""
        hands = self._pen.hands
        self._settled = {uid: s for uid, s in self._settled.items() if uid in moment.objects}
        for workload, job in _in_order(moment):
            pods = tuple(workload.kind.pods(workload.view, moment.sight))
            if hands.is_spent or self._is_settled(workload, job, pods):
                continue
            before = hands.writes
            workload.kind.follow(hands, workload.view, job, pods)
            if hands.writes == before and not _is_undecided(workload, job, pods):
                self._settled[workload.view.uid] = _Settled(workload.view, job, pods)

    @property
    def waits(self) -> bool:
        """Whether some jobs lack pods: time alone can decide about them."""
        return bool(self._short_s)

    def _is_settled(self, workload: Workload, job: Job | None, pods: tuple[PodView, ...]) -> bool:
        settled = self._settled.get(workload.view.uid)
        return (
            settled is not None
            and settled.view is workload.view
            and settled.job is job
            and settled.pods == pods
        )

    def _ends(self, workload: Workload, job: Job, pods: Sequence[PodView]) -> bool:
        """Whether a job has ended by itself, which is written then."""
        found = workload.kind.ending(workload.view, job, pods)
        if found is None:
            return False
        event, detail = found
        now = self._pen.clock.now()
        self._pen.end(workload, Ending(left_by(job, event, now), event, now, detail))
        return True

    def _give_up(self, moment: Moment, workload: Workload, job: Job, short: Sequence[str]) -> None:
        """Take from a job the servers on which its workers can't be had."""
        wall_s, options = self._pen.wall(), self._pen.options
        hopeless = set()
        for server in short:
            since_s = self._short_s.setdefault((job.id, server), wall_s)
            node = moment.sight.node(server)
            is_shut = node is not None and node.is_ready and bool(why_away(node, options))
            if is_shut or wall_s >= since_s + options.start_deadline_s:
                hopeless.add(server)
        if not hopeless:
            return
        now, rates = self._pen.clock.now(), self._pen.rates
        left = standing(rates.units, job, lambda placement: placement.server_id not in hopeless)
        changed = job.preempted(now) if left is None else resized(job, left, now, rates)
        self._pen.allocate(workload, changed)


def _is_undecided(workload: Workload, job: Job | None, pods: Sequence[PodView]) -> bool:
    """Whether a job lacks pods, or has an end that could not be written yet."""
    if job is None:
        return False
    return bool(_short_servers(job, pods)) or (
        workload.kind.ending(workload.view, job, pods) is not None
    )


def _short_servers(job: Job, pods: Sequence[PodView]) -> list[str]:
    """The servers on which fewer of a job's workers are than its plan has there."""
    there = Counter(p.node for p in pods if p.deleted_s is None and p.phase != "Failed")
    wanted: Counter[str] = Counter()
    for placement in job.placements:
        wanted[placement.server_id] += placement.workers
    return [server for server, workers in wanted.items() if there[server] < workers]


def _in_order(moment: Moment) -> Iterator[tuple[Workload, Job | None]]:
    """Every workload and the job that it runs, those without workers first."""
    runs = []
    for workload in moment.objects.values():
        is_its_own = moment.workloads.get(workload.job_id) is workload
        job = moment.running.get(workload.job_id) if is_its_own else None
        if job is not None:
            runs.append((workload, job))
        elif _is_followed(workload):
            yield workload, None
    yield from runs


def _is_followed(workload: Workload) -> bool:
    """Whether an object without workers is ours to care for: not one that was never accepted."""
    return workload.described is not None or workload.has_ended or workload.view.is_deleted
