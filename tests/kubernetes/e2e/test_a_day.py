"""A day on forty nodes, with everything real but the containers, under an independent watcher."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.kubernetes.api import Raw
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.e2e.curve import arrivals
from tests.kubernetes.e2e.sights import RESERVED, job_seen, node_seen, pod_seen
from tests.kubernetes.e2e.town import Town, founded
from tests.kubernetes.e2e.watcher import Figures, Watcher

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

FACTOR = 3.0  # workers on lent servers for one at home, as deployed
# An inference pod that waits is bound after so many wall seconds at most: Aryl notices and decides
# within 1, workers use up their grace of 1, Aryl sees that they are gone and swaps taints within 1,
# and kube-scheduler tries again within its back-off of 2. The rest is for a machine with two cores
# on which other tests run too.
BOUND_S = 15.0
SEEN = ("loans", "reclaims of servers in use", "workers bound on loans", "growth", "shrink")


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
        all_done = {"finished": len(jobs)}
        wait_until(lambda: Counter(job["state"] for job in town.jobs()) == all_done, 120.0, 0.5)

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
    assert figures.presses_s


def _check_books(town: Town, figures: Figures) -> None:
    """The service, the objects and the watcher tell the same."""
    lent = figures.counts["loans"] - figures.counts["given back"]
    assert town.done("lend") == lent
    assert town.done("reclaim") == figures.counts["reclaims"] == len(figures.returns_s) == lent
    assert town.done("start") == figures.starts.total()
    assert town.done("preempt") == figures.preemptions.total()
    told = {job["id"]: job["preemptions"] for job in town.jobs()}
    assert figures.starts == {name: preempted + 1 for name, preempted in told.items()}
    assert town.unawaited()  # a pod that waited did not wait for the next look at loans
    shown = _objects(town, "trainingjobs")
    statuses = {name: raw["status"] for name, raw in shown.items()}
    assert {status["phase"] for status in statuses.values()} == {"Succeeded"}
    batch = _objects(town, "jobs")
    assert all("Complete" in _conditions(raw) for raw in batch.values())
    assert told.keys() == statuses.keys() | batch.keys()
    assert all(status["preemptions"] == told[name] for name, status in statuses.items())


def _objects(town: Town, resource: str) -> dict[str, Raw]:
    """What kubectl shows of jobs, by the service's name."""
    listed = json.loads(town.apply("get", resource, "-A", "-o", "json"))
    return {job_seen(raw).name: raw for raw in listed["items"]}


def _conditions(raw: Raw) -> set[str]:
    return {each["type"] for each in raw["status"]["conditions"] if each["status"] == "True"}


def _check_traces(town: Town) -> None:
    """All servers are at home, bear what they bear there, and hold no worker."""
    for node in map(node_seen, town.api.list("/api/v1/nodes")):
        told = (node.marks, node.state, node.has_note)
        home = (frozenset({RESERVED}), "home", False)
        assert told == (home if node.is_inference else (frozenset(), "", False)), node.name
    pods = map(pod_seen, town.api.list("/api/v1/pods"))
    assert [pod.name for pod in pods if pod.is_worker and pod.phase != "Succeeded"] == []
