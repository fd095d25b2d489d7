"""What a TrainingJob asks for, what can't be accepted, and how a job of the service becomes one."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.engine.lifecycle import JobEvent
from aryl.kube.kinds.slots import Seat, Slot
from aryl.kube.kinds.trainingjob import TrainingJobs
from aryl.kube.kinds.workers import pod_body, service_body
from aryl.kube.names import FAILURES, JOB_ID
from aryl.kube.options import KubeOptions
from aryl.kube.publishing import object_name, training_job
from aryl.kube.views import PodView
from aryl.model.cluster import Pool
from aryl.model.errors import BadInput
from aryl.model.job import Job, JobSpec, WorkerKind
from tests.builders import base, make_job
from tests.strategies import specs
from tests.unit.kube.workloads import OPTIONS, TEMPLATE, make_pod, make_view

KIND = TrainingJobs(OPTIONS, lambda: 0.0)
B, F = WorkerKind.BASE, WorkerKind.FLEXIBLE


def described(spec: dict[str, Any] | None = None, **metadata: Any) -> JobSpec:
    return KIND.describe(make_view(spec, **metadata)).spec


def test_a_training_job_that_says_little_is_one_worker_of_one_gpu() -> None:
    found = KIND.describe(make_view())

    assert found.spec == JobSpec(
        "ml.bert.uid-0000",
        submit_s=0.0,
        num_gpus=1,
        duration_s=3600.0,
        gpus_per_worker=1,
        min_workers=1,
        max_workers=1,
        estimated_duration_s=3600.0,
    )
    assert (found.owner, found.name) == ("kubernetes:ml", "ml/bert")


def test_every_field_arrives() -> None:
    spec = described(
        {
            "minWorkers": 2,
            "workers": 4,
            "maxWorkers": 8,
            "allowedWorkers": [8, 2, 4],
            "gpusPerWorker": 2,
            "gpuTypes": ["V100", "T4"],
            "heterogeneous": True,
            "estimatedDurationSeconds": 60,
            "checkpointIntervalSeconds": 10.5,
            "priority": 7,
            "queue": "q",
            "user": "ada",
            "model": "bert",
        }
    )

    assert spec == JobSpec(
        "ml.bert.uid-0000",
        submit_s=0.0,
        num_gpus=8,
        duration_s=60.0,
        gpus_per_worker=2,
        min_workers=2,
        max_workers=8,
        allowed_workers=(2, 4, 8),
        fungible=True,
        heterogeneous=True,
        checkpoint_s=10.5,
        estimated_duration_s=60.0,
        priority=7,
        user="ada",
        queue="q",
        model="bert",
    )


GPUS = {"resources": {"limits": {"nvidia.com/gpu": "4"}}}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"minWorkers": 5, "maxWorkers": 4}, "spec.minWorkers: 5 "),
        ({"minWorkers": 2, "workers": 9, "maxWorkers": 4}, "spec.workers: 9 "),
        ({"minWorkers": 0}, "spec.minWorkers: 0 "),
        ({"minWorkers": "two"}, "spec.minWorkers: 'two' "),
        ({"gpusPerWorker": 1.5}, "spec.gpusPerWorker: 1.5 "),
        ({"minWorkers": 2, "maxWorkers": 4, "allowedWorkers": [4]}, "spec.allowedWorkers: [4] "),
        ({"allowedWorkers": 4}, "spec.allowedWorkers: 4 "),
        ({"gpuTypes": ["A100"]}, "spec.gpuTypes: ['A100'] "),
        ({"gpuTypes": ["T4"]}, "spec.gpuTypes: ['T4'] "),
        ({"gpuTypes": [1]}, "spec.gpuTypes: [1] "),
        ({"heterogeneous": "yes"}, "spec.heterogeneous: 'yes' "),
        ({"estimatedDurationSeconds": -1}, "spec.estimatedDurationSeconds: -1 "),
        ({"checkpointIntervalSeconds": float("inf")}, "spec.checkpointIntervalSeconds: inf "),
        ({"user": "a\x00b"}, "spec.user: 'a\\x00b' "),
        ({"backoffLimit": -1}, "spec.backoffLimit: -1 "),
        ({"template": None}, "spec.template: is missing"),
        ({"template": {"spec": {}}}, "spec.template.spec.containers: "),
        ({"template": {"spec": {"containers": ["x"]}}}, "spec.template.spec.containers: ['x'] "),
        ({"template": {"spec": {"containers": [GPUS]}}}, "resources[nvidia.com/gpu]: 4 "),
        (
            {"template": {"spec": {"containers": [{}], "restartPolicy": "Always"}}},
            "spec.template.spec.restartPolicy: 'Always' ",
        ),
    ],
)
def test_what_can_not_be_accepted_is_said_with_field_and_value(
    spec: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        described(spec)

    assert said in str(refused.value)
    assert "expected" in str(refused.value)


@pytest.mark.parametrize("name", ["with.dots", "x" * 51])
def test_a_name_that_no_host_can_have_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"metadata\.name"):
        described(name=name)


def test_the_services_own_template_is_for_jobs_without_one() -> None:
    kind = TrainingJobs(KubeOptions(worker_template=dict(TEMPLATE)), lambda: 0.0)
    view = make_view({"template": None})

    assert kind.describe(view).spec.num_gpus == 1


@pytest.mark.parametrize("place", [{"namespace": "ml"}, {"name": "other"}])
def test_nobody_takes_over_a_job_of_the_service_by_naming_it(place: dict[str, str]) -> None:
    metadata: dict[str, Any] = {"name": "job-1", "namespace": "aryl-jobs"} | place
    with pytest.raises(BadInput, match="job-id"):
        described(annotations={JOB_ID: "job-1"}, **metadata)


@given(spec=specs("Job_1.x"))
def test_a_job_of_the_service_comes_back_from_its_object(spec: JobSpec) -> None:
    raw = training_job(spec, TEMPLATE, OPTIONS)
    raw["metadata"] |= {"uid": "u", "resourceVersion": "1"}

    found = KIND.describe(KIND.keep(raw)).spec

    # the cluster knows no more than the estimate, and nothing of traces
    duration_s = spec.estimated_duration_s
    assert found == replace(spec, submit_s=0.0, carry_in=False, duration_s=duration_s)


@given(st.text(alphabet="aB0._-", min_size=1, max_size=63), st.text(min_size=1, max_size=63))
def test_every_job_has_a_name_of_its_own_that_kubernetes_takes(one: str, other: str) -> None:
    names = {object_name(one), object_name(other), object_name(object_name(one))}

    assert all(KIND.describe(make_view(name=name)).name == f"ml/{name}" for name in names)
    assert (object_name(one) == object_name(other)) == (one == other)


def test_a_good_name_stays() -> None:
    assert object_name("bert-7") == "bert-7"


def a_worker(job: Job, index: int = 0, template: dict[str, Any] = TEMPLATE) -> dict[str, Any]:
    slot = Slot(index, Seat("train-0001", B, Pool.TRAINING))
    return pod_body(make_view(), job, slot, template, OPTIONS)


def test_a_worker_knows_where_to_meet_the_others() -> None:
    job = make_job(
        min_workers=2, max_workers=4, gpus_per_worker=8, fungible=True, placements=(base(1, 2),)
    )

    pod = a_worker(replace(job, preemptions=3), 1)

    variables = {v["name"]: v["value"] for v in pod["spec"]["containers"][0]["env"]}
    assert variables == {
        "PET_NNODES": "2:4",
        "PET_NPROC_PER_NODE": "8",
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": "bert-r3w0.aryl-bert-uid-0:29400",
        "PET_RDZV_ID": "bert-3",
        "PET_MAX_RESTARTS": "100",
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == (
        "bert-r3w1",
        "aryl-bert-uid-0",
    )
    assert service_body(make_view())["metadata"]["name"] == "aryl-bert-uid-0"


def test_on_slower_gpus_there_may_be_more_workers() -> None:
    slow = replace(OPTIONS, workers_per_training_worker=3.0)
    job = make_job(
        min_workers=1, max_workers=2, fungible=True, placements=(base(1, 3, loaned=True),)
    )
    slot = Slot(0, Seat("infer-0001", B, Pool.INFERENCE))

    pod = pod_body(make_view(), job, slot, TEMPLATE, slow)

    assert {"name": "PET_NNODES", "value": "3:6"} in pod["spec"]["containers"][0]["env"]


def test_what_the_user_set_in_the_template_stays() -> None:
    template: dict[str, Any] = {
        "metadata": {"labels": {"team": "nlp", "aryl.dev/job": "x"}, "annotations": {"a": "b"}},
        "spec": {
            "restartPolicy": "OnFailure",
            "priorityClassName": "high",
            "tolerations": [{"key": "mine", "operator": "Exists"}],
            "containers": [
                {"name": "side"},
                {
                    "name": "main",
                    "env": [{"name": "PET_RDZV_BACKEND", "value": "etcd"}],
                    "resources": {"limits": {"nvidia.com/gpu": "1", "cpu": "2"}},
                },
            ],
        },
    }

    pod = a_worker(make_job(placements=(base(1),)), template=template)

    spec, (side, main) = pod["spec"], pod["spec"]["containers"]
    assert (spec["restartPolicy"], spec["priorityClassName"]) == ("OnFailure", "high")
    assert spec["tolerations"][0] == {"key": "mine", "operator": "Exists"}
    assert {t["key"] for t in spec["tolerations"]} == {"mine", "aryl.dev/loaned", "nvidia.com/gpu"}
    assert main["resources"] == {"limits": {"nvidia.com/gpu": "1", "cpu": "2"}}
    assert "resources" not in side
    assert [v["value"] for v in main["env"] if v["name"] == "PET_RDZV_BACKEND"] == ["etcd"]
    labels = pod["metadata"]["labels"]
    assert (labels["team"], labels["aryl.dev/job"]) == ("nlp", "bert")
    assert "env" not in template["spec"]["containers"][0]


RUNS = replace(make_job(min_workers=2, max_workers=4), placements=(base(1, 2),), started_s=0.0)


def on_server(index: int, phase: str, **changes: Any) -> PodView:
    return make_pod(index, server="train-0001", phase=phase, **({"kind": B} | changes))


def ending(*pods: PodView, **metadata: Any) -> JobEvent | None:
    found = KIND.ending(make_view(**metadata), RUNS, pods)
    return found and found[0]


def test_a_job_has_finished_when_all_base_workers_succeeded() -> None:
    done, runs = on_server(0, "Succeeded"), on_server(1, "Running")
    leaving = on_server(1, "Succeeded", deleted_s=5.0)
    of_old = on_server(1, "Succeeded", labels={**done.labels, "aryl.dev/run": "7"})
    extra = on_server(2, "Succeeded", kind=F)

    assert [ending(done, other) for other in (runs, leaving, of_old, extra)] == [None] * 4
    assert (
        ending(done, on_server(1, "Succeeded"), on_server(2, "Running", kind=F)) is JobEvent.FINISH
    )


def test_a_job_has_failed_when_more_workers_failed_than_may() -> None:
    failed = [on_server(index, "Failed") for index in range(4)]
    known = {FAILURES: f'{{"count": 3, "pods": ["{failed[0].uid}"]}}'}

    assert ending(*failed[:3]) is None
    assert ending(*failed) is JobEvent.FAIL
    assert ending(failed[0], annotations=known) is None
    assert ending(*failed[:2], annotations=known) is JobEvent.FAIL


def test_what_a_node_did_to_a_worker_is_no_failure() -> None:
    evicted = [on_server(index, "Failed", reason="Evicted") for index in range(9)]

    assert ending(*evicted, annotations={FAILURES: "spoilt"}) is None
