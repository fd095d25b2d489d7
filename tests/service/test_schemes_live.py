"""Schemes that suspend, or lend as jobs start, decide on a live cluster as in the simulator."""

import io
import json
from pathlib import Path

import pytest

from aryl.engine.cycle import CycleReport
from aryl.engine.ports import Status
from aryl.model.plan import LoanServer, ReclaimServer
from aryl.store import Database
from simulator.inputs import RunInputs, read_inputs
from simulator.request import RunRequest
from simulator.run import replayed
from tests.checker.replays import make_stage
from tests.service.stage import LiveStage, Unwatched

UNTIL_S = 50_000.0
Decision = tuple[float, str, str]


class Recorder(Unwatched):
    """Keeps what was done, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Decision] = []

    def cycled(self, report: CycleReport, now: float) -> None:
        for outcome in report.outcomes:
            action = outcome.action
            assert outcome.status is Status.DONE
            if isinstance(action, LoanServer | ReclaimServer):
                subject = action.server_id
            else:
                subject = action.job_id
            self.done.append((now, type(action).__name__, subject))


def simulated(inputs: RunInputs) -> list[Decision]:
    log = io.StringIO()
    replayed(inputs, log=log)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [
        (line["t_s"], line["action"], line.get("job_id") or line["server_id"])
        for line in lines
        if "outcome" in line and line["t_s"] <= UNTIL_S
    ]


@pytest.mark.parametrize("scheme", ["srtf", "opportunistic"])
def test_a_live_cluster_is_decided_upon_as_a_simulated_one(scheme: str, tmp_path: Path) -> None:
    stage = make_stage(tmp_path / "stage", jobs=400)
    request = RunRequest(
        stage.trace, stage.inference, cluster=str(stage.cluster), scheme=scheme, seed=1
    )
    inputs, watcher = read_inputs(request), Recorder()
    database = Database(f"sqlite:///{tmp_path}/aryl.db")
    live = LiveStage(inputs.world, database, tmp_path / "cluster", watcher=watcher)

    live.run(list(inputs.jobs), UNTIL_S)

    assert watcher.done == simulated(inputs)
    assert sum(kind == "PreemptJob" for _, kind, _ in watcher.done) > 10
    assert (watcher.faults, live.agreement()) == ([], [])
    database.close()
