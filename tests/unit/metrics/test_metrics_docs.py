"""docs/metrics.md lists every series, with its type, its labels and what it means."""

from pathlib import Path

from aryl.metrics.families import PREFIX, described

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")


def row_of(name: str) -> str:
    """The row that the page should have."""
    kind, about = described()[name]
    labels = (
        f"`{label}`: {', '.join(values)}" if values else f"`{label}`"
        for label, values in about.labels.items()
    )
    cells = (f"`{PREFIX}{name}`", kind.__name__.lower(), "; ".join(labels), about.meaning)
    return "| " + " | ".join(cells).replace("|  |", "| |") + " |"


def test_the_page_lists_every_series_as_the_code_has_it_and_no_other() -> None:
    listed = [line for line in PAGE.splitlines() if line.startswith(f"| `{PREFIX}")]

    assert listed == [row_of(name) for name in described()]
