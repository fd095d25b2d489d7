"""Metrics on a registry of their own, and values to feed them with."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry

from aryl.engine.cycle import CycleReport, Proposal
from aryl.engine.ports import Observation, Outcome, Status
from aryl.metrics import Metrics
from aryl.model.job import Job
from aryl.model.plan import Plan, StartJob
from aryl.model.reason import ReasonCode, because
from aryl.model.snapshot import Snapshot
from tests.builders import base, make_job

FITS = because(ReasonCode.FITS, gpus=1, place=1)
VACANT = because(ReasonCode.RECLAIMED_VACANT, demand=1)


class Reading:
    """Metrics on a registry of their own, and what it shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, lead_s=300.0)

    def __getitem__(self, series: str) -> float:
        return self.of(series, {})

    def of(self, series: str, labels: Mapping[str, str]) -> float:
        value = self.registry.get_sample_value(f"aryl_{series}", dict(labels))
        assert value is not None, f"there is no aryl_{series} {labels}"
        return value

    def see(self, snapshot: Snapshot, *, now: float = 1_000.0, demand: float | None = None) -> None:
        self.metrics.seen(observed(snapshot), snapshot.queue, now, demand)


def observed(s: Snapshot) -> Observation:
    return Observation(
        s.version, s.cluster, s.capacity, s.holders, s.running, s.elastic, s.loans, s.demand
    )


def report(
    snapshot: Snapshot, outcomes: Sequence[Outcome] = (), plan: Plan | None = None
) -> CycleReport:
    """A cycle of 0.4 s that ended so."""
    plan = plan or Plan(snapshot.version, tuple(outcome.action for outcome in outcomes))
    return CycleReport(Proposal(snapshot, plan, 0.3), tuple(outcomes), 0.4)


def started(job_id: str, job: Job | None = None) -> Outcome:
    """Such a start, on the first server."""
    return Outcome(StartJob(job_id, (base(1),), FITS), Status.DONE, job or make_job(job_id))
