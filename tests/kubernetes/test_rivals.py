"""Others write on the same objects all the time: each write of ours may meet a newer version."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube.client import KubeApi
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.leaks import leaks, lost
from tests.kubernetes.marks import HOME, LENT
from tests.kubernetes.persisting import go_on
from tests.kubernetes.stage import BOTH_TYPES, NODES, KubeStage, kube_stage

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

INFER = ("infer-1", "infer-2")
STORM = "example.com/storm"


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[KubeStage]:
    with kube_stage(control_plane, namespace, tmp_path, training=1) as stage:
        yield stage


def overtaken(stage: KubeStage) -> type[KubeApi]:
    """A way on which, for half of all patches, somebody writes on the object right before."""
    chance, number = Random(1), count(1)

    class Overtaken(KubeApi):
        def _write(self, method: str, path: str, *more: Any) -> Any:
            if method == "PATCH" and chance.random() < 0.5:
                stage.api.patch(
                    path.removesuffix("/status"),
                    {"metadata": {"annotations": {STORM: f"{next(number)}"}}},
                )
            return super()._write(method, path, *more)

    return Overtaken


def test_a_loan_and_a_reclaim_where_others_are_often_quicker(stage: KubeStage) -> None:
    stage.speak = overtaken(stage)
    stage.begin()
    stage.settle()
    stage.bring("bert", minWorkers=1, maxWorkers=3, **BOTH_TYPES)

    def is_back() -> bool:
        homes = sorted(stage.marks(node) for node in INFER)
        return homes == sorted([HOME, LENT]) and len(stage.where("bert")) == 2

    met = go_on(stage, lambda: len(stage.where("bert")) == 3)
    stage.ask(1)
    met += go_on(stage, is_back)
    stage.settle()
    assert stage.opened.hands is not None
    counts = stage.opened.hands.counts.copy()

    assert met == []
    assert counts["patch", "clash"] > 0
    assert leaks(stage.api) == []
    assert stage.agreement() == []
    assert lost({"bert"}, stage.states()) == []
    assert STORM in stage.api.get(f"{NODES}/infer-1")["metadata"]["annotations"]
    assert STORM in stage.job("bert")["metadata"]["annotations"]
    for _ in range(2):
        stage.finish()
    assert stage.states() == {"bert": JobState.FINISHED}
    assert leaks(stage.api) == []
