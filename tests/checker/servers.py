"""Rules of servers: nothing is given twice, and loans are kept to."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import floor, inf

import numpy as np
from numpy.typing import NDArray

from tests.checker.files import Held, Lent, RunFiles, Seen
from tests.checker.shape import BIN_S, LENDING_SCHEMES, OPPORTUNISTIC, Knobs, Shape

Levels = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]


def server_faults(run: RunFiles, shape: Shape, knobs: Knobs) -> Iterator[str]:
    """All that is wrong with servers and loans."""
    unknown = sorted({row.server_id for row in run.held if not shape.gpus_on(row.server_id)})
    unknown += sorted({row.server_id for row in run.loans if not shape.gpus_on(row.server_id)})
    if unknown:
        yield from (f"{server_id} is no server of the cluster" for server_id in unknown)
        return
    yield from _overfull(run.held, shape)
    yield from _mixed_loans(run.held)
    yield from _misused_loans(run)
    for loans in run.loans_of.values():
        yield from _overlapping_loans(loans)
        yield from _late_returns(loans, knobs, run.end_s)
    if run.loans and run.summary["scheme"] not in LENDING_SCHEMES:
        yield f"{run.summary['scheme']} lends nothing, yet there are {len(run.loans)} loans"


def _levels(rows: Sequence[Held], amounts: Sequence[int]) -> tuple[Levels, list[str]]:
    """The sum held on each server after each change: (place of server, time, sum), and the ids.

    Intervals are half-open, so what ends at an instant makes room for what starts then.
    """
    names = sorted({row.server_id for row in rows})
    place = {name: number for number, name in enumerate(names)}
    server = np.array([place[row.server_id] for row in rows] * 2, dtype=np.int64)
    times = np.array([row.start_s for row in rows] + [row.end_s for row in rows])
    steps = np.array([*amounts, *(-amount for amount in amounts)], dtype=np.int64)
    order = np.lexsort((steps, times, server))
    server, times, steps = server[order], times[order], steps[order]
    sums = np.cumsum(steps)  # each server's steps add up to nothing, so the next begins at 0
    return (server, times, sums), names


def _overfull(rows: Sequence[Held], shape: Shape) -> Iterator[str]:
    if not rows:
        return
    (server, times, held), names = _levels(rows, [row.gpus for row in rows])
    sizes = np.array([shape.gpus_on(name) for name in names])
    for at in np.flatnonzero(held > sizes[server])[:100]:
        name = names[server[at]]
        yield f"{name} has {shape.gpus_on(name)} GPUs but {held[at]} are held at {times[at]} s"


def _mixed_loans(rows: Sequence[Held]) -> Iterator[str]:
    """Base and flexible workers keep to separate on-loan servers (paper §5.3)."""
    on_loan = [row for row in rows if row.is_on_loan]
    if not on_loan:
        return
    wide = 1 << 32  # base GPUs count in the upper half, flexible ones in the lower
    amounts = [row.gpus * (wide if row.is_base else 1) for row in on_loan]
    (server, times, held), names = _levels(on_loan, amounts)
    last = np.append((server[1:] != server[:-1]) | (times[1:] != times[:-1]), [True])
    for at in np.flatnonzero(last & (held >= wide) & (held % wide > 0))[:100]:
        yield f"{names[server[at]]} hosts base and flexible workers at {times[at]} s"


def _misused_loans(run: RunFiles) -> Iterator[str]:
    """Work on inference servers outside a loan, or after the server was asked back."""
    for row in run.held:
        if not row.is_on_loan:
            continue
        loans = run.loans_of.get(row.server_id, [])
        places = range(bisect_right(loans, row.start_s, key=lambda loan: loan.start_s))[::-1][:2]
        candidates = [loans[place] for place in places]
        if any(row.end_s <= loan.reclaim_s for loan in candidates):
            continue
        job, server, start_s = row.job_id, row.server_id, row.start_s
        if candidates and start_s < candidates[0].reclaim_s:
            back_s = candidates[0].reclaim_s
            yield f"{server} was asked back at {back_s} s but {job} held it until {row.end_s} s"
        else:
            yield f"{job} holds {server} at {start_s} s while it is not on loan"


def _overlapping_loans(loans: Sequence[Lent]) -> Iterator[str]:
    for before, after in pairwise(loans):
        if after.start_s < before.end_s:
            yield f"{after.server_id} is lent at {after.start_s} s while it is on loan"


def _late_returns(loans: Iterable[Lent], knobs: Knobs, run_end_s: float) -> Iterator[str]:
    """A server is back `vacate_s` after it was asked back; loans may outlive the run."""
    for loan in loans:
        due_s = loan.reclaim_s + knobs.vacate_s
        expected_s = due_s if due_s <= run_end_s else inf
        if loan.start_s > loan.reclaim_s or loan.end_s != expected_s:
            yield (
                f"{loan.server_id}, lent at {loan.start_s} s and asked back at {loan.reclaim_s} s, "
                f"is back at {loan.end_s} s, not at {expected_s} s"
            )


def unfounded_loans(run: RunFiles, shape: Shape, knobs: Knobs) -> Iterator[str]:
    """Loans that leave inference fewer free servers than forecast plus headroom."""
    starts = np.sort([loan.start_s for loan in run.loans])
    ends = np.sort([loan.end_s for loan in run.loans])
    for start_s in np.unique(starts):
        row = _row_for(run, float(start_s))
        if row is None:
            continue
        if row.forecast_servers is None:
            yield f"a server is lent at {start_s} s without a forecast"
            continue
        loanable = floor((1 - knobs.headroom) * shape.inference_servers - row.forecast_servers)
        on_loan = int(np.searchsorted(starts, start_s, "right"))
        on_loan -= int(np.searchsorted(ends, start_s, "right"))
        if on_loan > max(0, loanable):
            yield (
                f"{on_loan} servers are on loan at {start_s} s, but {loanable} are loanable with a "
                f"forecast of {row.forecast_servers}"
            )


def _row_for(run: RunFiles, time_s: float) -> Seen | None:
    """The row of the timeline that shows the forecast in force at a time.

    It is the first at that time or after it; where loans are made at any time and nothing is
    foreseen, the last before it, as no bin has ended since.
    """
    is_early = run.summary["scheme"] == OPPORTUNISTIC
    place = int(time_s // BIN_S) if is_early else -int(-time_s // BIN_S)
    return run.timeline[place] if place < len(run.timeline) else None
