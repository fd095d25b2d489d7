"""Values as words for a terminal: what comes from others can't steer the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from aryl.client.durations import duration_text

NOTHING = "-"
WIDE = 110  # columns from which a table shows more
_EPOCH_S = 1e9  # a cluster clock beyond this counts from 1970, else from the cluster's start
_DAY_S = 86_400
_STYLES: Mapping[str, str] = {
    "queued": "yellow",
    "running": "green",
    "finished": "dim",
    "cancelled": "dim",
    "failed": "red",
    "free": "green",
    "busy": "cyan",
    "on-loan": "magenta",
    "reclaiming": "red",
    "inference": "blue",
}


@dataclass(frozen=True, slots=True)
class View:
    """Who looks: the room there is, and the cluster time by which ages are told."""

    columns: int
    lines: int = 24
    now_s: float | None = None

    @property
    def is_wide(self) -> bool:
        """Whether there is room for more than the essentials."""
        return self.columns >= WIDE

    def ago(self, t_s: float | None) -> str:
        """How long before now a moment was."""
        if t_s is None or self.now_s is None:
            return NOTHING
        return duration_text(max(0.0, self.now_s - t_s))


def clean(value: object) -> str:
    """A value as one line of text that can't move the cursor or change colours."""
    if value is None or value == "":
        return NOTHING
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value)
    )


def words(value: object, style: str = "") -> Text:
    """A value as text without markup."""
    return Text(clean(value), style)


def line(value: object, style: str = "") -> Text:
    """A value that is cut short where it does not fit, for a column whose head ends with ~."""
    return Text(clean(value), style, no_wrap=True, overflow="ellipsis")


def state_words(state: str) -> Text:
    """The state of a job or a server, in its colour."""
    return words(state, _STYLES.get(state, ""))


def span(seconds: float | None) -> str:
    """A length of time."""
    return NOTHING if seconds is None else duration_text(seconds)


def moment(t_s: float | None) -> str:
    """A cluster time: a date where the clock counts from 1970, else days and time since 0."""
    if t_s is None:
        return NOTHING
    if t_s >= _EPOCH_S:
        return f"{datetime.fromtimestamp(t_s, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    days, rest = divmod(int(t_s), _DAY_S)
    time = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"day {days:,} {time}"


def number(value: float | None) -> str:
    """A number without needless digits."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def percent(share: float | None) -> str:
    """A share of 1 in per cent."""
    return NOTHING if share is None else f"{100 * share:.0f} %"


def gauge(share: float, cells: int, style: str = "green") -> Text:
    """A share of 1 as a bar."""
    full = round(cells * min(1.0, max(0.0, share)))
    return Text.assemble(("█" * full, style), ("░" * (cells - full), "dim"))


def table(*heads: str, title: str | None = None) -> Table:
    """An empty table, its columns as wide as they need.

    A head that starts with > is over numbers. Where there is not room for all, columns whose heads
    end with + fold, and those that end with ~ are cut short.
    """
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title=title)
    made.title_justify, made.title_style = "left", "bold"
    for head in heads:
        made.add_column(
            head.strip(">+~"),
            justify="right" if head.startswith(">") else "left",
            overflow="fold",
            no_wrap=not head.endswith(("+", "~")),
        )
    return made


def facts(pairs: Mapping[str, Any]) -> Table:
    """Names and values, one pair a line; what is missing is left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        if isinstance(value, Text):
            made.add_row(name, value)
        elif value not in {None, "", NOTHING}:
            made.add_row(name, words(value))
    return made
