"""Everything that a service is told at its start: one TOML file, the environment, and flags.

Secrets come by the environment or by files; nothing here prints them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from api.kube_settings import KubernetesSettings
from aryl.config import read_toml
from aryl.model.errors import BadInput
from aryl.policy.config import PolicyConfig
from aryl.policy.registry import load_policy

DATABASE_URL = "ARYL_DATABASE_URL"
DAY_S = 86_400.0
SPEEDS = {"emulated": 60.0, "kubernetes": 1.0}  # what is real lives in wall time
KUBERNETES_SOURCES = frozenset({"pods", "hpa", "promql"})

_ON_KUBERNETES = 'cluster.kind = "kubernetes" besides'


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Table):
    """Where the service listens, and how much it takes."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    tls_cert: Path | None = None
    tls_key: Path | None = None
    body_bytes_max: Annotated[int, Field(ge=1_024)] = 1 << 20
    requests_per_s: Annotated[float, Field(gt=0)] = 2_000.0
    burst_requests: Annotated[int, Field(ge=1)] = 4_000


class DatabaseSettings(_Table):
    """Where everything is remembered."""

    url: SecretStr = SecretStr("sqlite:///aryl.db")


class SchedulerSettings(_Table):
    """How the scheduler leads; wall time apart from `snapshot_every_s` and `keep_s`."""

    shadow: bool = False
    lease_s: Annotated[float, Field(ge=1.0, le=60.0)] = 10.0
    poll_s: Annotated[float, Field(gt=0.0, le=60.0)] = 0.25
    snapshot_every_s: Annotated[float, Field(ge=0.0)] = 60.0
    keep_s: Annotated[float, Field(gt=0.0)] = 14 * DAY_S


class ClusterSettings(_Table):
    """The cluster that is scheduled."""

    kind: Literal["emulated", "kubernetes"] = "emulated"
    shape: str = "testbed"
    speed: Annotated[float, Field(gt=0.0, le=100_000.0)] = Field(
        default_factory=lambda told: SPEEDS.get(told.get("kind"), 1.0)
    )
    file: Path = Path("aryl-cluster.db")
    inference: Path | None = None
    inference_peak: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95


class DemandSettings(_Table):
    """Who tells inference demand: the cluster, or users by `POST /api/v1/demand`.

    A Kubernetes cluster tells it by its inference pods, by what autoscalers want besides, or by
    what Prometheus answers to a query.
    """

    source: Literal["cluster", "pushed", "pods", "hpa", "promql"] = "cluster"
    url: Annotated[str, Field(pattern=r"^(https?://.+)?$")] = ""
    query: str = ""
    unit: Literal["gpus", "servers"] = "gpus"
    every_s: Annotated[float, Field(ge=1.0, le=3_600.0)] = 15.0


class Settings(_Table):
    """All of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    cluster: ClusterSettings = ClusterSettings()
    demand: DemandSettings = DemandSettings()
    kubernetes: KubernetesSettings = KubernetesSettings()
    policy: PolicyConfig

    @property
    def is_kubernetes(self) -> bool:
        """Whether what is scheduled is a Kubernetes cluster."""
        return self.cluster.kind == "kubernetes"

    @property
    def mode(self) -> str:
        """Whether plans are carried out (`live`) or only told (`shadow`)."""
        return "shadow" if self.scheduler.shadow else "live"


def read_settings(
    file: Path | None, flags: Mapping[str, Mapping[str, object]], environment: Mapping[str, str]
) -> Settings:
    """The settings; flags win over the environment, it over the file. Raises `BadInput`.

    `flags` are tables like the file's; entries that are None were not given.
    """
    tables = read_toml(file) if file else {}
    source = str(file) if file else "flags"
    policy = tables.pop("policy", {})
    for name, table in {**tables, "policy": policy}.items():
        if not isinstance(table, dict):
            raise BadInput(source, "is no table", column=name, expected=f"[{name}]")
    told = {"database": {"url": environment.get(DATABASE_URL)}}
    for given in (told, flags):
        for table, entries in given.items():
            known = {name: value for name, value in entries.items() if value is not None}
            tables[table] = {**tables.get(table, {}), **known}
    try:
        settings = Settings(**tables, policy=load_policy(policy, source=source))
    except ValidationError as error:
        raise _refused(source, error) from error
    _check_source(settings.demand, settings.cluster, source)
    if settings.kubernetes != KubernetesSettings() and not settings.is_kubernetes:
        raise BadInput(source, "is told for nothing", column="kubernetes", expected=_ON_KUBERNETES)
    return settings


def environment() -> Mapping[str, str]:
    """This process's environment."""
    return os.environ


def _check_source(demand: DemandSettings, cluster: ClusterSettings, source: str) -> None:
    """Raise `BadInput` where the cluster can't tell demand in that way."""

    def refused(problem: str, expected: str) -> BadInput:
        told = demand.source
        return BadInput(source, problem, column="demand.source", value=told, expected=expected)

    if demand.source in KUBERNETES_SOURCES and cluster.kind != "kubernetes":
        raise refused("can't be asked", _ON_KUBERNETES)
    told = {bool(demand.url), bool(demand.query)}
    if told != {demand.source == "promql"}:
        problem = "does not suit demand.url and demand.query"
        raise refused(problem, "promql with both, and any other without")


def _refused(source: str, error: ValidationError) -> BadInput:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    is_secret = where == "database.url"
    value = None if is_secret or first["type"] == "missing" else first["input"]
    return BadInput(source, "is refused", column=where, value=value, expected=first["msg"])
