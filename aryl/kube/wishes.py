"""What users have asked of the cluster itself: jobs brought, bounds changed, jobs withdrawn.

A wish is told until the scheduler has gone on after it, so that none is lost when the store is
away. What the store then does not know as alive, it knows as ended.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from aryl.engine.live import Brought, NewBounds, Wishes
from aryl.engine.records import JobRecord
from aryl.kube.moment import Moment
from aryl.kube.running import Times
from aryl.kube.workloads import Workload

OWNER = "kubernetes:"  # the beginning of the owners of jobs that were brought to the cluster
TOLD = 2  # times that the store is told of a job before it counts as one that it has ended
GONE_S = 15.0  # wall time: an object that is missing for so long is really gone

Known = Mapping[str, JobRecord]
Bounds = tuple[int, int]


@dataclass(slots=True)
class Hearing:
    """What users want, and what of it the scheduler has heard."""

    _told: set[str] = field(default_factory=set)  # jobs brought by the last look
    _heard: Counter[str] = field(default_factory=Counter)  # how often the store was told of jobs
    _alive: frozenset[str] = frozenset()  # jobs that the store knew, by the last look
    _seen: dict[str, Bounds] = field(default_factory=dict)  # on objects, by the last look
    _agreed: dict[str, Bounds] = field(default_factory=dict)  # the same, heard
    _missing_s: dict[str, float] = field(default_factory=dict)  # since when an object is missing

    def heard(self) -> None:
        """The scheduler has gone on after the last look: it has noted all of it."""
        self._heard.update(self._told)
        self._agreed = dict(self._seen)

    def look(self, moment: Moment, known: Known, times: Times) -> Wishes:
        """All that is not heard or not done yet."""
        self._note_missing(moment, known, times[1])
        brought = tuple(self._brought(moment, known, times))
        self._told = {job.spec.job_id for job in brought}
        self._seen = {
            name: (w.described.spec.min_workers, w.described.spec.max_workers)
            for name, w in moment.workloads.items()
            if w.described
        }
        return Wishes(
            brought=brought,
            amended=tuple(self._amended(moment, known)),
            withdrawn=tuple(self._withdrawn(moment, known, times[1])),
        )

    def dropped(self, moment: Moment, known: Known) -> Iterator[Workload]:
        """Workloads whose jobs the store knows as ended, though nothing says so on them."""
        self._heard.update(dict.fromkeys(self._alive - known.keys(), TOLD))
        self._alive = frozenset(known)
        for name in moment.workloads.keys() - known.keys():
            workload = moment.workloads[name]
            if self._heard[name] >= TOLD and not workload.has_ended:
                yield workload

    def gone(self, known: Known, wall_s: float) -> Iterator[JobRecord]:
        """Jobs brought to the cluster whose objects are no longer there."""
        for name, since_s in self._missing_s.items():
            if wall_s >= since_s + GONE_S and name in known:
                yield known[name]

    def bounds_to_write(self, moment: Moment, known: Known) -> Iterator[tuple[Workload, Bounds]]:
        """Objects of jobs whose users have changed the bounds elsewhere."""
        for name, bounds in self._agreed.items():
            record, workload = known.get(name), moment.workloads.get(name)
            if record is None or workload is None or self._seen.get(name) != bounds:
                continue
            wanted = (record.job.spec.min_workers, record.job.spec.max_workers)
            if wanted != bounds:
                yield workload, wanted

    def _brought(self, moment: Moment, known: Known, times: Times) -> Iterator[Brought]:
        now, wall_s = times
        for name in moment.workloads.keys() - known.keys():
            workload = moment.workloads[name]
            asked = workload.described
            is_over = workload.has_ended or workload.view.is_deleted
            if asked is None or is_over or self._heard[name] >= TOLD:
                continue
            age_s = max(0.0, wall_s - workload.view.created_s)
            spec = replace(asked.spec, submit_s=now - age_s)
            yield Brought(spec, asked.name, asked.owner)

    def _amended(self, moment: Moment, known: Known) -> Iterator[NewBounds]:
        for name, bounds in self._seen.items():
            record = known.get(name)
            if record is None or moment.workloads[name].has_ended:
                continue
            spec = record.job.spec
            before = self._agreed.get(name)
            is_news = before != bounds if before else record.owner.startswith(OWNER)
            if is_news and bounds != (spec.min_workers, spec.max_workers):
                yield NewBounds(name, *bounds)

    def _withdrawn(self, moment: Moment, known: Known, wall_s: float) -> Iterator[str]:
        for record in self.gone(known, wall_s):
            if record.cancel_requested_s is None:
                yield record.id
        for name, workload in moment.workloads.items():
            is_unwanted = workload.view.is_deleted and not workload.has_ended
            if is_unwanted and name in known and known[name].cancel_requested_s is None:
                yield name

    def _note_missing(self, moment: Moment, known: Known, wall_s: float) -> None:
        missing = {
            name: self._missing_s.get(name, wall_s)
            for name in known.keys() - moment.workloads.keys()
            if known[name].owner.startswith(OWNER)
        }
        self._missing_s = missing
