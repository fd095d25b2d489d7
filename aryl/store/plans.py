"""Plans with their actions, what became of each, and the snapshots they answer."""

import gzip
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, Select, bindparam, select

from aryl.engine.capture import captured
from aryl.engine.ports import Outcome, Status
from aryl.model.plain import action_of, action_plain, reason_of, reason_plain
from aryl.model.plan import Action, Outlook, Plan, Solve
from aryl.model.reason import Reason
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.store.database import Database
from aryl.store.tables import ACTIONS, PLANS, SNAPSHOTS

PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """A plan that did something or looked ahead; `settled_s` is None until its fate is known."""

    id: int
    term: int
    version: int
    t_s: float
    due: Due
    mode: str
    scheme: str
    outlook: Outlook | None
    notes: tuple[Reason, ...]
    solves: tuple[Solve, ...]
    queued_jobs: int
    running_jobs: int
    settled_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    """One action of a plan; `status` is None until its fate is known."""

    plan_id: int
    position: int
    t_s: float
    action: Action
    status: Status | None
    detail: str


@dataclass(frozen=True, slots=True)
class Context:
    """Under what a plan was made."""

    term: int
    mode: str
    scheme: str


def compressed(snapshot: Snapshot, config: PolicyConfig) -> bytes:
    """The capture of a snapshot, as it is stored."""
    plain = orjson.dumps(captured(snapshot, config), option=orjson.OPT_SERIALIZE_NUMPY)
    return gzip.compress(plain, compresslevel=1, mtime=0)


def insert_plan(connection: Connection, context: Context, snapshot: Snapshot, plan: Plan) -> int:
    """Write a plan with its actions; its id."""
    row = {
        **asdict(context),
        "version": plan.version,
        "t_s": snapshot.now,
        "due": "|".join(str(due.name).lower() for due in snapshot.due),
        "outlook": asdict(plan.outlook) if plan.outlook else None,
        "notes": [reason_plain(note) for note in plan.notes],
        "solves": [asdict(solve) for solve in plan.solves],
        "queued_jobs": len(snapshot.queue),
        "running_jobs": len(snapshot.running),
    }
    key = connection.execute(PLANS.insert().values(row)).inserted_primary_key
    assert key is not None, "one row was written"
    plan_id: int = key[0]
    actions = [_action_row(plan_id, at, action) for at, action in enumerate(plan.actions)]
    if actions:
        connection.execute(ACTIONS.insert(), actions)
    return plan_id


def insert_snapshot(connection: Connection, plan_id: int, body: bytes) -> None:
    """Write a plan's snapshot."""
    connection.execute(SNAPSHOTS.insert().values(plan_id=plan_id, body=body))


def settle_plan(
    connection: Connection, plan_id: int, outcomes: Sequence[Outcome], now: float
) -> None:
    """Write what became of each action, in their order."""
    fates = [
        {"at": at, "new_status": outcome.status.value, "new_detail": outcome.detail}
        for at, outcome in enumerate(outcomes)
    ]
    if fates:
        this = (ACTIONS.c.plan_id == plan_id) & (ACTIONS.c.position == bindparam("at"))
        fate: dict[str, Any] = {
            "status": bindparam("new_status"),
            "detail": bindparam("new_detail"),
        }
        connection.execute(ACTIONS.update().where(this).values(fate), fates)
    connection.execute(PLANS.update().where(PLANS.c.id == plan_id).values(settled_s=now))


def _action_row(plan_id: int, position: int, action: Action) -> dict[str, Any]:
    return {
        "plan_id": plan_id,
        "position": position,
        "kind": type(action).__name__,
        "job_id": getattr(action, "job_id", None),
        "server_id": getattr(action, "server_id", None),
        "body": action_plain(action),
        "detail": "",
    }


@dataclass(frozen=True, slots=True)
class Plans:
    """Reads plans."""

    database: Database

    def get(self, plan_id: int) -> PlanRecord | None:
        """One plan."""
        with self.database.read() as connection:
            row = connection.execute(select(PLANS).where(PLANS.c.id == plan_id)).one_or_none()
        return None if row is None else _plan_of(row)

    def page(self, before: int | None = None, limit: int = PAGE) -> list[PlanRecord]:
        """Plans made before that one, newest first."""
        some = select(PLANS).order_by(PLANS.c.id.desc()).limit(limit)
        if before is not None:
            some = some.where(PLANS.c.id < before)
        with self.database.read() as connection:
            return [_plan_of(row) for row in connection.execute(some)]

    def actions_of(self, plan_id: int) -> list[ActionRecord]:
        """A plan's actions, in their order."""
        return self._actions(
            _action_rows().where(ACTIONS.c.plan_id == plan_id).order_by(ACTIONS.c.position)
        )

    def acting_on(self, job_id: str, limit: int = PAGE) -> list[ActionRecord]:
        """The newest actions on a job, newest first."""
        newest_first = (ACTIONS.c.plan_id.desc(), ACTIONS.c.position.desc())
        some = _action_rows().where(ACTIONS.c.job_id == job_id)
        return self._actions(some.order_by(*newest_first).limit(limit))

    def snapshot(self, plan_id: int) -> bytes | None:
        """The captured snapshot that a plan answers, as JSON; not every plan keeps one."""
        body = select(SNAPSHOTS.c.body).where(SNAPSHOTS.c.plan_id == plan_id)
        with self.database.read() as connection:
            found = connection.execute(body).scalar_one_or_none()
        return None if found is None else gzip.decompress(found)

    def _actions(self, rows: Select[*tuple[Any, ...]]) -> list[ActionRecord]:
        with self.database.read() as connection:
            return [_action_of(row) for row in connection.execute(rows)]


def _action_rows() -> Select[*tuple[Any, ...]]:
    return select(ACTIONS, PLANS.c.t_s).join(PLANS, PLANS.c.id == ACTIONS.c.plan_id)


def _plan_of(row: Row[*tuple[Any, ...]]) -> PlanRecord:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    due = Due(0)
    for name in values["due"].split("|"):
        due |= Due[name.upper()]
    outlook = values["outlook"]
    return PlanRecord(
        **values
        | {
            "due": due,
            "outlook": outlook and Outlook(**outlook),
            "notes": tuple(reason_of(note) for note in values["notes"]),
            "solves": tuple(Solve(**solve) for solve in values["solves"]),
        }
    )


def _action_of(row: Row[*tuple[Any, ...]]) -> ActionRecord:
    return ActionRecord(
        plan_id=row.plan_id,
        position=row.position,
        t_s=row.t_s,
        action=action_of(row.body),
        status=row.status and Status(row.status),
        detail=row.detail,
    )
