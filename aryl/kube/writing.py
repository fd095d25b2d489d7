"""A decision is one write on a job's object or on a node: all of it, or none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aryl.engine.live import Ending
from aryl.engine.ports import Clock
from aryl.kube.allocation import Allocation, allocation_text
from aryl.kube.ended import ended_text
from aryl.kube.errors import NotFound
from aryl.kube.hands import Hands
from aryl.kube.kinds.base import object_path
from aryl.kube.loans import LoanNote, marking
from aryl.kube.names import ALLOCATION, ENDED
from aryl.kube.options import KubeOptions
from aryl.kube.paths import NODES, item
from aryl.kube.progress import Rates
from aryl.kube.workloads import Workload
from aryl.model.errors import LeaseLost
from aryl.model.job import Job

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

    def allocate(self, workload: Workload, job: Job) -> bool:
        """Write what a job holds by now; False where its object has moved on meanwhile."""
        return self._annotate(workload, {ALLOCATION: self.allocation(job)})

    def end(self, workload: Workload, ending: Ending) -> bool:
        """Write that a job has ended; it holds nothing from then on."""
        return self._annotate(workload, {ALLOCATION: None, ENDED: ended_text(ending)})

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

    def _annotate(self, workload: Workload, annotations: Mapping[str, str | None]) -> bool:
        """Change annotations, if what was written about the job is still what we read."""
        path, view = object_path(workload.kind, workload.view), workload.view
        known = (view.annotations.get(ALLOCATION), view.annotations.get(ENDED))
        body = {"metadata": {"annotations": dict(annotations)}}
        if self.hands.patch("workloads", path, body, version=view.version) is not None:
            return True
        try:
            fresh = workload.kind.keep(self.hands.api.get(path))
        except NotFound:
            return False
        if fresh is None or fresh.uid != view.uid or fresh.version == view.version:
            return False
        if (fresh.annotations.get(ALLOCATION), fresh.annotations.get(ENDED)) != known:
            return False
        return self.hands.patch("workloads", path, body, version=fresh.version) is not None


def check_term(found: int, own: int, subject: str) -> None:
    """Raise `LeaseLost` where a later leader than we has written."""
    if found > own:
        raise LeaseLost(f"term {found} has written on {subject}; ours is {own}")
