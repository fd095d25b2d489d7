"""Elastic jobs that run, and what a decision gives to them or takes from them."""

from typing import Any

from aryl.model.cluster import Cluster
from aryl.model.job import Job, Placement
from aryl.model.plan import Plan
from aryl.model.snapshot import Due
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.builders import make_cluster, make_running, make_snapshot, make_spec, resizes

EIGHT = make_cluster([8])
NOW_S = 1_000.0


def grown(
    cluster: Cluster,
    *running: Job,
    queued: tuple[Job, ...] = (),
    now: float = NOW_S,
    **entries: Any,
) -> Plan:
    """What the job scheduler decides, with every inference server on loan."""
    loans = [server.id for server in cluster.inference_servers]
    snapshot = make_snapshot(
        cluster, running=running, queued=queued, loans=loans, due=Due.SCHEDULE, now=now
    )
    return decide(snapshot, load_policy(entries))


def elastic(cluster: Cluster, job_id: str, *placements: Placement, **changes: Any) -> Job:
    """A running job whose base workers are those given, unless it says otherwise.

    It has done nothing yet by the time at which `grown` decides.
    """
    workers = sum(p.workers for p in placements)
    changes = {"min_workers": workers, "num_gpus": workers} | changes
    names = ("done", "progress_s", "preemptions", "speed")
    state = {name: changes.pop(name) for name in names if name in changes}
    state.setdefault("progress_s", NOW_S)
    return make_running(cluster, make_spec(job_id, **changes), placements, **state)


def added(plan: Plan) -> dict[str, int]:
    """Workers that each job gains, less those that it gives up."""
    gains: dict[str, int] = {}
    for action in resizes(plan):
        gain = sum(p.workers for p in action.add) - sum(p.workers for p in action.remove)
        gains[action.job_id] = gains.get(action.job_id, 0) + gain
    return gains
