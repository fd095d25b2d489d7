"""Watches a replay from outside: the timeline, counts for the summary, and the event log."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from aryl.engine.cycle import CycleReport
from aryl.model.job import Placement
from aryl.model.plan import (
    Action,
    LoanServer,
    Plan,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
)
from aryl.model.reason import Reason, ReasonCode
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.estimating import Guess
from aryl.policy.units import without


class Sight(NamedTuple):
    """One look at a replay, at the start of a demand bin."""

    t_s: float
    queued_jobs: int
    running_jobs: int
    training_gpus_used: int
    on_loan_servers: int
    on_loan_gpus_used: int
    inference_demand_servers: int
    forecast_servers: float | None = None


@dataclass(slots=True)
class Tally:
    """Counts over all cycles; loans and reclaims are counted in servers."""

    cycles: int = 0
    loans: int = 0
    reclaims: int = 0
    asked_back_gpus: int = 0
    vacant_servers: int = 0
    flexible_servers: int = 0
    collateral_gpus: int = 0
    log_error: float = 0.0  # as it was expected, summed over guesses of run times
    solver_s: list[float] = field(default_factory=list)
    cycle_s: list[float] = field(default_factory=list)


class Log(Protocol):
    """Takes lines."""

    def write(self, line: str, /) -> object:
        """Append a line."""
        ...


class Observer:
    """Keeps a timeline and a tally; with a log, writes each action and why each job waits."""

    def __init__(self, log: Log | None = None) -> None:
        """Start with nothing seen."""
        self.timeline: list[Sight] = []
        self.tally = Tally()
        self._log = log
        self._forecast_servers: float | None = None
        self._waits: dict[str, object] = {}
        self._notes: dict[tuple[ReasonCode, str], Reason] = {}

    def sampled(self, sight: Sight) -> None:
        """A demand bin has begun."""
        self.timeline.append(sight._replace(forecast_servers=self._forecast_servers))

    def guessed(self, job_id: str, guess: Guess, now: float) -> None:
        """A new job's run time has been guessed."""
        if guess.log_error is None:
            return
        self.tally.log_error += guess.log_error
        if self._log:
            numbers = {"run_s": round(guess.run_s, 1), "log_error": round(guess.log_error, 3)}
            self._write({"t_s": now, "action": "Guess", "job_id": job_id} | numbers)

    def cycled(self, report: CycleReport, now: float) -> None:
        """A cycle has taken effect at `now`."""
        snapshot, plan = report.proposal.snapshot, report.proposal.plan
        tally = self.tally
        if Due.SCHEDULE in snapshot.due:
            tally.cycles += 1
        tally.cycle_s.append(report.seconds)
        tally.solver_s += [solve.seconds for solve in plan.solves]
        if plan.outlook:
            self._forecast_servers = plan.outlook.forecast_servers
        _tally_loans(tally, snapshot, plan)
        if self._log:
            self._write_actions(report, now)
            self._write_notes(plan, now)
            if Due.SCHEDULE in snapshot.due:
                self._write_waits(plan, now)

    def _write_actions(self, report: CycleReport, now: float) -> None:
        for outcome in report.outcomes:
            action = outcome.action
            line = {"t_s": now, "action": type(action).__name__} | _subject(action)
            line |= {"reason": _explained(action.reason), "outcome": outcome.status.value}
            self._write(line | ({"detail": outcome.detail} if outcome.detail else {}))
            if isinstance(action, PreemptJob):
                self._waits.pop(action.job_id, None)

    def _write_notes(self, plan: Plan, now: float) -> None:
        """What fell short of the best, when that changes."""
        for note in plan.notes:
            about = (note.code, str(dict(note.numbers).get("job", "")))
            if self._notes.get(about) != note or note.code is ReasonCode.SOLVER_LIMIT:
                self._notes[about] = note
                self._write({"t_s": now, "action": "Note", "reason": _explained(note)})

    def _write_waits(self, plan: Plan, now: float) -> None:
        """Why each job waits, when that changes; free GPUs come and go without being told."""
        waits: dict[str, object] = {}
        for waiting in plan.waiting:
            reason = waiting.reason
            behind = reason.numbers if reason.code is ReasonCode.BEHIND_HEAD else ()
            cause = (reason.code, behind)
            changed = [name for name in waiting.job_ids if self._waits.get(name) != cause]
            waits |= dict.fromkeys(waiting.job_ids, cause)
            if changed:
                line = {"t_s": now, "action": "Wait", "job_ids": changed}
                self._write(line | {"reason": _explained(reason)})
        self._waits = waits

    def _write(self, line: dict[str, Any]) -> None:
        assert self._log is not None
        self._log.write(json.dumps(line, separators=(",", ":")) + "\n")


def _subject(action: Action) -> dict[str, Any]:
    """Whom an action is about, and which workers."""
    match action:
        case StartJob():
            return {"job_id": action.job_id, "placements": _listed(action.placements)}
        case ResizeJob():
            removed, added = _listed(action.remove), _listed(action.add)
            return {"job_id": action.job_id, "remove": removed, "add": added}
        case PreemptJob():
            return {"job_id": action.job_id}
        case LoanServer() | ReclaimServer():
            return {"server_id": action.server_id}


def _listed(placements: Iterable[Placement]) -> list[dict[str, Any]]:
    return [
        {"server_id": p.server_id, "pool": p.pool.label, "kind": p.kind, "workers": p.workers}
        for p in placements
    ]


def _explained(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code.name, "text": reason.text, **dict(reason.numbers)}


def _tally_loans(tally: Tally, snapshot: Snapshot, plan: Plan) -> None:
    tally.loans += sum(isinstance(action, LoanServer) for action in plan.actions)
    returned = [action for action in plan.actions if isinstance(action, ReclaimServer)]
    if not returned:
        return
    codes = [action.reason.code for action in returned]
    tally.reclaims += len(returned)
    tally.asked_back_gpus += sum(snapshot.cluster.by_id[a.server_id].gpus for a in returned)
    tally.vacant_servers += codes.count(ReasonCode.RECLAIMED_VACANT)
    tally.flexible_servers += codes.count(ReasonCode.RECLAIMED_FLEXIBLE)
    if Due.ORCHESTRATE in snapshot.due:  # else they were vacant
        tally.collateral_gpus += _collateral_gpus(snapshot, plan, {a.server_id for a in returned})


def _collateral_gpus(snapshot: Snapshot, plan: Plan, returned: set[str]) -> int:
    """GPUs vacated on servers that were not returned (paper §3.4)."""
    gpus = 0
    held: dict[str, tuple[Placement, ...]] = {}
    for action in plan.actions:
        if not isinstance(action, ResizeJob | PreemptJob):
            continue
        job = snapshot.running.get(action.job_id)
        if job is None:
            continue  # this plan starts it, so it gave up nothing that was held
        before = held.get(job.id, job.placements)
        gone = action.remove if isinstance(action, ResizeJob) else before
        held[job.id] = without(before, gone)
        size = job.spec.gpus_per_worker
        gpus += sum(p.workers * size for p in gone if p.server_id not in returned)
    return gpus
