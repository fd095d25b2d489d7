"""Tells users on their own objects how their jobs stand, in few writes.

A TrainingJob has a status for that; on an object of another kind, whose status is its controller's,
an annotation says why its job waits or is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf
from typing import Any, Final

from aryl.engine.lifecycle import JobEvent
from aryl.engine.live import Ending
from aryl.kube.kinds.base import Kind, Writing, object_path
from aryl.kube.names import NOTICE
from aryl.kube.views import WorkloadView
from aryl.model.job import Job
from aryl.model.reason import Reason

AT_ONCE: Final = 50  # writes of one step: a queue of thousands must not hold up what runs
REWORDED_AFTER_S: Final = 60.0  # a reason whose numbers alone have changed waits so long
LAST_S: Final = 253_402_300_799.0  # the last second that RFC 3339 can write

Status = dict[str, Any]

_PHASES: Final[Mapping[JobEvent, str]] = {
    JobEvent.FINISH: "Succeeded",
    JobEvent.FAIL: "Failed",
    JobEvent.CANCEL: "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a workload's job stands; times are cluster time, in seconds since the epoch.

    `job` is what it holds while it runs, and `running_workers` how many of these workers do run;
    `obstacle` is why one of them is not on its node yet, where that is known. `fault` is why the
    object can't be accepted; `reason` is why the job waits, once that is known.
    """

    job: Job | None = None
    running_workers: int = 0
    obstacle: str = ""
    ending: Ending | None = None
    fault: str = ""
    reason: Reason | None = None
    preemptions: int = 0

    @property
    def is_running(self) -> bool:
        """Whether it is given workers."""
        return self.job is not None and bool(self.job.placements)

    @property
    def phase(self) -> str:
        """The word for it."""
        if self.ending is not None:
            return _PHASES.get(self.ending.event, "Queued")
        if self.is_running:
            return "Running"
        return "Refused" if self.fault else "Queued"


@dataclass(frozen=True, slots=True)
class Shown:
    """A workload, and what is to be seen on it."""

    kind: Kind
    view: WorkloadView
    standing: Standing


@dataclass(slots=True)
class Statuses:
    """Writes how jobs stand, where that differs from what is written."""

    _settled: dict[str, Shown] = field(default_factory=dict)
    _worded_s: dict[str, float] = field(default_factory=dict)  # wall time of the last write, by uid

    def write(
        self, hands: Writing, all_shown: Mapping[str, Shown], now: float, wall_s: float
    ) -> None:
        """Write what differs, at most `AT_ONCE`: what has really changed comes before new words.

        `all_shown` are all workloads by uid; `now` is cluster time. Raises `UNAVAILABLE`.
        """
        self._forget(all_shown)
        for shown, patch in self._due(all_shown, now, wall_s)[:AT_ONCE]:
            if hands.is_spent:
                return
            self._worded_s[shown.view.uid] = wall_s
            if not _put(hands, shown, patch):
                self._settled[shown.view.uid] = shown  # until something changes

    def _due(
        self, all_shown: Mapping[str, Shown], now: float, wall_s: float
    ) -> list[tuple[Shown, Status]]:
        """What is to be written now, the most important first."""
        urgent: list[tuple[Shown, Status]] = []
        reworded: list[tuple[Shown, Status]] = []
        for uid, shown in all_shown.items():
            if len(urgent) >= AT_ONCE:
                break
            settled = self._settled.get(uid)
            is_patient = wall_s < self._worded_s.get(uid, -inf) + REWORDED_AFTER_S
            if settled == shown or (is_patient and _is_reworded(settled, shown)):
                continue
            patch = _difference(shown.view, shown.standing, now)
            if patch is None:
                self._settled[uid] = shown
            elif _means_more(patch, shown.view):
                urgent.append((shown, patch))
            elif not is_patient and len(reworded) < AT_ONCE:
                reworded.append((shown, patch))
        return urgent + reworded

    def _forget(self, there: Mapping[str, object]) -> None:
        """Drop what is known of objects that are gone."""
        for known in (self._settled, self._worded_s):
            for uid in [uid for uid in known if uid not in there]:
                del known[uid]


def _is_reworded(settled: Shown | None, shown: Shown) -> bool:
    """Whether nothing but the numbers of a reason differ: a long queue is not to be compared."""
    if settled is None or settled.view is not shown.view:
        return False
    was, reason = settled.standing.reason, shown.standing.reason
    is_same_code = was is not None and reason is not None and was.code is reason.code
    return is_same_code and replace(settled.standing, reason=reason) == shown.standing


def status_of(view: WorkloadView, standing: Standing, now: float) -> Status:
    """A TrainingJob's whole status; what it has not is None. Conditions keep their times."""
    job, ending = standing.job, standing.ending
    last = job or (ending and ending.job)
    held = job.holding if job else None
    reason, message = _why(standing)
    started_s = last.started_s if last else None
    return {
        "phase": standing.phase,
        "workers": sum(held.base) + sum(held.flexible) if held else 0,
        "baseWorkers": sum(held.base) if held else 0,
        "flexibleWorkers": sum(held.flexible) if held else 0,
        "preemptions": max(standing.preemptions, last.preemptions if last else 0),
        "reason": reason,
        "message": message or None,
        "startTime": None if started_s is None else moment(started_s),
        "completionTime": moment(ending.at_s) if ending else None,
        "observedGeneration": view.raw["generation"],
        "conditions": _conditions(view, standing, now),
    }


def moment(at_s: float) -> str:
    """Seconds since the epoch as RFC 3339 writes them."""
    return f"{datetime.fromtimestamp(min(at_s, LAST_S), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _why(standing: Standing) -> tuple[str, str]:
    """Why a job stands as it does: in one word, and in a sentence."""
    if standing.ending is not None:
        return standing.phase, standing.ending.detail
    if standing.job is not None and standing.is_running:
        return _progress(standing, standing.job)
    if standing.fault:
        return "Invalid", standing.fault
    if standing.reason is None:
        return "Waiting", "no decision about it has been made yet"
    return standing.reason.code.name.title().replace("_", ""), standing.reason.text


def _progress(standing: Standing, job: Job) -> tuple[str, str]:
    """Whether all workers of a running job run."""
    running, workers = standing.running_workers, sum(p.workers for p in job.placements)
    if running >= workers:
        return "WorkersRunning", ""
    why = f"; {standing.obstacle}" if standing.obstacle else ""
    return "WorkersPending", f"{running} of {workers} workers run{why}"


def _conditions(view: WorkloadView, standing: Standing, now: float) -> list[Status]:
    reason, message = _why(standing)
    is_running = standing.phase == "Running"
    wanted = [
        ("Accepted", not standing.fault, *_acceptance(standing)),
        ("Running", is_running, reason, message),
    ]
    if standing.ending is not None:
        wanted.append(("Finished", True, reason, message))
    known = {condition["type"]: condition for condition in _status(view).get("conditions") or ()}
    return [
        {
            "type": kind,
            "status": str(holds),
            "reason": why,
            **({"message": said} if said else {}),
            "observedGeneration": view.raw["generation"],
            "lastTransitionTime": _since(known.get(kind), str(holds), now),
        }
        for kind, holds, why, said in wanted
    ]


def _acceptance(standing: Standing) -> tuple[str, str]:
    return ("Invalid", standing.fault) if standing.fault else ("Valid", "")


def _since(known: Status | None, status: str, now: float) -> str:
    """Since when a condition has its status: the time moves only with it."""
    if known is not None and known.get("status") == status:
        return str(known["lastTransitionTime"])
    return moment(now)


def _status(view: WorkloadView) -> Status:
    status: Any = view.raw.get("status") or {}
    return dict(status)


def _difference(view: WorkloadView, standing: Standing, now: float) -> Status | None:
    """What is to be written on an object, if anything is."""
    if view.kind != "TrainingJob":
        is_stuck = standing.phase in {"Queued", "Refused"} or bool(standing.obstacle)
        notice = (_why(standing)[1] or None) if is_stuck else None
        return None if view.annotations.get(NOTICE) == notice else {NOTICE: notice}
    status = status_of(view, standing, now)
    said = {name: value for name, value in status.items() if value is not None}
    return None if said == _status(view) else status


def _means_more(patch: Status, view: WorkloadView) -> bool:
    """Whether more than the wording of a sentence differs."""
    if NOTICE in patch:
        return patch[NOTICE] is None or NOTICE not in view.annotations
    return _unworded(patch) != _unworded(_status(view))


def _unworded(status: Status) -> Status:
    """A status without its sentences."""
    conditions = [{**one, "message": ""} for one in status.get("conditions") or ()]
    said = {name: value for name, value in status.items() if value is not None}
    return said | {"message": "", "conditions": conditions}


def _put(hands: Writing, shown: Shown, patch: Status) -> bool:
    """Write it; whether the server took it."""
    path = object_path(shown.kind, shown.view)
    if NOTICE in patch:
        answer = hands.patch("workloads", path, {"metadata": {"annotations": patch}})
    else:
        answer = hands.put_status("workloads", path, patch)
    return answer is not None
