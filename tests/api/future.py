"""An API beside a scheduler that leads an emulated cluster, in time that the test sets."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aryl.model.job import JobSpec
from aryl.model.plain import cluster_plain
from aryl.policy.registry import load_policy
from aryl.store import Database
from simulator.inference import InferenceLoad
from simulator.world import World
from tests.api.stage import Stage, staged
from tests.builders import make_cluster, make_spec
from tests.service.stage import LiveStage
from traces.demand import DemandSeries

NOW_S = 1_000.0
LONG = make_spec("long", workers=2, gpus_per_worker=8, duration_s=3_600.0)
GUEST = make_spec("guest", submit_s=310.0, gpus_per_worker=8, duration_s=5_000.0, fungible=True)
ELASTIC = make_spec(
    "elastic",
    submit_s=320.0,
    gpus_per_worker=4,
    min_workers=1,
    max_workers=2,
    duration_s=5_000.0,
    fungible=True,
)
NEXT = make_spec("next", submit_s=400.0, gpus_per_worker=8, workers=2, duration_s=100.0)


@dataclass
class Future:
    """What has been, up to now, and the API that is asked about the rest."""

    stage: Stage
    live: LiveStage

    def pass_time(self, until_s: float, specs: Sequence[JobSpec] = ()) -> None:
        """Let the scheduler work until then."""
        if not specs:
            self.live.step(self.stage.clock.time_s)  # what has been submitted is seen now
        self.live.run(specs, until_s)
        self.stage.clock.time_s = until_s
        self.stage.wall.time_s += 20.0  # what was foreseen before is old

    def what_if(self, **question: Any) -> Any:
        """The answer to a question about what would be."""
        response = self.stage.ask("POST", "/whatif", json=question)
        assert response.status_code == 200, response.text
        return response.json()

    def explain(self, job_id: str) -> Any:
        """The explanation of a job."""
        response = self.stage.ask("GET", f"/jobs/{job_id}/explain")
        assert response.status_code == 200, response.text
        return response.json()


@contextmanager
def future(database: Database, folder: Path, demand: Sequence[int] = (0,)) -> Iterator[Future]:
    """Two training and three inference servers, all of which are lent from 300 s on.

    At 1,000 s, `long` runs on all of training, `guest` on the first loan, `elastic` on the second
    with a flexible worker on the third; `next` waits.
    """
    config = load_policy({"forecaster": "last", "headroom": 0.0})
    shape = make_cluster([8, 8], [8, 8, 8])
    world = World(shape, InferenceLoad(DemandSeries(np.array(demand))), config)
    live = LiveStage(world, database, folder / "cluster.db")
    live.store.put_fact("cluster", cluster_plain(shape))
    live.store.put_fact("policy", asdict(config))
    with staged(database) as stage:
        ahead = Future(stage, live)
        ahead.pass_time(NOW_S, [LONG, GUEST, ELASTIC, NEXT])
        yield ahead
    live.cluster.close()
