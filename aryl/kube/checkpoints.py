"""What a job has saved, by the checkpoint that its user or its script tells of on its object."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aryl.kube.names import LAST_CHECKPOINT
from aryl.kube.quantities import moment_s
from aryl.kube.views import WorkloadView
from aryl.model.job import Job

Told = tuple[Job, str, Job]  # a job, what is told of it, and the job with that


@dataclass(slots=True)
class Checkpoints:
    """Adds checkpoints to running jobs; the same answer for the same job and words."""

    _told: dict[str, Told] = field(default_factory=dict)

    def noted(self, job: Job, view: WorkloadView, now: float) -> Job:
        """The job with what its object says that it saved; itself where that is nothing new."""
        text = view.annotations.get(LAST_CHECKPOINT, "")
        if not text:
            return job
        told = self._told.get(job.id)
        if told is None or told[0] is not job or told[1] != text:
            told = (job, text, _with_checkpoint(job, text, now))
            self._told[job.id] = told
        return told[2]

    def forget(self, running: Mapping[str, object]) -> None:
        """Only these jobs run still."""
        for name in self._told.keys() - running.keys():
            del self._told[name]


def _with_checkpoint(job: Job, text: str, now: float) -> Job:
    """A checkpoint holds the work done by its moment, as far as that is known to the job.

    From before the job's last change nothing new can come: what was told by then is in `saved`.
    """
    try:
        at_s = min(now, moment_s(text))
    except ValueError:
        return job  # no moment
    if at_s < job.progress_s:
        return job
    saved = min(job.spec.work, job.done_by(at_s))
    return replace(job, saved=saved) if saved > job.saved else job
