"""CPU time and preemptions of exact reclaim and the other policies: `python bench/union.py`.

Prints JSON. Each problem has 500 servers that host base workers of some 550 jobs and asks for 250
of them. `spread` is how likely a job is to go on to one more server.
"""

import json
import random
import statistics
import time
from collections import Counter

from aryl.policy.victims import RECLAIMS, Reclaim, Victim

SERVERS, JOBS, COUNT = 500, 550, 250
GPUS = 8
RUNS = 5


def main() -> None:
    """Print the milliseconds and the preemptions of each policy, in parts of exact's."""
    print(json.dumps({f"spread {p}": compared(p) for p in (0.3, 0.5, 0.65)}, indent=2))


def compared(spread: float) -> dict[str, object]:
    """Run every policy on the same problems."""
    problems = [problem(random.Random(seed), spread) for seed in range(RUNS)]
    cpu_ms: dict[str, list[float]] = {name: [] for name in RECLAIMS}
    preempted: Counter[str] = Counter()
    unproven = 0
    for reclaim in problems:
        for name, policy in RECLAIMS.items():
            start = time.process_time()
            selection = policy(reclaim)
            cpu_ms[name].append((time.process_time() - start) * 1e3)
            hit = {job for server in selection.servers for job in reclaim.jobs_on[server]}
            preempted[name] += len(hit)
            unproven += selection.fell_back
    return {
        "median_ms": {name: round(statistics.median(ms), 1) for name, ms in cpu_ms.items()},
        "max_ms": round(max(cpu_ms["exact"]), 1),
        "preemptions_to_exact": {
            name: round(preempted[name] / preempted["exact"], 3) for name in RECLAIMS
        },
        "unproven": unproven,
    }


def problem(rng: random.Random, spread: float) -> Reclaim:
    """Jobs on one server or more, at random; servers that got none host one small job each."""
    gpus_on: dict[str, dict[str, int]] = {}
    for number in range(JOBS):
        servers = 1
        while rng.random() < spread and servers < 8:
            servers += 1
        hosts = rng.sample(range(SERVERS), servers)
        gpus_on[f"job-{number:04d}"] = {f"infer-{s:04d}": rng.randint(1, 4) for s in sorted(hosts)}
    jobs_on: dict[str, list[str]] = {f"infer-{s:04d}": [] for s in range(SERVERS)}
    for job, hosts_of in gpus_on.items():
        for server in hosts_of:
            jobs_on[server].append(job)
    for server, jobs in jobs_on.items():
        if not jobs:
            jobs.append(f"small-{server}")
            gpus_on[jobs[0]] = {server: GPUS}
    return Reclaim(
        jobs_on={server: tuple(jobs) for server, jobs in jobs_on.items()},
        jobs={job: Victim(gpus) for job, gpus in gpus_on.items()},
        count=COUNT,
    )


if __name__ == "__main__":
    main()
