"""Writes a run's report.html: its summary, queue, usage, loans and waiting times on one page."""

from pathlib import Path

from simulator.report_cards import headline_cards, run_facts
from simulator.report_charts import run_charts
from simulator.report_input import read_run
from simulator.report_page import write_page
from simulator.report_tables import every_figure, run_tables


def write_report(run_dir: Path) -> Path:
    """Write `report.html` from a run's own output files (spec §5) and return its path.

    The page is a function of those files, byte for byte. Raises BadInput where one is missing or
    lacks a column.
    """
    run = read_run(run_dir)
    content = {
        "kind": "replay report",
        "title": f"{run.summary.get('scheme', 'run')} on {run.summary.get('scenario', 'a trace')}",
        "facts": run_facts(run.summary),
        "cards": headline_cards(run.summary),
        "charts": run_charts(run),
        "tables": run_tables(run),
        "everything": every_figure(run.summary),
    }
    return write_page(run_dir / "report.html", "report.html.j2", content)
