"""Reads SenseTime's Helios traces: `cluster_log.csv` of one cluster (S-Lab HeliosData).

Its column `queue` is a waiting time, not a queue; the queue is the virtual cluster `vc`. A job over
several nodes is taken to hold the same number of GPUs on each.
"""

from collections.abc import Iterator
from pathlib import Path

from traces.job import TraceJob
from traces.public import (
    NO_GPU,
    Converted,
    Dropped,
    converted,
    gpus_in,
    ran,
    rows_of,
    time_in,
)

COLUMNS = (
    "job_id",
    "user",
    "vc",
    "gpu_num",
    "node_num",
    "state",
    "submit_time",
    "start_time",
    "end_time",
)


def read_helios(path: Path) -> Converted:
    """Read `cluster_log.csv`; raises BadInput for what is not in its format."""
    return converted(path, _outcomes(path), has_dates=True)


def _outcomes(path: Path) -> Iterator[TraceJob | Dropped]:
    for job_id, user, vc, gpus, nodes, state, *times in rows_of(path, COLUMNS):
        num_gpus = gpus_in(gpus)
        times_s = ran(*map(time_in, times)) if num_gpus else Dropped(NO_GPU)
        if isinstance(times_s, Dropped):
            yield times_s
            continue
        submit_s, duration_s = times_s
        yield TraceJob(
            line=job_id.row,
            job_id=job_id.text,
            submit_s=submit_s,
            num_gpus=num_gpus,
            duration_s=duration_s,
            gpus_per_worker=_gpus_per_node(num_gpus, gpus_in(nodes)),
            user=user.text or None,
            queue=vc.text or None,
            status=state.text or None,
        )


def _gpus_per_node(num_gpus: int, nodes: int) -> int | None:
    if nodes < 1 or num_gpus % nodes:
        return None
    return num_gpus // nodes
