"""Tokens, and who changed what: for operators."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Number, Operator, OperatorOrder, Part, Serving, told
from api.openapi import PAGED, WRITES, problems
from api.pages import link
from api.schemas.fields import Page
from api.schemas.service import AuditOut, MadeToken, NewToken, TokenOut

router = APIRouter(tags=["access"])


@router.post(
    "/tokens",
    status_code=201,
    response_model=MadeToken,
    responses={200: {"model": TokenOut, "description": "Only rehearsed."}, **WRITES},
)
def create_token(service: Serving, order: OperatorOrder, body: NewToken) -> Response:
    """Make a token; its secret is told this once. From the first on, a token is needed."""
    made = service.commands.create_token(body, order)
    if order.is_rehearsal:
        return told(made)
    service.gate.close()
    return told(made, 201, {"Cache-Control": "no-store"})


@router.get("/tokens", response_model=Page[TokenOut])
def list_tokens(service: Serving, _: Operator) -> Response:
    """Every token without its secret, oldest first."""
    return told(service.views.tokens())


@router.delete(
    "/tokens/{token_id}",
    status_code=204,
    responses={200: {"description": "Only rehearsed."}, **problems(404)},
)
def revoke_token(service: Serving, order: OperatorOrder, token_id: Number) -> Response:
    """Let a token hold no longer: within two seconds nobody can use it."""
    service.commands.revoke_token(token_id, order)
    return Response(status_code=200 if order.is_rehearsal else 204)


@router.get("/audit", response_model=Page[AuditOut], responses=PAGED)
def list_audit(request: Request, service: Serving, _: Operator, part: Part) -> Response:
    """Who changed what, newest first."""
    page = service.views.audit(part)
    return told(page, headers=link(request, page))
