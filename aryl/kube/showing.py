"""From a moment of the cluster to what users are shown of each of their jobs."""

from collections.abc import Iterator, Mapping, Sequence

from aryl.engine.records import JobRecord
from aryl.kube.hands import Hands
from aryl.kube.moment import Moment
from aryl.kube.statuses import Shown, Standing, Statuses
from aryl.kube.workloads import Workload
from aryl.model.plan import Waiting
from aryl.model.reason import Reason

Known = Mapping[str, JobRecord]


class Showing:
    """Remembers why jobs wait, and lets their objects tell how they stand."""

    def __init__(self) -> None:
        """Know no reason yet."""
        self._reasons: dict[str, Reason] = {}
        self._statuses = Statuses()

    def explain(self, waiting: Sequence[Waiting]) -> None:
        """Take the reasons of the last decision; it has one for every job that waits."""
        self._reasons = {job_id: group.reason for group in waiting for job_id in group.job_ids}

    def write(self, hands: Hands, moment: Moment, known: Known, now: float, wall_s: float) -> None:
        """Write on objects what has changed; `now` is cluster time. Raises `UNAVAILABLE`."""
        self._statuses.write(hands, dict(self._shown(moment, known)), now, wall_s)

    def _shown(self, moment: Moment, known: Known) -> Iterator[tuple[str, Shown]]:
        for uid, workload in moment.objects.items():
            is_readable = workload.ending is not None or not workload.has_ended
            if is_readable and not workload.view.is_deleted:
                standing = self._standing(moment, known, workload)
                yield uid, Shown(workload.kind, workload.view, standing)

    def _standing(self, moment: Moment, known: Known, workload: Workload) -> Standing:
        name = workload.job_id
        if workload.ending is not None:
            return Standing(ending=workload.ending, fault=workload.fault)
        if name and moment.workloads.get(name) is not workload:
            return Standing(fault=f"another object describes the job {name} already")
        record, job = known.get(name), moment.running.get(name)
        pods = workload.kind.pods(workload.view, moment.sight) if job else ()
        return Standing(
            job=job,
            running_workers=sum(p.phase in {"Running", "Succeeded"} for p in pods),
            fault=workload.fault,
            reason=self._reasons.get(name),
            preemptions=record.job.preemptions if record else 0,
        )
