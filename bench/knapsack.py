"""CPU time of the knapsack and of a numpy dynamic program: `python bench/knapsack.py`.

Prints JSON. `large` is 1,000 groups of 16 options at capacity 8,000; `cycles` is what scheduling
cycles ask for: 20 to 400 elastic jobs, where all best options fit and where they don't.
"""

import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from aryl.policy.knapsack import Choice, Group, solve

Answer = TypeVar("Answer")
Problem = tuple[list[Group], int]

RUNS = 15
CYCLES = 200


def main() -> None:
    """Print medians in milliseconds and their ratio."""
    shapes = {"concave": concave, "any values": any_values, "strongly correlated": correlated}
    answer = {
        "large": {name: large(shape) for name, shape in shapes.items()},
        "cycles": {str(jobs): cycles(jobs) for jobs in (20, 100, 400)},
    }
    print(json.dumps(answer, indent=2))


def large(shape: Callable[[random.Random], Group]) -> dict[str, object]:
    """Time both programs on the same problems, and hold their values against each other."""
    ours_ms, plain_ms, hows = list[float](), list[float](), Counter[str]()
    for seed in range(RUNS):
        rng = random.Random(seed)
        problem = [shape(rng) for _ in range(1_000)], 8_000
        choice, cpu_ms = timed(solve, problem)
        ours_ms.append(cpu_ms)
        hows[choice.how.name] += 1
        if seed % 5 == 0:
            value, cpu_ms = timed(dynamic_program, problem)
            plain_ms.append(cpu_ms)
            assert abs(choice.value - value) <= 1e-9 * value
    ours, plain = statistics.median(ours_ms), statistics.median(plain_ms)
    return {
        "median_ms": round(ours, 2),
        "max_ms": round(max(ours_ms), 2),
        "numpy_dynamic_program_ms": round(plain, 1),
        "ratio": round(plain / ours, 1),
        "proven_by": dict(sorted(hows.items())),
    }


def cycles(jobs: int) -> dict[str, object]:
    """Time what a scheduling cycle asks for."""
    rng = random.Random(jobs)
    problems = [cycle(rng, jobs) for _ in range(CYCLES)]
    roomy = [(groups, sum(max(g.weights) for g in groups)) for groups, _ in problems]
    return {
        "all fit": spread([timed(solve, p) for p in roomy]),
        "scarce": spread([timed(solve, p) for p in problems]),
    }


def spread(solves: Sequence[tuple[Choice, float]]) -> dict[str, object]:
    """Median and 99th percentile, and what proved the answers."""
    cpu_ms = sorted(ms for _, ms in solves)
    hows = Counter(choice.how.name for choice, _ in solves)
    return {
        "median_ms": round(statistics.median(cpu_ms), 3),
        "p99_ms": round(cpu_ms[len(cpu_ms) * 99 // 100], 3),
        "proven_by": dict(sorted(hows.items())),
    }


def timed(program: Callable[[list[Group], int], Answer], problem: Problem) -> tuple[Answer, float]:
    """Run a program; the answer, and the milliseconds of CPU time it took."""
    start = time.process_time()
    answer = program(*problem)
    return answer, (time.process_time() - start) * 1e3


def dynamic_program(groups: list[Group], capacity: int) -> float:
    """The greatest value, by filling one row of the table per group."""
    row = np.zeros(capacity + 1)
    for group in groups:
        before = row.copy()
        for weight, value in zip(group.weights, group.values, strict=True):
            np.maximum(row[weight:], before[: capacity + 1 - weight] + value, out=row[weight:])
    return float(row[capacity])


def elastic_job(rng: random.Random, base: int, steps: int) -> Group:
    """Linear scaling of a job with a heavy-tailed run time."""
    gpus, run_s = rng.choice([1, 1, 1, 2, 2, 4, 4, 8, 8, 8]), rng.lognormvariate(9, 2)
    options = range(1, steps + 1)
    values = tuple(run_s - run_s * base / (base + k) for k in options)
    return Group(tuple(k * gpus for k in options), values)


def cycle(rng: random.Random, jobs: int) -> Problem:
    """Elastic jobs that may double, and 0 to 500 GPUs to share."""
    bases = [rng.choice([1, 1, 2, 2, 4, 8, 16]) for _ in range(jobs)]
    groups = [elastic_job(rng, base, base) for base in bases]
    return groups, rng.randrange(min(500, sum(max(g.weights) for g in groups)))


def concave(rng: random.Random) -> Group:
    """An elastic job with 16 options."""
    return elastic_job(rng, rng.choice([1, 2, 4, 8, 16]), 16)


def any_values(rng: random.Random) -> Group:
    """16 options of any weights and gains."""
    weights = sorted(rng.sample(range(1, 200), 16))
    return Group(tuple(weights), tuple(sorted(rng.uniform(0, 1_000) for _ in weights)))


def correlated(rng: random.Random) -> Group:
    """16 options that gain what they weigh and a constant, which tell bounds little."""
    weights = sorted(rng.sample(range(1, 200), 16))
    return Group(tuple(weights), tuple(w + 20.0 for w in weights))


if __name__ == "__main__":
    main()
