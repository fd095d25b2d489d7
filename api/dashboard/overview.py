"""The overview: the cluster, its figures, charts, queue, running jobs, decisions and loans."""

from collections.abc import Sequence
from typing import Final

from nicegui import ui

from api.dashboard import charts
from api.dashboard.decisions import decisions_of
from api.dashboard.elements import ClusterMap, Panel
from api.dashboard.figures import kpis_of
from api.dashboard.looks import SHOWN, Frame
from api.dashboard.rendering import render
from api.dashboard.servers import pools_of
from api.dashboard.shell import Visit, redraw
from api.schemas.cluster import SightOut

SPANS_S: Final = {"6 h": 21_600, "1 d": 86_400, "3 d": 259_200, "7 d": 604_800}
_LENDING: Final = (
    ("demand", "inference_demand_servers"),
    ("forecast", "forecast_servers"),
    ("on loan", "on_loan_servers"),
)
_LOAD: Final = (
    ("queued", "queued_jobs"),
    ("running", "running_jobs"),
    ("training GPUs", "training_gpus_used"),
    ("on-loan GPUs", "on_loan_gpus_used"),
)
_TABLE_ROWS: Final = 48
_DECISIONS: Final = 40


async def build(visit: Visit) -> None:
    """Build the page, and keep it up to date."""
    frame = visit.frame
    with visit.page("Overview"):
        ui.html('<h1 class="unseen">Overview</h1>', sanitize=False)
        kpis = Panel(_kpis(frame))
        with ui.element("div").classes("grid").style("margin-top: 12px"):
            _cluster(visit)
            decisions = Panel(_decisions(frame)).classes("w4 stretch beside")
            _charts(visit)
            queue = Panel(_queue(visit, frame))
            running = Panel(_running(frame)).classes("w8 stretch")
            loans = Panel(_loans(frame)).classes("w4 stretch")

    def show(frame: Frame) -> None:
        kpis.show(_kpis(frame))
        decisions.show(_decisions(frame))
        queue.show(_queue(visit, frame))
        running.show(_running(frame))
        loans.show(_loans(frame))

    visit.follow(show)


def _cluster(visit: Visit) -> None:
    """The map, and under it the server that was picked."""
    frame, picked = visit.frame, ""

    def pick(server_id: str) -> None:
        nonlocal picked
        picked = server_id
        cells.pick(server_id)
        detail.show(_server(frame, picked))

    def act(name: str, fields: dict[str, str]) -> None:
        if name == "close":
            pick("")
        else:
            cells.colour_by(fields["value"])

    def show(latest: Frame) -> None:
        nonlocal frame
        frame = latest
        cells.show(pools_of(frame.servers, frame.status.pools))
        legend.show(_legend(frame))
        detail.show(_server(frame, picked))

    with ui.element("section").classes("card w8 stretch").props("aria-label=Cluster"):
        Panel(render("map_head"), on_act=act)
        cells = ClusterMap(pools_of(frame.servers, frame.status.pools), on_pick=pick)
        legend = Panel(_legend(frame))
        detail = Panel(_server(frame, picked), on_act=act)
    visit.follow(show)


def _charts(visit: Visit) -> None:
    """Lending and load over time; they change when a new sample is there, or another span."""
    frame, span_s = visit.frame, SPANS_S["1 d"]

    def sights() -> Sequence[SightOut]:
        since_s = frame.status.now_s - span_s
        return charts.thinned([sight for sight in frame.sights if sight.t_s >= since_s])

    def draw() -> None:
        seen, pools = sights(), frame.status.pools
        redraw(lending, charts.lending(seen, pools, frame.headroom))
        redraw(load, charts.load(seen, pools))
        latest = frame.sights[-_TABLE_ROWS:][::-1]
        lending_table.show(render("samples", title="Lending", columns=_LENDING, sights=latest))
        load_table.show(render("samples", title="Load", columns=_LOAD, sights=latest))

    def span(_: str, fields: dict[str, str]) -> None:
        nonlocal span_s
        span_s = SPANS_S[fields["value"]]
        draw()

    def show(latest: Frame) -> None:
        nonlocal frame
        frame = latest
        draw()

    with ui.element("section").classes("card w6"):
        head = {"title": "Inference demand and loans", "spans": SPANS_S, "chosen": "1 d"}
        Panel(render("chart_head", **head), on_act=span)
        lending = _chart("Inference demand, its forecast, lendable servers and servers on loan")
        lending_table = Panel("")
    with ui.element("section").classes("card w6"):
        Panel(render("chart_head", title="Queue and usage", spans={}, chosen=""))
        load = _chart("Queued and running jobs, and training GPUs in use")
        load_table = Panel("")
    draw()
    visit.follow(show)


def _chart(label: str) -> ui.echart:
    chart = ui.echart({}, renderer="svg")
    chart.props["role"] = "img"
    chart.props["aria-label"] = f"{label}, over time; the table below has the numbers"
    return chart


def _kpis(frame: Frame) -> str:
    return render("kpis", kpis=kpis_of(frame.status, frame.recent, frame.sights))


def _decisions(frame: Frame) -> str:
    decisions = decisions_of(frame.plans)[:_DECISIONS]
    return render("decisions", decisions=decisions, shadow=frame.status.mode == "shadow")


def _queue(visit: Visit, frame: Frame) -> str:
    jobs = frame.status.jobs
    busy = bool(jobs.running)
    return render(
        "queue",
        jobs=frame.queued,
        total=jobs.queued,
        busy=busy,
        is_ranked=frame.is_ranked,
        origin=visit.origin,
    )


def _running(frame: Frame) -> str:
    jobs = frame.status.jobs
    return render("running", jobs=frame.running, total=jobs.running, queued=jobs.queued)


def _loans(frame: Frame) -> str:
    return render("loans", loans=frame.loans, shown=SHOWN, now=frame.status.now_s)


def _legend(frame: Frame) -> str:
    return render("legend", any_servers=bool(frame.servers))


def _server(frame: Frame, picked: str) -> str:
    server = next((server for server in frame.servers if server.id == picked), None)
    return render("server", server=server)
