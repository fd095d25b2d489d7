"""The service itself on the wire: its status, tokens, the audit, events."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from api.schemas.cluster import PoolOut, ServerState
from api.schemas.fields import NO_CONTROLS, Asked, Told

RoleName = Literal["viewer", "submitter", "operator"]


class LeaderOut(Told):
    """The scheduler that leads."""

    holder: str
    term: int
    is_current: bool = Field(description="Whether its lease has not run out.")


class PolicyOut(Told):
    """The policy in force, in brief."""

    scheme: str
    ordering: str
    placement: str
    loaning: str
    reclaim: str
    scaling: str


class JobCounts(Told):
    """Jobs by state."""

    queued: int = 0
    running: int = 0
    finished: int = 0
    failed: int = 0
    cancelled: int = 0


class StatusOut(Told):
    """How the service stands; a part is null until a scheduler has said what it is."""

    now_s: float
    speed: float
    mode: str
    role: str
    leader: LeaderOut | None
    policy: PolicyOut | None
    jobs: JobCounts
    servers: dict[ServerState, int] = Field(description="How many servers are in each state.")
    pools: list[PoolOut]
    version: str


class EventOut(Told):
    """Something that happened."""

    id: int
    t_s: float
    kind: str
    origin: Literal["api", "scheduler"]
    job_id: str | None
    server_id: str | None
    plan_id: int | None
    detail: dict[str, Any]


class NewToken(Asked):
    """A token to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ada", "role": "submitter"}]}
    )

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_CONTROLS)]
    role: RoleName


class TokenOut(Told):
    """A token, without its secret."""

    id: int
    name: str
    role: RoleName
    created_wall_s: float
    revoked_wall_s: float | None


class MadeToken(TokenOut):
    """A new token with its secret, which is shown this once."""

    secret: str


class AuditOut(Told):
    """One change: who made it, and when by the wall clock."""

    id: int
    at_wall_s: float
    principal: str
    role: str
    action: str
    subject: str
    detail: dict[str, Any]


class ReadyOut(Told):
    """Whether the service can do its work; each check by name, `ok` or what is wrong."""

    ready: bool
    checks: dict[str, str]


class HealthOut(Told):
    """The process lives."""

    status: Literal["ok"] = "ok"
