"""A real Prometheus for a test, and what it is asked."""

import json
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from aryl.clock import elapsed
from tests.ports import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "aryl.rules.yml"
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running one, by its address."""

    address: str

    def get(self, path: str, **params: str) -> Any:
        """What it answers, parsed."""
        status, body = self.fetch(f"{path}?{urllib.parse.urlencode(params)}")
        assert status == 200, f"{params}: {body}"
        return json.loads(body)["data"]

    def fetch(self, path: str) -> tuple[int, str]:
        """Status and body of an answer."""
        connection = HTTPConnection(self.address, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def value(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each sample of an instant query."""
        result = self.get("/api/v1/query", query=expression)["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in result]


@contextmanager
def prometheus_scraping(target: str, work: Path) -> Iterator[Prometheus]:
    """One that scrapes `target` as the job `aryl` five times a second, with Aryl's rules."""
    config = (
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n"
        f"rule_files: [{json.dumps(str(RULES))}]\n"
        "scrape_configs:\n"
        f"  - {{job_name: aryl, static_configs: [{{targets: [{json.dumps(target)}]}}]}}\n"
    )
    with prometheus_running(config, work) as server:
        yield server


@contextmanager
def prometheus_running(config: str, work: Path, *flags: str, port: int = 0) -> Iterator[Prometheus]:
    """One with this configuration, over what lies in `work / "data"`; `port` 0 is any."""
    (work / "prometheus.yml").write_text(config)
    address = f"127.0.0.1:{port or free_port()}"
    words = [
        program("prometheus"),
        f"--config.file={work / 'prometheus.yml'}",
        f"--storage.tsdb.path={work / 'data'}",
        f"--web.listen-address={address}",
        *flags,
    ]
    with (work / "prometheus.log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)  # noqa: S603 - our own words
    try:
        server = Prometheus(address)
        wait_until(lambda: is_ready(server))
        yield server
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def is_ready(server: Prometheus) -> bool:
    try:
        return server.fetch("/-/ready")[0] == 200
    except (OSError, HTTPException):
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    """Look again and again until it holds."""
    pause, since = threading.Event(), elapsed()
    while not holds():
        assert elapsed() < since + PATIENCE_S, f"not within {PATIENCE_S} s"
        pause.wait(0.05)


def program(name: str) -> str:
    """Where a program of Prometheus is; without it, the test is left out."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"left out: needs {name} (Debian's package prometheus)")
    return found
