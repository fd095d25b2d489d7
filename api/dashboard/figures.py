"""The figures at the top of the page, each with its course over the time that the charts show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from api.dashboard.words import count, duration, several, share
from api.schemas.cluster import PoolOut, SightOut
from api.schemas.jobs import JobOut
from api.schemas.service import JobCounts, StatusOut

_POINTS: Final = 60
_WIDTH, _HEIGHT, _MARGIN = 100, 28, 2  # of the view box


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure; `course` is the points of a line, empty where there is none."""

    name: str
    value: str
    note: str = ""
    course: str = ""
    tone: str = "blue"


def kpis_of(
    status: StatusOut, recent: Sequence[JobOut], sights: Sequence[SightOut]
) -> tuple[Kpi, ...]:
    """The figures; waits and preemptions are those of `recent` jobs."""
    jobs, pools = status.jobs, status.pools
    used = sum(pool.used_gpus for pool in pools)
    usable = used + sum(pool.free_gpus for pool in pools)
    lent = sum(pool.on_loan_servers for pool in pools)
    started = [job.waited_s for job in recent if job.first_start_s is not None]
    preempted = sum(job.preemptions > 0 for job in recent)
    rare = f"95 %: {duration(_quantile(started, 0.95))}"
    whose = f"{several(preempted, 'job')} of the last {count(len(recent))}"

    def course(value: Callable[[SightOut], float]) -> str:
        return _course([value(sight) for sight in sights])

    running, queued = (course(lambda s: s.running_jobs), course(lambda s: s.queued_jobs))
    busy = course(lambda s: s.training_gpus_used + s.on_loan_gpus_used)
    loans = course(lambda s: s.on_loan_servers)
    return (
        Kpi("Running", count(jobs.running), f"{count(jobs.finished)} finished", running, "green"),
        Kpi("Queued", count(jobs.queued), _ended(jobs), queued, "red"),
        Kpi("GPU usage", share(used, usable), f"{count(used)} of {count(usable)} GPUs", busy),
        Kpi("On loan", count(lent), _lending(pools), loans, "orange"),
        Kpi("Wait, median", duration(_quantile(started, 0.5)), rare),
        Kpi("Preemptions", count(sum(job.preemptions for job in recent)), whose),
    )


def _ended(jobs: JobCounts) -> str:
    return f"{count(jobs.cancelled)} cancelled, {count(jobs.failed)} failed"


def _lending(pools: Sequence[PoolOut]) -> str:
    back = sum(pool.reclaiming_servers for pool in pools)
    servers = sum(pool.servers for pool in pools if pool.name == "inference")
    return f"of {several(servers, 'server')}" + (f", {count(back)} asked back" if back else "")


def _quantile(values: Sequence[float], part: float) -> float | None:
    """The smallest value that at least that part of them do not exceed."""
    ordered = sorted(values)
    return ordered[ceil(part * len(ordered)) - 1] if ordered else None


def _course(values: Sequence[float]) -> str:
    """A line through evenly chosen values, the last among them."""
    step = -(-len(values) // _POINTS) or 1
    chosen = values[::-1][::step][::-1]
    if len(chosen) < 2:
        return ""
    top, wide = max(*chosen, 1), len(chosen) - 1
    tall = _HEIGHT - 2 * _MARGIN
    return " ".join(
        f"{_WIDTH * place / wide:.1f},{_HEIGHT - _MARGIN - tall * value / top:.1f}"
        for place, value in enumerate(chosen)
    )
