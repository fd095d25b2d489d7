"""The tables of a run's report, as text ready to be shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.report_format import NOTHING, duration, percent, quantity
from simulator.report_input import Column, RunOutput

_HOUR_S = 3600.0
LONGEST_WAITS = 10
REJECTED_SHOWN = 20
_PERCENTILES = ("mean", "p50", "p75", "p95", "p99", "max")
_GROUP_HEAD = ("jobs", "queuing mean", "queuing p95", "JCT mean", "preempted")


@dataclass(frozen=True, slots=True)
class Table:
    """A captioned table of numbers, or of prose; the first cell of a row names it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    is_prose: bool = False


def run_tables(run: RunOutput) -> list[Table]:
    """The tables under the charts; those without a row are left out."""
    tables = (
        _spreads(run.summary),
        _by_size(run),
        _by_kind(run),
        _longest_waits(run),
        _loan_lengths(run),
        _rejected(run.summary),
    )
    return [table for table in tables if table.rows]


def every_figure(summary: Mapping[str, Any]) -> Table:
    """All of summary.json as it stands there, nested names joined by dots."""
    return Table(
        "Everything in summary.json", ("name", "value"), tuple(_flat(summary, "")), is_prose=True
    )


def _spreads(summary: Mapping[str, Any]) -> Table:
    queuing, jct = summary.get("queuing_s") or {}, summary.get("jct_s") or {}
    rows = tuple(
        (part, quantity(queuing.get(part)), quantity(jct.get(part)))
        for part in _PERCENTILES
        if queuing
    )
    head = ("seconds", "queuing", "completion (JCT)")
    return Table("Queuing and completion time", head, rows)


def _by_size(run: RunOutput) -> Table:
    gpus = run.jobs["num_gpus"]
    groups = {
        "1": gpus == 1,
        "2 to 8": (gpus >= 2) & (gpus <= 8),
        "9 or more": gpus >= 9,
    }
    return Table("Waiting by job size", ("GPUs", *_GROUP_HEAD), _group_rows(run, groups))


def _by_kind(run: RunOutput) -> Table:
    elastic, fungible, mixed = (
        run.jobs[name] == 1 for name in ("elastic", "fungible", "heterogeneous")
    )
    groups = {
        "elastic": elastic,
        "inelastic": ~elastic,
        "fungible": fungible,
        "heterogeneous": mixed,
        "training GPUs only": ~(fungible | mixed),
    }
    return Table(
        "Waiting by kind of job",
        ("kind", *_GROUP_HEAD),
        _group_rows(run, groups),
        note="A job can be of several kinds.",
    )


def _group_rows(
    run: RunOutput, groups: Mapping[str, NDArray[np.bool_]]
) -> tuple[tuple[str, ...], ...]:
    rows = []
    for name, members in groups.items():
        if not members.any():
            continue
        queuing, jct = run.jobs["queuing_s"][members], run.jobs["jct_s"][members]
        spreads = [_mean(queuing), _p95(queuing), _mean(jct)]
        preempted = float((run.jobs["preemptions"][members] > 0).mean())
        cells = (quantity(int(members.sum())), *map(duration, spreads), percent(preempted))
        rows.append((name, *cells))
    return tuple(rows)


def _longest_waits(run: RunOutput) -> Table:
    queuing = np.nan_to_num(run.jobs["queuing_s"], nan=0.0)
    order = np.argsort(-queuing, kind="stable")[:LONGEST_WAITS]
    rows = tuple(
        (
            run.job_ids[place],
            duration(float(queuing[place])),
            duration(float(run.jobs["jct_s"][place])),
            quantity(float(run.jobs["num_gpus"][place])),
            quantity(float(run.jobs["preemptions"][place])),
            quantity(float(run.jobs["resizes"][place])),
        )
        for place in order.tolist()
        if queuing[place] > 0
    )
    head = ("job", "queuing", "JCT", "GPUs", "preemptions", "resizes")
    return Table("Longest waits", head, rows)


def _loan_lengths(run: RunOutput) -> Table:
    lengths = run.loans["end_s"] - run.loans["start_s"]
    asked = run.loans["reclaim_s"]
    closed = lengths[np.isfinite(lengths)]
    if not len(closed):
        return Table("Loans", (), ())
    row = (
        quantity(len(lengths)),
        quantity(int(np.isfinite(asked).sum())),
        duration(float(np.median(closed))),
        duration(float(closed.max())),
        quantity(float(closed.sum()) / _HOUR_S),
    )
    head = ("loans", "asked back", "median length", "longest", "server-hours")
    return Table("Loans", head, (row,))


def _rejected(summary: Mapping[str, Any]) -> Table:
    rejected: Sequence[Mapping[str, Any]] = summary.get("rejected") or ()
    rows = tuple((str(job["job_id"]), str(job["reason"])) for job in rejected[:REJECTED_SHOWN])
    left = len(rejected) - len(rows)
    note = f"And {left:,} more: see summary.json." if left > 0 else ""
    return Table("Jobs that can never fit, left out", ("job", "reason"), rows, note, is_prose=True)


def _flat(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key in value:
            yield from _flat(value[key], f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, f"{len(value):,} entries"
    else:
        yield name, NOTHING if value is None else str(value)


def _mean(values: Column) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _p95(values: Column) -> float:
    return float(np.nanquantile(values, 0.95)) if np.isfinite(values).any() else float("nan")
