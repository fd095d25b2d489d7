"""What a scenario draws for jobs of which the trace does not say it (spec §4, paper §7.1)."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import Field, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from aryl.model.errors import BadInput

Overrides = Mapping[str, float]  # values of entries of a workload, by name

MIX_JOBS = 0.05  # the share of elastic jobs in the paper's trace (paper §2.1)

_FLAG = "--workload"
_SIZE = frozenset({"min_workers", "max_workers"})
_FUNGIBLE = frozenset({"fungible"})
_HETEROGENEOUS = frozenset({"heterogeneous"})
_CHECKPOINT = frozenset({"checkpoint_s"})


def _share(default: float, meaning: str, columns: Set[str], of: str = "") -> Any:  # noqa: ANN401 - a field specifier returns whatever the field is
    """A share from 0 to 1; `columns` of a trace say it instead, `of` names whose share it is."""
    metadata = {"meaning": meaning, "columns": columns, "of": of, "least": 0.0, "most": 1.0}
    return field(default=default, metadata=metadata)


def _number(default: float, meaning: str, columns: Set[str], of: str) -> Any:  # noqa: ANN401 - as above
    """A number from 1 to 1e6, for those jobs whose share `of` names."""
    metadata = {"meaning": meaning, "columns": columns, "of": of, "least": 1.0, "most": 1e6}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Workload:
    """Shares of jobs, but for `elastic_gpu_time`; the defaults are those of `basic`."""

    elastic_jobs: float = _share(
        MIX_JOBS, "elastic jobs; where more than 5 %, the others are drawn from all jobs", _SIZE
    )
    elastic_gpu_time: float = _share(
        0.36,
        "share of GPU-time of the elastic jobs, or of the first 5 % of jobs among them",
        _SIZE,
        "elastic_jobs",
    )
    range: float = _number(
        2.0, "most workers of an elastic job, in requested workers", _SIZE, "elastic_jobs"
    )
    fungible_jobs: float = _share(0.21, "fungible jobs", _FUNGIBLE)
    heterogeneous_jobs: float = _share(
        0.0, "heterogeneous jobs, as many at all times", _HETEROGENEOUS
    )
    checkpoint_jobs: float = _share(0.0, "jobs that write checkpoints", _CHECKPOINT)
    checkpoint_s: float = _number(
        3600.0, "progress between two of their checkpoints", _CHECKPOINT, "checkpoint_jobs"
    )


ENTRIES: Mapping[str, Field[Any]] = MappingProxyType({f.name: f for f in fields(Workload)})


def read_overrides(texts: Sequence[str]) -> Overrides:
    """Overrides from texts such as `elastic_jobs=0.4`; of one name, the last counts.

    Raises `BadInput` for a text of another form.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError as error:
            expected = "NAME=NUMBER, such as elastic_jobs=0.4"
            raise BadInput(_FLAG, "sets nothing", value=text, expected=expected) from error
    return found


def overridden(workload: Workload, overrides: Overrides, columns: Set[str]) -> Workload:
    """The workload with other values for some entries, on a trace with these columns.

    Raises `BadInput` for an unknown entry, a value out of range, and an entry without effect: one
    of a column that the trace carries, unless its share is 1, which leaves nothing to draw.
    """
    chosen = replace(workload, **{name: _checked(name, v) for name, v in overrides.items()})
    for name in overrides:
        entry = ENTRIES[name].metadata
        carried = ", ".join(sorted(entry["columns"] & columns))
        if carried and getattr(chosen, entry["of"] or name) < 1:
            problem = f"has no effect: the trace carries {carried}"
            raise BadInput(_FLAG, problem, value=name, expected="a share of 1, or another trace")
    return chosen


def _checked(name: str, value: object) -> float:
    if name not in ENTRIES:
        known = ", ".join(ENTRIES)
        raise BadInput(_FLAG, "is no entry of a workload", value=name, expected=known)
    least, most = ENTRIES[name].metadata["least"], ENTRIES[name].metadata["most"]
    is_flag = isinstance(value, bool)  # which Python takes for a number
    if isinstance(value, int | float) and not is_flag and least <= value <= most:
        return float(value)
    expected = f"a number from {least:g} to {most:g}"
    raise BadInput(_FLAG, "is out of range", column=name, value=value, expected=expected)
