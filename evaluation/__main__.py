"""`python -m evaluation RUNS TRACES DOCS`: write DOCS/evaluation.md and its figures from runs.

TRACES is the folder of public traces, which need not be there.
"""

import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aryl.model.errors import BadInput
from evaluation import kept, plus, tables
from evaluation.forecasts import table_of_forecasters
from evaluation.plots import draw_all
from evaluation.results import read_results

SPECS = Path(__file__).parent
TEMPLATE = "evaluation.md.j2"
FIGURES = "figures/evaluation"


def main(runs: Path, traces: Path, docs: Path) -> None:
    """Write the page. Raises `BadInput` where a run is missing."""
    results = read_results(SPECS, runs)
    draw_all(results, runs, docs / FIGURES)
    environment = Environment(  # noqa: S701 - it writes Markdown
        loader=FileSystemLoader(SPECS), undefined=StrictUndefined, keep_trailing_newline=True
    )
    page = environment.get_template(TEMPLATE).render(
        results=results,
        runs=runs,
        tables=tables,
        kept=kept,
        plus=plus,
        forecasters=table_of_forecasters(traces),
        figures=FIGURES,
    )
    (docs / "evaluation.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except BadInput as error:
        sys.exit(f"evaluation: {error}")
