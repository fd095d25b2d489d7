"""Who says how long a job will run: its user, its forerunners, or nobody.

An estimate stands in the job's spec from its submission on. An estimator is told what happens to
jobs in the order in which it happens, and knows nothing else: what is still to come can't reach it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from aryl.model.job import Job, JobSpec
from aryl.policy.estimating import UNKNOWN_S, Guess, RunTimes, bin_of, outlived_at_s


class Estimator:
    """Takes estimates as they are given."""

    def guess(self, _spec: JobSpec) -> Guess | None:
        """The run time of a new job; None: what its spec says."""
        return None

    def look(self, running: Iterable[Job], now: float) -> None:
        """These jobs run at `now`."""

    def ended(self, spec: JobSpec, run_s: float) -> None:
        """A job has run so long, in seconds at its requested size."""


class Agnostic(Estimator):
    """Knows nothing: every job looks alike at first."""

    def guess(self, _spec: JobSpec) -> Guess | None:
        """The same for all, and no idea how wrong."""
        return Guess(UNKNOWN_S)


class Learner(Estimator):
    """Learns from the jobs that have ended, and from those that run longer than others did.

    Jobs carried in teach nothing: how long they had run before is not known.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._run_times = RunTimes()
        self._counted: dict[str, int] = {}  # by running job: the first bin not counted yet

    def guess(self, spec: JobSpec) -> Guess | None:
        """What such jobs have taken so far."""
        return self._run_times.guess(spec)

    def look(self, running: Iterable[Job], now: float) -> None:
        """Count what running jobs have outlived by `now`."""
        for job in running:
            spec, first = job.spec, self._counted.get(job.id, 0)
            run_s = job.done_by(now) / spec.requested_workers
            if run_s >= outlived_at_s(first) and not spec.carry_in:
                until = self._counted[job.id] = bin_of(run_s)
                self._run_times.outlived(spec, first, until)

    def ended(self, spec: JobSpec, run_s: float) -> None:
        """Learn the run time of a job."""
        first = self._counted.pop(spec.job_id, 0)
        if not spec.carry_in:
            self._run_times.ended(spec, run_s, first)


ESTIMATORS: Mapping[str, Callable[[], Estimator]] = {
    "given": Estimator,
    "learned": Learner,
    "none": Agnostic,
}


def believing(spec: JobSpec, guess: Guess | None) -> JobSpec:
    """The spec with a guess as its estimate; itself where there is none."""
    return spec if guess is None else replace(spec, estimated_duration_s=guess.run_s)
