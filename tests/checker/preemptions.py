"""Rules of reclaim and of order: who may be preempted, when nobody may be, and who comes first."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from tests.checker.files import Held, RunFiles
from tests.checker.jobs import Life
from tests.checker.shape import Knobs

Hosted = Mapping[str, set[str]]  # jobs with base workers, by on-loan server


def reclaims_at(run: RunFiles) -> dict[float, frozenset[str]]:
    """The servers asked back, by the instant."""
    servers: dict[float, set[str]] = defaultdict(set)
    for loan in run.loans:
        if loan.reclaim_s <= run.end_s:
            servers[loan.reclaim_s].add(loan.server_id)
    return {at_s: frozenset(names) for at_s, names in servers.items()}


def preemption_faults(run: RunFiles, lives: Iterable[Life], knobs: Knobs) -> Iterator[str]:
    """Jobs preempted for nothing."""
    back = reclaims_at(run)
    preempted: dict[float, list[str]] = defaultdict(list)
    for life in lives:
        for ended in life.runs[:-1]:
            preempted[ended.end_s].append(life.job.job_id)
            if not {row.server_id for row in ended.base} & back.get(ended.end_s, frozenset()):
                yield (
                    f"{life.job.job_id} is preempted at {ended.end_s} s, but none of its base "
                    "workers' servers is asked back"
                )
    if not knobs.decision_latency_s:  # else the plan knew an older state
        for at_s, hosted in _hosts_before(run, sorted(preempted)):
            names = back.get(at_s, frozenset())
            yield from _needless(at_s, preempted[at_s], hosted, names)
            if knobs.reclaim == "exact":
                yield from _superfluous(at_s, preempted[at_s], hosted, len(names))


def _needless(
    at_s: float, victims: Sequence[str], hosted: Hosted, back: frozenset[str]
) -> Iterator[str]:
    """Preemptions while a server that stays on loan was vacant, or held flexible workers only."""
    for server_id, jobs in hosted.items():
        if not jobs and server_id not in back:
            yield f"{victims[0]} is preempted at {at_s} s while {server_id} held no base workers"


def _superfluous(at_s: float, victims: Sequence[str], hosted: Hosted, wanted: int) -> Iterator[str]:
    """Victims without whom enough servers would be free: a minimum has none."""
    for job_id in victims:
        others = {*victims} - {job_id}
        if sum(jobs <= others for jobs in hosted.values()) >= wanted:
            yield f"{job_id} is preempted at {at_s} s, where the other victims would have done"


def _hosts_before(run: RunFiles, instants: Iterable[float]) -> Iterator[tuple[float, Hosted]]:
    """The jobs with base workers on each on-loan server just before each instant.

    A job that finishes at the instant has left by then.
    """
    finish_s = {job.job_id: job.finish_s for job in run.jobs}
    base: dict[str, list[Held]] = defaultdict(list)
    for row in sorted(run.held, key=lambda row: row.start_s):
        if row.is_base and row.is_on_loan and row.end_s > row.start_s:
            base[row.server_id].append(row)
    starts = {name: [row.start_s for row in rows] for name, rows in base.items()}
    for at_s in instants:
        hosts: dict[str, set[str]] = {}
        for server_id, loans in run.loans_of.items():
            if any(loan.start_s < at_s <= loan.reclaim_s for loan in loans):
                before = bisect_left(starts.get(server_id, []), at_s)
                hosts[server_id] = {
                    row.job_id
                    for row in base[server_id][:before]
                    if row.end_s >= at_s and finish_s.get(row.job_id) != at_s
                }
        yield at_s, hosts


def order_faults(run: RunFiles) -> Iterator[str]:
    """Under strict fifo no job starts before one that came earlier and waits."""
    if run.summary["scheme"] != "fifo":
        return
    queue = sorted(run.measured, key=lambda job: (job.submit_s, job.job_id))
    for earlier, later in pairwise(queue):
        if later.first_start_s < earlier.first_start_s:
            yield f"{later.job_id} starts before {earlier.job_id}, which came earlier"
