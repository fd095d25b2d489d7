"""Jobs: to submit, to look at, to change and to cancel."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import (
    IdempotencyKey,
    IfNoneMatch,
    JobIdPath,
    JobOrder,
    Part,
    Serving,
    Viewer,
    told,
)
from api.openapi import CHANGES_A_JOB, PAGED, WITH_ETAG, WRITES, Responses, problems
from api.pages import link
from api.schemas.fields import Label, Name, Page
from api.schemas.jobs import BoundsChange, Checkpoint, JobOut, NewJob, State
from api.schemas.service import EventOut
from api.service import Service
from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.store import JobFilter

router = APIRouter(prefix="/jobs", tags=["jobs"])

REHEARSED: Responses = {200: {"model": JobOut, "description": "Only rehearsed.", **WITH_ETAG}}
NONE: Mapping[str, str] = {}
OrderOfJobs = Annotated[Literal["oldest", "newest"], Query(description="Which come first.")]


@router.post(
    "",
    status_code=201,
    response_model=JobOut,
    responses={
        201: {
            "headers": {
                **WITH_ETAG["headers"],
                "Location": {"schema": {"type": "string"}},
                "Idempotency-Replayed": {
                    "description": "`true` where the job had been submitted with this key before.",
                    "schema": {"type": "string"},
                },
            }
        },
        **REHEARSED,
        **WRITES,
        **problems(409),
    },
)
def submit_job(
    service: Serving, order: JobOrder, body: NewJob, idempotency_key: IdempotencyKey = None
) -> Response:
    """Submit a job; it waits until the scheduler starts it."""
    receipt = service.commands.submit(body, order, idempotency_key)
    headers = {"Location": f"/api/v1/jobs/{receipt.record.id}"}
    status = 200 if order.is_rehearsal else 201
    if receipt.is_repeat:
        return _job(service, receipt.record, status, headers | {"Idempotency-Replayed": "true"})
    job = service.views.new_job(
        receipt.record
    )  # nobody has looked at it yet: no store need be asked
    return told(job, status, headers | {"ETag": _etag(receipt.record)})


@router.get("", response_model=Page[JobOut], responses=PAGED)
def list_jobs(  # noqa: PLR0913, PLR0917 - a filter each
    request: Request,
    service: Serving,
    _: Viewer,
    part: Part,
    state: State | None = None,
    user: Label | None = None,
    queue: Label | None = None,
    name: Name | None = None,
    order: OrderOfJobs = "oldest",
) -> Response:
    """Jobs in the order of submission."""
    wanted = JobFilter(
        state=JobState(state) if state else None,
        user=user,
        queue=queue,
        name=name,
        newest_first=order == "newest",
    )
    page = service.views.jobs(wanted, part)
    return told(page, headers=link(request, page))


@router.get("/{job_id}", response_model=JobOut, responses={200: WITH_ETAG, **problems(304, 404)})
def get_job(
    service: Serving, _: Viewer, job_id: JobIdPath, if_none_match: IfNoneMatch = None
) -> Response:
    """One job; its ETag changes with each decision about it, and not with its progress."""
    record = service.views.record(job_id)
    if if_none_match is not None and _is_known(record, if_none_match):
        return Response(status_code=304, headers={"ETag": _etag(record)})
    return _job(service, record)


@router.delete(
    "/{job_id}",
    status_code=202,
    response_model=JobOut,
    responses={202: WITH_ETAG, **REHEARSED, **CHANGES_A_JOB},
)
def cancel_job(service: Serving, order: JobOrder, job_id: JobIdPath) -> Response:
    """Ask for a job's end; the scheduler ends it at once."""
    record = service.commands.cancel(job_id, order)
    return _job(service, record, 200 if order.is_rehearsal else 202)


@router.patch(
    "/{job_id}",
    response_model=JobOut,
    responses={200: WITH_ETAG, **WRITES, **CHANGES_A_JOB},
)
def change_job(
    service: Serving, order: JobOrder, job_id: JobIdPath, body: BoundsChange
) -> Response:
    """Give a job other bounds on its workers; of a running one, only the upper may change."""
    return _job(service, service.commands.change_bounds(job_id, body, order))


@router.post(
    "/{job_id}/checkpoints",
    response_model=JobOut,
    responses={200: WITH_ETAG, **WRITES, **CHANGES_A_JOB},
)
def report_checkpoint(
    service: Serving, order: JobOrder, job_id: JobIdPath, body: Checkpoint
) -> Response:
    """Tell that a job has saved its progress: a preemption loses only what came after."""
    return _job(service, service.commands.report_checkpoint(job_id, body, order))


@router.get("/{job_id}/events", response_model=Page[EventOut], responses={**PAGED, **problems(404)})
def list_job_events(
    request: Request, service: Serving, _: Viewer, job_id: JobIdPath, part: Part
) -> Response:
    """What happened to a job, oldest first."""
    page = service.views.job_events(job_id, part)
    return told(page, headers=link(request, page))


def _job(
    service: Service, record: JobRecord, status: int = 200, headers: Mapping[str, str] = NONE
) -> Response:
    (job,) = service.views.jobs_of([record])
    return told(job, status, {"ETag": _etag(record), **headers})


def _etag(record: JobRecord) -> str:
    return f'"{record.version}"'


def _is_known(record: JobRecord, if_none_match: str) -> bool:
    """Whether an If-None-Match header names that version (RFC 9110): `*` names any."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return bool(tags & {"*", _etag(record)})
