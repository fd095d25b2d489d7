"""Replay speed as a ratio to a yardstick, memory, and growth with the number of jobs.

    python bench/replay.py [--traces FOLDER] [--yardstick SCRIPT] [--runs 3]

The yardstick is any script that takes `TRACE --gpus N` and replays strict FIFO, counted and never
placed. Each figure is CPU seconds of a whole process less those of a trace of one short job, the
median of several runs on the same machine. Prints one JSON object. Without the real traces or the
yardstick it says so and measures nothing.
"""

import argparse
import gzip
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TRAINING_GPUS = 2200  # the `philly` cluster's
WINDOW, WHOLE = "window15d_philly.csv.gz", "train_philly_2017.csv.gz"
INFERENCE = "window15d_infer_azure.csv.gz"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where things are, and how often each is measured."""

    traces: Path
    yardstick: Path
    work: Path
    runs: int

    def yardstick_s(self, trace: Path) -> float:
        """CPU seconds of the yardstick on a trace."""
        return _cpu_s([str(self.yardstick), str(trace), "--gpus", str(TRAINING_GPUS)])

    def replay_s(self, trace: Path, scheme: str) -> float:
        """CPU seconds of `aryl sim run` on a trace, report and all."""
        demand = ["--inference", str(self.traces / INFERENCE)]
        out = ["--out", str(self.work / scheme)]
        words = ["sim", "run", str(trace), *demand, "--cluster", "philly", "--scheme", scheme]
        return _cpu_s(["-m", "aryl", *words, "--seed", "1", *out])

    def median_s(self, trace: Path, scheme: str | None) -> float:
        """Median CPU seconds beyond those of a one-job trace; no scheme: the yardstick's."""
        one_job = _one_job(self.work)
        extra = []
        for _ in range(self.runs):
            if scheme is None:
                extra.append(-self.yardstick_s(one_job) + self.yardstick_s(trace))
            else:
                # the trace last, so that its files are those that stay
                extra.append(-self.replay_s(one_job, scheme) + self.replay_s(trace, scheme))
        return statistics.median(extra)

    def peak_rss_mib(self, scheme: str) -> float:
        """The most memory that the last replay of a scheme held."""
        timing = json.loads((self.work / scheme / "timing.json").read_text())
        return float(timing["peak_rss_mib"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    traces = Path(os.environ.get("ARYL_TRACES", "../shared/traces"))
    parser.add_argument("--traces", type=Path, default=traces)
    parser.add_argument("--yardstick", type=Path, default=traces / "../bench/reference_fifo.py")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    missing = [str(p) for p in (args.traces / WINDOW, args.yardstick) if not p.exists()]
    if missing:
        print(f"left out: replay speed, for want of {' and '.join(missing)}")
        return
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(args.traces.resolve(), args.yardstick.resolve(), Path(work), args.runs)
        print(json.dumps(_figures(bench), indent=2))


def _figures(bench: Bench) -> dict[str, object]:
    window, whole = bench.traces / WINDOW, bench.traces / WHOLE
    yardstick_s = bench.median_s(window, None)
    figures: dict[str, object] = {"yardstick_s": round(yardstick_s, 3)}
    for scheme in ("fifo", "sjf", "aryl"):
        small_s = bench.median_s(window, scheme)
        figures[scheme] = {
            "cpu_s": round(small_s, 2),
            "ratio_to_yardstick": round(small_s / yardstick_s, 1),
            "peak_rss_mib": round(bench.peak_rss_mib(scheme), 1),
        }
    jobs = _jobs(window), _jobs(whole)
    for scheme in ("fifo", "aryl"):
        large_s = bench.median_s(whole, scheme)
        small_s = figures[scheme]["cpu_s"]  # type: ignore[index]  # the mapping made above
        exponent = math.log(large_s / small_s) / math.log(jobs[1] / jobs[0])
        figures[f"{scheme}_growth"] = {
            "jobs": jobs,
            "cpu_s": round(large_s, 2),
            "exponent": round(exponent, 2),
            "peak_rss_mib": round(bench.peak_rss_mib(scheme), 1),
        }
    return figures


def _cpu_s(words: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _one_job(work: Path) -> Path:
    path = work / "one-job.csv"
    path.write_text("job_id,submit_s,num_gpus,duration_s\nonly,0,1,60\n")
    return path


def _jobs(trace: Path) -> int:
    with gzip.open(trace, "rt") as source:
        return sum(1 for _ in source) - 1


if __name__ == "__main__":
    main()
