"""Looks again and again, and redraws the whole terminal."""

from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from aryl.client.drawing.words import words
from aryl.client.errors import Unreachable
from aryl.client.waiting import Pause

WATCH_S = 2.0  # between two looks


def redraw(console: Console, look: Callable[[], RenderableType], wait: Pause) -> None:
    """Redraw what `look` answers until an exception ends it, Ctrl-C as a rule.

    Once it has answered, the service may go away and come back.
    """
    drawn = look()
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(_with_foot(drawn, Text("Ctrl-C ends", "dim")), refresh=True)
            wait(WATCH_S)
            try:
                drawn = look()
            except Unreachable as error:
                foot = words(f"{error.server}: {error.cause}; trying again", "red")
                live.update(_with_foot(drawn, foot), refresh=True)


def _with_foot(drawn: RenderableType, foot: Text) -> Group:
    return Group(foot, drawn)
