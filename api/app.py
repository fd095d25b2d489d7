"""The API as one ASGI app: routers, limits, errors and what runs beside them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.middleware import Middleware

from api.access_log import AccessLog
from api.dependencies import KnownQueries
from api.errors import install
from api.extender import BYTES_MAX, EXTENDER_AT
from api.limits import BodyLimit, Buckets, RateLimit
from api.openapi import DESCRIPTION, GUARDED, TAGS, describe, operation_id
from api.parts import PREFIX, ApiSettings, Parts
from api.routes import (
    access,
    cluster,
    demand,
    explain,
    health,
    jobs,
    plans,
    status,
    stream,
    whatif,
)
from api.security import Door, client_of
from api.service import service_on

ROUTERS = (jobs, explain, cluster, plans, whatif, demand, stream, status, access)


def create_app(parts: Parts) -> FastAPI:
    """An app that answers with what it is given; `app.state.service` holds what it is made of."""
    service = service_on(parts)
    settings = parts.settings

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    buckets = Buckets(parts.wall, per_s=settings.requests_per_s, burst=settings.burst_requests)
    app = FastAPI(
        title="Aryl",
        version=settings.version,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page needs scripts from another site
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=operation_id,
        redirect_slashes=False,
        middleware=[
            Middleware(AccessLog, metrics=parts.metrics),
            Middleware(Door, gate=service.gate),
            Middleware(RateLimit, buckets=buckets, client_of=client_of(service.gate)),
            Middleware(BodyLimit, limit_of=_bytes_max_by(settings)),
        ],
    )
    app.state.service = service
    install(app)
    describe(app)
    app.include_router(health.router)
    known = KnownQueries(route for module in ROUTERS for route in module.router.routes)
    for module in ROUTERS:
        app.include_router(
            module.router, prefix=PREFIX, responses=GUARDED, dependencies=[Depends(known)]
        )
    return app


def _bytes_max_by(settings: ApiSettings) -> Callable[[str], int]:
    """How long the body of a request may be, by its path: kube-scheduler may send whole nodes."""

    def bytes_max(path: str) -> int:
        return BYTES_MAX if path.startswith(f"{EXTENDER_AT}/") else settings.body_bytes_max

    return bytes_max
