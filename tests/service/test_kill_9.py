"""`kill -9` of a real service at every step of a cycle, and of a leader while another waits."""

import sqlite3
import time
from collections import Counter
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from aryl.engine.cycle import Step
from tests.service.processes import Process, started, until

SPEED = 600
DYING = str(Path(__file__).with_name("dying.py"))
TAKEN_OVER_S = 15.0

CONFIG = f"""
[server]
port = 0
[database]
url = "sqlite:///{{folder}}/aryl.db"
[scheduler]
poll_s = 0.05
[cluster]
shape = "testbed"
speed = {SPEED}
file = "{{folder}}/cluster.db"
[policy]
cycle_s = 10
"""
KINDS = (
    {"num_gpus": 8, "gpus_per_worker": 2, "max_workers": 8, "duration_s": 1_200},
    {"num_gpus": 4, "duration_s": 600, "fungible": True},
    {"num_gpus": 16, "duration_s": 900},
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "aryl.toml"
    file.write_text(CONFIG.format(folder=tmp_path))
    return file


def begin(config: Path, step: Step = Step.OBSERVED, nth: int = 0) -> Process:
    log = config.parent / f"{time.monotonic_ns()}.log"
    return started([DYING, str(config), step.value, str(nth)], log)


def leads(process: Process) -> bool:
    leader = process.get("/api/v1/status")["leader"]
    holder = leader["holder"] if leader else ""
    return f"/{process.popen.pid}/" in str(holder)


def submit_until_it_dies(process: Process, acknowledged: list[str]) -> None:
    """Submit job after job; every name in the list was acknowledged."""
    try:
        while process.popen.poll() is None:
            acknowledged.append(process.submit(name="job", **KINDS[len(acknowledged) % 3]))
    except (httpx2.TransportError, AssertionError):
        return


def check_that_all_is_well(process: Process, acknowledged: list[str], folder: Path) -> None:
    """Every acknowledged job ends exactly once, and nothing is left on the cluster."""

    def all_ended() -> bool:
        jobs = process.get("/api/v1/status")["jobs"]
        return (jobs["queued"], jobs["running"]) == (0, 0)

    until(all_ended)
    assert process.stop() == 0
    with sqlite3.connect(folder / "aryl.db") as rows:
        states = dict(rows.execute("SELECT id, state FROM jobs"))
        told = Counter(rows.execute("SELECT job_id, kind FROM events WHERE job_id IS NOT NULL"))
        in_flight = rows.execute("SELECT count(*) FROM jobs WHERE plan_id IS NOT NULL").fetchone()
    with sqlite3.connect(folder / "cluster.db") as rows:
        left = rows.execute("SELECT count(*) FROM running").fetchone()
    assert set(acknowledged) <= set(states), "an acknowledged job is lost"
    assert set(states.values()) == {"finished"}
    for job_id in states:
        assert told[job_id, "finished"] == 1
        assert told[job_id, "started"] == told[job_id, "preempted"] + 1
    assert in_flight == (0,)
    assert left == (0,)


@pytest.mark.slow
@pytest.mark.parametrize("step", list(Step), ids=lambda step: step.value)
def test_a_service_killed_at_a_step_loses_no_job_and_starts_none_twice(
    config: Path, step: Step
) -> None:
    acknowledged: list[str] = []
    doomed = begin(config, step, nth=7)
    submit_until_it_dies(doomed, acknowledged)
    assert doomed.popen.wait(60.0) == -9
    assert len(acknowledged) > 0

    check_that_all_is_well(begin(config), acknowledged, config.parent)


@pytest.mark.slow
def test_another_takes_over_from_a_killed_leader_and_does_nothing_twice(config: Path) -> None:
    leader, follower = begin(config), begin(config)
    if leads(follower):
        leader, follower = follower, leader
    acknowledged: list[str] = []
    feeding = Thread(target=submit_until_it_dies, args=(leader, acknowledged))
    feeding.start()
    until(lambda: leader.get("/api/v1/status")["jobs"]["running"] > 0)
    leader.kill()
    since_s = time.monotonic()  # noqa: TID251 - what is tested is how long it takes
    feeding.join()

    until(lambda: leads(follower))
    took_s = time.monotonic() - since_s  # noqa: TID251 - see above

    assert took_s <= TAKEN_OVER_S
    check_that_all_is_well(follower, acknowledged, config.parent)
