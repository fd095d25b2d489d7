"""A real Prometheus scrapes real metrics: rules are evaluated and the dashboard is answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import start_http_server

from aryl.engine.ports import Observation
from aryl.metrics import Metrics, process_registry
from tests.builders import base, make_cluster, make_job, make_running, make_snapshot, make_spec
from tests.deploy.prometheus import Prometheus, free_port, prometheus_scraping, wait_until
from tests.deploy.test_dashboard import EXPRESSIONS


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped a leader and evaluated its rules at least twice."""
    registry, port = process_registry(), free_port()
    lead(Metrics(registry))
    server, thread = start_http_server(port, "127.0.0.1", registry)
    try:
        work: Path = tmp_path_factory.mktemp("prometheus")
        with prometheus_scraping(f"127.0.0.1:{port}", work) as scraping:
            wait_until(lambda: bool(scraping.value("count_over_time(aryl:leaders:sum[1m]) > 1")))
            yield scraping
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def lead(metrics: Metrics) -> None:
    """Show a small cluster with two jobs that wait, one of which would fit."""
    cluster = make_cluster((8, 8), (8, 8, 8))
    runs = make_running(cluster, make_spec("a", workers=8), [base(1, 8)])
    queued = [make_job("b", workers=2), make_job("c", workers=99)]
    s = make_snapshot(cluster, running=[runs], queued=queued, loans=["infer-0001"])
    seen = Observation(
        s.version, s.cluster, s.capacity, s.holders, s.running, s.elastic, s.loans, s.demand
    )
    metrics.led(1)
    metrics.seen(seen, s.queue, s.now, 3.0)


def test_what_is_scraped_is_what_metrics_show(prometheus: Prometheus) -> None:
    shown = {
        "up": 1.0,
        "aryl_queue_jobs": 2.0,
        "aryl_queue_fitting_jobs": 1.0,
        'aryl_pool_gpus_used{pool="training"}': 8.0,
        'aryl_pool_servers{state="on-loan"}': 1.0,
        "aryl_shortfall_servers": 1.0,
    }

    found = {series: [value for _, value in prometheus.value(series)] for series in shown}

    assert found == {series: [value] for series, value in shown.items()}


def test_every_rule_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    def health() -> dict[str, str]:
        groups = prometheus.get("/api/v1/rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    wait_until(lambda: "unknown" not in health().values())
    assert set(health().values()) == {"ok"}


def test_what_is_wrong_becomes_an_alert(prometheus: Prometheus) -> None:
    wait_until(lambda: bool(prometheus.value('ALERTS{alertname="ArylInferenceShortfall"}')))
    pending = [labels["alertname"] for labels, _ in prometheus.value("ALERTS")]

    assert "ArylNoLeader" not in pending


def test_every_panel_is_answered(prometheus: Prometheus) -> None:
    for expression in EXPRESSIONS:
        prometheus.value(expression)  # what does not parse is refused
