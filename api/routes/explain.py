"""Why a job stands as it does."""

from fastapi import APIRouter, Response

from api.dependencies import JobIdPath, Serving, Viewer, told
from api.openapi import problems
from api.schemas.explain import ExplainOut

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("/{job_id}/explain", response_model=ExplainOut, responses=problems(404))
def explain_job(service: Serving, _: Viewer, job_id: JobIdPath) -> Response:
    """Why a job waits, who comes before it, when it may start, and what happened to it."""
    return told(service.explanations.of(job_id))
