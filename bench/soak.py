"""Half an hour of the service at 600 x: whether it stays as it is.

    python bench/soak.py [--minutes 30]

`aryl serve` schedules the paper's cluster while `aryl replay` submits the built-in workload over
HTTP, as `aryl serve --demo` does; 30 minutes are 12.5 days of cluster time. Looks at the process
and at the database every few seconds, and says at the end whether

* memory is flat: the last quarter's mean is no more than 10 % above the second quarter's;
* no job runs past its finish, and none waits that would fit on free training GPUs;
* what the metrics counted is what the database holds;
* no cycle failed and no request was answered 5xx.

Prints one JSON object; exits with 1 where any of that is broken.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aryl.config import read_cluster
from aryl.model.cluster import Cluster
from aryl.store import Database, Role
from bench.support.books import Totals, counted, fitting, overdue, stored, take_picture
from bench.support.databases import database_url
from bench.support.service import Process, new_token, serving
from traces.synthetic import generate
from traces.synthetic_recipe import PAPER_DAYS, PAPER_GPUS, PAPER_JOBS
from traces.writing import write_trace

SPEED = 600.0
SHAPE = "paper"
LOOK_S = 5.0  # wall time between two looks
AGAIN_S = 0.2  # wall time between looks at what seems stuck: many cycles
AGAIN = 6  # looks in a row that must agree
GROWTH_MAX = 0.10
ROUNDING = 1e-9
DAY_S = 86_400.0


@dataclass(slots=True)
class Notes:
    """What the looks found."""

    rss_mib: list[tuple[float, float]] = field(default_factory=list)  # wall seconds, memory
    answer_ms: list[float] = field(default_factory=list)
    stuck: dict[str, str] = field(default_factory=dict)  # jobs, and how


@dataclass(frozen=True, slots=True)
class Soak:
    """A service under load, and the database behind it."""

    service: Process
    database: Database
    cluster: Cluster
    token: str
    notes: Notes

    def watch(self, seconds: float) -> None:
        """Look every few seconds."""
        since = time.monotonic()
        while (passed_s := time.monotonic() - since) < seconds:
            self.notes.rss_mib.append((passed_s, self.service.rss_mib))
            self._look_for_stuck_jobs()
            time.sleep(max(0.0, LOOK_S - (time.monotonic() - since - passed_s)))

    def now_s(self) -> float:
        """Cluster time, as the API tells it."""
        since = time.perf_counter()
        now_s = float(self.service.json("/api/v1/status", self.token)["now_s"])
        self.notes.answer_ms.append((time.perf_counter() - since) * 1e3)
        return now_s

    def _look_for_stuck_jobs(self) -> None:
        """A job is stuck where all of several looks in a row say so."""
        suspects = self._suspects()
        for _ in range(AGAIN - 1):
            if not suspects:
                return
            time.sleep(AGAIN_S)
            again = self._suspects()
            suspects = {job: how for job, how in suspects.items() if again.get(job) == how}
        self.notes.stuck |= suspects

    def _suspects(self) -> dict[str, str]:
        now_s = self.now_s()
        picture = take_picture(self.database, now_s, "cluster")
        late = dict.fromkeys(overdue(picture, now_s), "runs past its finish")
        return late | dict.fromkeys(fitting(picture, self.cluster), "waits, and would fit")

    def compared(self) -> tuple[Totals, Totals, Totals]:
        """What metrics have counted, what the database holds a moment later, and metrics again."""
        low = counted(self.service.samples(self.token))
        time.sleep(1.0)  # what is committed is counted, and the other way round
        held = stored(self.database)
        time.sleep(1.0)
        return low, held, counted(self.service.samples(self.token))


def main() -> None:
    """Run, print, and fail where something is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aryl-") as folder:
        findings = _soaked(Path(folder), args.minutes * 60.0)
    print(json.dumps(findings, indent=2))
    sys.exit(1 if findings["broken"] else 0)


def _soaked(work: Path, seconds: float) -> dict[str, object]:
    days = max(PAPER_DAYS, seconds * SPEED / DAY_S + 1.0)
    trace = work / "workload.csv.gz"
    jobs = round(PAPER_JOBS * days / PAPER_DAYS)
    write_trace(trace, generate(seed=0, jobs=jobs, days=days, gpus=PAPER_GPUS))
    config = work / "aryl.toml"
    config.write_text(
        f"[scheduler]\nkeep_s = {days * DAY_S}\n"
    )  # every start is counted at the end
    words = ["--cluster", SHAPE, "--speed", f"{SPEED:g}", "--cluster-file", f"{work}/cluster.db"]
    words += ["--config", str(config)]
    with database_url("sqlite", work) as url, closing(Database(url)) as database:
        database.migrate()
        token = new_token(url, Role.OPERATOR)
        with serving("all", url, work, words) as service, _feeding(trace, service, token):
            soak = Soak(service, database, read_cluster(SHAPE), token, Notes())
            soak.watch(seconds)
            return _findings(soak)


@contextmanager
def _feeding(trace: Path, service: Process, token: str) -> Iterator[None]:
    """`aryl replay`, as a process of its own."""
    address = f"http://127.0.0.1:{service.port}"
    command = [sys.executable, "-m", "aryl", "replay", str(trace), "--server", address]
    feeder = subprocess.Popen(  # noqa: S603 - our own words
        command,
        env=os.environ | {"ARYL_TOKEN": token},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        feeder.terminate()
        feeder.wait()


def _findings(soak: Soak) -> dict[str, object]:
    low, held, high = soak.compared()
    memory = _memory(soak.notes.rss_mib)
    failures = _failures(soak.service.samples(soak.token))
    differing = [name for name in held if not _is_between(low[name], held[name], high[name])]
    broken = [f"{job} {how}" for job, how in sorted(soak.notes.stuck.items())]
    broken += [f"metrics and database differ in {name}" for name in differing]
    broken += [f"{count:g} {what}" for what, count in failures.items() if count]
    if memory["growth"] > GROWTH_MAX:
        broken.append("memory grows")
    return {
        "cluster_days": round(soak.now_s() / DAY_S, 2),
        "looks": len(soak.notes.rss_mib),
        "memory": memory | {"growth_limit": GROWTH_MAX},
        "status_answer_ms_p99": round(float(np.percentile(soak.notes.answer_ms, 99)), 1),
        "counted_stored_counted": {
            name: [round(total[name], 1) for total in (low, held, high)] for name in held
        },
        "broken": broken,
    }


def _is_between(low: float, held: float, high: float) -> bool:
    """Whether a total lies between two others; sums of floats depend on their order."""
    return low * (1.0 - ROUNDING) <= held <= high * (1.0 + ROUNDING)


def _memory(rss_mib: list[tuple[float, float]]) -> dict[str, float]:
    """How memory went, the first quarter left out."""
    seconds, mib = np.array(rss_mib).T
    quarter = max(1, len(mib) // 4)
    second, last = mib[quarter : 2 * quarter].mean(), mib[-quarter:].mean()
    slope = np.polyfit(seconds[quarter:], mib[quarter:], 1)[0] if len(mib) > quarter + 1 else 0.0
    return {
        "second_quarter_mib": round(float(second), 1),
        "last_quarter_mib": round(float(last), 1),
        "max_mib": round(float(mib.max()), 1),
        "slope_mib_per_hour": round(float(slope) * 3600.0, 1),
        "growth": round(float(last / second) - 1.0, 3),
    }


def _failures(samples: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """What should never have happened; a stale plan may."""
    failed = sum(
        value
        for (name, labels), value in samples.items()
        if name == "aryl_cycle_failures_total" and "stale_plan" not in labels
    )
    errors = sum(
        value
        for (name, labels), value in samples.items()
        if name == "aryl_http_requests_total" and 'status="5xx"' in labels
    )
    return {"cycles failed": failed, "requests were answered 5xx": errors}


if __name__ == "__main__":
    main()
