"""Questions about what would be, and their answers, on the wire."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from api.schemas.fields import Asked, Told
from api.schemas.jobs import NewJob
from api.schemas.plans import ReasonOut

DAY_S = 86_400.0
HORIZON_S = 7 * DAY_S


class WhatIf(Asked):
    """What is supposed to happen now; nothing of it does."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"submit": {"name": "bert", "num_gpus": 16, "duration_s": 7200}},
                {"return": 3},
                {"lend": 2, "policy": {"scheme": "fifo"}},
            ],
            "minProperties": 1,
        },
        populate_by_name=False,
    )

    submit: NewJob | None = Field(default=None, description="A job submitted now.")
    lend: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="So many more servers lent to training now."
    )
    give_back: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, alias="return", description="So many servers returned to inference now."
    )
    policy: dict[str, Any] | None = Field(
        default=None, description="Entries of [policy] that differ from those in force."
    )
    horizon_s: Annotated[float, Field(gt=0, le=30 * DAY_S, allow_inf_nan=False)] = Field(
        default=HORIZON_S, description="How far to look ahead."
    )

    @model_validator(mode="after")
    def _supposes_something(self) -> "WhatIf":
        if not (self.submit or self.lend or self.give_back or self.policy):
            raise ValueError("suppose something: submit, lend, return or policy")
        return self


class StepOut(Told):
    """A number from a moment on."""

    t_s: float
    value: int


class SupposedJobOut(Told):
    """How a job that is only supposed would fare; what is not foreseen is null."""

    id: str
    start_s: float | None
    finish_s: float | None
    waits_s: float = Field(description="What it waits within the foreseen time.")
    preemptions: int
    sizes: list[StepOut] = Field(description="Its training workers from each moment on.")
    reason: ReasonOut | None = Field(description="Why it does not start as far as is foreseen.")


class ShiftOut(Told):
    """A job that gets on later or sooner; moments beyond what is foreseen are null."""

    job_id: str
    name: str
    delay_s: float = Field(description="Of its start, or else its finish; below 0: sooner.")
    start_s: float | None = Field(description="When it would start as things are.")
    changed_start_s: float | None
    finish_s: float | None
    changed_finish_s: float | None


class LossOut(Told):
    """A job that shrinks or is preempted, as it would not be, or not as soon."""

    job_id: str
    name: str
    t_s: float
    workers: int = Field(description="The training workers that it has left.")
    reason: ReasonOut


class LoansOut(Told):
    """Servers on loan from each moment on, as things are and as is supposed."""

    base: list[StepOut]
    changed: list[StepOut]


class FareOut(Told):
    """How the jobs fare that are known now."""

    mean_queuing_s: float = Field(description="What they wait from now on, on average.")
    mean_jct_s: float | None = Field(description="Of those that finish either way; null: none.")
    finished: int = Field(description="Of them, how many finish within what is foreseen.")


class WhatIfOut(Told):
    """What would be different; lists hold the most affected jobs, counts hold all."""

    now_s: float
    horizon_s: float
    until_s: float = Field(description="How far is really foreseen.")
    submitted: list[SupposedJobOut]
    loans: LoansOut
    preempted: list[LossOut]
    shrunk: list[LossOut]
    delayed: list[ShiftOut]
    sooner: list[ShiftOut]
    counts: dict[str, int] = Field(description="How many preempted, shrunk, delayed, sooner.")
    base: FareOut
    changed: FareOut
