"""How the service stands."""

from fastapi import APIRouter, Response

from api.dependencies import Serving, Viewer, told
from api.schemas.service import StatusOut

router = APIRouter(tags=["service"])


@router.get("/status", response_model=StatusOut)
def get_status(service: Serving, _: Viewer) -> Response:
    """The cluster's time, who leads, the policy in force, jobs and servers in numbers."""
    return told(service.views.status())
