"""What has passed is not kept for ever: plans, the timeline, and events of jobs that have ended.

Templates of jobs that ended go, too. Jobs themselves stay, and so do demand and the audit trail.
"""

from typing import Final

from sqlalchemy import Connection, select

from aryl.store.lives import LIVE
from aryl.store.tables import EVENTS, JOBS, PLANS, SAMPLES, TEMPLATES

KEEP_S: Final = 14 * 86_400.0  # of cluster time
ROWS_AT_ONCE: Final = 500  # of each kind in a transaction, so that no other write waits for long


def prune(connection: Connection, before_s: float, rows_max: int) -> int:
    """Delete some of what is older, oldest first; how many rows of each went.

    A plan takes its actions and its snapshot with it.
    """
    plans = select(PLANS.c.id).where(PLANS.c.t_s < before_s).order_by(PLANS.c.t_s)
    samples = select(SAMPLES.c.t_s).where(SAMPLES.c.t_s < before_s).order_by(SAMPLES.c.t_s)
    lives = JOBS.c.state.in_([state.value for state in LIVE])
    its_job = select(JOBS.c.id).where(JOBS.c.id == EVENTS.c.job_id, lives)
    events = select(EVENTS.c.id).where(EVENTS.c.t_s < before_s, ~its_job.exists())
    ended = JOBS.c.finish_s < before_s
    templates = select(TEMPLATES.c.job_id).join(JOBS, JOBS.c.id == TEMPLATES.c.job_id).where(ended)
    old = (
        PLANS.delete().where(PLANS.c.id.in_(plans.limit(rows_max))),
        SAMPLES.delete().where(SAMPLES.c.t_s.in_(samples.limit(rows_max))),
        EVENTS.delete().where(EVENTS.c.id.in_(events.order_by(EVENTS.c.t_s).limit(rows_max))),
        TEMPLATES.delete().where(TEMPLATES.c.job_id.in_(templates.limit(rows_max))),
    )
    return sum(connection.execute(some).rowcount for some in old)
