"""A job's page: its life as a timeline, why it waits, what it holds; and what may be done to it."""

from anyio import to_thread

from api.commands import Order
from api.dashboard import words
from api.dashboard.elements import Panel
from api.dashboard.life import stretches, turns
from api.dashboard.rendering import render
from api.dashboard.shell import Visit
from api.schemas.jobs import BoundsChange, JobOut
from api.views import Asked, Views
from aryl.model.errors import ArylError
from aryl.store import Role

EVENTS = 1_000  # of one job that are shown


async def build(visit: Visit, job_id: str) -> None:
    """Build the page, and keep it up to date."""
    views = visit.site.service.views
    with visit.page(f"Job {job_id}"):
        await visit.live(lambda: _job(views, job_id))
        job = await to_thread.run_sync(_found, views, job_id)
        if job and _may_change(visit, job):
            _controls(visit, job_id)


def _job(views: Views, job_id: str) -> str:
    job = views.job(job_id)
    events = views.job_events(job_id, Asked(EVENTS)).items
    lived = stretches(job, events, views.clock.now())
    return render(
        "job",
        job=job,
        stretches=lived,
        most=max((stretch.workers for stretch in lived), default=0) or 1,
        turns=turns(events),
        facts=_facts(job),
    )


def _facts(job: JobOut) -> list[tuple[str, str]]:
    """What the job asked for and what it has, by name."""
    workers = f"{job.workers.base} base, {job.workers.flexible} flexible"
    kinds = ("fungible", job.fungible), ("heterogeneous", job.heterogeneous)
    allowed = ", ".join(map(str, job.allowed_workers))
    return [
        ("GPUs asked for", f"{job.num_gpus} ({job.gpus_per_worker} a worker)"),
        (
            "workers",
            f"{job.min_workers} to {job.max_workers}" + (f": {allowed}" if allowed else ""),
        ),
        ("run time", words.duration(job.duration_s)),
        ("submitted", words.moment(job.submit_s)),
        ("first start", words.moment(job.first_start_s)),
        ("end", words.moment(job.finish_s)),
        ("waited", words.duration(job.waited_s)),
        ("holds", f"{words.several(job.gpus, 'GPU')}: {workers}" if job.gpus else "nothing"),
        ("user / queue", f"{job.user or words.NOTHING} / {job.queue or words.NOTHING}"),
        ("kind", ", ".join(name for name, holds in kinds if holds) or "training GPUs only"),
        ("priority", str(job.priority)),
        (
            "checkpoints",
            f"every {words.duration(job.checkpoint_s)}" if job.checkpoint_s else "none",
        ),
        ("preemptions", words.count(job.preemptions)),
        ("resizes", words.count(job.resizes)),
        ("lost to preemption", f"{words.count(job.lost_gpu_s / 3600)} GPU-hours"),
    ]


def _found(views: Views, job_id: str) -> JobOut | None:
    try:
        return views.job(job_id)
    except ArylError:
        return None


def _may_change(visit: Visit, job: JobOut) -> bool:
    who = visit.who
    is_own = who.role.covers(Role.SUBMITTER) and who.name == job.owner
    return is_own or who.role.covers(Role.OPERATOR)


def _controls(visit: Visit, job_id: str) -> None:
    """Cancel the job, or give it other bounds; the service decides, and its answer is shown."""
    service, order = visit.site.service, Order(visit.who)

    async def act(name: str, fields: dict[str, str]) -> None:
        try:
            if name == "cancel":
                await to_thread.run_sync(service.commands.cancel, job_id, order)
                said = "It is being cancelled."
            else:
                change = BoundsChange(**{key: int(value) for key, value in fields.items() if value})
                await to_thread.run_sync(service.commands.change_bounds, job_id, change, order)
                said = "Its bounds are changed."
        except (ArylError, ValueError) as error:
            said = str(error)
        controls.show(await to_thread.run_sync(rendered, said))

    def rendered(said: str = "") -> str:
        return render("job_controls", job=_found(service.views, job_id), said=said)

    controls = Panel(rendered(), on_act=act)
