"""Live clusters seen through something: shadow, which touches nothing, and demand told by users."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from aryl.engine.live import Ending, LiveCluster, Wishes
from aryl.engine.ports import Clock, Observation, Outcome, Status
from aryl.engine.records import JobRecord
from aryl.model.demand import DemandHistory
from aryl.model.job import Job, JobSpec
from aryl.model.plan import Action, Waiting

WITHHELD = "in shadow: recommended, not done"


class Wrapped(LiveCluster):
    """A live cluster that passes everything on."""

    def __init__(self, inner: LiveCluster) -> None:
        """Stand before another cluster."""
        self._inner = inner

    def advance(self, known: Mapping[str, JobRecord]) -> Wishes:
        """Let the other advance."""
        return self._inner.advance(known)

    def show(self, waiting: Sequence[Waiting]) -> None:
        """Let the other show it."""
        self._inner.show(waiting)

    def observe(self) -> Observation:
        """What the other shows."""
        return self._inner.observe()

    def apply(self, action: Action, job: Job | None = None) -> Outcome:
        """What the other makes of it."""
        return self._inner.apply(action, job)

    def endings(self) -> Mapping[str, Ending]:
        """What ended there."""
        return self._inner.endings()

    def forget(self, job_ids: Collection[str]) -> None:
        """Let the other forget."""
        self._inner.forget(job_ids)

    def stop(self, job_id: str) -> None:
        """Let the other stop a job."""
        self._inner.stop(job_id)

    def amend(self, spec: JobSpec, saved: float) -> None:
        """Let the other amend a job."""
        self._inner.amend(spec, saved)

    def next_change_s(self) -> float:
        """When something will happen there."""
        return self._inner.next_change_s()


class Shadow(Wrapped):
    """A cluster that is looked at and never touched."""

    def apply(self, action: Action, _job: Job | None = None) -> Outcome:
        """Withhold the action."""
        return Outcome(action, Status.WITHHELD, detail=WITHHELD)

    def show(self, _waiting: Sequence[Waiting]) -> None:
        """Show nothing: the service has it."""

    def forget(self, job_ids: Collection[str]) -> None:
        """Leave the cluster's memory alone."""

    def stop(self, job_id: str) -> None:
        """Leave the job alone."""

    def amend(self, spec: JobSpec, saved: float) -> None:
        """Leave the job alone."""


class ToldDemand(Wrapped):
    """A cluster that can't see its inference demand: users tell it."""

    def __init__(
        self, inner: LiveCluster, told: Callable[[float], DemandHistory], clock: Clock
    ) -> None:
        """Take demand from what `told` knows by now; it is asked once at each instant."""
        super().__init__(inner)
        self._told, self._clock = told, clock
        self._known: tuple[float, DemandHistory] | None = None

    def observe(self) -> Observation:
        """What the other shows, with the demand that was told."""
        now = self._clock.now()
        if self._known is None or self._known[0] != now:
            self._known = (now, self._told(now))
        return replace(self._inner.observe(), demand=self._known[1])
