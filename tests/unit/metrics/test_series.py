"""Who leads and what the API answers, in series; and what holds of every series."""

from collections.abc import Iterator, Mapping

import pytest
from prometheus_client import CollectorRegistry

from aryl.model.cluster import Loan
from tests.builders import (
    make_cluster,
    make_job,
    make_snapshot,
)
from tests.unit.metrics.reading import Reading, report, started

# Who leads, and the API


def test_who_leads_no_longer_shows_a_cluster_no_longer(reading: Reading) -> None:
    cluster = make_cluster((8,), (8, 8))
    reading.metrics.led(4)
    busy = make_snapshot(cluster, queued=[make_job("a")], loans=[Loan("infer-0001", 0.0, 990.0)])
    reading.see(busy, now=1_000.0, demand=3.0)
    assert (reading["leader"], reading["lease_term"]) == (1, 4)

    reading.metrics.led(None)

    assert (reading["leader"], reading["lease_term"]) == (0, 4)
    for gauge in ("queue_jobs", "demand_servers", "shortfall_servers", "loans_open"):
        assert reading[gauge] == 0, gauge
    assert reading.of("pool_gpus", {"pool": "training"}) == 0
    assert reading["steps_total"] == 1
    reading.see(make_snapshot(cluster), now=9_000.0, demand=3.0)
    assert reading["reclaim_seconds_count"] == 0  # who led meanwhile has timed it
    assert reading["shortfall_server_seconds_total"] == 0.0


def test_requests_count_by_route_method_and_class_of_answer(reading: Reading) -> None:
    reading.metrics.requested("/api/v1/jobs", "POST", 201, 0.02)
    reading.metrics.requested("/api/v1/jobs", "POST", 409, 0.01)
    reading.metrics.requested("/api/v1/jobs", "BREW", 405, 0.0)

    def requests(method: str, status: str) -> float:
        labels = {"route": "/api/v1/jobs", "method": method, "status": status}
        return reading.of("http_requests_total", labels)

    assert requests("POST", "2xx") == requests("POST", "4xx") == 1
    assert requests("other", "4xx") == 1
    labels = {"route": "/api/v1/jobs", "method": "POST"}
    assert reading.of("http_request_seconds_sum", labels) == pytest.approx(0.03)


def test_submissions_and_what_the_scheduler_reads_of_them_are_counted(reading: Reading) -> None:
    reading.metrics.submitted(3)
    reading.metrics.fed(2)

    assert (reading["submits_total"], reading["events_fed_total"]) == (3, 2)


# All series


def samples(registry: CollectorRegistry) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for family in registry.collect():
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                yield sample.name, sample.labels, sample.value


def test_every_series_with_known_labels_is_there_from_the_start_at_zero() -> None:
    found = list(samples(Reading().registry))

    named = {name for name, _, _ in found}
    assert {"aryl_preemptions_total", "aryl_waiting_jobs", "aryl_cycle_failures_total"} <= named
    assert {name: value for name, _, value in found if value} == {}


def test_no_series_grows_with_the_number_of_jobs_or_servers() -> None:
    small, large = Reading(), Reading()
    for reading, size in ((small, 3), (large, 60)):
        cluster = make_cluster((8,) * size, (8,) * size)
        jobs = [make_job(f"job-{n}", user=f"user-{n}", queue=f"queue-{n}") for n in range(size)]
        snapshot = make_snapshot(cluster, queued=jobs, loans=["infer-0001"])
        reading.see(snapshot, demand=1.0)
        outcomes = [started(job.id) for job in jobs]
        reading.metrics.cycled(report(snapshot, outcomes), now=1_000.0)

    assert len(list(samples(small.registry))) == len(list(samples(large.registry)))


def test_two_registries_know_nothing_of_each_other() -> None:
    one, other = Reading(), Reading()
    one.metrics.fed(6)

    assert (one["events_fed_total"], other["events_fed_total"]) == (6, 0)
