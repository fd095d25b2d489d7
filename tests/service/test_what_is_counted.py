"""What metrics count of a live scheduler is what its database holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from prometheus_client import CollectorRegistry

from api.reporting import Reporter
from aryl.metrics import Metrics
from aryl.store import Database, Wish
from bench.support.books import counted, stored
from simulator.clock import VirtualClock
from tests.service.stage import USER, LiveStage, Unwatched
from tests.service.test_crashes import busy_jobs, busy_world

HALF_WAY_S, END_S = 1_000.0, 20_000.0


def samples(registry: CollectorRegistry) -> Mapping[tuple[str, str], float]:
    """What a scrape would show, by name and labels."""
    return {
        (sample.name, ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in registry.collect()
        for sample in family.samples
    }


def test_totals_by_metrics_and_by_the_database_are_the_same(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    watcher = cast("Unwatched", Reporter(metrics, VirtualClock().now))
    database = Database(f"sqlite:///{tmp_path}/aryl.db")
    stage = LiveStage(busy_world(), database, tmp_path / "cluster.db", watcher=watcher)
    jobs = busy_jobs()
    metrics.submitted(len(jobs))  # the API's part

    stage.run([spec for spec in jobs if spec.submit_s <= HALF_WAY_S], HALF_WAY_S)
    queued, running = stage.users.jobs.live()
    for record in (queued[0], queued[1], running[0]):
        stage.users.jobs.request_cancel(record.id, Wish(who=USER, at_s=HALF_WAY_S))
    stage.run([spec for spec in jobs if spec.submit_s > HALF_WAY_S], END_S)

    held = stored(database)
    assert counted(samples(registry)) == held
    assert held["cancelled"] == 3
    assert min(held[name] for name in ("preempted", "lost_gpu_s", "lent", "reclaimed")) > 0
    database.close()
