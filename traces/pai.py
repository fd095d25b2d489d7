"""Reads Alibaba's PAI trace (clusterdata, cluster-trace-gpu-v2020): `pai_task_table.csv`.

The file has no header line and one row for each task of a job; `plan_gpu` is in percent of a GPU
for each of `inst_num` instances. A job's GPUs are the sum over its tasks, rounded up to whole GPUs;
a job whose instances all hold the same whole number of GPUs keeps them as its workers. The table
knows no submission: a job counts as submitted when its first GPU task was launched, and runs until
its last one ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from traces.job import TraceJob
from traces.public import (
    BACKWARDS,
    NEVER_STARTED,
    NO_END,
    NO_GPU,
    Cell,
    Converted,
    Dropped,
    converted,
    number_in,
    rows_of,
)

HEADER = (
    "job_name",
    "task_name",
    "inst_num",
    "status",
    "start_time",
    "end_time",
    "plan_cpu",
    "plan_mem",
    "plan_gpu",
    "gpu_type",
)
COLUMNS = ("job_name", "inst_num", "status", "start_time", "end_time", "plan_gpu")
SUCCESS = "Terminated"


@dataclass(frozen=True, slots=True)
class _Task:
    row: int
    instances: int
    gpu_percent: float
    start_s: float | None
    end_s: float | None
    status: str


def read_pai(path: Path) -> Converted:
    """Read `pai_task_table.csv`; raises BadInput for what is not in its format."""
    tasks_of: dict[str, list[_Task]] = {}
    for name, *cells in rows_of(path, COLUMNS, HEADER):
        if name.text == HEADER[0]:  # some copies carry the header line
            continue
        tasks_of.setdefault(name.text, []).append(_task(name.row, cells))
    outcomes = (_outcome(name, tasks) for name, tasks in tasks_of.items())
    return converted(path, outcomes, has_dates=False)


def _task(row: int, cells: Sequence[Cell]) -> _Task:
    count, status, start, end, gpus = cells
    instances = number_in(count)
    if instances is not None and (instances < 0 or not instances.is_integer()):
        raise count.refusal("is not a number of instances", "a whole number of at least 0")
    percent = number_in(gpus) or 0.0
    if percent < 0:
        raise gpus.refusal("is negative", "percent of a GPU")
    # 0 stands for a time that was not recorded
    start_s, end_s = number_in(start) or None, number_in(end) or None
    return _Task(
        row, 1 if instances is None else int(instances), percent, start_s, end_s, status.text
    )


def _outcome(name: str, tasks: Sequence[_Task]) -> TraceJob | Dropped:
    on_gpus = [task for task in tasks if task.instances * task.gpu_percent > 0]
    if not on_gpus:
        return Dropped(NO_GPU)
    starts_s = [task.start_s for task in on_gpus if task.start_s is not None]
    ends_s = [task.end_s for task in on_gpus if task.end_s is not None]
    if not starts_s:
        return Dropped(NEVER_STARTED)
    if len(ends_s) < len(on_gpus):
        return Dropped(NO_END)
    submit_s, end_s = min(starts_s), max(ends_s)
    if end_s < submit_s:
        return Dropped(BACKWARDS)
    unhappy = (task.status for task in on_gpus if task.status != SUCCESS)
    return TraceJob(
        line=on_gpus[0].row,
        job_id=name,
        submit_s=submit_s,
        num_gpus=ceil(sum(task.instances * task.gpu_percent for task in on_gpus) / 100),
        duration_s=end_s - submit_s,
        gpus_per_worker=_gpus_per_worker(on_gpus),
        status=next(unhappy, SUCCESS) or None,
    )


def _gpus_per_worker(tasks: Sequence[_Task]) -> int | None:
    percents = sorted({task.gpu_percent for task in tasks})
    if len(percents) > 1 or percents[0] % 100:
        return None
    return int(percents[0]) // 100
