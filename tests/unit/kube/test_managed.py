"""What objects of other kinds ask for, how they are resized, and how they end."""

from typing import Any

import pytest

from aryl.engine.lifecycle import JobEvent
from aryl.kube.kinds.batch_job import BatchJobs
from aryl.kube.kinds.jobset import JobSets
from aryl.kube.kinds.managed import Dialect, Managed
from aryl.kube.kinds.pytorchjob import PyTorchJobs
from aryl.kube.kinds.raycluster import RayClusters
from aryl.kube.names import MANAGED
from aryl.kube.views import WorkloadView
from aryl.model.errors import BadInput
from aryl.model.job import JobSpec
from tests.builders import make_job
from tests.unit.kube.workloads import OPTIONS, make_pod

GPU = OPTIONS.gpu_resource
OLD, NEW = BatchJobs(False, False), BatchJobs(True, True)

Spec = dict[str, Any]


def template(gpus: int = 2, **changes: Any) -> Spec:
    container = {"name": "c", "resources": {"limits": {GPU: str(gpus)} if gpus else {}}}
    spec = {"schedulerName": "aryl-scheduler", "containers": [container, {"name": "side"}]}
    return {"metadata": {"labels": {MANAGED: "true"}}, "spec": spec | changes}


def job(**changes: Any) -> Spec:
    return {"parallelism": 4, "template": template()} | changes


def pytorchjob(**changes: Any) -> Spec:
    worker = {"replicas": 3, "template": template()}
    return {"pytorchReplicaSpecs": {"Worker": worker}} | changes


def with_master() -> Spec:
    spec = pytorchjob()
    spec["pytorchReplicaSpecs"]["Master"] = {"template": template()}
    return spec


def jobset(replicas: int = 1, **changes: Any) -> Spec:
    driver = {"name": "driver", "template": {"spec": {"template": template(0)}}}
    inner = {"parallelism": 2, "completions": 2, "template": template()}
    workers = {"name": "workers", "replicas": replicas, "template": {"spec": inner}}
    return {"replicatedJobs": [driver, workers]} | changes


def raycluster(**changes: Any) -> Spec:
    group = {"groupName": "gpu", "replicas": 2, "minReplicas": 1, "maxReplicas": 8}
    cpus = {"groupName": "cpu", "replicas": 5, "template": template(0)}
    return {"workerGroupSpecs": [cpus, group | {"template": template()} | changes]}


def raw(kind: Dialect, spec: Spec, annotations: dict[str, str] | None = None) -> Spec:
    about = {
        "name": "bert",
        "namespace": "ml",
        "uid": "uid-0000-1111",
        "resourceVersion": "7",
        "labels": {MANAGED: "true"},
        "annotations": {f"aryl.dev/{name}": text for name, text in (annotations or {}).items()},
    }
    return {"kind": kind.kind, "metadata": about, "spec": spec}


def kept(kind: Dialect, spec: Spec, annotations: dict[str, str] | None = None) -> WorkloadView:
    view = Managed(OPTIONS, kind).keep(raw(kind, spec, annotations))
    assert view is not None
    return view


def described(kind: Dialect, spec: Spec, annotations: dict[str, str] | None = None) -> JobSpec:
    return Managed(OPTIONS, kind).describe(kept(kind, spec, annotations)).spec


ELASTIC = {"elasticPolicy": {"minReplicas": 2, "maxReplicas": 5}}


@pytest.mark.parametrize(
    ("kind", "spec", "sizes"),
    [
        (OLD, job(), (4, 4, 4)),
        (OLD, {"template": template()}, (1, 1, 1)),
        (NEW, job(suspend=True), (4, 4, 4)),
        (PyTorchJobs(), pytorchjob(), (3, 3, 3)),
        (PyTorchJobs(), pytorchjob(**ELASTIC), (2, 3, 5)),
        (PyTorchJobs(), with_master(), (4, 4, 4)),
        (JobSets(GPU), jobset(), (2, 2, 2)),
        (JobSets(GPU), jobset(replicas=3), (6, 6, 6)),
        (RayClusters(GPU), raycluster(), (1, 2, 8)),
        (RayClusters(GPU), raycluster(maxReplicas=2147483647), (1, 2, 2)),
    ],
)
def test_the_kinds_own_fields_say_how_many_workers_there_may_be(
    kind: Dialect, spec: Spec, sizes: tuple[int, int, int]
) -> None:
    found = described(kind, spec)

    assert (found.min_workers, found.requested_workers, found.max_workers) == sizes
    assert (found.gpus_per_worker, found.job_id) == (2, "ml.bert.uid-0000")


def test_annotations_say_it_instead_and_all_the_rest() -> None:
    said = {
        "min-workers": "2",
        "workers": "4",
        "max-workers": "8",
        "allowed-workers": "2, 4,8",
        "fungible": "true",
        "heterogeneous": "true",
        "estimated-duration-s": "60",
        "checkpoint-s": "10.5",
        "priority": "7",
        "user": "007",
        "queue": "q",
        "model": "m",
    }

    assert described(OLD, job(), said) == JobSpec(
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
        user="007",
        queue="q",
        model="m",
    )


@pytest.mark.parametrize(
    ("kind", "spec", "annotations", "said"),
    [
        (OLD, job(), {"min-workers": "many"}, "aryl.dev/min-workers: 'many' "),
        (OLD, job(), {"min-workers": "5"}, "aryl.dev/workers: 4 "),
        (OLD, job(), {"min-workers": "5", "max-workers": "4"}, "aryl.dev/min-workers: 5 "),
        (OLD, job(), {"fungible": "yes"}, "aryl.dev/fungible: 'yes' "),
        (OLD, job(completions=4), {"max-workers": "8"}, "aryl.dev/max-workers: 8 "),
        (OLD, job(template=template(0)), {}, "spec.template.spec.containers[].resources"),
        (OLD, job(template=template(schedulerName="")), {}, "schedulerName: 'default-scheduler' "),
        (
            OLD,
            job(template={"spec": template()["spec"]}),
            {},
            "spec.template.metadata.labels[aryl.dev/managed]: ",
        ),
        (PyTorchJobs(), {"pytorchReplicaSpecs": {}}, {}, "is not as a PyTorchJob should be"),
        (JobSets(GPU), {"replicatedJobs": []}, {}, "0 replicatedJobs"),
        (JobSets(GPU), {}, {}, "is not as a JobSet should be"),
        (JobSets(GPU), jobset(replicas=2), {"min-workers": "1"}, "aryl.dev/min-workers: 1 "),
        (RayClusters(GPU), {"workerGroupSpecs": None}, {}, "0 workerGroupSpecs"),
        (RayClusters(GPU), raycluster(numOfHosts=2), {}, "several hosts"),
    ],
)
def test_what_can_not_be_managed_is_said_with_field_and_value(
    kind: Dialect, spec: Spec, annotations: dict[str, str], said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        described(kind, spec, annotations)

    assert said in str(refused.value)


def test_who_gave_nothing_to_aryl_is_let_be() -> None:
    mine = raw(OLD, job())
    mine["metadata"]["labels"] = None

    assert Managed(OPTIONS, OLD).keep(mine) is None


def merged(spec: Any, patch: Any) -> Any:
    """What a server makes of a merge patch."""
    if not isinstance(patch, dict):
        return patch
    known = spec if isinstance(spec, dict) else {}
    return known | {name: merged(known.get(name), part) for name, part in patch.items()}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        (OLD, job()),
        (NEW, job()),
        (NEW, job(suspend=True)),
        (NEW, job(completionMode="Indexed", completions=4)),
        (PyTorchJobs(), pytorchjob(**ELASTIC)),
        (PyTorchJobs(), with_master()),
        (JobSets(GPU), jobset()),
        (JobSets(GPU), jobset(suspend=True)),
        (RayClusters(GPU), raycluster()),
    ],
    ids=repr,
)
def test_an_object_has_the_size_that_it_was_given(kind: Dialect, spec: Spec) -> None:
    for workers in (5, 0, 0, 2, 7, 1):
        spec = merged(spec, kind.resized(spec, workers, []))
        shape = kind.shape(spec)
        assert shape.size == workers
        assert shape.workers >= 1


def test_an_indexed_jobs_completions_follow_where_the_server_lets_them() -> None:
    spec = job(completionMode="Indexed", completions=4)

    assert NEW.resized(spec, 6, []) == {"parallelism": 6, "completions": 6}
    assert OLD.resized(spec, 3, []) == {"parallelism": 3}


def test_only_one_job_of_a_jobset_is_changed() -> None:
    spec = jobset()

    patch = JobSets(GPU).resized(spec, 5, [])

    driver, workers = patch["replicatedJobs"]
    assert driver == spec["replicatedJobs"][0]
    assert workers["template"]["spec"]["completions"] == 5
    assert workers["template"]["spec"]["template"] == template()
    assert spec == jobset()


def test_a_fixed_jobset_is_only_paused_and_resumed() -> None:
    spec = jobset(replicas=3, suspend=True)

    assert JobSets(GPU).resized(spec, 6, []) == {"suspend": False}


def test_ray_is_told_who_goes() -> None:
    patch = RayClusters(GPU).resized(raycluster(), 1, ["bert-gpu-x"])

    cpus, group = patch["workerGroupSpecs"]
    assert cpus["replicas"] == 5
    assert group["scaleStrategy"] == {"workersToDelete": ["bert-gpu-x"]}
    assert [group[name] for name in ("replicas", "minReplicas", "maxReplicas")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("kind", "condition", "event"),
    [
        (OLD, "Complete", JobEvent.FINISH),
        (OLD, "Failed", JobEvent.FAIL),
        (OLD, "Suspended", None),
        (PyTorchJobs(), "Succeeded", JobEvent.FINISH),
        (PyTorchJobs(), "Failed", JobEvent.FAIL),
        (PyTorchJobs(), "Running", None),
        (JobSets(GPU), "Completed", JobEvent.FINISH),
        (JobSets(GPU), "Failed", JobEvent.FAIL),
        (RayClusters(GPU), "Failed", None),
    ],
)
def test_its_own_status_says_how_it_ended(
    kind: Dialect, condition: str, event: JobEvent | None
) -> None:
    spec = {"Job": job, "PyTorchJob": pytorchjob, "JobSet": jobset, "RayCluster": raycluster}
    managed, known = Managed(OPTIONS, kind), raw(kind, spec[kind.kind]())

    for holds, expected in (("True", event), ("False", None)):
        said = {"type": condition, "status": holds, "message": "as told"}
        view = managed.keep(known | {"status": {"conditions": [said]}})
        assert view is not None
        found = managed.ending(view, make_job(), [])
        assert found == (expected and (expected, "as told"))


def test_the_highest_index_is_the_last() -> None:
    labels = {"training.kubeflow.org/replica-type": "worker"}
    first = make_pod(labels=labels | {"training.kubeflow.org/replica-index": "1"})
    master = make_pod(labels={"training.kubeflow.org/replica-type": "master"})
    indexed = make_pod(annotations={"batch.kubernetes.io/job-completion-index": "3"})
    second_job = make_pod(labels={"jobset.sigs.k8s.io/job-index": "1"})

    assert PyTorchJobs().index(master) < PyTorchJobs().index(first) == 1
    assert OLD.index(indexed) == JobSets(GPU).index(indexed) == 3
    assert JobSets(GPU).index(second_job) > 99_999
    assert (
        OLD.index(make_pod(created_s=70.5))
        == RayClusters(GPU).index(make_pod(created_s=70.5))
        == 70
    )
