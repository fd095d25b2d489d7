"""`aryl serve` on a real control plane: jobs run, and somebody leads, whatever dies."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.pod_life import RUNS
from tests.kubernetes.serving import WRITES, Site, metric, pod, sited, state_of
from tests.service.processes import until

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


@pytest.fixture
def site(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Site]:
    with sited(control_plane, namespace, tmp_path) as site:
        yield site


def test_a_job_of_the_service_runs_on_the_cluster_until_it_is_done(site: Site) -> None:
    process = site.serve()
    until(lambda: httpx2.get(f"{process.address}/readyz").status_code == 200)
    assert process.get("/readyz")["checks"]["cluster"] == "ok"

    job_id = process.submit(
        name="bert", num_gpus=16, gpus_per_worker=8, duration_s=60, template=pod(**{RUNS: "3"})
    )

    vague = {"name": "x", "num_gpus": 8, "duration_s": 5}
    assert httpx2.post(f"{process.address}/api/v1/jobs", json=vague).status_code == 422
    running = until(lambda: [it for it in site.pods() if it["status"]["phase"] == "Running"] or 0)
    assert running
    until(lambda: state_of(process, job_id) == "finished")
    assert {it["spec"]["nodeName"] for it in site.pods()} <= {"training-0", "training-1"}
    for words in ("Kubernetes v1.", "placing by binding", "2 nodes, 16 GPUs", "1 node, 8 GPUs"):
        assert words in site.log()
    assert metric(process, f'{WRITES}{{outcome="done",verb="create"}}') > 0
    assert metric(process, "aryl_kube_lists_total") > 0
    assert metric(process, "aryl_kube_advance_seconds_count") > 0
    assert metric(process, "aryl_kube_silence_seconds") < 150
    assert process.stop() == 0


def test_a_job_of_the_cluster_is_known_to_the_service_and_can_be_cancelled_there(
    site: Site,
) -> None:
    process = site.serve()

    site.bring("brought", minWorkers=1, maxWorkers=2)

    (job,) = until(lambda: process.get("/api/v1/jobs")["items"])
    assert (job["name"], job["owner"]) == (
        f"{site.namespace}/brought",
        f"kubernetes:{site.namespace}",
    )
    until(lambda: state_of(process, job["id"]) == "running")
    until(lambda: site.phase("brought") == "Running")
    process.cancel(job["id"])
    until(lambda: state_of(process, job["id"]) == "cancelled")
    until(lambda: site.phase("brought") == "Cancelled")
    until(lambda: not site.pods())
    assert process.stop() == 0


def test_when_the_leader_dies_another_goes_on(site: Site) -> None:
    first, second = site.serve(), None
    site.bring("long", minWorkers=1, maxWorkers=2)
    (job,) = until(lambda: first.get("/api/v1/jobs")["items"])
    until(lambda: state_of(first, job["id"]) == "running")
    until(lambda: len(site.pods()) == 2)
    second = site.serve()
    before = {it["metadata"]["uid"] for it in site.pods()}

    first.kill()
    until(lambda: metric(second, "aryl_leader") == 1.0)
    job_id = second.submit(name="later", num_gpus=8, duration_s=5, template=pod(**{RUNS: "1"}))

    until(lambda: state_of(second, job_id) in {"running", "finished"})
    held = {it["metadata"]["uid"] for it in site.pods()}
    assert len(before & held) >= 1  # its base worker was never touched
    assert second.get(f"/api/v1/jobs/{job['id']}")["preemptions"] == 0
    assert second.stop() == 0


def test_of_two_services_one_leads_and_hands_over_when_it_stops(site: Site) -> None:
    first = site.serve()
    until(lambda: metric(first, "aryl_leader") == 1.0)
    second = site.serve()

    assert metric(second, "aryl_leader") == 0.0
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{site.namespace}/leases"
    holder = site.api.get(f"{leases}/aryl")["spec"]["holderIdentity"]
    assert f"/{first.popen.pid}/" in holder
    assert first.stop() == 0
    until(lambda: metric(second, "aryl_leader") == 1.0, limit_s=10.0)
    assert f"/{second.popen.pid}/" in site.api.get(f"{leases}/aryl")["spec"]["holderIdentity"]
    assert second.stop() == 0


def test_a_leader_that_was_stopped_does_no_harm_when_it_goes_on(site: Site) -> None:
    first = site.serve()
    site.bring("long", minWorkers=1, maxWorkers=1)
    until(lambda: [it for it in site.pods() if it["status"]["phase"] == "Running"])
    second = site.serve()
    first.popen.send_signal(signal.SIGSTOP)
    until(lambda: metric(second, "aryl_leader") == 1.0)
    job_id = second.submit(name="b", num_gpus=8, duration_s=60, template=pod())
    until(lambda: state_of(second, job_id) == "running")
    until(lambda: len([it for it in site.pods() if it["status"]["phase"] == "Running"]) == 2)

    first.popen.send_signal(signal.SIGCONT)

    until(lambda: metric(first, "aryl_leader") == 0.0)
    assert metric(second, "aryl_leader") == 1.0
    assert len(site.pods()) == 2
    assert state_of(second, job_id) == "running"
    assert [first.stop(), second.stop()] == [0, 0]


def test_with_a_new_database_what_runs_is_known_again(site: Site) -> None:
    first = site.serve()
    job_id = first.submit(name="bert", num_gpus=8, duration_s=3600, template=pod())
    until(lambda: [it for it in site.pods() if it["status"]["phase"] == "Running"])
    until(lambda: state_of(first, job_id) == "running")
    uids = {it["metadata"]["uid"] for it in site.pods()}
    assert first.stop() == 0
    assert term_told(site) == 1

    (site.folder / "aryl.db").rename(site.folder / "lost.db")
    second = site.serve()

    until(lambda: second.get("/api/v1/jobs")["items"])
    until(lambda: state_of(second, job_id) == "running")
    assert {it["metadata"]["uid"] for it in site.pods()} == uids
    second.cancel(job_id)  # it can act: its term is above that of the annotations
    until(lambda: state_of(second, job_id) == "cancelled")
    until(lambda: not site.pods())
    assert term_told(site) == 2
    assert second.stop() == 0


def term_told(site: Site) -> int:
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{site.namespace}/leases/aryl"
    return int(site.api.get(lease)["metadata"]["annotations"]["aryl.dev/term"])
