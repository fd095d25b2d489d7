"""A cluster that lives in a file: jobs run on it, and end, whether or not anyone looks.

It is the simulated cluster paced by a clock that runs on by itself. Its file outlives the
scheduler as a real cluster would: whoever opens it next finds what was applied, and what came to
an end meanwhile, each at the moment when it did.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from aryl.engine.lifecycle import JobEvent
from aryl.engine.live import Ending, Wishes
from aryl.engine.ports import Clock, Observation, Outcome, Status
from aryl.engine.records import JobRecord
from aryl.model.errors import BadInput
from aryl.model.job import Job, JobSpec
from aryl.model.plan import Action, LoanServer, PreemptJob, ReclaimServer, Waiting
from simulator.clock import VirtualClock
from simulator.cluster import SimulatedCluster
from simulator.cluster_file import Changes, ClusterFile
from simulator.events import EventQueue, Kind
from simulator.journal import Notes
from simulator.world import World

AHEAD_S = 86_400.0  # a wall clock may be set back, and time stands still then; but not for days


class EmulatedCluster:
    """A `LiveCluster` without machines; `clock` says what time it is there."""

    def __init__(
        self, world: World, clock: Clock, path: Path, *, term: int = 0, service: str = ""
    ) -> None:
        """Open the cluster's file, or begin one.

        Raises `LeaseLost` where a later term owns it, and `BadInput` where it is another's.
        """
        self._clock = clock
        self._file = ClusterFile(path, world.cluster, service, term)
        kept = self._file.read()
        if kept.now > clock.now() + AHEAD_S:
            problem = f"is {kept.now - clock.now():.0f} s ahead of the service's clock"
            raise BadInput(str(path), problem, expected="the file of this database, or a new one")
        self._endings = {ending.job.id: ending for ending in kept.endings}
        self._inner, self._events = VirtualClock(), EventQueue()
        self._inner.move_to(kept.now)
        self._cluster = SimulatedCluster(world, self._inner, self._events, Notes())
        self._cluster.restore(kept.running, kept.loans, kept.version)

    def close(self) -> None:
        """Leave the cluster to itself."""
        self._file.close()

    def advance(self, _known: Mapping[str, JobRecord]) -> Wishes:
        """Let happen what has happened by now; no user has another way in than the service."""
        self._catch_up()
        return Wishes()

    def show(self, waiting: Sequence[Waiting]) -> None:
        """Nobody looks at machines that don't exist."""

    def observe(self) -> Observation:
        """Both pools as they are by now."""
        self._catch_up()
        return self._cluster.observe()

    def endings(self) -> Mapping[str, Ending]:
        """Jobs that ran and run no longer."""
        self._catch_up()
        return self._endings.copy()

    def apply(self, action: Action, job: Job | None = None) -> Outcome:
        """Carry out one action, and keep it."""
        self._catch_up()
        ending = self._endings.get(job.id) if job else None
        if ending and ending.event is not JobEvent.PREEMPT:
            detail = f"the job has ended: {ending.event.value}"
            return Outcome(action, Status.REFUSED, detail=detail)
        outcome = self._cluster.apply(action, job)
        if outcome.status is Status.DONE:
            self._keep(self._changes(outcome))
        return outcome

    def stop(self, job_id: str) -> None:
        """End a running job for good."""
        self._catch_up()
        if self._cluster.job(job_id):
            self._end(job_id, JobEvent.CANCEL)

    def amend(self, spec: JobSpec, saved: float) -> None:
        """Give a running job other bounds, or note what it has saved."""
        self._catch_up()
        job = self._cluster.job(spec.job_id)
        if job is not None and (job.spec != spec or job.saved != saved):
            amended = replace(job, spec=spec, saved=saved)
            self._cluster.amend(amended)
            self._keep(Changes(running=(amended,)))

    def forget(self, job_ids: Collection[str]) -> None:
        """Drop the endings of these jobs."""
        known = tuple(job_id for job_id in job_ids if self._endings.pop(job_id, None))
        if known:
            self._keep(Changes(forgotten=known))

    def next_change_s(self) -> float:
        """When the next job may finish, or a server be vacated."""
        return self._events.next_time()

    def _catch_up(self) -> None:
        """Let happen what has happened by now, each thing at its own moment."""
        now = self._clock.now()
        while self._events.next_time() <= now:
            time_s, kind, _, subject, token = self._events.pop()
            self._inner.move_to(max(time_s, self._inner.now()))
            if kind is Kind.RETURN:
                self._cluster.return_server(subject)
                self._keep(Changes(returned=(subject,)))
            elif self._cluster.is_due(subject, token):
                self._end(subject, JobEvent.FINISH)
        self._inner.move_to(max(now, self._inner.now()))

    def _end(self, job_id: str, event: JobEvent) -> None:
        job, now = self._cluster.job(job_id), self._inner.now()
        assert job is not None, "only a running job ends"
        self._cluster.end(job_id)
        done = job.spec.work if event is JobEvent.FINISH else job.done_by(now)
        left = replace(job, placements=(), done=done, progress_s=now, speed=0.0)
        self._keep(self._ended(Ending(left, event, now)))

    def _ended(self, ending: Ending) -> Changes:
        self._endings[ending.job.id] = ending
        return Changes(ended=(ending,))

    def _changes(self, outcome: Outcome) -> Changes:
        """What an action has changed."""
        action, job = outcome.action, outcome.job
        if isinstance(action, LoanServer | ReclaimServer):
            loan = self._cluster.loan(action.server_id)
            return Changes(loans=(loan,)) if loan else Changes(returned=(action.server_id,))
        assert job is not None, "all other actions touch a job"
        if isinstance(action, PreemptJob):
            return self._ended(Ending(job, JobEvent.PREEMPT, self._inner.now()))
        was_ended = self._endings.pop(job.id, None)
        return Changes(running=(job,), forgotten=(job.id,) if was_ended else ())

    def _keep(self, changes: Changes) -> None:
        self._file.write(changes, self._cluster.version, self._inner.now())
