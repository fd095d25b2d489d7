"""Demand is asked of a real Prometheus, which may be wrong, silent or away."""

import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aryl.clock import SystemClock, elapsed
from aryl.kube.demand import promql
from aryl.kube.demand.demand import Demand, DemandSource
from aryl.kube.demand.prometheus import Prometheus as Asking
from aryl.kube.demand.promql import DemandQuery, Unit
from aryl.model.demand import BIN_S
from aryl.model.errors import BadInput
from tests.deploy.prometheus import Prometheus, program, prometheus_running, wait_until
from tests.ports import free_port
from tests.unit.kube.inference import lent, node, picture, pod

QUICK_S = 0.05
DAYS = 3
STEP_S = 60
wall = SystemClock().now


def same(time_s: float) -> float:
    return time_s


def gpus_at(time_s: float) -> int:
    """What demand was: 16 GPUs, and in the first minute of every odd bin 8 more."""
    place, within_s = divmod(time_s, BIN_S)
    return 24 if place % 2 and within_s < STEP_S else 16


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that knows some days of demand, until now and for a while to come."""
    work = tmp_path_factory.mktemp("prometheus")
    now = wall() // STEP_S * STEP_S
    times = range(int(now) - DAYS * 86_400, int(now) + 7_200, STEP_S)
    lines = [f"serving_gpus {gpus_at(t)} {t}\n" for t in times]
    lines += [f'serving_gpus_by{{app="{app}"}} 4 {t}\n' for app in "ab" for t in times[-200:]]
    (work / "past.om").write_text("".join([*lines, "# EOF\n"]))
    subprocess.run(  # noqa: S603 - our own words
        [program("promtool"), *["tsdb", "create-blocks-from", "openmetrics"], "past.om", "data"],
        check=True,
        capture_output=True,
        cwd=work,
    )
    with prometheus_running("global: {}\n", work) as server:
        yield server


@contextmanager
def asking(
    url: str, query: str, unit: Unit = Unit.GPUS, clock: Callable[[], float] = wall
) -> Iterator[tuple[Asking, list[str]]]:
    told: list[str] = []
    before = threading.active_count()
    words = DemandQuery(url, query, unit, every_s=QUICK_S)
    with Asking(words, clock, same, told.append) as asks:
        yield asks, told
    assert threading.active_count() == before


@pytest.mark.parametrize("samples", [promql.SAMPLES, 1_000])
def test_the_answer_counts_and_the_past_is_learnt(
    prometheus: Prometheus, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promql, "SAMPLES", samples)
    now = wall()
    with asking(f"http://{prometheus.address}", "sum(serving_gpus)") as (asks, told):
        demand, seen = (
            Demand(DemandSource.PROMQL, prometheus=asks),
            picture([node("i1")], [pod("a", 1)]),
        )
        wait_until(lambda: len(demand.look(seen, now, ("i1",))[0]) > 1)
        history, needed = demand.look(seen, now, ("i1",))

    assert needed in {2.0, 3.0}
    assert asks.failures == 0
    assert told == []
    assert len(history) == pytest.approx(DAYS * 288, abs=1)
    first = round(history.first_s / BIN_S)
    # the first bin is not whole; each of the others has its largest value, though that was short
    assert list(history.values)[1:] == [
        3.0 if (first + place) % 2 else 2.0 for place in range(1, len(history))
    ]


def test_the_past_is_learnt_once(prometheus: Prometheus) -> None:
    looks: list[float] = []

    def clock() -> float:
        looks.append(wall())
        return looks[-1]

    with asking(f"http://{prometheus.address}", "serving_gpus", clock=clock) as (asks, _):
        wait_until(lambda: len(asks.take_past()) > 0)
        asked = len(looks)
        wait_until(lambda: len(looks) > asked + 3)

        assert asks.take_past() == []


def test_what_the_store_knows_is_not_learnt_anew(prometheus: Prometheus) -> None:
    now = wall()
    bin_s = (now // BIN_S - 3) * BIN_S
    with asking(f"http://{prometheus.address}", "serving_gpus / 8", Unit.SERVERS) as (asks, _):
        demand, seen = Demand(DemandSource.PROMQL, "", [(bin_s, 77.0)], asks), picture([node("i1")])
        wait_until(lambda: len(demand.look(seen, now, ())[0]) > 10)
        history, needed = demand.look(seen, now, ())

    assert needed in {2.0, 3.0}
    assert 77.0 in tuple(history.values)
    assert list(history.values).index(77.0) == len(history) - 3


@pytest.mark.parametrize(
    ("query", "servers"),
    [
        pytest.param("20", 3.0, id="a number"),
        pytest.param("sum(serving_gpus_by)", 1.0, id="a sum of series"),
        pytest.param("count(serving_gpus_by) * 4.000000000001", 1.0, id="nearly one server"),
        pytest.param("vector(0)", 0.0, id="nothing is needed"),
    ],
)
def test_gpus_are_whole_servers(prometheus: Prometheus, query: str, servers: float) -> None:
    with asking(f"http://{prometheus.address}", query) as (asks, _):
        wait_until(lambda: asks.latest() is not None)
        demand = Demand(DemandSource.PROMQL, prometheus=asks)

        assert demand.look(picture([node("i1")], [pod("a", 1)]), 0.0, ())[1] == servers


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("sum(", "400: .*parse error", id="no PromQL"),
        pytest.param("serving_gpus_by", "answers 2 series, not one", id="two series"),
        pytest.param("nobody_knows", "answers 0 series, not one", id="no series"),
        pytest.param("0 / 0", "answers NaN, which is no demand", id="no number"),
        pytest.param("vector(-1)", "answers -1, which is no demand", id="less than nothing"),
        pytest.param('"some"', "answers a string, not a number", id="a text"),
        pytest.param("serving_gpus[5m]", "answers a matrix, not a number", id="a range"),
    ],
)
def test_pods_count_while_there_is_no_number(prometheus: Prometheus, query: str, said: str) -> None:
    with asking(f"http://{prometheus.address}", query) as (asks, told):
        wait_until(lambda: asks.failures > 2)
        demand = Demand(DemandSource.PROMQL, prometheus=asks)
        needed = demand.look(picture([node("i1")], [pod("b", 5), pod("c", 5)]), 0.0, ())

    assert needed[1] == 2.0
    assert len(told) == 1, "once, however often it fails"
    assert re.search(said, told[0]), told[0]


def test_pods_that_wait_press_whatever_prometheus_says(prometheus: Prometheus) -> None:
    with asking(f"http://{prometheus.address}", "vector(1)") as (asks, _):
        wait_until(lambda: asks.latest() is not None)
        demand = Demand(DemandSource.PROMQL, prometheus=asks)
        seen = picture([node("h1"), lent("l1")], [pod("a", 8, node="h1"), pod("b", 8)])

        assert demand.look(seen, 0.0, ("h1",))[1] == 2.0


def test_the_last_answer_counts_for_a_while(tmp_path: Path) -> None:
    port, now = free_port(), [1_000.0]
    seen = picture([node("i1")], [pod("a", 1)])
    with asking(f"http://127.0.0.1:{port}", "vector(40)", clock=lambda: now[0]) as (asks, told):
        demand = Demand(DemandSource.PROMQL, prometheus=asks)
        wait_until(lambda: len(told) == 1)  # nobody is there yet
        assert demand.look(seen, 0.0, ())[1] == 1.0
        with prometheus_running("global: {}\n", tmp_path, port=port):
            wait_until(lambda: asks.latest() == 40.0)
            wait_until(lambda: len(told) == 2)
        failures = asks.failures
        wait_until(lambda: asks.failures > failures)

        now[0] += asks.query.kept_s
        assert demand.look(seen, 1.0, ())[1] == 5.0
        now[0] += 1.0
        assert demand.look(seen, 2.0, ())[1] == 1.0

    assert told[0]
    assert told[1] == ""
    assert len(told) == 3


class _Page(BaseHTTPRequestHandler):
    """A proxy's answer to everything."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Please log in</html>")

    def log_message(self, *_: object) -> None:
        pass


def test_a_page_of_somebody_elses_is_no_number() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            host = f"http://us:secret@127.0.0.1:{server.server_port}"
            with asking(host, "vector(1)") as (asks, told):
                wait_until(lambda: asks.failures > 0)
        finally:
            server.shutdown()
            thread.join()

    assert told == ["no answer of Prometheus"]


def test_closing_does_not_wait_for_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with asking(f"http://127.0.0.1:{silent.getsockname()[1]}", "vector(1)") as (asks, told):
            silent.accept()[0].detach()
            since = elapsed()
        assert elapsed() - since < 1.0

    assert asks.latest() is None
    assert told == []


def test_nothing_is_left_of_one_that_was_never_started() -> None:
    Asking(DemandQuery("http://127.0.0.1:1", "1"), wall, same).close()


@pytest.mark.parametrize(
    "url", ["", "prometheus:9090", "ftp://prometheus", "http://", "http://user:secret@host:port"]
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadInput, match=r"demand\.url: is no address") as refused:
        Asking(DemandQuery(url, "1"), wall, same)

    assert "secret" not in str(refused.value)
