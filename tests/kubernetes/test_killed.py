"""`kill -9` of the real service after its writes, and a leader that stands still in a reclaim."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes.api import Raw
from tests.kubernetes.cluster import bind, create_pods, inference_pod
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.leaks import leaks
from tests.kubernetes.marks import HOME, LENT, RECLAIMING, marks_of
from tests.kubernetes.pod_life import RUNS
from tests.kubernetes.serving import Site, pod, sited
from tests.kubernetes.stage import BOTH_TYPES
from tests.kubernetes.watching import Follower
from tests.service.processes import ROOT, Process, started, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

DYING = ["-m", "tests.kubernetes.dying_service"]
SPEED = 100  # a bin of demand takes three seconds
LENDING = '[policy]\nforecaster = "last"\nheadroom = 0.0\n'
LONG_S = 100.0
NODE = "inference-0"


@pytest.fixture
def site(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Site]:
    with sited(control_plane, namespace, tmp_path) as site:
        yield site


def command_of(site: Site) -> list[str]:
    """A service that lends all that inference does not need."""
    words = site.command(site.control_plane.kubeconfig())
    config = Path(words[words.index("--config") + 1])
    text = config.read_text().replace("[policy]\n", LENDING)
    config.write_text(text.replace("[scheduler]\n", f"speed = {SPEED}\n[scheduler]\n"))
    return words


def serve(site: Site, number: int) -> Process:
    process = started(command_of(site), site.folder / f"serve-{number}.log")
    site.processes.append(process)
    return process


class Service:
    """A service that is started again whenever it has died."""

    def __init__(self, words: list[str], log: Path) -> None:
        self._words, self._log = words, log
        self._popen: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def is_tended(self) -> bool:
        """Start it if it does not run."""
        if self._popen is not None and self._popen.poll() is not None:
            assert self._popen.returncode == -signal.SIGKILL, self._log.read_text()[-3000:]
            self.deaths += 1
            self._popen = None
        if self._popen is None:
            with self._log.open("ab") as out:
                self._popen = subprocess.Popen(  # noqa: S603 - our own command
                    [sys.executable, *self._words], stdout=out, stderr=out, cwd=ROOT
                )
        return True

    def close(self) -> None:
        """End it."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()


def workers(site: Site, job: str) -> dict[str, tuple[str, str]]:
    """A job's running workers: their node and uid."""
    return {
        raw["metadata"]["name"]: (raw["spec"]["nodeName"], raw["metadata"]["uid"])
        for raw in site.pods()
        if raw["metadata"]["name"].startswith(f"{job}-")
        and raw["status"].get("phase") == "Running"
        and "deletionTimestamp" not in raw["metadata"]
    }


def ask(site: Site) -> None:
    """Let an inference pod wait for a server."""
    create_pods(site.api, site.namespace, [inference_pod("web", 8)])


def is_back(site: Site) -> bool:
    return marks_of(site.api, NODE) == HOME and len(workers(site, "elastic")) == 2


@contextmanager
def told(site: Site) -> Iterator[tuple[list[str], dict[str, set[str]]]]:
    """The states that the inference node goes through, and the uids of pods by name."""
    states: list[str] = []
    uids: dict[str, set[str]] = {}

    def node(raw: Raw) -> None:
        state = raw["metadata"]["labels"].get("aryl.dev/state", "")
        if raw["metadata"]["name"] == NODE and states[-1:] != [state]:
            states.append(state)

    def a_pod(raw: Raw) -> None:
        uids.setdefault(raw["metadata"]["name"], set()).add(raw["metadata"]["uid"])

    def follow(path: str, look: Any) -> Follower:
        def listed(raws: Any) -> None:
            for raw in raws:
                look(raw)

        return Follower(site.api, path, listed, lambda event: look(event["object"]))

    with ExitStack() as stack:
        for path, look in (("/api/v1/nodes", node), ("/api/v1/pods", a_pod)):
            stack.callback(follow(path, look).close)
        yield states, uids


def check_that_all_is_well(site: Site) -> None:
    """Nothing leaks, inference has its server, and another job still runs to its end."""
    bind(site.api, site.namespace, "web", NODE)
    until(lambda: not leaks(site.api))
    site.bring("short", minWorkers=1, maxWorkers=1, template=pod(**{RUNS: "1"}))
    path = f"/apis/aryl.dev/v1alpha1/namespaces/{site.namespace}/trainingjobs/elastic"
    site.api.delete(path)
    until(lambda: site.phase("short") == "Succeeded", LONG_S)
    until(lambda: site.api.find(path) is None)
    until(lambda: not leaks(site.api))
    assert marks_of(site.api, NODE) == HOME


def test_a_service_killed_after_every_kind_of_write(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    service = Service([*DYING, str(notes), *command_of(site)[2:]], tmp_path / "dying.log")
    try:
        with told(site) as (states, uids):

            def shepherd(holds: Callable[[], bool]) -> None:
                until(lambda: service.is_tended() and holds(), LONG_S)

            site.bring("elastic", minWorkers=2, maxWorkers=3, **BOTH_TYPES)
            shepherd(lambda: len(workers(site, "elastic")) == 3)
            assert marks_of(site.api, NODE) == LENT
            before = workers(site, "elastic")
            ask(site)
            shepherd(lambda: is_back(site))
            after = workers(site, "elastic")
        killed = {note.name for note in notes.iterdir()}
        shepherd(lambda: not leaks(site.api))
    finally:
        service.close()
    last = serve(site, 9)
    check_that_all_is_well(site)

    assert killed >= {
        *("node-loaned", "node-reclaiming", "node-home", "allocation", "patch-status"),
        *("create-services", "create-pods", "create-binding", "create-eviction"),
    }
    assert service.deaths == len(killed)
    assert states == ["", "home", "loaned", "reclaiming", "home"]
    assert after.items() <= before.items()
    assert all(len(found) == 1 for found in uids.values())
    assert last.stop() == 0


def stands_still(process: Process, turn: Path) -> bool:
    """Stop a process; but not while it writes to SQLite's file, where all others wait for it."""
    process.popen.send_signal(signal.SIGSTOP)
    told = Path(f"/proc/{process.popen.pid}/stat")
    until(lambda: told.read_text().rpartition(")")[2].split()[0] == "T")
    with turn.open("rb") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            process.popen.send_signal(signal.SIGCONT)
            return False
    return True


def test_a_leader_that_stood_still_in_a_reclaim_does_nothing_again(site: Site) -> None:
    patient = pod()
    patient["spec"]["terminationGracePeriodSeconds"] = 6
    with told(site) as (states, uids):
        first = serve(site, 0)
        site.bring("elastic", minWorkers=2, maxWorkers=3, template=patient, **BOTH_TYPES)
        until(lambda: len(workers(site, "elastic")) == 3)
        second = serve(site, 1)
        ask(site)
        until(lambda: marks_of(site.api, NODE) == RECLAIMING)
        until(lambda: stands_still(first, site.folder / "aryl.db-turn"))
        until(lambda: is_back(site))
        first.popen.send_signal(signal.SIGCONT)
        check_that_all_is_well(site)

    assert states == ["", "home", "loaned", "reclaiming", "home"]
    assert all(len(found) == 1 for found in uids.values())
    assert [first.stop(), second.stop()] == [0, 0]
