"""A Kubernetes cluster as a live cluster: plans are written on its objects, and pods follow.

Nothing of importance is remembered here. A leader that takes over sees what the one before it has
written, whole actions only, and goes on from there.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.live import Ending, Wishes
from aryl.engine.ports import Clock, Observation, Outcome, Status
from aryl.engine.records import JobRecord
from aryl.kube.books import Books, observation_of
from aryl.kube.deciding import amend, preempt, resize, start, stop
from aryl.kube.ended import left_by
from aryl.kube.hands import Hands
from aryl.kube.keeping import Keeper
from aryl.kube.kinds.base import Kind
from aryl.kube.lending import lend, reclaim
from aryl.kube.mirror import Seen
from aryl.kube.moment import Moment, Moments
from aryl.kube.options import KubeOptions
from aryl.kube.picture import Picture
from aryl.kube.progress import rates_of
from aryl.kube.sources import picture_of
from aryl.kube.wishes import OWNER, Hearing
from aryl.kube.writing import Pen, Template, check_term
from aryl.model.demand import DemandHistory
from aryl.model.job import Job, JobSpec
from aryl.model.plan import (
    Action,
    LoanServer,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
    Waiting,
)
from aryl.policy.config import PolicyConfig


class Looks(Protocol):
    """Shows the cluster: a mirror."""

    def seen(self) -> Seen:
        """What is seen now; the same object while nothing has changed."""
        ...


class Demands(Protocol):
    """Says what inference needs."""

    def look(
        self, picture: Picture, now: float, home: Collection[str]
    ) -> tuple[DemandHistory, float | None]:
        """By bins that have ended, and at this moment; `home` names its servers."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """The cluster that is scheduled and how; `wall` tells seconds since the epoch."""

    mirror: Looks
    kinds: Mapping[str, Kind]  # by the names that objects give them
    demand: Demands
    clock: Clock
    wall: Callable[[], float]
    options: KubeOptions
    config: PolicyConfig
    template: Template


class KubeCluster:
    """A `LiveCluster` of real machines; without `hands` it only looks, and writes nothing."""

    def __init__(self, site: Site, term: int = 0, hands: Hands | None = None) -> None:
        """Have seen nothing yet."""
        rates = rates_of(site.config, site.options.workers_per_training_worker)
        self._site, self._term = site, term
        self._moments = Moments(site.kinds, site.options, rates)
        self._hearing = Hearing()
        self._known: Mapping[str, JobRecord] = {}
        self._seen: Seen | None = None
        self._moment: Moment | None = None
        self._books: Books | None = None
        self._observed: tuple[Moment, Observation] | None = None
        self._pen: Pen | None = None
        self._keeper: Keeper | None = None
        if hands is not None:
            self._pen = Pen(
                hands,
                term,
                site.clock,
                site.wall,
                site.options,
                rates,
                site.template,
                site.kinds["TrainingJob"],
            )
            self._keeper = Keeper(self._pen, self._hearing)

    def advance(self, known: Mapping[str, JobRecord]) -> Wishes:
        """Bring pods, nodes and objects in line with what is written, as far as they are not."""
        self._known = known
        moment = self._look()
        if self._keeper is not None:
            self._check_terms(moment)
            moment = self._keeper.keep(moment, self._look, known)
        return self._hearing.look(moment, known, self._times())

    def refused(self) -> Mapping[str, str]:
        """Why objects can't be accepted as jobs, by kind, namespace and name."""
        objects = self._look().objects.values()
        faulty = [each for each in objects if each.fault and not each.has_ended]
        views = [(each.view, each.fault) for each in faulty]
        return {f"{view.kind} {view.namespace}/{view.name}": why for view, why in views}

    def show(self, waiting: Sequence[Waiting]) -> None:
        """Let users see on their objects why their jobs wait."""
        if self._keeper is not None:
            self._keeper.show(waiting)

    def observe(self) -> Observation:
        """Both pools as they are by now; the same answer while nothing changes."""
        moment = self._look()
        if self._observed is None or self._observed[0] is not moment:
            self._observed = (moment, self._observation(moment))
        seen = self._observed[1]
        history, demand_now = self._site.demand.look(
            moment.sight.picture, self._site.clock.now(), _home(moment)
        )
        if history is not seen.demand or demand_now != seen.demand_now:
            seen = replace(seen, demand=history, demand_now=demand_now)
            self._observed = (moment, seen)
        return seen

    def endings(self) -> Mapping[str, Ending]:
        """Jobs that ran, or should run, and do no longer; the scheduler has heard the wishes."""
        self._hearing.heard()
        moment, found = self._look(), {}
        for name, record in self._known.items():
            workload = moment.workloads.get(name)
            ending = None if workload is None else workload.ending
            if workload is not None and workload.has_ended and ending is None:
                ending = self._cancelled(record.job)  # somebody has spoilt what was written
            if ending is None and workload is not None and record.state is JobState.RUNNING:
                written = workload.allocation.job if workload.allocation else None
                if written is not None and not written.placements:
                    ending = Ending(written, JobEvent.PREEMPT, written.progress_s)
            if ending is not None:
                found[name] = ending
        for record in self._hearing.gone(self._known, self._site.wall()):
            if record.state is JobState.RUNNING:
                found[record.id] = self._cancelled(record.job)
        return found

    def forget(self, job_ids: Collection[str]) -> None:
        """Endings stay on their objects until these are deleted."""

    def apply(self, action: Action, job: Job | None = None) -> Outcome:
        """Write one action; what no longer suits the cluster is refused."""
        pen = self._pen
        if pen is None:
            return Outcome(action, Status.WITHHELD, detail="this cluster is only looked at")
        return self._applied(pen, action, job)

    def stop(self, job_id: str) -> None:
        """End a running job for good."""
        if self._pen is not None:
            stop(self._pen, self._write(), job_id)

    def amend(self, spec: JobSpec, saved: float) -> None:
        """A running job has other bounds, or has reported a checkpoint."""
        if self._pen is not None:
            amend(self._pen, self._write(), spec, saved)

    def next_change_s(self) -> float:
        """When time alone will change something, as if wall time and the cluster's ran alike."""
        until_s = self._look().until_s
        now, wall_s = self._times()
        return inf if until_s == inf else now + max(0.0, until_s - wall_s)

    def _applied(self, pen: Pen, action: Action, job: Job | None) -> Outcome:
        books = self._write()
        match action:
            case StartJob():
                return self._start(pen, books, action, job)
            case ResizeJob():
                return resize(pen, books, action)
            case PreemptJob():
                return preempt(pen, books, action)
            case LoanServer():
                return lend(pen, books, action)
            case ReclaimServer():
                return reclaim(pen, books, action)

    def _start(self, pen: Pen, books: Books, action: StartJob, job: Job | None) -> Outcome:
        """Start a job, unless its object has been taken off the cluster."""
        record = self._known.get(action.job_id)
        is_brought = record is not None and record.owner.startswith(OWNER)
        if is_brought and action.job_id not in books.workloads:
            return Outcome(action, Status.REFUSED, detail="the job's object is gone")
        return start(pen, books, action, job)

    def _times(self) -> tuple[float, float]:
        return self._site.clock.now(), self._site.wall()

    def _look(self) -> Moment:
        """The cluster as it is; the same object while nothing has changed."""
        seen = self._site.mirror.seen()
        moment, times = self._moment, self._times()
        if moment is None or seen is not self._seen or times[1] >= moment.until_s:
            self._seen, self._books = seen, None
            self._moment = moment = self._moments.of(picture_of(seen), times)
        return moment

    def _write(self) -> Books:
        """The books of the moment that was looked at last, with all that was written since."""
        assert self._pen is not None, "only who has hands writes"
        self._pen.hands.begin()
        if self._books is None:
            self._books = Books(self._moment or self._look())
        return self._books

    def _observation(self, moment: Moment) -> Observation:
        """What the policy sees; an equal picture has the version of the one before."""
        before = None if self._observed is None else self._observed[1]
        if (
            before is not None
            and before.cluster is moment.cluster
            and before.loans == moment.loans
            and before.running == moment.running
        ):
            return before
        return observation_of(moment, 0 if before is None else before.version + 1)

    def _check_terms(self, moment: Moment) -> None:
        """Raise `LeaseLost` where a later leader has written anywhere."""
        for workload in moment.workloads.values():
            if workload.allocation is not None:
                check_term(workload.allocation.term, self._term, workload.view.name)
        for name, note in moment.notes.items():
            check_term(note.term, self._term, name)

    def _cancelled(self, job: Job) -> Ending:
        now = self._site.clock.now()
        return Ending(left_by(job, JobEvent.CANCEL, now), JobEvent.CANCEL, now)


def _home(moment: Moment) -> tuple[str, ...]:
    """The inference servers that are at home and fit to serve."""
    return tuple(
        server.id
        for server in moment.cluster.inference_servers
        if server.serves and server.id not in moment.notes
    )
