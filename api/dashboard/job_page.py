"""A job's page: its life as a timeline, why it waits, what it holds; and what may be done to it."""

import re
from collections.abc import Mapping

from anyio import to_thread
from nicegui import ui

from api.commands import Order
from api.dashboard import words
from api.dashboard.elements import Panel
from api.dashboard.life import stretches
from api.dashboard.rendering import render
from api.dashboard.shell import Visit
from api.schemas.fields import JOB_ID
from api.schemas.jobs import BoundsChange, JobOut
from api.views import Asked, Views
from aryl.model.errors import ArylError, Missing
from aryl.store import Role

EVENTS = 1_000  # of one job that are shown


async def build(visit: Visit, job_id: str) -> None:
    """Build the page, and keep it up to date."""
    views = visit.site.service.views
    job = await to_thread.run_sync(_found, views, job_id)
    with visit.page(f"Job {job_id}"):
        await visit.live(lambda: render("job_title", job=_job(views, job_id)))
        if job is None:
            return
        with ui.element("div").classes("grid"):
            with ui.element("div").classes("w8"):
                await visit.live(lambda: _life(views, job_id))
                visit.later(lambda: _story(visit, job_id))
            with ui.element("div").classes("w4"):
                await visit.live(lambda: render("job_facts", facts=_facts(views.job(job_id))))
                if _may_change(visit, job):
                    await _controls(visit, job_id)


def _life(views: Views, job_id: str) -> str:
    """What it held from its submission on, and what it holds."""
    job = views.job(job_id)
    events = views.job_events(job_id, Asked(EVENTS)).items
    lived = stretches(job.submit_s, events, views.clock.now())
    most = max((stretch.workers for stretch in lived), default=0) or 1
    return render("job", job=job, stretches=lived, most=most)


def _story(visit: Visit, job_id: str) -> str:
    """Why it stands as it does, and all that happened to it."""
    return render("story", told=visit.site.service.explanations.of(job_id))


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


def _job(views: Views, job_id: str) -> JobOut:
    """The job. Raises `Missing`."""
    if not re.fullmatch(JOB_ID, job_id):
        raise Missing("job", job_id)
    return views.job(job_id)


def _found(views: Views, job_id: str) -> JobOut | None:
    try:
        return _job(views, job_id)
    except Missing:
        return None


def _may_change(visit: Visit, job: JobOut) -> bool:
    who = visit.who
    is_own = who.role.covers(Role.SUBMITTER) and who.name == job.owner
    return is_own or who.role.covers(Role.OPERATOR)


async def _controls(visit: Visit, job_id: str) -> None:
    """Cancel the job, or give it other bounds; the service decides, and its answer is shown."""
    service = visit.site.service

    def rendered(said: str = "") -> str:
        return render("job_controls", job=_found(service.views, job_id), said=said)

    def told(name: str, fields: Mapping[str, str]) -> str:
        try:
            order = Order(visit.still())
            if name == "cancel":
                service.commands.cancel(job_id, order)
                return rendered("It is being cancelled.")
            change = BoundsChange(**{key: int(value) for key, value in fields.items() if value})
            service.commands.change_bounds(job_id, change, order)
            return rendered("Its bounds are changed.")
        except (ArylError, ValueError) as error:
            return rendered(str(error))

    async def act(name: str, fields: dict[str, str]) -> None:
        controls.show(await to_thread.run_sync(told, name, fields))

    controls = Panel(await to_thread.run_sync(rendered), on_act=act)
