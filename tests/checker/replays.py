"""Small replays that leave nothing out: every kind of job, many loans, many reclaims."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from simulator.request import RunRequest
from simulator.run import run_request
from tests.checker.check import check_run
from tests.checker.shape import BIN_S, Knobs, Shape
from traces.job import TraceJob, trace_of
from traces.synthetic import generate
from traces.writing import write_trace

CARRIED_IN = 8  # jobs that ran before t = 0
SMALL = Shape(training_servers=6, inference_servers=12)
CLUSTER_TOML = """
[pools.training]
servers = {shape.training_servers}
gpus_per_server = {shape.training_gpus}
gpu_type = "V100"
[pools.inference]
servers = {shape.inference_servers}
gpus_per_server = {shape.inference_gpus}
gpu_type = "T4"
[gpu_types.T4]
workers_per_training_worker = {shape.factor}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A trace, a cluster and a demand series in a folder of their own."""

    folder: Path
    trace: Path
    cluster: Path
    inference: Path
    demand: tuple[int, ...]
    shape: Shape

    def run(self, out: Path, *, scheme: str, policy: str = "", seed: int = 1) -> Path:
        """Replay with the lines of a `[policy]` table; the run's folder."""
        out.mkdir(parents=True)
        file = out / "policy.toml"
        file.write_text(f"[policy]\n{policy}\n", encoding="utf-8")
        request = RunRequest(
            self.trace,
            self.inference,
            cluster=str(self.cluster),
            policy=file,
            scheme=scheme,
            seed=seed,
        )
        run_request(request, out)
        return out

    def faults(self, run_dir: Path, knobs: Knobs | None = None) -> list[str]:
        """What the checker has to say of a run."""
        return check_run(run_dir, self.trace, self.demand, self.shape, knobs)


def make_stage(
    folder: Path, *, jobs: int = 250, seed: int = 1, days: float = 1.0, shape: Shape = SMALL
) -> Stage:
    """A crowded day of every kind of job beside demand that comes and goes within hours."""
    folder.mkdir(parents=True, exist_ok=True)
    gpus = shape.training_servers * shape.training_gpus
    drawn = generate(seed=seed, jobs=jobs, days=days, gpus=gpus, load=1.3)
    chance = Random(seed)
    rows = [_shaped(job, chance) for job in drawn.jobs]
    rows[:CARRIED_IN] = [replace(job, submit_s=0.0, carry_in=True) for job in rows[:CARRIED_IN]]
    rows[CARRIED_IN] = replace(rows[CARRIED_IN], duration_s=0.0)
    rows.append(TraceJob(0, "job-too-large", 7.0, num_gpus=800, duration_s=9.0))
    trace = folder / "trace.csv"
    write_trace(trace, trace_of("made up", rows))
    cluster = folder / "cluster.toml"
    cluster.write_text(CLUSTER_TOML.format(shape=shape), encoding="utf-8")
    demand = _restless_demand(chance, shape.inference_servers)
    inference = folder / "demand.csv"
    lines = ["t_s,servers", *(f"{n * BIN_S:.0f},{servers}" for n, servers in enumerate(demand))]
    inference.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Stage(folder, trace, cluster, inference, demand, shape)


def _shaped(job: TraceJob, chance: Random) -> TraceJob:
    """One of the kinds of job: rigid or elastic, on one type of GPU, on any, or on both at once."""
    size = 8 if job.num_gpus > 8 else chance.choice([1, job.num_gpus])
    workers = job.num_gpus // size
    elastic = chance.random() < 0.4
    kind = chance.random()
    listed = elastic and chance.random() < 0.3
    return replace(
        job,
        gpus_per_worker=size,
        min_workers=max(1, workers // 2) if elastic else workers,
        max_workers=2 * workers if elastic else workers,
        allowed_workers=tuple(sorted({max(1, workers // 2), workers, 2 * workers}))
        if listed
        else None,
        fungible=kind < 0.5,
        heterogeneous=0.4 < kind < 0.6,
        checkpoint_s=chance.choice([0.0, 600.0]),
    )


def _restless_demand(chance: Random, servers: int) -> tuple[int, ...]:
    """A day of demand that wanders over the whole pool by up to three servers a bin."""
    level, found = servers // 2, []
    for _ in range(288):
        level = min(servers, max(0, level + chance.randint(-3, 3)))
        found.append(level)
    return tuple(found)


def first_lines(faults: Sequence[str]) -> str:
    """A few faults for a failing test's message."""
    return "\n".join([f"{len(faults)} faults", *faults[:10]])
