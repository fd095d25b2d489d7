"""The summary's shares of reclaim against what was on the servers that were asked back."""

from collections.abc import Iterator, Mapping

from tests.checker.files import RunFiles
from tests.checker.hosting import Hosting, reclaims_at
from tests.checker.shape import Shape

Back = Mapping[float, frozenset[str]]  # servers asked back, by the instant


def reclaim_faults(run: RunFiles, shape: Shape) -> Iterator[str]:
    """Shares of servers freed by shrinking and of GPUs vacated in vain that do not hold."""
    back = reclaims_at(run)
    shrunk, occupied = _freed_by_shrinking(run, back)
    yield from _outside(run, "flexible_share", shrunk, shrunk, occupied)
    least, most = _vacated_in_vain(run, back)
    asked = shape.inference_gpus * sum(map(len, back.values()))
    yield from _outside(run, "collateral", least, most, asked)


def _freed_by_shrinking(run: RunFiles, back: Back) -> tuple[int, int]:
    """Of the servers asked back: those that held flexible workers only, and all not vacant."""
    hosting = Hosting(run)
    held = [hosting.before(name, at_s) for at_s, names in back.items() for name in names]
    occupied = [rows for rows in held if rows]
    return sum(not any(row.is_base for row in rows) for rows in occupied), len(occupied)


def _vacated_in_vain(run: RunFiles, back: Back) -> tuple[int, int]:
    """GPUs vacated on other servers: by victims alone, and by all that shrinks at the instant.

    What shrinks for a start or a better use just then can't be told from what shrinks for the
    reclaim, so there are two bounds.
    """
    finish_s = {job.job_id: job.finish_s for job in run.jobs}
    left = [
        row
        for row in run.held
        if row.end_s in back
        and row.start_s < row.end_s != finish_s[row.job_id]
        and row.server_id not in back[row.end_s]
    ]
    victims = {
        (row.job_id, row.end_s)
        for row in run.held
        if row.is_base and row.end_s in back and row.end_s != finish_s[row.job_id]
    }
    least = sum(row.gpus for row in left if (row.job_id, row.end_s) in victims)
    return least, sum(row.gpus for row in left)


def _outside(run: RunFiles, name: str, least: int, most: int, whole: int) -> Iterator[str]:
    stated = run.summary[name]
    if not whole:
        if stated is not None:
            yield f"summary.json says {name} = {stated}; nothing was there to share"
    elif stated is None or not least - 1e-6 <= stated * whole <= most + 1e-6:
        low, high = least / whole, most / whole
        yield f"summary.json says {name} = {stated}; the tables say {low} to {high}"
