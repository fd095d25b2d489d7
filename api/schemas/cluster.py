"""Servers, pools, loans and inference demand on the wire."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.schemas.fields import MAX_TIME_S, Asked, Told

PoolName = Literal["training", "inference"]
ServerState = Literal["free", "busy", "on-loan", "reclaiming", "inference"]


class ShareOut(Told):
    """What one job holds on one server."""

    job_id: str
    kind: Literal["base", "flexible"]
    workers: int
    gpus: int


class ServerLoanOut(Told):
    """The loan of a server; from `reclaim_s` on it is being given back."""

    start_s: float
    reclaim_s: float | None


class ServerOut(Told):
    """A server, what it is used for, and by whom."""

    id: str
    pool: PoolName = Field(description="Its home, for ever.")
    gpus: int
    gpu_type: str
    state: ServerState = Field(
        description="free and busy: of the training pool; on-loan: of the inference pool, usable "
        "by training; reclaiming: on its way back; inference: at home."
    )
    free_gpus: int = Field(description="GPUs that training may use now.")
    jobs: list[ShareOut]
    loan: ServerLoanOut | None


class PoolOut(Told):
    """A pool in numbers; `used_gpus` are those that training jobs hold in it."""

    name: PoolName
    gpu_type: str
    servers: int
    gpus: int
    used_gpus: int
    free_gpus: int = Field(description="GPUs that training may use now.")
    on_loan_servers: int = Field(description="Lent to training, those on their way back included.")
    reclaiming_servers: int
    usage: float = Field(ge=0, le=1, description="used_gpus over the GPUs training may use.")


class LoanOut(Told):
    """A loan of one server, from start to end."""

    server_id: str
    start_s: float
    reclaim_s: float | None
    end_s: float | None


class DemandSample(Asked):
    """Inference demand, told by the inference side."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"servers": 12.5}]})

    servers: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    t_s: Annotated[float, Field(ge=0, le=MAX_TIME_S, allow_inf_nan=False)] | None = Field(
        default=None, description="Cluster time; now if unset."
    )


class DemandOut(Told):
    """Inference demand in one bin of 300 s."""

    t_s: float = Field(description="When the bin starts.")
    servers: float
    source: str = Field(description="`cluster`: seen; `pushed`: told by the inference side.")


class ForecastOut(Told):
    """What inference will need, and what that leaves to lend."""

    now_s: float
    forecaster: str
    quantile: float
    lead_s: float = Field(description="How far ahead the forecast looks.")
    known_bins: int = Field(description="Bins of demand, of 300 s each, that the forecast knows.")
    known_until_s: float | None
    forecast_servers: float | None = Field(description="null: nothing is known of demand yet.")
    headroom_servers: float = Field(description="Servers that are never lent.")
    inference_servers: int
    on_loan_servers: int
    loanable_servers: int | None


class SightOut(Told):
    """What was to be seen at the start of a bin of 300 s."""

    t_s: float
    queued_jobs: int
    running_jobs: int
    training_gpus_used: int
    on_loan_servers: int
    on_loan_gpus_used: int
    inference_demand_servers: float | None
    forecast_servers: float | None
