"""A decision is one write on a job's object or on a node: all of it, or none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aryl.engine.live import Ending
from aryl.engine.ports import Clock
from aryl.kube.allocation import Allocation, allocation_text
from aryl.kube.ended import ended_text
from aryl.kube.errors import NotFound
from aryl.kube.hands import Hands
from aryl.kube.kinds.base import Kind, object_path
from aryl.kube.loans import LoanNote, marking
from aryl.kube.names import ALLOCATION, ENDED
from aryl.kube.options import KubeOptions
from aryl.kube.paths import NODES, item, within
from aryl.kube.progress import Rates
from aryl.kube.publishing import training_job
from aryl.kube.views import WorkloadView
from aryl.kube.workloads import Workload
from aryl.model.errors import LeaseLost
from aryl.model.job import Job, JobSpec

Raw = Mapping[str, Any]
Template = Callable[[str], Mapping[str, Any] | None]  # of a job by its name; None: the service's


@dataclass(frozen=True, slots=True)
class Pen:
    """What a leader writes with: its hands, its term, its clocks and how progress is reckoned."""

    hands: Hands
    term: int
    clock: Clock
    wall: Callable[[], float]
    options: KubeOptions
    rates: Rates
    template: Template
    training_jobs: Kind

    def allocate(self, workload: Workload, job: Job) -> Workload | None:
        """Write what a job holds by now; None where its object has moved on meanwhile."""
        view = self._annotate(workload, {ALLOCATION: self.allocation(job)})
        if view is None:
            return None
        return replace(workload, view=view, allocation=Allocation(job, self.term))

    def end(self, workload: Workload, ending: Ending) -> bool:
        """Write that a job has ended; it holds nothing from then on."""
        text = ended_text(ending)
        return self._annotate(workload, {ALLOCATION: None, ENDED: text}) is not None

    def publish(self, spec: JobSpec, run: Job | None) -> Workload | None:
        """Create the TrainingJob of a job that was submitted to the service, and maybe runs.

        None where there is one already, or the server would not have it.
        """
        body = training_job(spec, self.template(spec.job_id), self.options)
        if run is not None:
            body["metadata"]["annotations"][ALLOCATION] = self.allocation(run)
        kind = self.training_jobs
        raw = self.hands.post("workloads", within(kind.path, self.options.namespace), body)
        view = None if raw is None else kind.keep(raw)
        if view is None:
            return None
        allocation = None if run is None else Allocation(run, self.term)
        return Workload(view, kind, spec.job_id, None, "", allocation, None)

    def allocation(self, job: Job) -> str:
        """The text that says what a job holds, in our term."""
        return allocation_text(Allocation(job, self.term))

    def mark(self, node: str, note: LoanNote | None, suits: Callable[[Raw], bool]) -> bool:
        """Write a loan, or its end, on a node, if the node as it is at that moment `suits`."""
        path = item(NODES, node)
        try:
            raw = self.hands.api.get(path)
        except NotFound:
            return False
        if not suits(raw):
            return False
        return self.hands.patch("nodes", path, marking(raw, note)) is not None

    def _annotate(
        self, workload: Workload, annotations: Mapping[str, str | None]
    ) -> WorkloadView | None:
        """Change annotations, if what was written about the job is still what we read."""
        kind, view = workload.kind, workload.view
        path, body = object_path(kind, view), {"metadata": {"annotations": dict(annotations)}}
        raw = self.hands.patch("workloads", path, body, version=view.version)
        if raw is not None:
            return kind.keep(raw)
        try:
            fresh = kind.keep(self.hands.api.get(path))
        except NotFound:
            return None
        if fresh is None or fresh.uid != view.uid or fresh.version == view.version:
            return None
        if _written(fresh) != _written(view):
            return None
        raw = self.hands.patch("workloads", path, body, version=fresh.version)
        return None if raw is None else kind.keep(raw)


def _written(view: WorkloadView) -> tuple[str | None, str | None]:
    return view.annotations.get(ALLOCATION), view.annotations.get(ENDED)


def check_term(found: int, own: int, subject: str) -> None:
    """Raise `LeaseLost` where a later leader than we has written."""
    if found > own:
        raise LeaseLost(f"term {found} has written on {subject}; ours is {own}")
