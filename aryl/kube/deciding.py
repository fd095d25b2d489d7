"""A plan's actions on jobs, each as one write on the job's object; pods follow later."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from aryl.engine.lifecycle import JobEvent
from aryl.engine.live import Ending
from aryl.engine.ports import Outcome, Status
from aryl.kube.books import Books
from aryl.kube.budgets import forbidding, is_evicted
from aryl.kube.ended import left_by
from aryl.kube.lending import note_refusal
from aryl.kube.names import KIND
from aryl.kube.progress import resized, started
from aryl.kube.views import PodView
from aryl.kube.workloads import Workload
from aryl.kube.writing import Pen
from aryl.model.job import Job, JobSpec, Placement, WorkerKind
from aryl.model.plan import PreemptJob, ResizeJob, StartJob
from aryl.policy.units import together, without

MOVED_ON = "the job's object has changed meanwhile"


def start(pen: Pen, books: Books, action: StartJob, job: Job | None) -> Outcome:
    """Give a waiting job its base workers; one without an object gets that too, in one write."""
    if job is None or job.id in books.running:
        return _refused(action, "the job does not wait")
    obstacle = books.obstacle(action.placements, job.spec.gpus_per_worker)
    if obstacle:
        return _refused(action, obstacle)
    run = started(job, action.placements, pen.clock.now(), pen.rates)
    workload = books.workloads.get(job.id)
    if workload is None:
        return _outcome(books, action, pen.publish(job.spec, run))
    is_leaving = workload.has_ended or workload.view.is_deleted
    hindrance = "the job is about to end" if is_leaving else workload.fault
    if hindrance:
        return _refused(action, hindrance)
    return _outcome(books, action, pen.allocate(workload, run))


def resize(pen: Pen, books: Books, action: ResizeJob) -> Outcome:
    """Take flexible workers away, and add others."""
    job, workload = books.running.get(action.job_id), books.workloads.get(action.job_id)
    if job is None or workload is None:
        return _refused(action, "the job does not run")
    if not _has(job, action.remove):
        return _refused(action, "the job holds fewer workers there")
    pods = [pod for p in action.remove for pod in _leaving(books, workload, p)]
    budget = _budget_against(books, pods)
    if budget:
        note_refusal(pen, books, {p.server_id for p in action.remove})
        return _refused(action, f"the budget {budget} allows no eviction now")
    left = without(job.placements, action.remove)
    obstacle = books.obstacle(action.add, job.spec.gpus_per_worker)
    if obstacle:
        return _refused(action, obstacle)
    run = resized(job, together(left, action.add), pen.clock.now(), pen.rates)
    return _outcome(books, action, pen.allocate(workload, run))


def preempt(pen: Pen, books: Books, action: PreemptJob) -> Outcome:
    """Take all workers away; the job waits again, with what it has saved."""
    job, workload = books.running.get(action.job_id), books.workloads.get(action.job_id)
    if job is None or workload is None:
        return _refused(action, "the job does not run")
    budget = _budget_against(books, workload.kind.pods(workload.view, books.moment.sight))
    if budget:
        note_refusal(pen, books, {p.server_id for p in job.placements})
        return _refused(action, f"the budget {budget} allows no eviction now")
    waits = job.preempted(pen.clock.now())  # suspended or not: only what was saved is left
    return _outcome(books, action, pen.allocate(workload, waits))


def stop(pen: Pen, books: Books, job_id: str) -> None:
    """End a running job for good."""
    job, workload = books.running.get(job_id), books.workloads.get(job_id)
    if job is None or workload is None:
        return
    now = pen.clock.now()
    ending = Ending(left_by(job, JobEvent.CANCEL, now), JobEvent.CANCEL, now)
    if pen.end(workload, ending):
        books.move(job_id, None)


def amend(pen: Pen, books: Books, spec: JobSpec, saved: float) -> None:
    """Give a running job other bounds, or note what it has saved."""
    job, workload = books.running.get(spec.job_id), books.workloads.get(spec.job_id)
    if job is None or workload is None or (job.spec == spec and job.saved >= saved):
        return
    amended = replace(job, spec=spec, saved=max(job.saved, saved))
    written = pen.allocate(workload, amended)
    if written is not None:
        books.write(written)


def _has(job: Job, removed: Iterable[Placement]) -> bool:
    held = {(p.server_id, p.kind): p.workers for p in job.placements}
    return all(held.get((p.server_id, p.kind), 0) >= p.workers for p in removed)


def _leaving(books: Books, workload: Workload, gone: Placement) -> Sequence[PodView]:
    """As many of a job's pods on a server as are to go, flexible ones first."""
    pods = workload.kind.pods(workload.view, books.moment.sight)
    there = [pod for pod in pods if pod.node == gone.server_id and is_evicted(pod)]
    there.sort(key=lambda pod: pod.labels.get(KIND) == WorkerKind.BASE)
    return there[: gone.workers]


def _budget_against(books: Books, pods: Iterable[PodView]) -> str:
    going = [pod for pod in pods if is_evicted(pod)]
    return forbidding(going, books.moment.sight.picture.budgets.values())


def _outcome(
    books: Books, action: StartJob | ResizeJob | PreemptJob, written: Workload | None
) -> Outcome:
    if written is None or written.allocation is None:
        return _refused(action, MOVED_ON)
    books.write(written)
    return Outcome(action, Status.DONE, written.allocation.job)


def _refused(action: StartJob | ResizeJob | PreemptJob, detail: str) -> Outcome:
    return Outcome(action, Status.REFUSED, detail=detail)
