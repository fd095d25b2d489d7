"""Reads Alibaba's openb pod lists (clusterdata, cluster-trace-gpu-v2023): `openb_pod_list_*.csv`.

Each pod is a job on one server. A pod that shares a GPU (`gpu_milli` below 1000) gets a whole one.
The quality-of-service class stands as the queue.
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
    number_in,
    ran,
    rows_of,
)

COLUMNS = (
    "name",
    "num_gpu",
    "qos",
    "pod_phase",
    "creation_time",
    "scheduled_time",
    "deletion_time",
)


def read_openb(path: Path) -> Converted:
    """Read a pod list; raises BadInput for what is not in its format."""
    return converted(path, _outcomes(path), has_dates=False)


def _outcomes(path: Path) -> Iterator[TraceJob | Dropped]:
    for name, gpus, qos, phase, *times in rows_of(path, COLUMNS):
        num_gpus = gpus_in(gpus)
        times_s = ran(*map(number_in, times)) if num_gpus else Dropped(NO_GPU)
        if isinstance(times_s, Dropped):
            yield times_s
            continue
        submit_s, duration_s = times_s
        yield TraceJob(
            line=name.row,
            job_id=name.text,
            submit_s=submit_s,
            num_gpus=num_gpus,
            duration_s=duration_s,
            queue=qos.text or None,
            status=phase.text or None,
        )
