"""A leader that dies between any two of its writes leaves nothing that the next can't use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aryl.engine.lifecycle import JobState
from tests.builders import make_spec
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.dying import dying
from tests.kubernetes.marks import HOME
from tests.kubernetes.stage import BOTH_TYPES, KubeStage, kube_stage

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[KubeStage]:
    with kube_stage(control_plane, namespace, tmp_path) as stage:
        yield stage


@pytest.mark.parametrize("every", [1, 2, 3])
def test_loans_and_reclaims_survive_death_after_any_write(stage: KubeStage, every: int) -> None:
    stage.speak = dying(every)
    stage.begin()
    stage.bring("elastic", minWorkers=1, maxWorkers=3, **BOTH_TYPES)
    stage.submit(make_spec("fungible", gpus_per_worker=8, workers=2, fungible=True))
    stage.settle()
    grown = {name: len(stage.where(name)) for name in ("elastic", "fungible")}

    stage.ask(2)
    for _ in range(3):
        stage.pass_time(5.0)  # the grace of workers that go
    marks, faults = [stage.marks(node) for node in ("infer-1", "infer-2")], stage.agreement()
    deaths = stage.deaths
    for _ in range(2):
        stage.finish()

    assert grown == {"elastic": 2, "fungible": 2}
    assert marks == [HOME, HOME]
    assert faults == []
    assert stage.watcher.faults == []
    assert deaths > 20 / every
    assert set(stage.states().values()) == {JobState.FINISHED}
    assert stage.agreement() == []
