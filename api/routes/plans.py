"""What was decided."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Number, Part, Serving, Viewer, told
from api.openapi import PAGED, problems
from api.pages import link
from api.schemas.fields import Page
from api.schemas.plans import PlanDetailOut, PlanOut

router = APIRouter(prefix="/plans", tags=["plans"])


@router.get("", response_model=Page[PlanOut], responses=PAGED)
def list_plans(request: Request, service: Serving, _: Viewer, part: Part) -> Response:
    """Plans that did something or looked ahead, newest first."""
    page = service.views.plans(part)
    return told(page, headers=link(request, page))


@router.get("/{plan_id}", response_model=PlanDetailOut, responses=problems(404))
def get_plan(service: Serving, _: Viewer, plan_id: Number) -> Response:
    """One plan with its actions, and what became of them."""
    return told(service.views.plan(plan_id))


@router.get(
    "/{plan_id}/snapshot",
    responses={
        200: {
            "description": "All that the decision saw; `aryl plan --snapshot` decides it again.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **problems(404),
    },
)
def get_plan_snapshot(service: Serving, _: Viewer, plan_id: Number) -> Response:
    """What a plan was decided on; not every plan keeps it."""
    return Response(service.views.snapshot(plan_id), media_type="application/json")
