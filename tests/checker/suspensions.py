"""Rules of schemes that suspend: who gives way to whom."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.checker.files import RunFiles
from tests.checker.jobs import Life, Run, made_before
from tests.checker.shape import Knobs


class Begun(NamedTuple):
    """A run of a job that begins: the how-manieth it is."""

    life: Life
    number: int

    @property
    def run(self) -> Run:
        """The run itself."""
        return self.life.runs[self.number]


def suspension_faults(run: RunFiles, lives: Sequence[Life], knobs: Knobs) -> Iterator[str]:
    """Jobs suspended for nobody, or for one that does not come before them."""
    begun: dict[float, list[Begun]] = defaultdict(list)
    for life in lives:
        for number, part in enumerate(life.runs):
            begun[part.start_s].append(Begun(life, number))
    comes_before = {"srtf": _is_shorter, "las": _is_served_less}[run.summary["scheme"]]
    for life in lives:
        for number, part in enumerate(life.runs[:-1]):
            victim, name, at_s = Begun(life, number), life.job.job_id, part.end_s
            heirs = list(_heirs(victim, begun))
            if not heirs:
                yield f"{name} is suspended at {at_s} s, and nobody starts on its servers"
            elif not any(comes_before(heir, victim, knobs) for heir in heirs):
                first = heirs[0].life.job.job_id
                yield f"{name} is suspended at {at_s} s for {first}, which comes after it"


def _heirs(victim: Begun, begun: Mapping[float, Sequence[Begun]]) -> Iterator[Begun]:
    """The runs that begin where and when another ends."""
    left = {row.server_id for row in victim.run.base}
    for heir in begun.get(victim.run.end_s, ()):
        if left & {row.server_id for row in heir.run.base}:
            yield heir


def _is_shorter(heir: Begun, victim: Begun, knobs: Knobs) -> bool:
    """Whether the heir will have ended, and the victim restarted, before the victim's own end."""
    overhead_s, at_s = knobs.preemption_overhead_s, victim.run.end_s
    standstill_s = max(0.0, victim.run.start_s + _restart_s(victim, knobs) - at_s)
    left_s = standstill_s + _left_s(victim, victim.number + 1)
    return _restart_s(heir, knobs) + _left_s(heir, heir.number) + overhead_s < left_s + 1e-6


def _left_s(begun: Begun, runs: int) -> float:
    """The run time left after so many runs, at the requested size."""
    workers = begun.life.job.requested_workers
    return begun.life.asked.duration_s - made_before(begun.life, runs) / workers


def _restart_s(begun: Begun, knobs: Knobs) -> float:
    return knobs.preemption_overhead_s if begun.number else 0.0


def _is_served_less(heir: Begun, victim: Begun, knobs: Knobs) -> bool:
    """Whether the heir is in an earlier queue."""
    return _queue(heir, heir.number, knobs, 1e-9) < _queue(victim, victim.number + 1, knobs, -1e-9)


def _queue(begun: Begun, runs: int, knobs: Knobs, nudge: float) -> int:
    """The queue after so many runs; GPU-time that is within rounding of a limit may be either."""
    gpu_s = made_before(begun.life, runs) * begun.life.job.gpus_per_worker
    return bisect_right(knobs.las_limits_gpu_s, gpu_s * (1 - nudge))
