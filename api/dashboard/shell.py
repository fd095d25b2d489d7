"""What every page has around its content: who looks, the bar at the top, and fresh frames."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from anyio import to_thread
from fastapi import Request
from nicegui import background_tasks, ui
from nicegui.context import context

from api.dashboard.elements import Panel
from api.dashboard.looks import Frame, Looks
from api.dashboard.pulse import Pulse
from api.dashboard.rendering import render
from api.dashboard.session import Session
from api.errors import Unauthenticated
from api.service import Service
from aryl.model.errors import ArylError
from aryl.store import UNAVAILABLE, Principal

STATIC: Final = Path(__file__).parent / "static"
STATIC_AT: Final = "/_dashboard"
PAGES: Final = (
    ("/", "Overview"),
    ("/jobs", "Jobs"),
    ("/servers", "Servers"),
    ("/loans", "Loans"),
    ("/plans", "Plans"),
    ("/whatif", "What if"),
)
_STAY_S: Final = 20.0  # until an open page asks again whether its token still holds


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are served from."""

    service: Service
    looks: Looks
    pulse: Pulse[Frame]
    session: Session


@dataclass(frozen=True, slots=True)
class Visit:
    """One page that someone opened, and how everything stood then.

    `is_guarded`: whether it took a token to open it.
    """

    site: Site
    request: Request
    who: Principal
    here: str
    frame: Frame
    is_guarded: bool

    @property
    def origin(self) -> str:
        """Where the service is to be reached, as the browser sees it."""
        return str(self.request.base_url).rstrip("/")

    def still(self) -> Principal:
        """Who it is by now. Raises `Unauthenticated` where the token holds no longer."""
        who = self.site.session.who(self.request)
        if who is None:
            raise Unauthenticated("the token holds no longer; log in again")
        return who

    @contextmanager
    def page(self, title: str) -> Iterator[None]:
        """The bar, and within it what the page shows."""
        head(title)
        bar = Panel(self._bar(self.frame))
        self.follow(lambda frame: bar.show(self._bar(frame)))
        ui.timer(_STAY_S, self._stay)
        with ui.element("main").props("id=main tabindex=-1").classes("body"):
            yield

    def follow(self, show: Callable[[Frame], object]) -> None:
        """Show every new frame while the page is open in a browser."""
        client, pulse = context.client, self.site.pulse
        client.on_connect(lambda: pulse.join(show))
        client.on_disconnect(lambda: pulse.leave(show))
        client.on_delete(lambda: pulse.leave(show))

    async def live(self, load: Callable[[], str]) -> Panel:
        """A part of the page that is loaded anew, in a thread, whenever there is a new frame."""
        panel = Panel(await to_thread.run_sync(_told, load))
        self._reload(panel, load)
        return panel

    def later(self, load: Callable[[], str]) -> Panel:
        """Such a part that may take a while: the page is there before it."""
        panel = Panel(render("looking", text="Looking ahead…"))
        self._reload(panel, load)
        return panel

    def _reload(self, panel: Panel, load: Callable[[], str]) -> None:
        is_loading = False

        async def reload() -> None:
            nonlocal is_loading
            is_loading = True
            try:
                panel.show(await to_thread.run_sync(_told, load))
            finally:
                is_loading = False

        def show(_: Frame) -> None:
            if not is_loading:
                background_tasks.create(reload(), name="dashboard part")

        self.follow(show)

    def _bar(self, frame: Frame) -> str:
        return render(
            "header",
            pages=PAGES,
            here=self.here,
            status=frame.status,
            trouble=frame.trouble,
            who=self.who,
            guarded=self.is_guarded,
        )

    async def _stay(self) -> None:
        if await to_thread.run_sync(self.site.session.who, self.request) is None:
            ui.navigate.to("/login")


def head(title: str) -> None:
    """What stands before the content of any page."""
    around = context.client.content.parent_slot
    assert around is not None
    around.parent.props("role=none")  # NiceGUI's own <main> would hold our bar too
    ui.page_title(f"{title} · Aryl")
    ui.add_head_html(_HEAD)
    ui.add_body_html('<a class="skip" href="#main">Skip to content</a>')


def redraw(chart: ui.echart, options: dict[str, Any]) -> None:
    """Show other options, where they differ."""
    if chart.props["options"] != options:
        chart.props["options"] = options
        chart.update()


def _told(load: Callable[[], str]) -> str:
    """What is to be shown, or why it can't be."""
    try:
        return load()
    except ArylError as error:
        return render("trouble", text=str(error))
    except UNAVAILABLE:
        return render("trouble", text="The database is out of reach.")


def _linked(name: str) -> str:
    mark = sha256((STATIC / name).read_bytes()).hexdigest()[:12]  # a new file has a new address
    return f"{STATIC_AT}/{name}?{mark}"


_HEAD = (
    f'<link rel="stylesheet" href="{_linked("dashboard.css")}">'
    f'<script src="{_linked("dashboard.js")}"></script>'
)
