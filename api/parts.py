"""What an API is made of: what it is given, and what it makes of that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from prometheus_client import CollectorRegistry

from aryl.engine.ports import Clock
from aryl.metrics import Metrics
from aryl.model.job import JobSpec
from aryl.store import ServiceStore
from aryl.store.templates import Template

PREFIX = "/api/v1"  # where all paths are but those for whoever watches the process

Wall = Callable[[], float]
Readiness = Callable[[], Mapping[str, str]]  # by check: `ok`, or what is wrong
CheckTemplate = Callable[[Template | None, JobSpec], None]  # raises `Refused`


class Authentication(Enum):
    """Who may ask without a token."""

    AUTOMATIC = "automatic"  # nobody, unless only this machine is listened to and no token exists
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The API's settings; `host` is the address it listens on, limits hold for each client."""

    host: str = "127.0.0.1"
    authentication: Authentication = Authentication.AUTOMATIC
    mode: str = "live"
    role: str = "all"
    version: str = "0"
    body_bytes_max: int = 1 << 20
    requests_per_s: float = 2_000.0
    burst_requests: int = 4_000
    waiting_submits: int = 2_000

    @property
    def may_open(self) -> bool:
        """Whether the API may be used without tokens while none exists."""
        return self.authentication is Authentication.AUTOMATIC and _is_local(self.host)


def any_template(_template: Template | None, _spec: JobSpec) -> None:
    """Refuse none: where nothing is made of templates, they are only kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an API is given; `wake` is called after each change, from any thread.

    `check_template` sees that workers of a new job can be made, of its template or without one.
    """

    store: ServiceStore
    clock: Clock
    wall: Wall
    settings: ApiSettings
    metrics: Metrics
    registry: CollectorRegistry
    readiness: Readiness
    wake: Callable[[], None]
    check_template: CheckTemplate = any_template


def _is_local(host: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
