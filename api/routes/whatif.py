"""What would be if."""

from fastapi import APIRouter, Response

from api.dependencies import Serving, Viewer, told
from api.openapi import WRITES
from api.schemas.whatif import WhatIf, WhatIfOut
from api.whatif import hypothesis_of, what_if_out

router = APIRouter(prefix="/whatif", tags=["plans"])


@router.post("", response_model=WhatIfOut, responses=WRITES)
def ask_whatif(service: Serving, _: Viewer, body: WhatIf) -> Response:
    """What a job, more or fewer loans or another policy would change; nothing is touched."""
    known, now = service.views.knowledge.need(), service.parts.clock.now()
    supposed = hypothesis_of(body, known, now)
    return told(what_if_out(service.foresight.suppose(supposed, body.horizon_s), body.horizon_s))
