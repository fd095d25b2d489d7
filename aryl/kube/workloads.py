"""The jobs that objects on the cluster describe, with what is written on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from aryl.engine.live import Ending
from aryl.kube.allocation import Allocation, allocation_of
from aryl.kube.ended import ended_of
from aryl.kube.kinds.base import Described, Kind
from aryl.kube.names import ALLOCATION, ENDED
from aryl.kube.views import WorkloadView
from aryl.model.errors import BadInput
from aryl.model.job import Job

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """An object and the job that it describes; `fault` says why it is none that can be accepted.

    `has_ended` also where what is written about the end can't be read.
    """

    view: WorkloadView
    kind: Kind
    job_id: str
    described: Described | None
    fault: str
    allocation: Allocation | None
    ending: Ending | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to come of it."""
        return ENDED in self.view.annotations


class Workloads:
    """Reads each object once, and again when it has changed."""

    def __init__(self, kinds: Mapping[str, Kind], is_sound: Callable[[Job], bool]) -> None:
        """Know `kinds` by name, and no object yet; an allocation that is not sound is none."""
        self._kinds, self._is_sound = kinds, is_sound
        self._read: dict[str, Workload] = {}

    def of(self, views: Mapping[str, WorkloadView]) -> Mapping[str, Workload]:
        """The workloads behind these objects, by uid."""
        self._read = {uid: self._of(uid, view) for uid, view in views.items()}
        return self._read

    def _of(self, uid: str, view: WorkloadView) -> Workload:
        known = self._read.get(uid)
        if known is not None and known.view is view:
            return known
        kind = self._kinds[view.kind]
        described, fault = None, ""
        try:
            described = kind.describe(view)
        except BadInput as error:
            fault = str(error)
        allocation = self._allocation(known, view)
        job_id = described.spec.job_id if described else ""
        if allocation is not None and not job_id:
            job_id = allocation.job.id  # it runs as it was before its description was spoilt
        if allocation is not None and allocation.job.id != job_id:
            allocation = None  # copied from another object
        ending = _read(ended_of, view.annotations.get(ENDED, ""))
        return Workload(view, kind, job_id, described, fault, allocation, ending)

    def _allocation(self, known: Workload | None, view: WorkloadView) -> Allocation | None:
        """The same object while the same text is written."""
        text = view.annotations.get(ALLOCATION, "")
        if known is not None and known.view.annotations.get(ALLOCATION, "") == text:
            return known.allocation
        allocation = _read(allocation_of, text)
        return allocation if allocation and self._is_sound(allocation.job) else None


def by_job(workloads: Mapping[str, Workload]) -> dict[str, Workload]:
    """Workloads by the name of their job; the oldest where several claim it."""
    found: dict[str, Workload] = {}
    for workload in workloads.values():
        other = found.setdefault(workload.job_id, workload)
        if other is not workload and _age(workload) < _age(other):
            found[workload.job_id] = workload
    found.pop("", None)
    return found


def _age(workload: Workload) -> tuple[bool, float, str]:
    return workload.described is None, workload.view.created_s, workload.view.uid


def _read(reader: Callable[[str], T], text: str) -> T | None:
    """What a text says; None where it says nothing that we wrote."""
    if not text:
        return None
    try:
        return reader(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
