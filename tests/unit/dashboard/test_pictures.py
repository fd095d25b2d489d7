"""What pages draw: the life of a job, servers as cells, samples as points."""

import pytest

from api.dashboard.charts import MAX_POINTS, lending, thinned
from api.dashboard.life import Stretch, stretches
from api.dashboard.servers import look_of, pools_of
from api.schemas.cluster import PoolOut, ServerOut, ShareOut, SightOut
from api.schemas.service import EventOut


def event(t_s: float, kind: str, base: int = 0, flexible: int = 0) -> EventOut:
    held = [("base", base), ("flexible", flexible)]
    placements = [{"kind": kind, "workers": workers} for kind, workers in held if workers]
    return EventOut(
        id=1,
        t_s=t_s,
        kind=kind,
        origin="scheduler",
        job_id="j",
        server_id=None,
        plan_id=None,
        detail={"placements": placements},
    )


def server(state: str, gpus: int = 8, *shares: ShareOut) -> ServerOut:
    pool = "training" if state in {"free", "busy"} else "inference"
    free = gpus - sum(part.gpus for part in shares)
    return ServerOut.model_validate(
        {
            "id": f"{pool}-{state}",
            "pool": pool,
            "gpus": gpus,
            "gpu_type": "V100",
            "state": state,
            "free_gpus": free,
            "jobs": [part.model_dump() for part in shares],
            "loan": None,
        }
    )


def part(job_id: str, gpus: int) -> ShareOut:
    return ShareOut(job_id=job_id, kind="base", workers=1, gpus=gpus)


def pool(name: str, servers: int) -> PoolOut:
    return PoolOut.model_validate(
        {
            "name": name,
            "gpu_type": "V100",
            "servers": servers,
            "gpus": 8 * servers,
            "used_gpus": 0,
            "free_gpus": 8 * servers,
            "on_loan_servers": 0,
            "reclaiming_servers": 0,
            "usage": 0.0,
        }
    )


def sight(t_s: float, forecast: float | None = None) -> SightOut:
    return SightOut(
        t_s=t_s,
        queued_jobs=1,
        running_jobs=2,
        training_gpus_used=3,
        on_loan_servers=4,
        on_loan_gpus_used=5,
        inference_demand_servers=6.0,
        forecast_servers=forecast,
    )


def test_a_life_is_waits_and_runs_up_to_now() -> None:
    events = [
        event(0.0, "submitted"),
        event(10.0, "started", base=2),
        event(30.0, "resized", base=2, flexible=3),
        event(40.0, "checkpoint_reported"),
        event(60.0, "preempted"),
    ]

    assert stretches(0.0, events, now=100.0) == [
        Stretch(0.0, 10.0, 0, 0),
        Stretch(10.0, 30.0, 2, 0),
        Stretch(30.0, 60.0, 2, 3),
        Stretch(60.0, 100.0, 0, 0),
    ]


def test_a_life_ends_with_the_job() -> None:
    events = [event(10.0, "started", base=2), event(30.0, "finished")]

    assert stretches(0.0, events, now=100.0)[-1] == Stretch(10.0, 30.0, 2, 0)


@pytest.mark.parametrize(
    ("seen", "look"),
    [
        (server("free"), "free"),
        (server("busy", 8, part("a", 4)), "partly"),
        (server("busy", 8, part("a", 4), part("b", 4)), "full"),
        (server("on-loan"), "loan"),
        (server("reclaiming"), "reclaiming"),
        (server("inference"), "inference"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_server_looks_like_what_it_is_used_for(seen: ServerOut, look: str) -> None:
    assert look_of(seen) == look


def test_a_cell_has_the_colour_of_the_job_that_holds_most() -> None:
    shared = server("busy", 8, part("small", 2), part("large", 5))
    alone = server("busy", 8, part("large", 8))

    cells = [pools_of([one], [pool("training", 1)])[0]["cells"][0] for one in (shared, alone)]

    assert cells[0][2:5] == (7, 8, ["small", "large"])
    assert cells[0][5] == cells[1][5]


@pytest.mark.parametrize(
    ("servers", "size"), [(4, "named"), (16, "named"), (40, "few"), (443, "some"), (1_000, "many")]
)
def test_cells_shrink_as_pools_grow(servers: int, size: str) -> None:
    assert pools_of([], [pool("training", servers)])[0]["size"] == size


def test_no_chart_has_more_points_than_a_screen_and_the_newest_is_among_them() -> None:
    sights = [sight(300.0 * k) for k in range(5 * MAX_POINTS + 1)]

    chosen = thinned(sights)

    assert len(chosen) <= MAX_POINTS
    assert chosen[-1] is sights[-1]


def test_what_is_lendable_is_what_forecast_and_headroom_leave() -> None:
    sights = [sight(0.0), sight(300.0, forecast=10.0)]

    series = {one["name"]: one for one in lending(sights, [pool("inference", 50)], 0.02)["series"]}

    assert series["lendable"]["data"] == [(0.0, None), (300.0, 39)]
