"""Writes traces in the canonical form (spec §3): the same jobs give the same bytes."""

import csv
import gzip
import io
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any

from aryl.model.errors import BadInput
from traces.job import OPTIONAL, REQUIRED, Trace
from traces.raw import PARQUET_SUFFIXES

SUFFIXES = (".csv", ".csv.gz", *PARQUET_SUFFIXES)


def write_trace(path: Path, trace: Trace) -> None:
    """Write a trace as CSV, gzipped CSV or Parquet, by the name's suffix.

    Columns that no job fills are left out. Raises BadInput for another suffix and for a place that
    can't be written.
    """
    if not path.name.endswith(SUFFIXES):
        raise BadInput(str(path), "has a suffix that we don't write", expected=", ".join(SUFFIXES))
    content = parquet_bytes(trace) if path.suffix in PARQUET_SUFFIXES else csv_bytes(trace)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    write_whole(path, content)


def csv_bytes(trace: Trace) -> bytes:
    """Write a trace as the bytes of a CSV file."""
    columns = {name: list(map(_cell, values)) for name, values in _known(trace).items()}
    columns |= {name: list(cells) for name, cells in trace.extra.items() if name not in columns}
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def parquet_bytes(trace: Trace) -> bytes:
    """Write a trace as the bytes of a Parquet file; unknown columns stay text."""
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415  # untyped and slow
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415  # as above

    columns = _known(trace)
    if "allowed_workers" in columns:
        columns["allowed_workers"] = [_cell(sizes) or None for sizes in columns["allowed_workers"]]
    columns |= {name: list(cells) for name, cells in trace.extra.items() if name not in columns}
    sink = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), sink)
    return sink.getvalue()


def _known(trace: Trace) -> dict[str, list[Any]]:
    """Gather the canonical columns that the trace carries, in canonical order."""
    names = [*REQUIRED, *(name for name in OPTIONAL if name in trace.columns)]
    return {name: list(map(attrgetter(name), trace.jobs)) for name in names}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, tuple):
        return "|".join(map(str, value))
    return str(value)


def write_whole(path: Path, content: bytes) -> None:
    """Let a file appear only when it is complete; raises BadInput if it can't be written."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise BadInput(str(path), f"can't be written ({error.strerror or error})") from error
