"""`aryl replay` against a real service: jobs come at their times, though it may go away."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.client.live import going_on
from tests.client.stage import SPEED
from tests.service.processes import Process, until
from tests.simulation.command import aryl

HEAD = "job_id,submit_s,num_gpus,duration_s,user,carry_in"


def trace_of(folder: Path, rows: Sequence[str], head: str = HEAD) -> str:
    file = folder / "trace.csv"
    file.write_text("\n".join([head, *rows]) + "\n")
    return str(file)


def spaced(name: str, jobs: int, apart_s: float) -> list[str]:
    return [f"{name}-{number},{1000 + number * apart_s},1,60,{name},0" for number in range(jobs)]


def replayed(*words: str) -> Any:
    answer = aryl("replay", *words, "--json")
    assert answer.exit_code == 0, answer.err
    return json.loads(answer.out)


def jobs_of(service: Process, user: str) -> Any:
    return service.get("/api/v1/jobs", params={"user": user})["items"]


def test_jobs_come_at_their_times_by_the_cluster_s_clock(service: Process, tmp_path: Path) -> None:
    trace = trace_of(tmp_path, spaced("timed", jobs=4, apart_s=300.0))

    summary = replayed(trace)

    jobs = jobs_of(service, "timed")
    first_s = jobs[0]["submit_s"]
    assert summary["submitted"] == summary["submitted_now"] == 4
    assert [job["id"] for job in jobs] == [f"timed-{number}" for number in range(4)]
    late_s = [job["submit_s"] - first_s - number * 300.0 for number, job in enumerate(jobs)]
    assert min(late_s) > -0.2 * SPEED
    assert max(late_s) < 1.0 * SPEED


def test_speed_presses_jobs_closer_together(service: Process, tmp_path: Path) -> None:
    trace = trace_of(tmp_path, spaced("pressed", jobs=3, apart_s=86_400.0))

    replayed(trace, "--speed", str(SPEED * 1000))

    jobs = jobs_of(service, "pressed")
    assert jobs[-1]["submit_s"] - jobs[0]["submit_s"] < 2.0 * SPEED


def test_a_job_keeps_what_the_trace_says(service: Process, tmp_path: Path) -> None:
    head = (
        "job_id,submit_s,num_gpus,duration_s,gpus_per_worker,min_workers,max_workers,"
        "allowed_workers,fungible,heterogeneous,checkpoint_s,estimated_duration_s,user,vc,model"
    )
    trace = trace_of(tmp_path, ["kept/1,0,4,100,2,1,4,1|2|4,1,1,10,120,keeper,prod,bert"], head)

    replayed(trace, "--prefix", "p-")

    (job,) = jobs_of(service, "keeper")
    assert job["name"] == "kept/1"
    assert job["id"].startswith("p-kept-1-")
    sizes = [job[f"{name}_workers"] for name in ("min", "max", "allowed")]
    assert sizes == [1, 4, [1, 2, 4]]
    assert (job["fungible"], job["heterogeneous"], job["checkpoint_s"]) == (True, True, 10.0)
    assert (job["queue"], job["model"], job["estimated_duration_s"]) == ("prod", "bert", 120.0)


def test_the_scenario_is_drawn_from_the_seed(service: Process, tmp_path: Path) -> None:
    rows = [f"drawn-{number},0,2,60,drawn,0" for number in range(40)]
    trace = trace_of(tmp_path, rows)

    replayed(trace, "--seed", "7")

    jobs = jobs_of(service, "drawn")
    assert sum(job["fungible"] for job in jobs) == round(0.21 * 40)
    assert any(job["max_workers"] > job["min_workers"] for job in jobs)


def test_what_the_service_refuses_is_told_and_the_rest_goes_on(
    service: Process, tmp_path: Path
) -> None:
    rows = ["wide-job,0,512,60,mixed,0", "fine-job,0,1,60,mixed,0", "carried,500,1,60,mixed,1"]

    summary = replayed(trace_of(tmp_path, rows), "--scenario", "as-is")

    (refused,) = summary["refused"]
    assert refused["job_id"] == "wide-job"
    assert "never start" in refused["reason"]
    assert {job["id"] for job in jobs_of(service, "mixed")} == {"fine-job", "carried"}


def test_a_replay_is_not_begun_twice_by_accident(service: Process, tmp_path: Path) -> None:
    trace = trace_of(tmp_path, spaced("twice", jobs=3, apart_s=60.0))
    replayed(trace, "--limit", "2")

    again = aryl("replay", trace)
    resumed = replayed(trace, "--resume")
    anew = replayed(trace, "--prefix", "anew-")

    assert again.exit_code == 2
    assert "--resume" in again.err
    assert (resumed["submitted"], resumed["submitted_now"]) == (3, 1)
    assert anew["submitted_now"] == 3
    assert len(jobs_of(service, "twice")) == 6


def test_demand_is_told_along_the_way(service: Process, tmp_path: Path) -> None:
    demand = tmp_path / "demand.csv"
    demand.write_text("t_s,servers\n0,1\n300,2\n600,3\n900,4\n1200,3\n1500,2\n")
    trace = trace_of(tmp_path, spaced("with-demand", jobs=2, apart_s=450.0))

    replayed(trace, "--inference", str(demand))

    (first, second) = jobs_of(service, "with-demand")
    told = service.get("/api/v1/audit", params={"limit": 10})["items"]
    pushed = [entry["detail"] for entry in told if entry["action"] == "push demand"][:2]
    assert [detail["servers"] for detail in pushed] == [3.0, 4.0]  # the newest first
    assert pushed[1]["t_s"] <= first["submit_s"] <= pushed[0]["t_s"] <= second["submit_s"]


def test_a_replay_that_is_stopped_says_how_to_go_on(service: Process, tmp_path: Path) -> None:
    trace = trace_of(tmp_path, spaced("stopped", jobs=2, apart_s=1e6))

    with going_on("replay", trace) as replay:
        until(lambda: jobs_of(service, "stopped"))
        assert replay.interrupt() == 1

    assert "--resume goes on" in replay.seen
    assert "1 of 2 jobs" in replay.seen


@pytest.mark.parametrize(
    ("row", "problem"),
    [("a,0,0,60,x,0", "num_gpus: '0' is not positive"), ("a,0,1", "row 2")],
)
@pytest.mark.usefixtures("service")
def test_a_bad_trace_is_refused_before_anything_is_submitted(
    tmp_path: Path, row: str, problem: str
) -> None:
    answer = aryl("replay", trace_of(tmp_path, [row]))

    assert answer.exit_code == 2
    assert problem in answer.err
