"""A day on forty nodes, with everything real but the containers, under an independent watcher."""

from collections import Counter
from pathlib import Path
from statistics import median

import pytest

from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.e2e.curve import arrivals
from tests.kubernetes.e2e.sights import RESERVED, node_seen, pod_seen
from tests.kubernetes.e2e.town import TICK_S, Town, founded
from tests.kubernetes.e2e.watcher import Figures, Watcher

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

FACTOR = 3.0  # workers on lent servers for one at home, as deployed
# An inference pod that waits is bound after so many wall seconds at most: Aryl notices and decides
# within 1, workers use up their grace of 1, Aryl sees that they are gone and swaps taints within 1,
# and kube-scheduler tries again within its back-off of 2. As much again is for a busy machine.
BOUND_S = 10.0
SEEN = ("loans", "reclaims", "workers bound on loans", "growth", "shrink")


@pytest.mark.parametrize("mode", ["extender", "binding"])
def test_a_day(
    control_plane: ControlPlane,
    namespace: str,
    mode: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs, watcher = arrivals(seed=4), Watcher(FACTOR)
    with founded(control_plane, namespace, mode, tmp_path, monkeypatch) as town:
        town.live(jobs)
        town.rush()
        wait_until(lambda: Counter(job["state"] for job in town.jobs()) == {"finished": len(jobs)})

        watcher.see(town.witness.history())
        watcher.end()
        print(f"\n{mode}: {watcher.figures}")  # noqa: T201 - with -s, for whoever wants to know
        assert watcher.faults == []
        _check_figures(watcher.figures)
        _check_books(town, watcher.figures)
        _check_traces(town)
        assert "orbidden" not in town.log.read_text()
        assert town.service.stop() == 0


def _check_figures(figures: Figures) -> None:
    """Everything happened that should, and nobody waited for too long."""
    assert all(figures.counts[each] for each in SEEN), figures
    assert figures.preemptions
    assert max(figures.waits_s) <= BOUND_S
    # a pod that waits is no news for the next look at loans, but one at once
    assert figures.presses_s
    assert median(figures.presses_s) < TICK_S / 2


def _check_books(town: Town, figures: Figures) -> None:
    """The service, the objects and the watcher tell the same."""
    lent = figures.counts["loans"] - figures.counts["given back"]
    assert town.done("lend") == lent
    assert town.done("reclaim") == figures.counts["reclaims"] == len(figures.returns_s) == lent
    assert town.done("start") == figures.starts.total()
    assert town.done("preempt") == figures.preemptions.total()
    told = {job["id"]: job["preemptions"] for job in town.jobs()}
    assert figures.starts == {name: preempted + 1 for name, preempted in told.items()}
    phases = town.apply("get", "trainingjobs", "-A", "-o", "jsonpath={.items[*].status.phase}")
    assert {*phases.split()} == {"Succeeded"}
    is_complete = "jsonpath={.items[*].status.conditions[?(@.type=='Complete')].status}"
    ended = town.apply("get", "jobs", "-A", "-o", is_complete)
    assert len(phases.split()) + ended.split().count("True") == len(told)


def _check_traces(town: Town) -> None:
    """All servers are at home, bear what they bear there, and hold no worker."""
    for node in map(node_seen, town.api.list("/api/v1/nodes")):
        told = (node.marks, node.state, node.has_note)
        home = (frozenset({RESERVED}), "home", False)
        assert told == (home if node.is_inference else (frozenset(), "", False)), node.name
    pods = map(pod_seen, town.api.list("/api/v1/pods"))
    assert [pod.name for pod in pods if pod.is_worker and pod.phase != "Succeeded"] == []
