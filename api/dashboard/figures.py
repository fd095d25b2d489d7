"""The figures at the top of the page, each with its course over the time that the charts show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from api.dashboard.words import count, duration, several, share
from api.schemas.cluster import PoolOut, SightOut
from api.schemas.jobs import JobOut
from api.schemas.service import StatusOut

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
    used = sum(pool.used_gpus for pool in status.pools)
    usable = used + sum(pool.free_gpus for pool in status.pools)
    lent = sum(pool.on_loan_servers for pool in status.pools)
    started = [job.waited_s for job in recent if job.first_start_s is not None]
    preempted = sum(job.preemptions > 0 for job in recent)
    gpus_of = _course(sights, lambda sight: sight.training_gpus_used + sight.on_loan_gpus_used)
    return (
        Kpi(
            "Running",
            count(status.jobs.running),
            f"{count(status.jobs.finished)} finished",
            _course(sights, lambda sight: sight.running_jobs),
            "green",
        ),
        Kpi(
            "Queued",
            count(status.jobs.queued),
            _ended(status),
            _course(sights, lambda sight: sight.queued_jobs),
            "red",
        ),
        Kpi("GPU usage", share(used, usable), f"{count(used)} of {count(usable)} GPUs", gpus_of),
        Kpi(
            "On loan",
            count(lent),
            _lending(status.pools),
            _course(sights, lambda sight: sight.on_loan_servers),
            "orange",
        ),
        Kpi(
            "Wait, median",
            duration(_quantile(started, 0.5)),
            f"95 %: {duration(_quantile(started, 0.95))}",
        ),
        Kpi(
            "Preemptions",
            count(sum(job.preemptions for job in recent)),
            f"{several(preempted, 'job')} of the last {count(len(recent))}",
        ),
    )


def _ended(status: StatusOut) -> str:
    jobs = status.jobs
    return f"{count(jobs.cancelled)} cancelled, {count(jobs.failed)} failed"


def _lending(pools: Sequence[PoolOut]) -> str:
    back = sum(pool.reclaiming_servers for pool in pools)
    servers = sum(pool.servers for pool in pools if pool.name == "inference")
    return f"of {several(servers, 'server')}" + (f", {count(back)} asked back" if back else "")


def _quantile(values: Sequence[float], part: float) -> float | None:
    """The smallest value that at least that part of them do not exceed."""
    ordered = sorted(values)
    return ordered[ceil(part * len(ordered)) - 1] if ordered else None


def _course(sights: Sequence[SightOut], value: Callable[[SightOut], float]) -> str:
    step = -(-len(sights) // _POINTS) or 1
    values = [value(sight) for sight in sights[::-1][::step][::-1]]
    if len(values) < 2:
        return ""
    top, wide = max(*values, 1), len(values) - 1
    tall = _HEIGHT - 2 * _MARGIN
    return " ".join(
        f"{_WIDTH * place / wide:.1f},{_HEIGHT - _MARGIN - tall * value / top:.1f}"
        for place, value in enumerate(values)
    )
