"""Why a job stands as it does, on the wire."""

from pydantic import Field

from api.schemas.fields import Told
from api.schemas.jobs import State, WaitOut
from api.schemas.plans import ReasonOut


class AheadOut(Told):
    """A job that comes before the one that is explained."""

    id: str
    name: str
    owner: str
    num_gpus: int


class PlaceOut(Told):
    """Where a queued job stands in the order of the policy in force."""

    ordering: str
    place: int = Field(ge=1, description="1: it comes first.")
    queued: int
    jobs_ahead: int
    gpus_ahead: int = Field(description="What they need to start, on training GPUs.")
    first: list[AheadOut] = Field(description="Those of them that come first.")


class ErrorOut(Told):
    """How far off first estimates were of jobs that have started since, in seconds."""

    median_s: float
    p90_s: float
    jobs: int


class StartOut(Told):
    """When a queued job is expected to start: the policy run on from here, by all estimates."""

    start_s: float | None = Field(description="null: not before until_s.")
    made_s: float = Field(description="When this was estimated.")
    until_s: float | None = Field(description="How far ahead the estimate looked.")
    first_start_s: float | None = Field(description="What was estimated at first.")
    error: ErrorOut | None = Field(description="null: no job with an estimate has started yet.")


class GainOut(Told):
    """Who got what a job lost."""

    text: str
    job_id: str | None
    server_id: str | None


class StoryOut(Told):
    """Something that happened to a job."""

    t_s: float
    kind: str
    text: str = Field(description="A sentence about the job, with the reason where there is one.")
    plan_id: int | None
    reason: ReasonOut | None
    gains: list[GainOut] = Field(description="Who got what it lost, by the same plan.")


class ExplainOut(Told):
    """Why a job stands as it does; what does not apply to its state is null."""

    id: str
    name: str
    state: State
    now_s: float
    text: str = Field(description="All of it in sentences.")
    wait: WaitOut | None
    place: PlaceOut | None
    estimate: StartOut | None
    history: list[StoryOut] = Field(description="What happened to it, oldest first.")
