"""The jobs that run by what is written on objects, put right where that can't be so any more."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aryl.kube.checkpoints import Checkpoints
from aryl.kube.options import KubeOptions
from aryl.kube.progress import Rates, resized, started
from aryl.kube.shape import is_lost
from aryl.kube.sight import Sight
from aryl.kube.state import adopted, standing
from aryl.kube.workloads import Workload
from aryl.model.job import Job, Placement

Times = tuple[float, float]  # now in cluster time and in wall time
Righted = tuple[Job | None, Job]  # what is written of a job, and what is so


@dataclass(slots=True)
class Runs:
    """Jobs by name: `running` as they can stand, `lost` those that should run and can't."""

    running: dict[str, Job] = field(default_factory=dict)
    lost: dict[str, Job] = field(default_factory=dict)


class Running:
    """Says which jobs run; a job that has not changed is the same object."""

    def __init__(self, options: KubeOptions, rates: Rates) -> None:
        """Have seen nothing yet."""
        self._options, self._rates = options, rates
        self._righted: dict[str, Righted] = {}
        self._checkpoints = Checkpoints()

    def of(self, sight: Sight, workloads: Mapping[str, Workload], times: Times) -> Runs:
        """The jobs of these workloads."""
        runs, before = Runs(), self._righted
        self._righted = {}
        for name, workload in workloads.items():
            if workload.has_ended:
                continue
            placements = self._held(sight, workload, times[1])
            if placements is None:
                assert workload.allocation is not None, "what was never given is not lost"
                runs.lost[name] = workload.allocation.job
            elif placements:
                job = self._job(sight, workload, placements, times, before.get(name))
                runs.running[name] = self._checkpoints.noted(job, workload.view, times[0])
        self._checkpoints.forget(runs.running)
        return runs

    def _held(
        self, sight: Sight, workload: Workload, wall_s: float
    ) -> tuple[Placement, ...] | None:
        """What a job holds; nothing where it waits, None where it can't run as it should."""
        if workload.allocation is None:
            return self._adopted(sight, workload)

        def stands(placement: Placement) -> bool:
            node = sight.node(placement.server_id)
            is_there = node is not None and node.pool is placement.pool
            return is_there and not is_lost(node, wall_s, self._options)

        return standing(self._rates.units, workload.allocation.job, stands)

    def _job(
        self,
        sight: Sight,
        workload: Workload,
        placements: tuple[Placement, ...],
        times: Times,
        before: Righted | None,
    ) -> Job:
        """The job with these placements: as it is written, as it was last time, or put right."""
        written = workload.allocation.job if workload.allocation else None
        if written is not None and written.placements == placements:
            return written
        if before is None or before[0] is not written or before[1].placements != placements:
            before = (written, self._right(sight, workload, placements, times))
        self._righted[before[1].id] = before
        return before[1]

    def _adopted(self, sight: Sight, workload: Workload) -> tuple[Placement, ...]:
        """Where a job runs that nobody decided on."""
        if workload.described is None:
            return ()
        pods = workload.kind.pods(workload.view, sight)
        if not pods:
            return ()
        spec, nodes = workload.described.spec, sight.picture.nodes
        return adopted(self._rates.units, spec, pods, nodes)

    def _right(
        self,
        sight: Sight,
        workload: Workload,
        placements: tuple[Placement, ...],
        times: Times,
    ) -> Job:
        """The job with these placements; one that is adopted has run since its pods are there."""
        now, wall_s = times
        if workload.allocation:
            return resized(workload.allocation.job, placements, now, self._rates)
        assert workload.described is not None, "only a described job is adopted"
        pods = workload.kind.pods(workload.view, sight)
        age_s = max(0.0, wall_s - min(pod.created_s for pod in pods))
        spec = replace(workload.described.spec, submit_s=now - age_s)
        job = started(Job(spec), placements, now - age_s, self._rates)
        return replace(job, done=min(spec.work, job.done_by(now)), progress_s=now)
