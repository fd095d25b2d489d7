"""Shows a trace's figures on a terminal, with bar charts."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from traces.statistics import DAY_S, ClassShare, Description

BAR_WIDTH = 24  # characters of the longest bar
EIGHTHS = " ▏▎▍▌▋▊▉█"


def show(description: Description, console: Console) -> None:
    """Print the figures, then charts of sizes, run times and arrivals."""
    console.print(_figures(description))
    console.print(_shares_chart("GPUs per job", description.sizes))
    console.print(_shares_chart("run time", description.run_times))
    console.print(_arrivals_chart(description.arrivals_by_hour))


def _figures(of: Description) -> Table:
    table = Table(title=of.path, show_header=False, title_justify="left")
    for name, value in _facts(of):
        table.add_row(name, value)
    return table


def _facts(of: Description) -> Iterable[tuple[str, str]]:
    yield "jobs", f"{of.jobs:,}"
    if of.carried_in:
        yield "carried in", f"{of.carried_in:,} with {of.carried_in_gpu_hours:,.0f} GPU-hours"
    yield "span", f"{of.span_s / DAY_S:,.2f} days"
    yield "GPU-hours", f"{of.gpu_hours:,.0f}"
    yield "GPUs per job", f"{of.mean_gpus:.2f} on average"
    if of.users:
        yield "users", f"{of.users:,}"
    if of.queues:
        yield "queues", f"{of.queues:,}"
    if of.offered_load is not None:
        yield "offered load", f"{of.offered_load:.3f} of {of.gpus:,} GPUs"
    percentiles = ", ".join(f"{name} {_time(value)}" for name, value in of.run_time_s.items())
    yield "run time", percentiles
    yield "optional columns", ", ".join(of.columns) or "none"


def _shares_chart(title: str, shares: Sequence[ClassShare]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(title, justify="right", no_wrap=True)
    for name in ("jobs", "GPU-hours"):
        table.add_column("%", justify="right", no_wrap=True)
        table.add_column(name, min_width=BAR_WIDTH, no_wrap=True)
    most = max(max(share.jobs, share.gpu_hours) for share in shares)
    for share in shares:
        cells = [share.name]
        for value in (share.jobs, share.gpu_hours):
            cells += [f"{100 * value:.1f}", _bar(value, most)]
        table.add_row(*cells)
    return table


def _arrivals_chart(arrivals: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("hour", justify="right")
    table.add_column("jobs", justify="right")
    table.add_column("submitted by hour of the day", no_wrap=True)
    for hour, count in enumerate(arrivals):
        table.add_row(f"{hour:02d}", f"{count:,}", _bar(count, max(arrivals)))
    return table


def _bar(value: float, most: float) -> str:
    """Draw a bar to an eighth of a character."""
    eighths = round(8 * BAR_WIDTH * value / most) if most else 0
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h"
