"""Submissions by the hundreds a second against the API while the scheduler's cycles run.

    python bench/load.py [--seconds 60] [--rate 330] [--queued 100000] [--database sqlite]

`aryl serve --role api` and `--role scheduler` are two processes on one database; the scheduler runs
an emulated cluster of 16 + 16 servers at 60 x, where jobs start and end all the time. The client, a
third process on the same machine, submits on a fixed timetable (an open loop): a request's time
counts from when it was due, so that waiting behind slower ones is in it. Each acknowledgement means
a commit that is on disk. Afterwards every acknowledged job must be in the database exactly once.
Then the queue is filled up to 100,000 jobs and walked in pages of 100 while cycles run on.

Prints one JSON object for SQLite and PostgreSQL: milliseconds, and how they compare with limits.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from aryl.engine.lifecycle import JobState
from aryl.model.job import JobSpec
from aryl.store import Database, Principal, Role, ServiceStore, Submission
from aryl.store.tables import JOBS
from bench.support.databases import KINDS, database_url
from bench.support.figures import against, spread_ms
from bench.support.service import Process, new_token, serving

SHAPE = """
[pools.training]
servers = 16
gpus_per_server = 8
gpu_type = "V100"

[pools.inference]
servers = 16
gpus_per_server = 8
gpu_type = "T4"

[gpu_types.T4]
workers_per_training_worker = 3
"""
SUBMITS_PER_S = 300.0  # at least
SUBMIT_P99_MS = 100.0  # at most
PAGE_P99_MS = 50.0  # at most
WARM_UP_S = 3.0
PAGE = "/api/v1/jobs?state=queued&limit=100"
BATCH = 2_000
USER = Principal("filler", Role.SUBMITTER)


@dataclass(frozen=True, slots=True)
class Served:
    """Both processes of a service, and what it takes to ask them."""

    api: Process
    scheduler: Process
    url: str
    token: str

    def client(self, *words: str) -> Mapping[str, Any]:
        """What the client prints, from a process of its own."""
        command = [sys.executable, "-m", "bench.support.client", *words]
        command += ["--port", str(self.api.port), "--token", self.token]
        ran = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - our own
        answer: Mapping[str, Any] = json.loads(ran.stdout)
        return answer

    def cycles(self) -> float:
        """How many cycles have been carried out."""
        return self.scheduler.total("aryl_cycles_total", self.token)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=330.0)
    parser.add_argument("--queued", type=int, default=100_000)
    parser.add_argument("--database", choices=KINDS)
    args = parser.parse_args()
    kinds = [args.database] if args.database else KINDS
    print(json.dumps({kind: _measured(kind, args) for kind in kinds}, indent=2))


def _measured(kind: str, args: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="aryl-") as folder:
        work = Path(folder)
        shape = work / "shape.toml"
        shape.write_text(SHAPE)
        with database_url(kind, work) as url:
            with closing(Database(url)) as database:
                database.migrate()
            token = new_token(url, Role.SUBMITTER)
            words = ["--cluster", str(shape), "--cluster-file", str(work / "cluster.db")]
            with (
                serving("scheduler", url, work, words) as scheduler,
                serving("api", url, work) as api,
            ):
                served = Served(api, scheduler, url, token)
                return _submitted(served, args) | _listed(served, args.queued)


def _submitted(served: Served, args: argparse.Namespace) -> dict[str, object]:
    """The load, and what is in the database after it."""
    timetable = ["submit", "--rate", str(args.rate), "--seconds"]
    before = served.client(*timetable, str(WARM_UP_S))
    cycles, since = served.cycles(), time.perf_counter()
    cpu_s = served.api.cpu_s, served.scheduler.cpu_s
    load = served.client(*timetable, str(args.seconds))
    taken_s = time.perf_counter() - since
    spread = spread_ms(load["latency_s"])
    return {
        "submits": len(load["job_ids"]),
        "refused": load["refused"],
        "submits_per_s": against(SUBMITS_PER_S, load["acknowledged_per_s"]),
        "submit_ms": spread,
        "submit_p99_ms": against(SUBMIT_P99_MS, spread["p99"]),
        "cycles_meanwhile": round(served.cycles() - cycles),
        "cpu_share": {
            "api": round((served.api.cpu_s - cpu_s[0]) / taken_s, 2),
            "scheduler": round((served.scheduler.cpu_s - cpu_s[1]) / taken_s, 2),
            "client": round(load["client_cpu_share"], 2),
        },
        "acknowledged_and_not_stored_once": _astray(
            served.url, before["job_ids"] + load["job_ids"]
        ),
    }


def _astray(url: str, acknowledged: list[str]) -> int:
    """Acknowledged jobs that are not in the database exactly once, or acknowledged twice."""
    with closing(Database(url)) as database, database.read() as connection:
        stored = Counter(connection.execute(select(JOBS.c.id)).scalars())
    answers = Counter(acknowledged)
    return sum(stored[job_id] != 1 or count != 1 for job_id, count in answers.items())


def _listed(served: Served, queued: int) -> dict[str, object]:
    """Fill the queue and walk it."""
    _fill(served, queued)
    cycles = served.cycles()
    walk = served.client("list", "--path", PAGE)
    spread = spread_ms(walk["latency_s"])
    return {
        "listed_jobs": walk["items"],
        "listed_twice": walk["items"] - walk["different"],
        "page_ms": spread,
        "page_p99_ms": against(PAGE_P99_MS, spread["p99"]),
        "cycles_while_listing": round(served.cycles() - cycles),
        "rss_mib": {
            "api": round(served.api.rss_mib, 1),
            "scheduler": round(served.scheduler.rss_mib, 1),
        },
    }


def _fill(served: Served, queued: int) -> None:
    """Let jobs wait until there are so many, and let the scheduler take them in."""
    rng = random.Random(11)
    with closing(Database(served.url)) as database:
        users = ServiceStore.on(database, time.time)
        now = served.api.json("/api/v1/status", served.token)["now_s"]
        number = 0
        while (missing := queued - users.jobs.counts()[JobState.QUEUED]) > 0:
            batch = [_filler(number + n, now, rng) for n in range(min(BATCH, missing))]
            users.jobs.submit(batch)
            number += len(batch)


def _filler(number: int, now: float, rng: random.Random) -> Submission:
    gpus = rng.choice((1, 2, 4, 8))
    duration_s = rng.uniform(3_000.0, 30_000.0)
    spec = JobSpec(
        job_id=f"filler-{number:06d}",
        submit_s=now,
        num_gpus=gpus,
        duration_s=duration_s,
        gpus_per_worker=gpus,
        min_workers=1,
        max_workers=1,
        estimated_duration_s=duration_s,
    )
    return Submission(spec=spec, name=spec.job_id, owner=USER.name, who=USER)


if __name__ == "__main__":
    main()
