"""Rules of the opportunistic scheme: who runs where, and when a server is on loan."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.checker.files import Held, RunFiles
from tests.checker.jobs import Life
from tests.checker.shape import OPPORTUNISTIC

CYCLE_S = 10.0  # a server is vacant no longer than until the next decision
PATIENCE = 3  # preemptions after which a fungible job waits for training GPUs


def opportunism_faults(run: RunFiles, lives: Sequence[Life]) -> Iterator[str]:
    """Jobs on the wrong servers, and loans without jobs on them."""
    if run.summary["scheme"] != OPPORTUNISTIC:
        return
    for life in lives:
        yield from _misplaced(life)
    yield from _unused_loans(run)


def _unused_loans(run: RunFiles) -> Iterator[str]:
    """Loans that begin or go on without a job on the server."""
    held: dict[str, list[Held]] = defaultdict(list)
    for row in run.held:
        held[row.server_id].append(row)
    for loan in run.loans:
        rows = [r for r in held[loan.server_id] if loan.start_s <= r.start_s <= loan.reclaim_s]
        if loan.start_s not in {row.start_s for row in rows}:
            yield f"{loan.server_id} is lent at {loan.start_s} s, and nobody starts there"
            continue
        held_s = loan.start_s
        for start_s, end_s in sorted((row.start_s, row.end_s) for row in rows):
            if start_s > held_s + CYCLE_S:
                yield f"{loan.server_id} is on loan at {held_s} s, and nobody holds it"
            held_s = max(held_s, end_s)
        if min(loan.reclaim_s, run.end_s) > held_s + CYCLE_S:
            yield f"{loan.server_id} is on loan after {held_s} s, and nobody holds it"


def _misplaced(life: Life) -> Iterator[str]:
    """A fungible job stays on inference servers until it has been preempted too often."""
    was_on_loan = False
    for number, run in enumerate(life.runs):
        on_loan = {row.is_on_loan for row in run.base}
        if len(on_loan) > 1 or (was_on_loan and on_loan != {True} and number < PATIENCE):
            yield f"{life.job.job_id} runs on training servers from {run.start_s} s"
        if on_loan != {False} and number >= PATIENCE:
            yield f"{life.job.job_id} runs on inference servers from {run.start_s} s"
        was_on_loan |= True in on_loan
