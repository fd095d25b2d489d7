"""Plans and what became of them, on the wire."""

from typing import Literal

from pydantic import Field

from api.schemas.fields import Told
from api.schemas.jobs import PlacementOut

LoopName = Literal["schedule", "orchestrate"]


class ReasonOut(Told):
    """Why something was decided."""

    code: str
    text: str
    numbers: dict[str, int | float | str]


class OutlookOut(Told):
    """What the orchestrator saw ahead."""

    forecast_servers: float
    loanable: int


class SolveOut(Told):
    """One call of an optimiser."""

    kind: str
    items: int
    seconds: float


class ActionOut(Told):
    """One action of a plan; what such an action has not is null."""

    position: int
    action: Literal["StartJob", "ResizeJob", "PreemptJob", "LoanServer", "ReclaimServer"]
    job_id: str | None
    server_id: str | None
    reason: ReasonOut
    placements: list[PlacementOut] | None = Field(description="Where a job starts.")
    remove: list[PlacementOut] | None = Field(description="What a resized job gives up.")
    add: list[PlacementOut] | None = Field(description="What a resized job gets.")
    status: Literal["done", "refused", "failed", "withheld"] | None = Field(
        description="null: its outcome is not known yet; withheld: in shadow nothing is done."
    )
    detail: str


class PlanOut(Told):
    """A plan without its actions."""

    id: int
    term: int = Field(description="Of the leader that made it.")
    t_s: float
    due: list[LoopName] = Field(description="Which of the two loops it is of.")
    mode: str = Field(description="live, or shadow: recommended and not carried out.")
    scheme: str
    outlook: OutlookOut | None
    notes: list[ReasonOut]
    solves: list[SolveOut]
    queued_jobs: int
    running_jobs: int
    settled_s: float | None


class PlanDetailOut(PlanOut):
    """A plan with its actions, in the order in which they took effect."""

    actions: list[ActionOut]
