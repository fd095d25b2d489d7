"""The TrainingJob: Aryl's own description of a job, and the controller that gives it workers."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from aryl.engine.lifecycle import JobEvent
from aryl.kube.kinds.asking import Defaults, Words, job_spec
from aryl.kube.kinds.base import Described, Writing, object_path
from aryl.kube.kinds.failures import Failures, failures_of, failures_text
from aryl.kube.kinds.fields import Fields, bad
from aryl.kube.kinds.slots import Slot, is_alive, new_slots, seating, seats
from aryl.kube.kinds.templates import check_worker, chosen
from aryl.kube.kinds.viewing import job_id_of, owner_of, workload_view
from aryl.kube.kinds.workers import pod_body, run_of, service_body
from aryl.kube.names import API_VERSION, ENDED, FAILURES, FINALIZER, JOB_ID, KIND, RUN, WORKER
from aryl.kube.options import KubeOptions
from aryl.kube.paths import PODS, collection, item, within
from aryl.kube.publishing import object_name
from aryl.kube.sight import Sight
from aryl.kube.views import PodView, WorkloadView
from aryl.model.errors import BadInput
from aryl.model.job import Job, WorkerKind

# A worker's host name is the job's name and an index, and has 63 characters at most.
NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?")
BACKOFF_LIMIT: Final = 3
OVERDUE_S: Final = 30.0  # beyond a pod's grace: its node is dead or hangs, and it is not waited for
WORDS: Final = Words(
    least="minWorkers",
    requested="workers",
    most="maxWorkers",
    allowed="allowedWorkers",
    heterogeneous="heterogeneous",
    duration_s="estimatedDurationSeconds",
    checkpoint_s="checkpointIntervalSeconds",
    priority="priority",
    user="user",
    queue="queue",
    model="model",
)


@dataclass(frozen=True, slots=True)
class TrainingJobs:
    """How TrainingJobs are read, and what is done for them."""

    options: KubeOptions
    wall: Callable[[], float]  # seconds since the epoch
    kind: str = "TrainingJob"
    path: str = collection(API_VERSION, "trainingjobs")

    def keep(self, raw: Mapping[str, Any]) -> WorkloadView:
        """All of them are ours. The template stays as text, which is a tenth of it in memory."""
        spec = dict(raw.get("spec") or {})
        template = spec.pop("template", None)
        kept = {
            "generation": raw["metadata"].get("generation", 0),
            "spec": spec,
            "status": raw.get("status") or {},
            "template": None if template is None else _text(template),
        }
        return workload_view(self.kind, raw, kept)

    def describe(self, view: WorkloadView) -> Described:
        """The job that a TrainingJob asks for. Raises `BadInput` where it can't be accepted."""
        if not NAME.fullmatch(view.name):
            raise bad("metadata.name", view.name, "50 lower-case letters, digits and - at most")
        fields = _fields(view)
        gpus = fields.whole("gpusPerWorker", 1)
        spec = job_spec(fields, WORDS, self._job_id(view), gpus, Defaults())
        spec = replace(spec, fungible=self._is_fungible(fields))
        fields.whole("backoffLimit", BACKOFF_LIMIT, least=0)
        template, where = self._template(view)
        check_worker(template, spec.gpus_per_worker, self.options.gpu_resource, where)
        return Described(spec, owner_of(view), f"{view.namespace}/{view.name}")

    def pods(self, view: WorkloadView, sight: Sight) -> Sequence[PodView]:
        """The pods that were made for it."""
        return sight.pods_owned(view.uid)

    def ending(
        self, view: WorkloadView, job: Job, pods: Sequence[PodView]
    ) -> tuple[JobEvent, str] | None:
        """Finished: every base worker has succeeded; failed: more workers than may have failed."""
        failures, limit = failures_of(view, pods), _backoff_limit(view)
        if failures.count > limit:
            return JobEvent.FAIL, f"{failures.count} workers failed; spec.backoffLimit is {limit}"
        done = sum(
            pod.phase == "Succeeded"
            and pod.deleted_s is None  # what was told to stop may end well too
            and pod.labels.get(KIND) == WorkerKind.BASE
            and pod.labels.get(RUN) == run_of(job)
            for pod in pods
        )
        if done and done >= sum(job.holding.base):
            return JobEvent.FINISH, f"all {done} base workers succeeded"
        return None

    def follow(
        self, hands: Writing, view: WorkloadView, job: Job | None, pods: Sequence[PodView]
    ) -> None:
        """Give it the workers that the job holds; see `Kind.follow`."""
        if view.is_deleted:
            self._let_go(hands, view, pods)
        elif ENDED in view.annotations:
            _delete(hands, [pod for pod in pods if not _has_ended(pod)])
        elif job is None:
            _withdraw(hands, pods)
        elif self._is_held(hands, view) and _is_counted(hands, self, view, pods):
            _delete(hands, [pod for pod in pods if pod.phase == "Failed"])
            self._staff(hands, view, job, pods)

    def _staff(self, hands: Writing, view: WorkloadView, job: Job, pods: Sequence[PodView]) -> None:
        """Take workers away, make new ones, and bring each to its server."""
        of_run = [pod for pod in pods if pod.labels.get(RUN) == run_of(job)]
        found = seating(seats(job), [pod for pod in of_run if is_alive(pod)], index_of)
        seated = {pod.uid for pod, _ in found.seated}
        _withdraw(hands, [p for p in pods if p.uid not in seated and p.phase != "Failed"])
        if not any(self._may_run(pod) for pod in pods if pod not in of_run):
            taken = [index_of(pod) for pod in of_run]
            self._hire(hands, view, job, [*new_slots(job, found.vacant, taken)])
        for pod, seat in found.seated:
            if not hands.is_spent and (not pod.node or pod.labels.get(KIND) != seat.kind):
                hands.place(pod, seat.server, seat.kind)

    def _may_run(self, pod: PodView) -> bool:
        """Whether a pod of the last run may still write: a new run must not begin beside it."""
        is_overdue = pod.deleted_s is not None and self.wall() >= pod.deleted_s + OVERDUE_S
        return pod.holds_gpus and not is_overdue

    def _hire(self, hands: Writing, view: WorkloadView, job: Job, slots: Sequence[Slot]) -> None:
        """Make new workers; none of a template that was spoilt while the job runs."""
        if not slots:
            return
        try:
            template, where = self._template(view)
            check_worker(template, job.spec.gpus_per_worker, self.options.gpu_resource, where)
        except BadInput:
            return  # the condition Accepted says so
        if slots[0].index == 0 and not self._serve(hands, view):
            return
        for slot in slots:
            if hands.is_spent:
                return
            body = pod_body(view, job, slot, template, self.options)
            hands.create("pods", within(PODS, view.namespace), body)

    def _serve(self, hands: Writing, view: WorkloadView) -> bool:
        """Give the workers' service to worker 0, before it comes."""
        path = within(collection("v1", "services"), view.namespace)
        return hands.create("", path, service_body(view))

    def _is_held(self, hands: Writing, view: WorkloadView) -> bool:
        """Whether it stays, once deleted, until its pods are gone."""
        finalizers = _finalizers(view)
        if FINALIZER in finalizers:
            return True
        body = {"metadata": {"finalizers": [*finalizers, FINALIZER]}}
        return _changed(hands, self, view, body)

    def _let_go(self, hands: Writing, view: WorkloadView, pods: Sequence[PodView]) -> None:
        """End the pods of a deleted object, and let the object go once they are gone."""
        _delete(hands, pods)
        finalizers = _finalizers(view)
        if not pods and FINALIZER in finalizers:
            kept = [name for name in finalizers if name != FINALIZER]
            _changed(hands, self, view, {"metadata": {"finalizers": kept}})

    def _job_id(self, view: WorkloadView) -> str:
        """The service's name of the job; only what it published itself may bear one."""
        given = view.annotations.get(JOB_ID)
        if given is None:
            return job_id_of(view)
        if view.namespace != self.options.namespace or view.name != object_name(given):
            expected = "no such annotation: the service names jobs"
            raise bad(f"metadata.annotations[{JOB_ID}]", given, expected)
        return given

    def _is_fungible(self, fields: Fields) -> bool:
        """Whether the GPU types that a job names allow the inference pool's."""
        types, options = fields.texts("gpuTypes"), self.options
        home, lent = options.training_gpu_type, options.inference_gpu_type
        if not types:
            return False
        if home not in types or not {*types} <= {home, lent}:
            raise bad("spec.gpuTypes", [*types], f"{home}, or {home} and {lent}")
        return lent in types

    def _template(self, view: WorkloadView) -> tuple[Any, str]:
        """What workers are made of, and where that stands."""
        kept = view.raw["template"]
        own = orjson.loads(kept) if isinstance(kept, bytes) else None
        return chosen(own, self.options, "spec.template")


def index_of(pod: PodView) -> int:
    """A worker's index; a pod that says none is none of ours, and the first to go."""
    text = pod.labels.get(WORKER, "")
    return int(text) if text.isdecimal() else 1_000_000


def _text(template: object) -> bytes:
    """A template as text; one that is nested too deeply for that makes no worker."""
    try:
        return orjson.dumps(template)
    except orjson.JSONEncodeError:
        return b"{}"


def _fields(view: WorkloadView) -> Fields:
    spec: Any = view.raw["spec"]
    return Fields("spec.", spec)


def _backoff_limit(view: WorkloadView) -> int:
    """How many workers may fail; what was spoilt while the job runs does not end it."""
    try:
        return _fields(view).whole("backoffLimit", BACKOFF_LIMIT, least=0)
    except BadInput:
        return BACKOFF_LIMIT


def _finalizers(view: WorkloadView) -> tuple[str, ...]:
    names: Any = view.raw["finalizers"]
    return tuple(names)


def _has_ended(pod: PodView) -> bool:
    return pod.phase in {"Succeeded", "Failed"}


def _is_counted(
    hands: Writing, kind: TrainingJobs, view: WorkloadView, pods: Sequence[PodView]
) -> bool:
    """Whether the failed workers among the pods stand on the object, so that they may go."""
    now: Failures = failures_of(view, pods)
    if not now.is_news:
        return True
    body = {"metadata": {"annotations": {FAILURES: failures_text(now)}}}
    return _changed(hands, kind, view, body)


def _changed(
    hands: Writing, kind: TrainingJobs, view: WorkloadView, body: Mapping[str, Any]
) -> bool:
    """Whether the object was still as in the view, and is changed now."""
    path = object_path(kind, view)
    return hands.patch("workloads", path, body, version=view.version) is not None


def _withdraw(hands: Writing, pods: Sequence[PodView]) -> None:
    """End workers with the grace and the budgets that they have, highest index first."""
    for pod in sorted(pods, key=index_of, reverse=True):
        if pod.deleted_s is None and not hands.is_spent:
            if pod.holds_gpus:
                hands.evict(pod)
            else:
                hands.delete("pods", _path(pod), pod.uid)


def _delete(hands: Writing, pods: Sequence[PodView]) -> None:
    """End pods whose work is of no use to anybody any more."""
    for pod in sorted(pods, key=index_of, reverse=True):
        if pod.deleted_s is None and not hands.is_spent:
            hands.delete("pods", _path(pod), pod.uid)


def _path(pod: PodView) -> str:
    return item(within(PODS, pod.namespace), pod.name)
