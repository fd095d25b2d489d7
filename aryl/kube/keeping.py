"""Brings a cluster in line with what is written on it: level-triggered, and bounded for a step."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.live import Ending
from aryl.engine.records import JobRecord
from aryl.kube.following import Following
from aryl.kube.kinds.base import object_path
from aryl.kube.moment import Moment
from aryl.kube.names import NOTICE
from aryl.kube.nodes import keep_nodes
from aryl.kube.statuses import Shown, Standing, Statuses
from aryl.kube.views import PodView, WorkloadView
from aryl.kube.wishes import OWNER, Hearing
from aryl.kube.workloads import Workload
from aryl.kube.writing import Pen
from aryl.model.job import Job
from aryl.model.plan import Waiting
from aryl.model.reason import Reason

AGAIN_S = 60.0  # wall time between two tries to give a job an object that the server refuses

Known = Mapping[str, JobRecord]


class Keeper:
    """What a leader does for its cluster besides plans; it decides no policy."""

    def __init__(self, pen: Pen, hearing: Hearing) -> None:
        """Have done nothing yet."""
        self._pen, self._hearing = pen, hearing
        self._following = Following(pen)
        self._statuses = Statuses()
        self._reasons: dict[str, Reason] = {}
        self._calm: Moment | None = None  # the last at which there was nothing to do
        self._tried_s: dict[str, float] = {}  # when, in wall time, the server would not have a job

    def keep(self, moment: Moment, look: Callable[[], Moment], known: Known) -> Moment:
        """Do what is to be done at a moment; how things stand by then, which `look` tells.

        Raises `UNAVAILABLE` and `LeaseLost`; the next step goes on from there.
        """
        hands, before = self._pen.hands, self._pen.hands.writes
        if moment is not self._calm:
            hands.begin(moment.sight)
            self._following.decide(moment)
        self._end_dropped(moment, known)
        self._write_bounds(moment, known)
        moment, written = self._after(before, moment, look), hands.writes
        if moment is not self._calm:
            hands.begin(moment.sight)
            self._following.follow(moment)
            keep_nodes(self._pen, moment)
        self._publish(moment, known)
        seen = self._after(written, moment, look)
        self._tell(seen, known)
        is_calm = hands.writes == before and not self._following.waits
        self._calm = moment if is_calm else None
        return seen

    def _after(self, writes: int, moment: Moment, look: Callable[[], Moment]) -> Moment:
        """A moment, or the one that is now, if there have been more writes since."""
        return moment if self._pen.hands.writes == writes else look()

    def show(self, waiting: Sequence[Waiting]) -> None:
        """Remember why jobs wait; the next step tells it on their objects."""
        self._reasons = {job_id: entry.reason for entry in waiting for job_id in entry.job_ids}

    def _tell(self, moment: Moment, known: Known) -> None:
        """Let users see on their objects how their jobs stand."""
        shown: dict[str, Shown] = {}
        for uid, workload in moment.objects.items():
            standing = self._standing(moment, workload, known)
            is_undecided = standing.phase == "Queued" and standing.reason is None
            if not (is_undecided and _is_told(workload.view)):
                shown[uid] = Shown(workload.kind, workload.view, standing)
        self._statuses.write(self._pen.hands, shown, self._pen.clock.now(), self._pen.wall())

    def _standing(self, moment: Moment, workload: Workload, known: Known) -> Standing:
        """How a workload's job stands."""
        name, record = workload.job_id, known.get(workload.job_id)
        is_its_own = moment.workloads.get(name) is workload
        job = moment.running.get(name) if is_its_own else None
        pods = workload.kind.pods(workload.view, moment.sight) if job else ()
        return Standing(
            job=job,
            running_workers=sum(pod.phase == "Running" and pod.deleted_s is None for pod in pods),
            obstacle=self._obstacle(pods),
            ending=workload.ending,
            fault=workload.fault,
            reason=self._reasons.get(name),
            preemptions=record.job.preemptions if record else 0,
        )

    def _obstacle(self, pods: Sequence[PodView]) -> str:
        """Why the first worker that is not on its node yet is not."""
        unplaced = self._pen.hands.unplaced
        if not unplaced:
            return ""
        return min((f"{p.name}: {unplaced[p.uid]}" for p in pods if p.uid in unplaced), default="")

    def _end_dropped(self, moment: Moment, known: Known) -> None:
        """Write on objects that their jobs are over, where only the store knows it."""
        now = self._pen.clock.now()
        for workload in self._hearing.dropped(moment, known):
            if workload.described is not None:
                job = moment.running.get(workload.job_id) or Job(workload.described.spec)
                ended = Job(job.spec, done=job.done_by(now), progress_s=now)
                self._pen.end(workload, Ending(ended, JobEvent.CANCEL, now))

    def _write_bounds(self, moment: Moment, known: Known) -> None:
        """Write on TrainingJobs what bounds their users have set elsewhere."""
        for workload, (least, most) in self._hearing.bounds_to_write(moment, known):
            if workload.view.kind == "TrainingJob" and not workload.has_ended:
                path = object_path(workload.kind, workload.view)
                body = {"spec": {"minWorkers": least, "maxWorkers": most}}
                self._pen.hands.patch("workloads", path, body, version=workload.view.version)

    def _publish(self, moment: Moment, known: Known) -> None:
        """Give jobs that were submitted to the service an object that users can see."""
        wall_s = self._pen.wall()
        for name in sorted(known.keys() - moment.workloads.keys()):
            record = known[name]
            is_ours = not record.owner.startswith(OWNER)
            waits = record.state is JobState.QUEUED and record.cancel_requested_s is None
            if not is_ours or not waits or wall_s < self._tried_s.get(name, -inf) + AGAIN_S:
                continue
            if self._pen.hands.is_spent:
                return
            if self._pen.publish(record.job.spec, None) is None:
                self._tried_s[name] = wall_s


def _is_told(view: WorkloadView) -> bool:
    """Whether an object says why its job waits; a new leader has no better word for it yet."""
    status: Any = view.raw.get("status") or {}
    return NOTICE in view.annotations or status.get("phase") == "Queued"
