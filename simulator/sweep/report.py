"""Writes a sweep's report: one page, a section with table and charts for each grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.charts import Chart
from simulator.report_page import write_page
from simulator.report_tables import Table
from simulator.sweep.cells import Study
from simulator.sweep.charts import study_charts
from simulator.sweep.results import Run
from simulator.sweep.spec import Spec
from simulator.sweep.tables import StudyTable, failures, study_table


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says of a study."""

    name: str
    table: StudyTable
    charts: Sequence[Chart]


def write_sweep(out: Path, spec: Spec, studies: Sequence[Study], runs: Sequence[Run]) -> Path:
    """Write `out/report.html` over all studies and return its path."""
    by_key = {run.cell.key: run for run in runs}
    failed = failures(studies, runs)
    content = {
        "kind": "sweep",
        "title": spec.title,
        "facts": _facts(runs, studies, failed),
        "failed": Table(
            "Cells that failed", ("cell", "where", "error"), tuple(failed), is_prose=True
        ),
        "sections": [
            _section(number, study, by_key, spec.baseline)
            for number, study in enumerate(studies, start=1)
        ],
    }
    return write_page(out / "report.html", "sweep.html.j2", content)


def _section(number: int, study: Study, runs: Mapping[str, Run], baseline: str) -> Section:
    table = study_table(study, runs, baseline)
    return Section(study.name, table, study_charts(study, runs, number))


def _facts(
    runs: Sequence[Run], studies: Sequence[Study], failed: Sequence[object]
) -> list[tuple[str, str]]:
    traces = dict.fromkeys(str(run.cell.coordinates["trace"]) for run in runs)
    facts = [("cells", f"{len(runs):,}"), ("grids", f"{len(studies):,}")]
    facts.append(("traces", ", ".join(traces)))
    return [*facts, ("failed", f"{len(failed):,}")] if failed else facts
