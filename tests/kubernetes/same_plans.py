"""Some hours of training and inference, through the simulator and through a real control plane.

Both get the same servers, jobs, inference demand and policy. Real pods differ from the simulator's
workers in that they take a while to come and go; so here kubelets do their part between any two
decisions, also those of one instant, and pods need no grace. A job's workers succeed when its
modelled progress is complete, and what inference needs is told, not read off its pods.
"""

import io
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from aryl.engine.cycle import CycleReport
from aryl.kube.names import MANAGED
from aryl.kube.picture import Picture
from aryl.model.cluster import Cluster
from aryl.model.demand import BIN_S, DemandHistory
from aryl.model.job import Job, JobSpec
from aryl.model.plain import action_plain
from aryl.policy.config import PolicyConfig
from simulator.inference import InferenceLoad
from simulator.inputs import RunInputs
from simulator.run import replayed
from simulator.scenarios.drawing import drawn
from simulator.scenarios.workload import Workload
from simulator.world import Load, World
from tests.kubernetes.stage import PODS, ROUNDS, KubeStage
from tests.service.stage import Unwatched
from traces.demand import DemandSeries
from traces.synthetic import generate
from traces.table import job_specs

HOUR_S = 3_600.0
Decision = tuple[float, str, str, Any, Any, Any, Any, str]


@dataclass(frozen=True)
class Told:
    """Demand as the simulator knows it: by bins that have ended."""

    load: Load

    def look(
        self, _picture: Picture, now: float, _home: Collection[str]
    ) -> tuple[DemandHistory, float | None]:
        """The bins by now; nobody knows what is needed at this moment."""
        return self.load.history_at(now), None


class AtRest(Unwatched):
    """Lets pods come and go after each plan, before anything else is decided."""

    def __init__(self, stage: KubeStage) -> None:
        super().__init__()
        self._stage = stage

    def cycled(self, report: CycleReport, _now: float) -> None:
        """A plan was written."""
        if report.outcomes:
            rest(self._stage)


def inputs_of(cluster: Cluster, config: PolicyConfig, *, jobs: int, hours: float) -> RunInputs:
    """A busy time: demand swings from nearly all servers to few, and every job may borrow."""
    trace = generate(seed=3, jobs=jobs, days=hours / 24.0, gpus=cluster.training_gpus, load=4.0)
    specs = drawn(job_specs(trace, cluster.servers[0].gpus), Workload(), frozenset(), 1)
    shaped = [
        replace(spec, fungible=place % 2 == 0, heterogeneous=place % 4 == 0, checkpoint_s=600.0)
        for place, spec in enumerate(specs)
    ]
    pool = len(cluster.inference_servers)
    bins = np.arange(2 * HOUR_S / BIN_S)
    wave = pool * (0.5 - 0.4 * np.cos(2.0 * np.pi * bins / bins.size))
    load = InferenceLoad(DemandSeries(np.rint(wave).astype(np.int64)))
    arrived = tuple(sorted(shaped, key=lambda spec: spec.submit_s))
    return RunInputs(World(cluster, load, config), "as-is", 1, arrived, ())


def simulated(inputs: RunInputs, end_s: float) -> list[Decision]:
    """What the simulator decides until then."""
    log = io.StringIO()
    replayed(inputs, log=log)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    told = [line for line in lines if line["action"] not in {"Wait", "Note"}]
    return [_decision(line, line["t_s"], line["outcome"]) for line in told if line["t_s"] <= end_s]


def lived(inputs: RunInputs, stage: KubeStage, end_s: float) -> list[Decision]:
    """What the scheduler decides until then, read from its database."""
    waiting, now = list(inputs.jobs), 0.0
    while now <= end_s:
        stage.now = now
        _submit(stage, waiting, now)
        _succeed(stage, now)
        wake_s = stage.scheduler.step(now)
        now = min(wake_s, waiting[0].submit_s if waiting else inf, _next_end_s(stage))
    plans = stage.users.plans
    oldest_first = reversed(plans.page(limit=1_000_000))
    done = [entry for plan in oldest_first for entry in plans.actions_of(plan.id)]
    return [
        _decision(action_plain(e.action), e.t_s, str(e.status and e.status.value)) for e in done
    ]


def rest(stage: KubeStage) -> None:
    """Let pods follow what is written, until nothing is left to do."""
    before: object = None
    for _ in range(ROUNDS):
        stage.catch_up()
        stage.opened.cluster.advance(stage.store.live())
        stage.kubelets.settle()
        versions = stage.versions()
        if versions == before:
            return
        before = versions
    raise AssertionError(f"it does not come to rest: {stage.opened.hands}")


def misplaced(stage: KubeStage) -> list[str]:
    """Servers on which other workers run than the plans in force put there."""
    planned: Counter[tuple[str, str]] = Counter()
    for job_id, job in stage.opened.cluster.observe().running.items():
        for p in job.placements:
            planned[job_id, p.server_id] += p.workers
    found = Counter((_job_of(pod), pod["spec"]["nodeName"]) for pod in _workers(stage))
    wrong = {*(planned - found), *(found - planned)}
    return [f"{job_id} on {server}" for job_id, server in sorted(wrong)]


def _submit(stage: KubeStage, waiting: list[JobSpec], now: float) -> None:
    due = [spec for spec in waiting if spec.submit_s <= now]
    del waiting[: len(due)]
    if due:
        stage.submit(*due)


def _ends_s(job: Job) -> float:
    """When a running job's work is done, as the simulator foresees it."""
    return job.progress_s + max(0.0, job.spec.work - job.done) / job.speed


def _next_end_s(stage: KubeStage) -> float:
    running = stage.opened.cluster.observe().running.values()
    return min((_ends_s(job) for job in running), default=inf)


def _succeed(stage: KubeStage, now: float) -> None:
    """Let all workers of the jobs end that have done their work, and clear their pods away."""
    running = stage.opened.cluster.observe().running
    due = {job_id for job_id, job in running.items() if _ends_s(job) <= now}
    if not due:
        return
    for pod in _workers(stage):
        if _job_of(pod) in due:
            stage.kubelets.succeed(stage.namespace, pod["metadata"]["name"])
    stage.catch_up()


def _job_of(pod: Any) -> str:
    name: str = pod["metadata"]["name"]
    return name.rpartition("-")[0]


def _workers(stage: KubeStage) -> Sequence[Any]:
    pods = stage.api.list(PODS, labelSelector=f"{MANAGED}=true")
    return [pod for pod in pods if pod["status"].get("phase") == "Running"]


def _decision(line: Any, t_s: float, outcome: str) -> Decision:
    subject = line.get("job_id") or line["server_id"]
    moved = (line.get("placements"), line.get("remove"), line.get("add"))
    return (t_s, line["action"], subject, *moved, line["reason"]["code"], outcome)
