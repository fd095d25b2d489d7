"""The API server, the wire to it and etcd behind it fail in the middle of loans and reclaims."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aryl.engine.lifecycle import JobState
from aryl.kube import transport
from aryl.kube.access import Access, from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.errors import Unreachable
from aryl.kube.reflector import Pace
from aryl.kube.watching import Watch
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.leaks import leaks, lost
from tests.kubernetes.marks import HOME, LENT, RECLAIMING
from tests.kubernetes.persisting import go_on, losing
from tests.kubernetes.stage import BOTH_TYPES, KubeStage, kube_stage
from tests.kubernetes.wire import Wire, over, wired

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

INFER = ("infer-1", "infer-2")
BRISK = Pace(wait_s=0.05, longest_wait_s=0.5)


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[KubeStage]:
    with kube_stage(control_plane, namespace, tmp_path, training=1) as stage:
        stage.pace = BRISK
        yield stage


def wire_to(stage: KubeStage, wire: Wire) -> None:
    """Let the scheduler speak to the server by way of a wire."""
    kubeconfig = over(wire, stage.control_plane.kubeconfig())
    stage.speak = lambda _: KubeApi(from_kubeconfig(kubeconfig))


def watching_over(wire: Wire, stage: KubeStage) -> Callable[[Access], KubeApi]:
    """Let the scheduler watch by way of a wire, and ask and write without it."""
    watches = KubeApi(from_kubeconfig(over(wire, stage.control_plane.kubeconfig())))

    class Divided(KubeApi):
        def watch(self, *words: Any, **query: Any) -> Watch:
            return watches.watch(*words, **query)

    return Divided


def grown(stage: KubeStage) -> None:
    """A job with a base worker at home and one flexible worker on each server on loan."""
    stage.begin()
    bring(stage)
    stage.settle()
    assert has_grown(stage)(), (stage.where("bert"), [stage.marks(node) for node in INFER])


def bring(stage: KubeStage) -> None:
    stage.bring("bert", minWorkers=1, maxWorkers=3, **BOTH_TYPES)


def has_grown(stage: KubeStage) -> Callable[[], bool]:
    return lambda: len(stage.where("bert")) == 3


def is_back(stage: KubeStage) -> Callable[[], bool]:
    """Whether one server is home and empty, and the other still on loan."""
    wanted = sorted([HOME, LENT])
    return lambda: (
        sorted(stage.marks(node) for node in INFER) == wanted and len(stage.where("bert")) == 2
    )


def check_that_all_is_well(stage: KubeStage) -> None:
    """Nothing has leaked, and every job can still finish."""
    stage.settle()
    assert leaks(stage.api) == []
    assert stage.agreement() == []
    assert stage.watcher.faults == []
    assert lost({"bert"}, stage.states()) == []
    assert stage.record("bert").job.preemptions == 0
    for _ in range(2):
        stage.finish()
    assert stage.states() == {"bert": JobState.FINISHED}
    assert leaks(stage.api) == []


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_server_that_dies_after_a_write_of_a_reclaim(stage: KubeStage, nth: int) -> None:
    began: list[int] = []

    def dies(writes: int) -> bool:
        is_time = bool(began) and writes == began[0] + nth
        if is_time:
            stage.control_plane.apiserver.kill()
        return is_time

    stage.speak = way = losing(dies)
    grown(stage)
    stage.ask(1)
    began.append(way.writes)

    with pytest.raises(Unreachable):
        stage.settle()
    with pytest.raises(Unreachable):
        stage.begin()
    stage.control_plane.restart_apiserver()
    stage.begin()
    go_on(stage, is_back(stage))

    check_that_all_is_well(stage)


def test_a_server_that_has_forgotten_what_was(stage: KubeStage) -> None:
    grown(stage)
    for node in INFER:
        stage.kubelets.hang(node)
    stage.ask(1)
    stage.settle()
    early = [stage.marks(node) for node in INFER]
    before = stage.opened.mirror.health()
    for number in range(5):  # the server's version goes on; what the mirror follows does not
        path = f"/api/v1/namespaces/{stage.namespace}/configmaps"
        stage.api.create(path, {"metadata": {"name": f"map-{number}"}})
    stage.control_plane.apiserver.kill()
    stage.control_plane.compact()
    stage.control_plane.restart_apiserver()
    for node in INFER:
        stage.kubelets.revive(node)
    met = go_on(stage, is_back(stage))

    after = stage.opened.mirror.health()
    assert RECLAIMING in early
    assert met == []
    assert all(after[kind].lists > before[kind].lists for kind in ("Node", "TrainingJob"))
    check_that_all_is_well(stage)


@pytest.mark.parametrize("every", [1, 2, 3])
def test_answers_that_are_lost_do_nothing_twice(stage: KubeStage, every: int) -> None:
    stage.speak = way = losing(lambda writes: writes % every == 0)
    stage.begin()
    bring(stage)
    met = go_on(stage, has_grown(stage))
    stage.ask(1)
    met += go_on(stage, is_back(stage))
    way.lose = staticmethod(lambda _: False)

    assert len(met) > 20 / every
    check_that_all_is_well(stage)


def test_a_wire_that_is_cut_at_every_step(stage: KubeStage) -> None:
    with wired(stage.control_plane.server) as wire:
        wire_to(stage, wire)
        stage.begin()

        def cut_and(holds: Callable[[], bool]) -> Callable[[], bool]:
            def look() -> bool:
                wire.cut()
                return holds()

            return look

        bring(stage)
        go_on(stage, cut_and(has_grown(stage)))
        stage.ask(1)
        go_on(stage, cut_and(is_back(stage)))

        assert stage.opened.mirror.health()["Pod"].errors > 0
        check_that_all_is_well(stage)
        stage.end()


def test_what_a_dead_watch_hides_is_not_lent(stage: KubeStage) -> None:
    stage.pace = Pace(watch_s=4.0, late_s=4.0, wait_s=0.05)
    stage.demand_was = 2.0
    with wired(stage.control_plane.server) as wire:
        stage.speak = watching_over(wire, stage)
        stage.begin()
        stage.settle()
        before = [stage.marks(node) for node in INFER]
        wire.deaden()
        (name,) = stage.serve("infer-2")
        stage.now += 600.0
        go_on(stage, lambda: stage.marks("infer-1") == LENT)
        shown = {pod.name for pod in stage.opened.mirror.seen().views["pods"].values()}
        hidden = [stage.marks(node) for node in INFER]
        stage.settle()

        assert before == [HOME, HOME]
        assert name not in shown
        assert hidden == [LENT, HOME]
        assert leaks(stage.api) == []
        assert stage.agreement() == []
        stage.end()


def test_a_wire_that_goes_dead_in_the_middle_of_a_reclaim(
    stage: KubeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "READ_S", 1.0)
    stage.pace = Pace(watch_s=2.0, late_s=1.0, wait_s=0.05)
    with wired(stage.control_plane.server) as wire:
        wire_to(stage, wire)
        grown(stage)
        stage.ask(1)
        stage.catch_up()
        stage.scheduler.step(stage.now)
        wire.deaden()
        go_on(stage, is_back(stage))

        check_that_all_is_well(stage)
        stage.end()


def test_a_slow_etcd_delays_a_reclaim_and_spoils_nothing(
    stage: KubeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.begin()
    bring(stage)
    monkeypatch.setattr(transport, "READ_S", 0.3)
    with stage.control_plane.etcd.slowed(stands_s=0.5, runs_s=0.3):
        met = go_on(stage, has_grown(stage))
        stage.ask(1)
        met += go_on(stage, is_back(stage))
    monkeypatch.undo()

    assert met != []
    check_that_all_is_well(stage)
