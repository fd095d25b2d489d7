"""Inference demand: what it was, what it will be, and what was to be seen meanwhile."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import OperatorOrder, Part, Serving, Viewer, told
from api.openapi import PAGED, WRITES
from api.pages import link
from api.schemas.cluster import DemandOut, DemandSample, ForecastOut, SightOut
from api.schemas.fields import MAX_TIME_S, Page

router = APIRouter(tags=["demand"])

Moment = Annotated[float, Query(ge=0, le=MAX_TIME_S, allow_inf_nan=False)]


@router.get("/demand", response_model=Page[DemandOut], responses=PAGED)
def list_demand(
    request: Request,
    service: Serving,
    _: Viewer,
    part: Part,
    from_s: Moment = 0.0,
    to_s: Moment = MAX_TIME_S,
) -> Response:
    """Demand in servers in bins of 300 s that start within a time, oldest first."""
    page = service.views.demand(from_s, to_s, part)
    return told(page, headers=link(request, page))


@router.post(
    "/demand",
    status_code=201,
    response_model=DemandOut,
    responses={200: {"model": DemandOut, "description": "Only rehearsed."}, **WRITES},
)
def push_demand(service: Serving, order: OperatorOrder, body: DemandSample) -> Response:
    """Tell what inference needs; of what is told of one bin, the largest counts."""
    status = 200 if order.is_rehearsal else 201
    return told(service.commands.push_demand(body, order), status)


@router.get("/forecast", response_model=ForecastOut)
def get_forecast(service: Serving, _: Viewer) -> Response:
    """What inference will need within the policy's lead time, and what that leaves to lend."""
    return told(service.views.forecast())


@router.get("/timeline", response_model=Page[SightOut], responses=PAGED)
def list_timeline(
    request: Request,
    service: Serving,
    _: Viewer,
    part: Part,
    from_s: Moment = 0.0,
    to_s: Moment = MAX_TIME_S,
) -> Response:
    """Queue, use and loans at the start of each bin of 300 s within a time, oldest first."""
    page = service.views.timeline(from_s, to_s, part)
    return told(page, headers=link(request, page))
