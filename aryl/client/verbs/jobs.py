"""Verbs about jobs: submit, jobs, job, cancel, resize, checkpoint."""

from dataclasses import dataclass
from typing import Annotated

import typer

from aryl.client.drawing.jobs import job_card, jobs_page
from aryl.client.outcome import end_of
from aryl.client.session import Session
from aryl.client.verbs.new_job import NewJob
from aryl.client.verbs.verb import JOBS, JobId, Limit, Watch, duration, verb
from aryl.model.errors import BadInput

LIVE = ["running", "queued"]
STATES = [*LIVE, "finished", "failed", "cancelled"]


@verb("submit", "aryl submit bert --gpus 8 --duration 2h --max-workers 2 --fungible", JOBS)
def submit(
    session: Session,
    *,
    new: NewJob,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check it, and show what it would be.")
    ] = False,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Asked again with the same key, it is one job."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for its end; exit code 1 if it does not finish.")
    ] = False,
) -> None:
    """Submit a job."""
    body = new.body()
    if dry_run:
        session.answer(session.service.rehearse(body), job_card)
        return
    job = session.service.submit(body, key=idempotency_key)
    if not wait:
        session.tell(job, f"{job['id']} is {job['state']}; `aryl job {job['id']}` tells more")
        return
    ended = end_of(session.service, job, session.note, session.wait)
    session.answer(ended, job_card)
    if ended["state"] != "finished":
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which jobs to list."""

    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help=f"One of {', '.join(STATES)}; may be repeated."),
    ] = None
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Only theirs.")] = None
    queue: Annotated[str | None, typer.Option(metavar="NAME", help="Only those in it.")] = None
    limit: Limit = 50
    every: Annotated[
        bool, typer.Option("--all", help="However many there are; those that have ended, too.")
    ] = False

    def states(self) -> list[str]:
        """The states asked for, none where all are. Raises `BadInput`."""
        for name in self.state or ():
            if name not in STATES:
                expected = f"one of {', '.join(STATES)}"
                raise BadInput("--state", "is no state of a job", value=name, expected=expected)
        return self.state or ([] if self.every else LIVE)


@verb("jobs", "aryl jobs --state queued --watch", JOBS)
def jobs(session: Session, *, wanted: Wanted, watch: Watch = False) -> None:
    """List jobs: those that run or wait, unless --state or --all says otherwise."""
    query = {"user": wanted.user, "queue": wanted.queue}
    states, limit = wanted.states(), None if wanted.every else wanted.limit
    session.show(lambda: session.service.jobs(query, states, limit), jobs_page, watch=watch)


@verb("job", "aryl job bert-7 --watch", JOBS)
def job(session: Session, job_id: JobId, *, watch: Watch = False) -> None:
    """Show one job: what it asked for, what it holds, why it waits."""
    session.show(lambda: session.service.job(job_id), job_card, watch=watch)


@verb("cancel", "aryl cancel bert-7", JOBS)
def cancel(session: Session, job_id: JobId) -> None:
    """End a job, whether it waits or runs."""
    session.tell(session.service.cancel(job_id), f"{job_id} will be cancelled")


@verb("resize", "aryl resize bert-7 --max 12", JOBS)
def resize(
    session: Session,
    job_id: JobId,
    *,
    least: Annotated[
        int | None, typer.Option("--min", min=1, metavar="N", help="With fewer it can't run.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="More it can't use.")
    ] = None,
) -> None:
    """Give a job other bounds on its workers; the scheduler takes or adds some accordingly."""
    if least is None and most is None:
        raise typer.BadParameter("give --min, --max or both")
    job = session.service.resize(job_id, {"min_workers": least, "max_workers": most})
    text = f"{job_id} may hold {job['min_workers']} to {job['max_workers']} workers from now on"
    session.tell(job, text)


@verb("checkpoint", "aryl checkpoint bert-7 --progress 30m", JOBS)
def checkpoint(
    session: Session,
    job_id: JobId,
    *,
    progress_s: Annotated[
        float | None,
        typer.Option(
            "--progress",
            parser=duration,
            metavar="TIME",
            help="Run time saved, counted at the requested size; else all so far.",
        ),
    ] = None,
) -> None:
    """Tell that a job has saved its progress, which a preemption will not lose then."""
    job = session.service.checkpoint(job_id, progress_s)
    session.tell(job, f"{job_id} has a checkpoint; a preemption keeps what is in it")
