"""The tables; times are cluster seconds, but `*_wall_s` are seconds since the epoch."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

COUNTER = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts only INTEGER keys up
OPEN_JSON: Any = JSON(none_as_null=True)  # where nothing is known, the column is NULL


class JobColumns(TypedColumns):
    """Jobs for ever: what was asked for, how it stands, and its past."""

    sequence: Named[int] = Column(COUNTER, primary_key=True, autoincrement=False)
    id = Column(Text, nullable=False, unique=True)
    name = Column(Text, nullable=False)
    owner = Column(Text, nullable=False)
    state = Column(Text, nullable=False)
    version: Named[int]
    submit_s: Named[float]
    num_gpus: Named[int]
    duration_s: Named[float]
    gpus_per_worker: Named[int]
    min_workers: Named[int]
    max_workers: Named[int]
    allowed_workers = Column(JSON, nullable=False)
    fungible: Named[bool]
    heterogeneous: Named[bool]
    checkpoint_s: Named[float]
    estimated_duration_s: Named[float]
    carry_in: Named[bool]
    priority: Named[int]
    user = Column(Text, nullable=False)
    queue = Column(Text, nullable=False)
    model = Column(Text, nullable=False)
    placements = Column(JSON, nullable=False)
    started_s: Named[float | None]
    done: Named[float]
    progress_s: Named[float]
    speed: Named[float]
    preemptions: Named[int]
    saved: Named[float]
    first_start_s: Named[float | None]
    finish_s: Named[float | None]
    queued_since_s: Named[float]
    queuing_s: Named[float]
    resizes: Named[int]
    lost_gpu_s: Named[float]
    cancel_requested_s: Named[float | None]
    plan_id: Named[int | None] = Column(COUNTER)


class TemplateColumns(TypedColumns):
    """What workers are to run, of jobs that brought it."""

    job_id = Column(Text, primary_key=True)
    body: Named[dict[str, Any]] = Column(JSON, nullable=False)


class EventColumns(TypedColumns):
    """What happened, in the order of commits; only ever appended to."""

    id: Named[int] = Column(COUNTER, primary_key=True)
    t_s: Named[float]
    kind = Column(Text, nullable=False)
    origin = Column(Text, nullable=False)
    job_id: Named[str | None] = Column(Text)
    server_id: Named[str | None] = Column(Text)
    plan_id: Named[int | None] = Column(COUNTER)
    detail: Named[dict[str, Any]] = Column(JSON, nullable=False)


class WaitColumns(TypedColumns):
    """Why jobs wait, by job or by shape."""

    key = Column(Text, primary_key=True)
    reason: Named[dict[str, Any]] = Column(JSON, nullable=False)
    since_s: Named[float]


class LoanColumns(TypedColumns):
    """Loans; those without an end go on."""

    id: Named[int] = Column(COUNTER, primary_key=True)
    server_id = Column(Text, nullable=False)
    start_s: Named[float]
    reclaim_s: Named[float | None]
    end_s: Named[float | None]


class PlanColumns(TypedColumns):
    """Plans that did something or looked ahead."""

    id: Named[int] = Column(COUNTER, primary_key=True)
    term: Named[int]
    version: Named[int]
    t_s: Named[float]
    due = Column(Text, nullable=False)
    mode = Column(Text, nullable=False)
    scheme = Column(Text, nullable=False)
    outlook: Named[dict[str, Any] | None] = Column(OPEN_JSON)
    notes: Named[list[dict[str, Any]]] = Column(JSON, nullable=False)
    solves: Named[list[dict[str, Any]]] = Column(JSON, nullable=False)
    queued_jobs: Named[int]
    running_jobs: Named[int]
    settled_s: Named[float | None]


class ActionColumns(TypedColumns):
    """A plan's actions in order, and what became of each."""

    plan_id: Named[int] = Column(
        COUNTER, ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    kind = Column(Text, nullable=False)
    job_id: Named[str | None] = Column(Text)
    server_id: Named[str | None] = Column(Text)
    body: Named[dict[str, Any]] = Column(JSON, nullable=False)
    status: Named[str | None] = Column(Text)
    detail = Column(Text, nullable=False)


class SnapshotColumns(TypedColumns):
    """What a plan answered: captured JSON, compressed by gzip."""

    plan_id: Named[int] = Column(
        COUNTER, ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    body: Named[bytes] = Column(LargeBinary, nullable=False)


class DemandColumns(TypedColumns):
    """Inference demand in servers by bin."""

    t_s: Named[float] = Column(primary_key=True)
    servers: Named[float]
    source = Column(Text, nullable=False)


class SampleColumns(TypedColumns):
    """What was to be seen at the start of each demand bin."""

    t_s: Named[float] = Column(primary_key=True)
    queued_jobs: Named[int]
    running_jobs: Named[int]
    training_gpus_used: Named[int]
    on_loan_servers: Named[int]
    on_loan_gpus_used: Named[int]
    inference_demand_servers: Named[float | None]
    forecast_servers: Named[float | None]


class EstimateColumns(TypedColumns):
    """When a queued job was expected to start: at first, and lately."""

    job_id = Column(Text, primary_key=True)
    made_s: Named[float]
    start_s: Named[float | None]
    latest_made_s: Named[float]
    latest_start_s: Named[float | None]


class TokenColumns(TypedColumns):
    """Who may ask; a secret is known by its hash alone."""

    id: Named[int] = Column(COUNTER, primary_key=True)
    name = Column(Text, nullable=False)
    role = Column(Text, nullable=False)
    hash = Column(Text, nullable=False, unique=True)
    created_wall_s: Named[float]
    revoked_wall_s: Named[float | None]


class AuditColumns(TypedColumns):
    """Who changed what; only ever appended to."""

    id: Named[int] = Column(COUNTER, primary_key=True)
    at_wall_s: Named[float]
    principal = Column(Text, nullable=False)
    role = Column(Text, nullable=False)
    action = Column(Text, nullable=False)
    subject = Column(Text, nullable=False)
    detail: Named[dict[str, Any]] = Column(JSON, nullable=False)


class IdempotencyColumns(TypedColumns):
    """Requests that must not count twice."""

    principal = Column(Text, primary_key=True)
    key = Column(Text, primary_key=True)
    fingerprint = Column(Text, nullable=False)
    job_id = Column(Text, nullable=False)
    at_wall_s: Named[float]


class LeaseColumns(TypedColumns):
    """Who leads, and until when."""

    name = Column(Text, primary_key=True)
    holder = Column(Text, nullable=False)
    term: Named[int]
    expires_wall_s: Named[float]


class FactColumns(TypedColumns):
    """What one role tells the other, as JSON."""

    key = Column(Text, primary_key=True)
    value: Named[Any] = Column(JSON, nullable=False)


JOBS = Table("jobs", METADATA, JobColumns)
TEMPLATES = Table("templates", METADATA, TemplateColumns)
EVENTS = Table("events", METADATA, EventColumns, sqlite_autoincrement=True)  # ids never return
WAITS = Table("waits", METADATA, WaitColumns)
LOANS = Table("loans", METADATA, LoanColumns)
PLANS = Table("plans", METADATA, PlanColumns, sqlite_autoincrement=True)
ACTIONS = Table("actions", METADATA, ActionColumns)
SNAPSHOTS = Table("snapshots", METADATA, SnapshotColumns)
DEMAND = Table("demand", METADATA, DemandColumns)
SAMPLES = Table("samples", METADATA, SampleColumns)
ESTIMATES = Table("estimates", METADATA, EstimateColumns)
TOKENS = Table("tokens", METADATA, TokenColumns)
AUDIT = Table("audit", METADATA, AuditColumns)
IDEMPOTENCY = Table("idempotency", METADATA, IdempotencyColumns)
LEASE = Table("lease", METADATA, LeaseColumns)
FACTS = Table("facts", METADATA, FactColumns)

Index(None, JOBS.c.state, JOBS.c.sequence)
Index(None, JOBS.c.user, JOBS.c.sequence)
Index(None, JOBS.c.queue, JOBS.c.sequence)
Index(None, EVENTS.c.job_id, EVENTS.c.id)
Index(None, EVENTS.c.origin, EVENTS.c.id)
Index(None, EVENTS.c.t_s)
Index(None, PLANS.c.t_s)
Index(None, ACTIONS.c.job_id, ACTIONS.c.plan_id)
Index(None, IDEMPOTENCY.c.at_wall_s)
Index(
    "ix_loans_one_open",
    LOANS.c.server_id,
    unique=True,
    sqlite_where=LOANS.c.end_s.is_(None),
    postgresql_where=LOANS.c.end_s.is_(None),
)
