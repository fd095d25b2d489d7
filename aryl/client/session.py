"""One run of a verb: the service it speaks to, and the terminal or the pipe it answers into."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import typer
from rich.console import Console, RenderableType

from aryl.client.ask import Json
from aryl.client.drawing.words import View
from aryl.client.profiles import Flags, target_of
from aryl.client.service import Service
from aryl.client.waiting import Pause, pause
from aryl.client.watching import WATCH_S, redraw

Draw = Callable[[Json, View], RenderableType]


@dataclass(frozen=True, slots=True)
class Session:
    """What a verb works with."""

    service: Service
    as_json: bool
    console: Console = field(default_factory=lambda: Console(highlight=False))
    errors: Console = field(
        default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True)
    )
    wait: Pause = pause

    def answer(self, answer: Json, draw: Draw, view: View | None = None) -> None:
        """Print an answer: as it is, or drawn."""
        if self.as_json:
            self.print_json(answer)
        else:
            self.console.print(draw(answer, view or self.view()))

    def tell(self, answer: Json, text: str) -> None:
        """Print what has been done: the answer itself, or a sentence."""
        if self.as_json:
            self.print_json(answer)
        else:
            self.console.print(text, markup=False, soft_wrap=True)

    def show(self, fetch: Callable[[], Json], draw: Draw, *, watch: bool = False) -> None:
        """Print what is fetched; with `watch`, again and again until Ctrl-C, which is a good end.

        On a terminal it is redrawn in place, in a pipe one answer follows the other.
        """
        if not watch:
            self.answer(fetch(), draw)
            return
        with suppress(KeyboardInterrupt):
            if self.is_redrawable:
                redraw(self.console, lambda: draw(fetch(), self.view()), self.wait)
            while True:
                self.answer(fetch(), draw)
                self.wait(WATCH_S)

    def view(self) -> View:
        """Who looks, and when."""
        return replace(self.view_offline(), now_s=self.service.status()["now_s"])

    def view_offline(self) -> View:
        """Who looks; the service is not asked what time it is."""
        return View(self.console.width, self.console.height)

    @property
    def is_redrawable(self) -> bool:
        """Whether the answer goes to a terminal, for people."""
        return self.console.is_terminal and not self.as_json

    def print_json(self, answer: Json) -> None:
        """Print JSON to standard output."""
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))

    def note(self, text: str) -> None:
        """Say something beside the answer, on standard error."""
        self.errors.print(text, markup=False)


@contextmanager
def session(flags: Flags, *, as_json: bool) -> Iterator[Session]:
    """Speak to the service that flags, environment and profiles name."""
    from aryl.client.connection import Connection  # noqa: PLC0415 - HTTP is slow to import

    target = target_of(flags)
    with Connection(target) as connection:
        opened = Session(Service(connection), as_json)
        for warning in target.warnings:
            opened.errors.print(f"warning: {warning}", style="yellow", markup=False)
        yield opened
