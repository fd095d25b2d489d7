"""Users see how their jobs stand; a long queue of them is told in few writes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aryl.engine.lifecycle import JobEvent
from aryl.engine.live import Ending
from aryl.kube.kinds.base import Body, Reading
from aryl.kube.kinds.trainingjob import TrainingJobs
from aryl.kube.names import NOTICE
from aryl.kube.statuses import AT_ONCE, REWORDED_AFTER_S, Shown, Standing, Statuses, status_of
from aryl.kube.views import PodView, WorkloadView
from aryl.model.job import WorkerKind
from aryl.model.reason import Reason, ReasonCode, because
from tests.builders import base, flexible, make_job
from tests.unit.kube.workloads import OPTIONS, make_raw, make_view

KIND = TrainingJobs(OPTIONS, lambda: 0.0)
JOB = replace(make_job(min_workers=2, max_workers=4), placements=(base(1, 2), flexible(2)))
STARTED = replace(JOB, started_s=1_000.0, preemptions=2)
ENDED = Ending(replace(STARTED, placements=()), JobEvent.FINISH, 2_000.0, "all 2 succeeded")


def waits(gpus: int = 8, code: ReasonCode = ReasonCode.FRAGMENTED) -> Reason:
    if code is ReasonCode.BEHIND_HEAD:
        return because(code, head="other", needed_gpus=gpus)
    return because(code, workers=2, gpus_per_worker=gpus, fitting=1, free_gpus=9)


class Notebook:
    """Hands that write into views."""

    def __init__(self, *views: WorkloadView) -> None:
        self.views = {view.uid: view for view in views}
        self.written: list[str] = []
        self.refuses = False
        self.is_spent = False

    @property
    def api(self) -> Reading:
        raise NotImplementedError

    def put_status(
        self, resource: str, path: str, status: Body, *, version: str = ""
    ) -> Body | None:
        assert resource == "workloads"
        assert not version
        view = next(v for v in self.views.values() if path.endswith(f"/ml/trainingjobs/{v.name}"))
        self.written.append(view.name)
        if self.refuses:
            return None
        kept = {name: value for name, value in status.items() if value is not None}
        self.views[view.uid] = replace(view, raw={**view.raw, "status": kept})
        return status

    def patch(self, resource: str, path: str, body: Body, *, version: str = "") -> Body | None:
        assert (resource, version) == ("workloads", "")
        self.written.append(path)
        (view,) = self.views.values()
        notes = {**view.annotations, **body["metadata"]["annotations"]}
        kept = {name: text for name, text in notes.items() if text is not None}
        self.views[view.uid] = replace(view, annotations=kept)
        return body

    def create(self, resource: str, path: str, body: Body) -> bool:
        raise NotImplementedError

    def delete(self, resource: str, path: str, uid: str, *, grace_s: int | None = None) -> bool:
        raise NotImplementedError

    def evict(self, pod: PodView) -> bool:
        raise NotImplementedError

    def place(self, pod: PodView, server: str, kind: WorkerKind) -> str:
        raise NotImplementedError


def written(
    statuses: Statuses, notebook: Notebook, standings: Mapping[str, Standing], at_s: float
) -> list[str]:
    """The objects on which something is written when all stand like that."""
    notebook.written.clear()
    shown = {uid: Shown(KIND, notebook.views[uid], what) for uid, what in standings.items()}
    statuses.write(notebook, shown, at_s, at_s)
    return [*notebook.written]


@pytest.mark.parametrize(
    ("standing", "phase", "reason", "message"),
    [
        (Standing(), "Queued", "Waiting", "no decision about it has been made yet"),
        (
            Standing(reason=waits(code=ReasonCode.BEHIND_HEAD)),
            "Queued",
            "BehindHead",
            "waits in order behind other, which needs 8 GPUs and does not fit",
        ),
        (Standing(fault="spec.workers: 9"), "Refused", "Invalid", "spec.workers: 9"),
        (Standing(job=JOB, running_workers=2), "Running", "WorkersPending", "2 of 3 workers run"),
        (
            Standing(job=JOB, running_workers=2, obstacle="bert-2: n1 is cordoned"),
            "Running",
            "WorkersPending",
            "2 of 3 workers run; bert-2: n1 is cordoned",
        ),
        (Standing(job=JOB, running_workers=3), "Running", "WorkersRunning", None),
        (Standing(job=replace(JOB, placements=())), "Queued", "Waiting", "no decision"),
        (Standing(ending=ENDED), "Succeeded", "Succeeded", "all 2 succeeded"),
        (Standing(ending=replace(ENDED, event=JobEvent.FAIL)), "Failed", "Failed", "all 2"),
        (Standing(ending=replace(ENDED, event=JobEvent.CANCEL)), "Cancelled", "Cancelled", "all"),
    ],
)
def test_a_phase_has_its_reason(
    standing: Standing, phase: str, reason: str, message: str | None
) -> None:
    status = status_of(make_view(), standing, 3_000.0)

    assert (status["phase"], status["reason"]) == (phase, reason)
    assert (status["message"] or "").startswith(message or "")
    assert (status["message"] is None) == (message is None)


def test_a_status_counts_workers_and_tells_times() -> None:
    runs = status_of(make_view(), Standing(job=STARTED), 3_000.0)
    over = status_of(make_view(), Standing(ending=ENDED), 3_000.0)

    names = ("workers", "baseWorkers", "flexibleWorkers", "preemptions", "observedGeneration")
    assert [runs[name] for name in names] == [3, 2, 1, 2, 3]
    assert [over[name] for name in names] == [0, 0, 0, 2, 3]
    assert (runs["startTime"], runs["completionTime"]) == ("1970-01-01T00:16:40Z", None)
    assert over["completionTime"] == "1970-01-01T00:33:20Z"


def conditions(status: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["lastTransitionTime"]) for c in status["conditions"]}


def test_a_conditions_time_moves_only_with_its_status() -> None:
    notebook, statuses = Notebook(make_view()), Statuses()
    (uid,) = notebook.views

    written(statuses, notebook, {uid: Standing()}, 0.0)
    written(statuses, notebook, {uid: Standing(job=JOB)}, 60.0)
    written(statuses, notebook, {uid: Standing(job=JOB, running_workers=3)}, 120.0)
    running: Any = notebook.views[uid].raw["status"]
    written(statuses, notebook, {uid: Standing(ending=ENDED)}, 180.0)
    over: Any = notebook.views[uid].raw["status"]

    first, second, last = (f"1970-01-01T00:0{minute}:00Z" for minute in (0, 1, 3))
    assert conditions(running) == {"Accepted": ("True", first), "Running": ("True", second)}
    assert conditions(over) == {
        "Accepted": ("True", first),
        "Running": ("False", last),
        "Finished": ("True", last),
    }


def test_what_is_written_is_not_written_again() -> None:
    notebook, statuses = Notebook(make_view()), Statuses()
    (uid,) = notebook.views

    assert written(statuses, notebook, {uid: Standing(job=STARTED)}, 0.0) == ["bert"]
    assert written(statuses, notebook, {uid: Standing(job=STARTED)}, 1.0) == []
    assert written(Statuses(), notebook, {uid: Standing(job=STARTED)}, 2.0) == []


def test_new_numbers_are_told_once_in_a_while_and_new_reasons_at_once() -> None:
    notebook, statuses = Notebook(make_view()), Statuses()
    (uid,) = notebook.views
    told = [
        (at_s, written(statuses, notebook, {uid: Standing(reason=reason)}, at_s) != [])
        for at_s, reason in [
            (0.0, waits(8)),
            (1.0, waits(9)),
            (2.0, waits(10)),
            (REWORDED_AFTER_S, waits(11)),
            (REWORDED_AFTER_S + 1, waits(12)),
            (REWORDED_AFTER_S + 2, waits(12, ReasonCode.BEHIND_HEAD)),
        ]
    ]

    assert [at_s for at_s, was_told in told if was_told] == [
        0.0,
        REWORDED_AFTER_S,
        REWORDED_AFTER_S + 2,
    ]


def test_a_long_queue_is_told_little_by_little() -> None:
    count = 3 * AT_ONCE
    views = [KIND.keep(make_raw(name=f"job-{n}", uid=f"uid-{n}")) for n in range(count)]
    notebook, statuses = Notebook(*views), Statuses()

    standings = {view.uid: Standing(reason=waits()) for view in views}
    rounds = [len(written(statuses, notebook, standings, 1.0)) for _ in range(4)]

    assert rounds == [AT_ONCE, AT_ONCE, AT_ONCE, 0]


def test_what_has_changed_comes_before_new_numbers() -> None:
    count = AT_ONCE + 10
    views = [KIND.keep(make_raw(name=f"job-{n}", uid=f"uid-{n}")) for n in range(count)]
    notebook, statuses = Notebook(*views), Statuses()
    for _ in range(3):
        written(statuses, notebook, {v.uid: Standing(reason=waits(8)) for v in views}, 0.0)

    standings = {view.uid: Standing(reason=waits(9)) for view in views}
    standings[views[-1].uid] = Standing(job=JOB)
    names = written(statuses, notebook, standings, 2 * REWORDED_AFTER_S)

    assert names[0] == views[-1].name
    assert len(names) == AT_ONCE


def test_a_status_that_the_server_refuses_is_not_sent_again_and_again() -> None:
    notebook, statuses = Notebook(make_view()), Statuses()
    (uid,) = notebook.views
    notebook.refuses = True

    assert written(statuses, notebook, {uid: Standing()}, 0.0) == ["bert"]
    assert written(statuses, notebook, {uid: Standing()}, 1.0) == []
    assert written(statuses, notebook, {uid: Standing(job=JOB)}, 2.0) == ["bert"]


def test_a_step_that_has_written_enough_writes_no_status() -> None:
    notebook = Notebook(make_view())
    (uid,) = notebook.views
    notebook.is_spent = True

    assert written(Statuses(), notebook, {uid: Standing()}, 0.0) == []


def test_an_object_of_another_kind_has_an_annotation_while_its_job_waits() -> None:
    view = replace(make_view(), kind="PyTorchJob")
    notebook, statuses = Notebook(view), Statuses()

    written(statuses, notebook, {view.uid: Standing(reason=waits())}, 0.0)
    waiting = notebook.views[view.uid].annotations
    written(statuses, notebook, {view.uid: Standing(job=JOB)}, 1.0)
    running = notebook.views[view.uid].annotations

    assert waiting == {NOTICE: waits().text}
    assert running == {}
    assert written(statuses, notebook, {view.uid: Standing(job=JOB)}, 2.0) == []
