"""How the client waits: the one place, so that tests can pass another way."""

from collections.abc import Callable
from threading import Event

Pause = Callable[[float], None]  # waits that many wall seconds

_NEVER = Event()


def pause(seconds: float) -> None:
    """Wait; Ctrl-C ends it."""
    _NEVER.wait(seconds)
