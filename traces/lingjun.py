"""Reads Alibaba's Lingjun trace (alibaba-lingjun-dataset-2023): `job.csv` with `worker.csv`.

A job's GPUs are those that its workers asked for: `RES` is a JSON object of Kubernetes resources.
A worker that was started again has several rows under one name and counts once. Times are to the
minute.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from traces.job import TraceJob
from traces.public import (
    NO_GPU,
    Cell,
    Converted,
    Dropped,
    converted,
    gpus_in,
    ran,
    rows_of,
    time_in,
)

JOB_COLUMNS = (
    "job_name",
    "model",
    "status",
    "namespace",
    "gmt_job_submitted",
    "gmt_job_running",
    "gmt_job_finished",
    "gmt_job_stopped",
)
WORKER_COLUMNS = ("job_name", "worker_name", "RES")
GPU = "nvidia.com/gpu"
BEFORE_SUBMISSION = "starts before it was submitted"


def read_lingjun(path: Path) -> Converted:
    """Read the folder that holds both files, or `job.csv` with `worker.csv` beside it.

    Raises BadInput for what is not in their format.
    """
    jobs = path / "job.csv" if path.is_dir() else path
    return converted(jobs, _outcomes(jobs, jobs.with_name("worker.csv")), has_dates=True)


def _outcomes(jobs: Path, workers: Path) -> Iterator[TraceJob | Dropped]:
    gpus_of = _gpus_by_job(workers)
    for name, model, status, namespace, *times in rows_of(jobs, JOB_COLUMNS):
        gpus = [count for count in gpus_of.get(name.text, {}).values() if count]
        times_s = _ran(times) if gpus else Dropped(NO_GPU)
        if isinstance(times_s, Dropped):
            yield times_s
            continue
        submit_s, duration_s = times_s
        yield TraceJob(
            line=name.row,
            job_id=name.text,
            submit_s=submit_s,
            num_gpus=sum(gpus),
            duration_s=duration_s,
            gpus_per_worker=gpus[0] if len(set(gpus)) == 1 else None,
            queue=namespace.text or None,
            model=model.text or None,
            status=status.text or None,
        )


def _gpus_by_job(workers: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for job, worker, resources in rows_of(workers, WORKER_COLUMNS):
        found.setdefault(job.text, {})[worker.text] = _gpus_asked(resources)
    return found


def _gpus_asked(cell: Cell) -> int:
    if not cell.text:
        return 0
    try:
        asked = json.loads(cell.text)
    except json.JSONDecodeError:
        asked = None
    if not isinstance(asked, dict):
        raise cell.refusal("is not a JSON object", f'such as {{"{GPU}": "8"}}')
    return gpus_in(Cell(cell.file, cell.row, f"RES, {GPU}", str(asked.get(GPU, 0))))


def _ran(times: Sequence[Cell]) -> tuple[float, float] | Dropped:
    submit_s, start_s, finish_s, stop_s = map(time_in, times)
    if submit_s is not None and start_s is not None and start_s < submit_s:
        return Dropped(BEFORE_SUBMISSION)  # one record of the published file, by eleven days
    return ran(submit_s, start_s, stop_s if finish_s is None else finish_s)
