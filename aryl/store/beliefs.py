"""How long jobs are believed to run: written on those that wait, learnt from those that ended.

What is written stays: a job keeps its estimate when another scheduler takes over, which learns from
the jobs in the store, and guesses again only for those that wait.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from math import exp
from typing import Final

from sqlalchemy import Connection, bindparam

from aryl.engine.estimating import ESTIMATORS, believing
from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.plain import reason_plain
from aryl.model.reason import ReasonCode, because
from aryl.policy.estimating import Guess
from aryl.store.claims import SCHEDULER
from aryl.store.lives import LIVE
from aryl.store.rows import Event, append_events, job_rows, records_of
from aryl.store.tables import JOBS

Writing = Callable[[], AbstractContextManager[Connection]]  # begins a write of the leader

LEARNT_FROM: Final = 5_000  # ended jobs, the newest: a class of jobs remembers some twenty


class Beliefs:
    """The estimates of one leader."""

    def __init__(self, connection: Connection, mode: str, writing: Writing) -> None:
        """Learn from the jobs that have ended; `mode` is the knob `estimates`."""
        self._estimator, self._writing = ESTIMATORS[mode](), writing
        self._are_given = mode == "given"
        if not self._are_given:
            live = JOBS.c.state.in_([state.value for state in LIVE])
            newest = job_rows().where(~live).order_by(JOBS.c.sequence.desc()).limit(LEARNT_FROM)
            ended = records_of(connection.execute(newest))
            self.learn(sorted(ended, key=lambda record: (record.finish_s or 0.0, record.sequence)))

    def of(self, records: Iterable[JobRecord]) -> list[JobRecord]:
        """Those of the jobs that wait, with a guess as their estimate, where that is not as given.

        What is guessed is written, and told as an event.
        """
        if self._are_given:
            return []
        waiting = [record for record in records if record.state is JobState.QUEUED]
        guesses = [(record, self._estimator.guess(record.job.spec)) for record in waiting]
        found = [(record, guess) for record, guess in guesses if guess]
        if found:
            with self._writing() as connection:
                _write(connection, found)
        return [_with_guess(record, guess) for record, guess in found]

    def learn(self, records: Iterable[JobRecord]) -> None:
        """Learn from those that have run and ended, however they did: they held GPUs so long.

        What counts is the time for which a job held its base workers: a live cluster does not know
        how much work was in a job.
        """
        for record in records:
            if record.finish_s is not None and record.first_start_s is not None:
                spec = record.job.spec
                held_s = record.finish_s - spec.submit_s - record.queuing_s
                self._estimator.ended(spec, max(0.0, held_s))

    def look(self, records: Iterable[JobRecord], now: float) -> None:
        """Learn from those that run at `now`."""
        running = (record.job for record in records if record.state is JobState.RUNNING)
        self._estimator.look(running, now)


def _write(connection: Connection, found: Sequence[tuple[JobRecord, Guess]]) -> None:
    rows = [{"of": record.id, "run_s": guess.run_s} for record, guess in found]
    statement = JOBS.update().where(JOBS.c.id == bindparam("of"))
    connection.execute(statement.values(estimated_duration_s=bindparam("run_s")), rows)
    append_events(
        connection,
        [_told(record, guess, guess.log_error) for record, guess in found if guess.log_error],
    )


def _with_guess(record: JobRecord, guess: Guess) -> JobRecord:
    spec = believing(record.job.spec, guess)
    return replace(record, job=replace(record.job, spec=spec))


def _told(record: JobRecord, guess: Guess, log_error: float) -> Event:
    """The event of a guess, with how far off it may be, and what was given instead."""
    spec = record.job.spec
    reason = because(
        ReasonCode.GUESSED,
        run_s=round(guess.run_s, 1),
        factor=round(exp(log_error), 1),
        given_s=spec.estimated_duration_s,
    )
    detail = {"reason": reason_plain(reason)}
    return Event(
        t_s=spec.submit_s, kind="estimated", origin=SCHEDULER, job_id=record.id, detail=detail
    )
