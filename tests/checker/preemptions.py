"""Rules of reclaim and of order: who may be preempted, when nobody may be, and who comes first."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from tests.checker.files import RunFiles
from tests.checker.hosting import Hosting, reclaims_at
from tests.checker.jobs import Life
from tests.checker.shape import Knobs

Hosted = Mapping[str, set[str]]  # jobs with base workers, by on-loan server


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
        hosting = Hosting(run)
        for at_s in sorted(preempted):
            hosted, names = hosting.base_before(at_s), back.get(at_s, frozenset())
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


def order_faults(run: RunFiles) -> Iterator[str]:
    """Under strict fifo no job starts before one that came earlier and waits."""
    if run.summary["scheme"] != "fifo":
        return
    queue = sorted(run.measured, key=lambda job: (job.submit_s, job.job_id))
    for earlier, later in pairwise(queue):
        if later.first_start_s < earlier.first_start_s:
            yield f"{later.job_id} starts before {earlier.job_id}, which came earlier"
