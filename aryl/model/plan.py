"""What a decision answers: actions in the order in which they take effect, and reasons."""

from dataclasses import dataclass, field

from aryl.model.job import Placement
from aryl.model.reason import Reason


@dataclass(frozen=True, slots=True)
class StartJob:
    """Give a queued job its base workers."""

    job_id: str
    placements: tuple[Placement, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class ResizeJob:
    """Take flexible workers from a running job, or add some."""

    job_id: str
    reason: Reason
    remove: tuple[Placement, ...] = ()
    add: tuple[Placement, ...] = ()


@dataclass(frozen=True, slots=True)
class PreemptJob:
    """Take all workers from a running job; it goes back to the queue.

    A job that `suspends` saves its progress first, as preemptive schedulers have it (spec §4).
    """

    job_id: str
    reason: Reason
    suspends: bool = False


@dataclass(frozen=True, slots=True)
class LoanServer:
    """Lend an inference server to training."""

    server_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class ReclaimServer:
    """Ask a vacant on-loan server back."""

    server_id: str
    reason: Reason


Action = StartJob | ResizeJob | PreemptJob | LoanServer | ReclaimServer


@dataclass(frozen=True, slots=True)
class Waiting:
    """Queued jobs that wait for the same reason."""

    reason: Reason
    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the orchestrator saw ahead: servers that inference will need, and servers to lend."""

    forecast_servers: float
    loanable: int


@dataclass(frozen=True, slots=True)
class Solve:
    """One call of an optimiser: its kind, its size in items and the seconds it took."""

    kind: str
    items: int
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to one snapshot; `version` is the snapshot's."""

    version: int
    actions: tuple[Action, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    notes: tuple[Reason, ...] = ()
    outlook: Outlook | None = None
    solves: tuple[Solve, ...] = ()
