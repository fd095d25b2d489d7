"""For whoever watches over the process: does it live, can it work, and what does it count."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.dependencies import Serving, Viewer, told
from api.openapi import GUARDED
from api.schemas.service import HealthOut, ReadyOut

router = APIRouter(tags=["service"])


@router.get("/healthz", response_model=HealthOut)
def get_health() -> Response:
    """The process lives and answers; it needs no token."""
    return told(HealthOut())


@router.get(
    "/readyz",
    response_model=ReadyOut,
    responses={503: {"model": ReadyOut, "description": "It can't do its work now."}},
)
def get_readiness(service: Serving) -> Response:
    """Whether the process can do its work; it needs no token, and says nothing secret."""
    checks = service.parts.readiness()
    ready = all(said == "ok" for said in checks.values())
    return told(ReadyOut(ready=ready, checks=dict(checks)), 200 if ready else 503)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={
        200: {
            "description": "Everything that is counted, as Prometheus reads it.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **GUARDED,
    },
)
def get_metrics(service: Serving, _: Viewer) -> Response:
    """Everything that is counted, as Prometheus reads it."""
    text = generate_latest(service.parts.registry)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
