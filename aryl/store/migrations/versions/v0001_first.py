"""The first schema.

A migration is history: it imports nothing of the program, which goes on changing.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    _create_jobs()
    _create_what_happens()
    _create_plans()
    _create_series()
    _create_accounts()
    _create_roles()


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        _counter("sequence", autoincrement=False),
        *_texts("id", "name", "owner", "state"),
        *_whole("version"),
        *_spec(),
        _json("placements"),
        *_open_seconds("started_s"),
        *_numbers("done", "progress_s", "speed"),
        *_whole("preemptions"),
        *_numbers("saved"),
        *_open_seconds("first_start_s", "finish_s"),
        *_numbers("queued_since_s", "queuing_s"),
        *_whole("resizes"),
        *_numbers("lost_gpu_s"),
        *_open_seconds("cancel_requested_s"),
        _counter("plan_id", nullable=True),
        sa.PrimaryKeyConstraint("sequence", name="pk_jobs"),
        sa.UniqueConstraint("id", name="uq_jobs_id"),
    )
    for column in ("state", "user", "queue"):
        op.create_index(f"ix_jobs_{column}_sequence", "jobs", [column, "sequence"])


def _spec() -> list[sa.Column[Any]]:
    return [
        *_numbers("submit_s", "duration_s", "checkpoint_s", "estimated_duration_s"),
        *_whole("num_gpus", "gpus_per_worker", "min_workers", "max_workers", "priority"),
        _json("allowed_workers"),
        *(sa.Column(it, sa.Boolean, nullable=False) for it in ("fungible", "heterogeneous")),
        sa.Column("carry_in", sa.Boolean, nullable=False),
        *_texts("user", "queue", "model"),
    ]


def _create_what_happens() -> None:
    op.create_table(
        "events",
        _counter("id"),
        *_numbers("t_s"),
        *_texts("kind", "origin"),
        *_open_texts("job_id", "server_id"),
        _counter("plan_id", nullable=True),
        _json("detail"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_job_id_id", "events", ["job_id", "id"])
    op.create_index("ix_events_origin_id", "events", ["origin", "id"])
    op.create_index("ix_events_t_s", "events", ["t_s"])
    op.create_table("waits", *_key("waits", "key"), _json("reason"), *_numbers("since_s"))
    op.create_table(
        "loans",
        _counter("id"),
        *_texts("server_id"),
        *_numbers("start_s"),
        *_open_seconds("reclaim_s", "end_s"),
        sa.PrimaryKeyConstraint("id", name="pk_loans"),
    )
    is_open = sa.text("end_s IS NULL")
    where: Any = {"sqlite_where": is_open, "postgresql_where": is_open}
    op.create_index("ix_loans_one_open", "loans", ["server_id"], unique=True, **where)


def _create_plans() -> None:
    op.create_table(
        "plans",
        _counter("id"),
        *_whole("term", "version"),
        *_numbers("t_s"),
        *_texts("due", "mode", "scheme"),
        sa.Column("outlook", sa.JSON),
        _json("notes"),
        _json("solves"),
        *_whole("queued_jobs", "running_jobs"),
        *_open_seconds("settled_s"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_plans_t_s", "plans", ["t_s"])
    op.create_table(
        "actions",
        _counter("plan_id", autoincrement=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        *_texts("kind"),
        *_open_texts("job_id", "server_id"),
        _json("body"),
        *_open_texts("status"),
        *_texts("detail"),
        sa.PrimaryKeyConstraint("plan_id", "position", name="pk_actions"),
        _of_a_plan("actions"),
    )
    op.create_index("ix_actions_job_id_plan_id", "actions", ["job_id", "plan_id"])
    op.create_table(
        "snapshots",
        _counter("plan_id", autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name="pk_snapshots"),
        _of_a_plan("snapshots"),
    )


def _create_series() -> None:
    op.create_table(
        "demand", *_numbers("t_s", "servers"), *_texts("source"), _primary("demand", "t_s")
    )
    op.create_table(
        "samples",
        *_numbers("t_s"),
        *_whole("queued_jobs", "running_jobs", "training_gpus_used"),
        *_whole("on_loan_servers", "on_loan_gpus_used"),
        *_open_seconds("inference_demand_servers", "forecast_servers"),
        _primary("samples", "t_s"),
    )
    op.create_table(
        "estimates",
        *_key("estimates", "job_id"),
        *_numbers("made_s", "latest_made_s"),
        *_open_seconds("start_s", "latest_start_s"),
    )


def _create_accounts() -> None:
    op.create_table(
        "tokens",
        _counter("id"),
        *_texts("name", "role", "hash"),
        *_numbers("created_wall_s"),
        *_open_seconds("revoked_wall_s"),
        _primary("tokens", "id"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
    )
    op.create_table(
        "audit",
        _counter("id"),
        *_numbers("at_wall_s"),
        *_texts("principal", "role", "action", "subject"),
        _json("detail"),
        _primary("audit", "id"),
    )
    op.create_table(
        "idempotency",
        *_texts("principal", "key", "fingerprint", "job_id"),
        *_numbers("at_wall_s"),
        _primary("idempotency", "principal", "key"),
    )
    op.create_index("ix_idempotency_at_wall_s", "idempotency", ["at_wall_s"])


def _create_roles() -> None:
    op.create_table(
        "lease",
        *_key("lease", "name"),
        *_texts("holder"),
        *_whole("term"),
        *_numbers("expires_wall_s"),
    )
    op.create_table("facts", *_key("facts", "key"), _json("value"))


def _counter(name: str, **options: Any) -> sa.Column[Any]:  # noqa: ANN401 - a column's options
    return sa.Column(name, _COUNTER, **{"nullable": False} | options)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _open_texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=True) for name in names]


def _whole(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Double, nullable=False) for name in names]


def _open_seconds(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Double, nullable=True) for name in names]


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=False)


def _primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _key(table: str, name: str) -> tuple[sa.Column[Any], sa.PrimaryKeyConstraint]:
    return sa.Column(name, sa.Text, nullable=False), _primary(table, name)


def _of_a_plan(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_plan_id_plans"
    return sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=name, ondelete="CASCADE")
