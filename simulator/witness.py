"""Watches a projection: who grows, shrinks and is preempted, and what is on loan."""

from collections import defaultdict
from dataclasses import dataclass

from aryl.engine.cycle import CycleReport
from aryl.engine.ports import Outcome, Status
from aryl.model.plan import LoanServer, PreemptJob, ResizeJob, Waiting
from aryl.model.reason import Reason
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.units import training_workers
from simulator.observer import Observer

Steps = list[tuple[float, int]]  # a number from each moment on


@dataclass(frozen=True, slots=True)
class Change:
    """A running job that shrinks or is preempted, and the training workers that it has left."""

    t_s: float
    job_id: str
    workers: int
    reason: Reason


class Witness(Observer):
    """Keeps what the story of each job needs."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Begin with what a snapshot shows."""
        super().__init__()
        self._cluster = snapshot.cluster
        self.sizes: defaultdict[str, Steps] = defaultdict(list)
        self.loans: Steps = [(snapshot.now, snapshot.on_loan)]
        self.preempted: list[Change] = []
        self.shrunk: list[Change] = []
        self.waiting: tuple[Waiting, ...] = ()
        for job in snapshot.running.values():
            workers = training_workers(snapshot.cluster, job.holding)
            self.sizes[job.id].append((snapshot.now, workers))

    def cycled(self, report: CycleReport, now: float) -> None:
        """A cycle has taken effect at `now`."""
        super().cycled(report, now)
        for outcome in report.outcomes:
            if outcome.status is Status.DONE:
                self._note(outcome, now)
        if Due.SCHEDULE in report.proposal.snapshot.due:
            self.waiting = report.proposal.plan.waiting

    def _note(self, outcome: Outcome, now: float) -> None:
        action, job = outcome.action, outcome.job
        if job is None:
            change = 1 if isinstance(action, LoanServer) else -1
            _step(self.loans, now, self.loans[-1][1] + change)
            return
        workers = training_workers(self._cluster, job.holding)
        _step(self.sizes[job.id], now, workers)
        lost = Change(now, job.id, workers, action.reason)
        if isinstance(action, PreemptJob):
            self.preempted.append(lost)
        elif isinstance(action, ResizeJob) and action.remove:
            self.shrunk.append(lost)


def _step(steps: Steps, now: float, level: int) -> None:
    """Step to a level; several steps at one instant are one."""
    if steps and steps[-1][0] == now:
        steps.pop()
    steps.append((now, level))
