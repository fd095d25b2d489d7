"""`python -m evaluation RUNS DOCS`: write DOCS/evaluation.md and its figures from finished runs."""

import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aryl.model.errors import BadInput
from evaluation import kept, tables
from evaluation.plots import draw_all
from evaluation.results import read_results

SPECS = Path(__file__).parent
TEMPLATE = "evaluation.md.j2"
FIGURES = "figures/evaluation"


def main(runs: Path, docs: Path) -> None:
    """Write the page. Raises `BadInput` where a run is missing."""
    results = read_results(SPECS, runs)
    draw_all(results, runs, docs / FIGURES)
    environment = Environment(  # noqa: S701 - it writes Markdown
        loader=FileSystemLoader(SPECS), undefined=StrictUndefined, keep_trailing_newline=True
    )
    page = environment.get_template(TEMPLATE).render(
        results=results, runs=runs, tables=tables, kept=kept, figures=FIGURES
    )
    (docs / "evaluation.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except BadInput as error:
        sys.exit(f"evaluation: {error}")
