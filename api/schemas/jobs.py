"""Jobs on the wire: what is asked for, and how one stands."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from api.schemas.fields import Asked, JobId, Label, Name, Seconds, Template, Told, Whole, Workers

State = Literal["queued", "running", "finished", "failed", "cancelled"]


class NewJob(Asked):
    """A job to be run. Worker counts are in workers of the training pool's GPU type."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "resnet", "num_gpus": 4, "duration_s": 3600},
                {
                    "name": "bert",
                    "id": "bert-7",
                    "num_gpus": 8,
                    "gpus_per_worker": 2,
                    "min_workers": 2,
                    "max_workers": 8,
                    "duration_s": 86400,
                    "fungible": True,
                    "checkpoint_s": 1800,
                    "user": "ada",
                },
            ]
        }
    )

    name: Name
    num_gpus: Annotated[Whole, Field(ge=1, le=100_000, description="GPUs at the requested size.")]
    duration_s: Annotated[Seconds, Field(description="Run time at the requested size.")]
    id: JobId | None = Field(default=None, description="Made up where it is left out.")
    user: Label = ""
    queue: Label = ""
    model: Label = ""
    gpus_per_worker: Workers | None = Field(
        default=None,
        description="All where a training server has as many, else the largest size that tiles.",
    )
    min_workers: Workers | None = Field(
        default=None, description="Below that the job does not run; the requested workers if unset."
    )
    max_workers: Workers | None = Field(
        default=None, description="More it can't use; the requested workers if unset."
    )
    allowed_workers: Annotated[list[Workers], Field(max_length=1_000)] | None = Field(
        default=None, description="The numbers of workers it can run with; any if unset."
    )
    fungible: bool = Field(default=False, description="It may run on another GPU type.")
    heterogeneous: bool = Field(default=False, description="It may run on both types at once.")
    checkpoint_s: Seconds = Field(default=0.0, description="Progress between checkpoints; 0: none.")
    carry_in: bool = Field(
        default=False,
        description="It ran before the service took over: it is placed before all others. For "
        "operators.",
    )
    estimated_duration_s: Seconds | None = Field(
        default=None, description="What a scheduler may know of the run time; all of it if unset."
    )
    priority: Annotated[Whole, Field(ge=0, le=1_000_000)] = 0
    template: Template | None = Field(
        default=None,
        description="What its workers run: on Kubernetes, a pod template (`metadata` and `spec`). "
        "At most 64 KiB; kept beside the job.",
    )


class BoundsChange(Asked):
    """New bounds of an elastic job; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"max_workers": 6}], "minProperties": 1}
    )

    min_workers: Workers | None = None
    max_workers: Workers | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.min_workers is None and self.max_workers is None:
            raise ValueError("names neither min_workers nor max_workers")
        return self


class Checkpoint(Asked):
    """A checkpoint that a running job has written."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"progress_s": 1800}]})

    progress_s: Seconds | None = Field(
        default=None,
        description="Run time saved, counted at the requested size; all progress so far if unset.",
    )


class PlacementOut(Told):
    """Workers of one kind on one server, counted in that server's GPU type."""

    server_id: str
    pool: Literal["training", "inference"]
    kind: Literal["base", "flexible"]
    workers: int


class WorkersOut(Told):
    """Workers that a job holds, in workers of the training pool's GPU type."""

    base: int
    flexible: int


class WaitOut(Told):
    """Why a job waits."""

    code: str = Field(description="The reason, for programs.")
    text: str = Field(description="The reason, for people.")
    numbers: dict[str, int | float | str]
    since_s: float = Field(description="Since when it waits for that reason.")


class JobOut(Told):
    """A job: what was asked for, and how it stands. Times are seconds of cluster time."""

    id: str
    name: str
    owner: str = Field(
        description="Who submitted it: the name of a token, or `kubernetes:` and a namespace."
    )
    state: State
    version: int = Field(description="Counts its changes; its ETag.")
    user: str
    queue: str
    model: str
    priority: int
    submit_s: float
    num_gpus: int
    gpus_per_worker: int
    min_workers: int
    max_workers: int
    allowed_workers: list[int] = Field(description="Empty: any number between the bounds.")
    fungible: bool
    heterogeneous: bool
    duration_s: float
    estimated_duration_s: float
    checkpoint_s: float
    workers: WorkersOut
    gpus: int = Field(description="GPUs that it holds.")
    placements: list[PlacementOut]
    progress: float = Field(ge=0, le=1, description="The share of its work that is done.")
    first_start_s: float | None
    finish_s: float | None
    waited_s: float = Field(description="All the time it has waited so far.")
    preemptions: int
    resizes: int
    lost_gpu_s: float = Field(description="Discarded progress, in training GPU-seconds.")
    wait: WaitOut | None
    estimated_start_s: float | None
    cancel_requested_s: float | None
