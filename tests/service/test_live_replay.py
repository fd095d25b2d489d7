"""A day of Philly through the live service: real HTTP, a real database, the simulator's decisions.

Only time is virtual: the test sets the clock that the API, the scheduler and the emulated cluster
share, and steps the scheduler when something is due.
"""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from api.app import create_app
from api.listening import listen
from api.parts import ApiSettings, Parts
from api.replay.script import body_of
from aryl.metrics import Metrics
from aryl.model.job import JobSpec
from aryl.model.plain import action_plain, cluster_plain
from aryl.store import Database
from simulator.clock import VirtualClock
from simulator.inputs import RunInputs, read_inputs
from simulator.request import RunRequest
from simulator.run import replayed
from tests.service.processes import until
from tests.service.stage import LiveStage

DAY_S = 86_400.0
Decision = tuple[float, str, str, Any, Any, Any, str]


@contextmanager
def serving(stage: LiveStage, clock: VirtualClock) -> Iterator[str]:
    """The address of an API on the stage's database, at the time that the clock shows."""
    registry = CollectorRegistry()
    parts = Parts(
        store=stage.users,
        clock=clock,
        wall=lambda: stage.wall_s,
        settings=ApiSettings(),
        metrics=Metrics(registry),
        registry=registry,
        readiness=dict,
        wake=lambda: None,
    )
    with listen("127.0.0.1", 0) as door:
        server = uvicorn.Server(uvicorn.Config(create_app(parts), log_config=None))
        thread = threading.Thread(target=server.run, args=([door],))
        thread.start()
        until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def simulated(inputs: RunInputs, end_s: float) -> list[Decision]:
    """What the simulator decides until then."""
    log = io.StringIO()
    replayed(inputs, log=log)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    told = [line for line in lines if line["action"] not in {"Wait", "Note"}]
    return [_decision(line, line["t_s"], line["outcome"]) for line in told if line["t_s"] <= end_s]


def lived(inputs: RunInputs, stage: LiveStage, end_s: float) -> list[Decision]:
    """What the service decides until then, read from its database."""
    clock, waiting = VirtualClock(), list(inputs.jobs)
    stage.store.put_fact("cluster", cluster_plain(inputs.world.cluster))
    stage.store.put_fact("policy", {"scheme": inputs.world.config.scheme})
    with serving(stage, clock) as address, httpx2.Client(base_url=address) as client:
        now = 0.0
        while now <= end_s:
            clock.move_to(now)
            while waiting and waiting[0].submit_s == now:
                _submit(client, waiting.pop(0))
            arrival_s = waiting[0].submit_s if waiting else float("inf")
            now = min(arrival_s, stage.scheduler.step(now))
    plans = stage.users.plans
    oldest_first = reversed(plans.page(limit=1_000_000))
    done = [entry for plan in oldest_first for entry in plans.actions_of(plan.id)]
    return [
        _decision(action_plain(e.action), e.t_s, str(e.status and e.status.value)) for e in done
    ]


def _submit(client: httpx2.Client, spec: JobSpec) -> None:
    answer = client.post("/api/v1/jobs", json=body_of(spec, ""))
    assert answer.status_code == 201, answer.text
    assert answer.json()["submit_s"] == spec.submit_s


def _decision(line: Any, t_s: float, outcome: str) -> Decision:
    subject = line.get("job_id") or line["server_id"]
    moved = (line.get("placements"), line.get("remove"), line.get("add"))
    return (t_s, line["action"], subject, *moved, outcome)


@pytest.mark.slow
def test_a_day_through_the_service_is_decided_as_in_the_simulator(
    traces_dir: Path, tmp_path: Path
) -> None:
    request = RunRequest(
        traces_dir / "window15d_philly.csv.gz",
        inference=traces_dir / "window15d_infer_azure.csv.gz",
        cluster="philly",
        seed=1,
    )
    inputs = read_inputs(request)
    inputs = replace(inputs, jobs=tuple(job for job in inputs.jobs if job.submit_s <= DAY_S))
    database = Database(f"sqlite:///{tmp_path}/aryl.db")
    stage = LiveStage(inputs.world, database, tmp_path / "cluster.db")

    there, here = simulated(inputs, DAY_S), lived(inputs, stage, DAY_S)

    assert len(there) > 5_000
    kinds = {decision[1] for decision in there}
    assert kinds >= {"StartJob", "ResizeJob", "LoanServer", "ReclaimServer"}
    for expected, found in zip(there, here, strict=True):
        assert found == expected
