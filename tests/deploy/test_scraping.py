"""A real Prometheus scrapes a real service: rules are evaluated and the dashboard is answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.prometheus import Prometheus, prometheus_scraping, wait_until
from tests.deploy.series import EXPORTED
from tests.deploy.test_dashboard import EXPRESSIONS
from tests.service.processes import started

LONG_S = 1e6  # a job that outlasts every test


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that scrapes a leader of 4 + 4 servers, where a job runs and another can't start."""
    work: Path = tmp_path_factory.mktemp("prometheus")
    files = ("--database", f"sqlite:///{work / 'aryl.db'}", "--cluster-file", str(work / "c.db"))
    service = started(("-m", "aryl", "serve", "--port", "0", *files), work / "aryl.log")
    try:
        service.submit(name="runs", num_gpus=16, duration_s=LONG_S)
        service.submit(name="waits", num_gpus=32, duration_s=LONG_S)
        with prometheus_scraping(service.address.removeprefix("http://"), work) as scraping:
            wait_until(lambda: bool(scraping.value('aryl_waiting_jobs{reason!=""} == 1')))
            wait_until(lambda: bool(scraping.value("count_over_time(aryl:leaders:sum[1m]) > 1")))
            yield scraping
    finally:
        service.kill()


def test_what_is_scraped_is_what_the_service_does(prometheus: Prometheus) -> None:
    expected = {
        "up": 1.0,
        "aryl_leader": 1.0,
        "aryl_running_jobs": 1.0,
        "aryl_queue_jobs": 1.0,
        "aryl_queue_fitting_jobs": 0.0,
        "aryl_submits_total": 2.0,
        'aryl_pool_gpus_used{pool="training"}': 16.0,
        'aryl_pool_servers{state="busy"}': 2.0,
        'aryl_actions_total{action="start",outcome="done"}': 1.0,
        'aryl_http_requests_total{route="/api/v1/jobs"}': 2.0,
    }

    found = {series: [value for _, value in prometheus.value(series)] for series in expected}

    assert found == {series: [value] for series, value in expected.items()}


def test_the_service_exports_all_that_metrics_know_and_nothing_else(prometheus: Prometheus) -> None:
    names = set(prometheus.get("/api/v1/label/__name__/values"))

    ours = {n for n in names if n.startswith(("aryl_", "process_")) and not n.endswith("_created")}
    assert ours == EXPORTED - {"up"}


def test_every_rule_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    def health() -> dict[str, str]:
        groups = prometheus.get("/api/v1/rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    wait_until(lambda: "unknown" not in health().values())
    assert set(health().values()) == {"ok"}


def test_every_panel_is_answered(prometheus: Prometheus) -> None:
    for expression in EXPRESSIONS:
        prometheus.value(expression)  # what does not parse is refused
