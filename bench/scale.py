"""What a replay costs as cluster and trace grow together, up to a million jobs.

    python bench/scale.py [--jobs 10000,100000,1000000] [--scheme aryl] [--out runs/scale]

Every size has the paper's workload, as many jobs a GPU and day as the paper and the same number of
days: ten jobs a training GPU, servers of 8 GPUs, inference servers as many as training servers.
Each step is a process of its own, measured in CPU seconds and peak memory. A size that is there
already isn't run again. Prints a table and, for each two sizes, the exponent of growth.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from traces.synthetic_recipe import PAPER_DAYS, PAPER_GPUS, PAPER_JOBS

JOBS_PER_GPU = 10
GPUS_PER_SERVER = 8
DAYS = JOBS_PER_GPU * PAPER_GPUS / PAPER_JOBS * PAPER_DAYS
KIB_PER_GIB = 1024 * 1024

CLUSTER = """\
[pools.training]
servers = {servers}
gpus_per_server = 8
gpu_type = "V100"

[pools.inference]
servers = {servers}
gpus_per_server = 8
gpu_type = "T4"

[gpu_types.T4]
workers_per_training_worker = 3
"""


def main() -> None:
    """Measure what is missing, and print all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", default="10000,100000,1000000")
    parser.add_argument("--scheme", default="aryl")
    parser.add_argument("--out", type=Path, default=Path("runs/scale"))
    args = parser.parse_args()
    sizes = sorted(int(jobs) for jobs in args.jobs.split(","))
    found = [_measured(jobs, args.scheme, args.out / f"{args.scheme}-{jobs}") for jobs in sizes]
    for row in found:
        print(json.dumps(row))
    for small, large in pairwise(found):
        growth = math.log(large["run_cpu_s"] / small["run_cpu_s"])
        exponent = growth / math.log(large["jobs"] / small["jobs"])
        print(f"{small['jobs']:,} to {large['jobs']:,} jobs: exponent {exponent:.2f}")


def _measured(jobs: int, scheme: str, folder: Path) -> dict[str, Any]:
    """The figures of one size, from its folder or from a run."""
    figures = folder / "figures.json"
    if not figures.exists():
        folder.mkdir(parents=True, exist_ok=True)
        figures.write_text(json.dumps(_run(jobs, scheme, folder), indent=2) + "\n")
    row: dict[str, Any] = json.loads(figures.read_text())
    return row


def _run(jobs: int, scheme: str, folder: Path) -> dict[str, Any]:
    gpus = max(GPUS_PER_SERVER, jobs // JOBS_PER_GPU)
    trace, cluster, out = folder / "trace.csv.gz", folder / "cluster.toml", folder / "run"
    cluster.write_text(CLUSTER.format(servers=gpus // GPUS_PER_SERVER))
    extent = ["--jobs", str(jobs), "--days", f"{DAYS:.4f}", "--gpus", str(gpus)]
    synth_cpu_s, synth_gib = _cost(["trace", "synth", *extent, "--out", str(trace)])
    words = ["sim", "run", str(trace), "--cluster", str(cluster), "--scheme", scheme]
    run_cpu_s, run_gib = _cost([*words, "--out", str(out)])
    summary = json.loads((out / "summary.json").read_text())
    timing = json.loads((out / "timing.json").read_text())
    written = {f"{name}_mib": _mib(out / name) for name in ("allocations.csv", "report.html")}
    return {
        "jobs": jobs,
        "servers": 2 * (gpus // GPUS_PER_SERVER),
        "synth_cpu_s": round(synth_cpu_s, 1),
        "synth_gib": round(synth_gib, 2),
        "run_cpu_s": round(run_cpu_s, 1),
        "replay_cpu_s": round(timing["cpu_s"], 1),
        "run_gib": round(run_gib, 2),
        "cycles": summary["cycles"],
        "resizes": summary["resizes"],
        "cycle_s": timing["cycle_s"],
        **written,
    }


def _cost(words: list[str]) -> tuple[float, float]:
    """CPU seconds and peak memory in GiB of one `aryl` command."""
    command = [sys.executable, "-m", "aryl", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / KIB_PER_GIB


def _mib(file: Path) -> float:
    return round(file.stat().st_size / 2**20, 1)


if __name__ == "__main__":
    main()
