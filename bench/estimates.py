"""How far guesses of run times are off, by three ways to learn them.

    python bench/estimates.py TRACE... [--queue SCHEME --cluster CLUSTER [--inference FILE]]

Errors are those of guesses at submission, on an endless cluster where each job starts at once: what
has ended by then may be learnt from. With `--queue`, the traces are also replayed under the scheme,
once with each learner, with the run times as they are, and in order of arrival.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from math import exp, log
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np

from aryl.engine.estimating import ESTIMATORS, Estimator, Learner
from aryl.model.demand import BIN_S
from aryl.model.job import Job, JobSpec
from aryl.policy.estimating import UNKNOWN_S, Guess
from simulator.inputs import read_inputs
from simulator.request import RunRequest
from simulator.run import replayed
from simulator.summary import summary_of
from traces.table import job_specs, read_trace

Class = tuple[str | int, ...]
PAIRS, NEAR = 200_000, 200  # pairs of jobs that are compared, and how near in the trace they are


def classes(spec: JobSpec) -> Iterator[Class]:
    """Ever narrower classes of jobs."""
    user = (spec.queue, spec.user)
    yield ()
    yield (spec.num_gpus,)
    yield user
    yield (*user, spec.model)
    yield (*user, spec.model, spec.num_gpus)


class LogMeans(Estimator):
    """The mean log of each class, leaning on the wider one's as on one job; fading after ten."""

    def __init__(self) -> None:
        """Know nothing."""
        self._means: dict[Class, tuple[int, float]] = {}

    def guess(self, spec: JobSpec) -> Guess | None:
        """The mean of the logs."""
        found = log(UNKNOWN_S)
        for name in classes(spec):
            count, mean = self._means.get(name, (0, 0.0))
            found = (count * mean + found) / (count + 1)
        return Guess(exp(found), 0.0)

    def ended(self, spec: JobSpec, run_s: float) -> None:
        """Learn from a job."""
        for name in classes(spec):
            count, mean = self._means.get(name, (0, 0.0))
            count = min(count + 1, 10)
            self._means[name] = (count, mean + (log(max(run_s, 1.0)) - mean) / count)


class Medians(Estimator):
    """The median of the last nine of the narrowest class that has at least two."""

    def __init__(self) -> None:
        """Know nothing."""
        self._last: defaultdict[Class, list[float]] = defaultdict(list)

    def guess(self, spec: JobSpec) -> Guess | None:
        """The median."""
        known = [self._last[name] for name in classes(spec)]
        last: list[float] = next((some for some in reversed(known) if len(some) > 1), [UNKNOWN_S])
        return Guess(max(1.0, median(last)), 0.0)

    def ended(self, spec: JobSpec, run_s: float) -> None:
        """Learn from a job."""
        for name in classes(spec):
            self._last[name] = [*self._last[name], run_s][-9:]


LEARNERS: Mapping[str, Callable[[], Estimator]] = {
    "survival": Learner,
    "log means": LogMeans,
    "medians": Medians,
}


def guesses_s(jobs: Iterable[JobSpec], estimator: Estimator) -> list[float]:
    """The first guess of each job, as if all started at once."""
    found, ends = [], list[tuple[float, int, JobSpec]]()
    running, look_s = dict[int, Job](), 0.0
    for place, spec in enumerate(jobs):
        while look_s <= spec.submit_s or (ends and ends[0][0] <= spec.submit_s):
            if ends and ends[0][0] <= min(look_s, spec.submit_s):
                _, ended, gone = heappop(ends)
                del running[ended]
                estimator.ended(gone, gone.duration_s)
            else:
                estimator.look(running.values(), look_s)
                look_s += BIN_S
        guess = estimator.guess(spec)
        assert guess is not None
        found.append(guess.run_s)
        running[place] = Job(spec, progress_s=spec.submit_s, speed=float(spec.requested_workers))
        heappush(ends, (spec.submit_s + spec.duration_s, place, spec))
    return found


def scores(jobs: list[JobSpec], guessed_s: list[float]) -> str:
    """Median and mean |ln(run time / guess)|, share within 2, and how well they sort.

    The last is the share of the differences between run times of jobs near each other in the trace
    that the guesses put the right way round; .5 is chance.
    """
    run_s = np.maximum([job.duration_s for job in jobs], 1.0)
    guess_s = np.array(guessed_s)
    off = np.abs(np.log(run_s / guess_s))
    chance = np.random.default_rng(0)
    one = chance.integers(0, len(jobs) - NEAR, PAIRS)
    other = one + chance.integers(1, NEAR, PAIRS)
    longer_s = run_s[one] - run_s[other]
    is_right = (np.sign(longer_s) * np.sign(guess_s[one] - guess_s[other]) + 1.0) / 2.0
    sorts = (is_right * np.abs(longer_s)).sum() / np.abs(longer_s).sum()
    figures = np.median(off), off.mean(), (off <= log(2.0)).mean(), sorts
    return " | ".join(f"{figure:.2f}" for figure in figures)


def queuing(request: RunRequest, learner: Callable[[], Estimator]) -> str:
    """Mean queuing and mean JCT of a replay, in seconds, with these estimates."""
    with patch.dict(ESTIMATORS, learned=learner):
        summary = summary_of(replayed(read_inputs(request)))
    return f"{summary['queuing_s']['mean']:,.0f} | {summary['jct_s']['mean']:,.0f}"


def main() -> None:
    """Print a table for each trace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", nargs="+", type=Path)
    parser.add_argument("--queue", metavar="SCHEME")
    parser.add_argument("--cluster", default="paper")
    parser.add_argument("--inference", type=Path)
    chosen = parser.parse_args()
    for path in chosen.traces:
        jobs = sorted(job_specs(read_trace(path), 8), key=lambda job: job.submit_s)
        jobs = [job for job in jobs if not job.carry_in]
        print(f"{path.name}: {len(jobs):,} jobs; median | mean | within 2 | sorts")
        for name, learner in LEARNERS.items():
            print(f"  {name}: {scores(jobs, guesses_s(jobs, learner()))}", flush=True)
        if not chosen.queue:
            continue
        request = RunRequest(
            path, chosen.inference, cluster=chosen.cluster, scheme=chosen.queue, knobs={}
        )
        print("  mean queuing | mean JCT, s")
        print(f"  as they are: {queuing(request, Learner)}", flush=True)
        learned = replace(request, knobs={"estimates": "learned"})
        for name, learner in LEARNERS.items():
            print(f"  {name}: {queuing(learned, learner)}", flush=True)
        unknown = replace(request, knobs={"ordering": "fifo-backfill"})
        print(f"  by arrival: {queuing(unknown, Learner)}", flush=True)


if __name__ == "__main__":
    main()
