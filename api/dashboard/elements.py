"""The two elements that pages are made of: rendered markup, and the map of the cluster."""

from collections.abc import Callable, Sequence
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

Act = Callable[[str, dict[str, str]], object]  # what was pressed or sent, and its fields


class Panel(Element, component="static/panel.js"):
    """Rendered markup that changes in place; sends nothing while it stays the same."""

    def __init__(self, html: str, *, on_act: Act | None = None) -> None:
        """Show markup; `on_act` hears of forms, selects and buttons that have a `data-act`."""
        super().__init__()
        self._props["html"] = html
        if on_act:
            self.on("act", lambda event: on_act(event.args["name"], event.args["fields"]))

    def show(self, html: str) -> None:
        """Show other markup."""
        if html != self._props["html"]:
            self._props["html"] = html
            self.update()


class ClusterMap(Element, component="static/cluster_map.js"):
    """Every server as a cell, grouped by pool (see `servers.pools_of`)."""

    def __init__(
        self, pools: Sequence[dict[str, Any]], *, on_pick: Callable[[str], object]
    ) -> None:
        """Show pools; `on_pick` hears the name of the server that was clicked."""
        super().__init__()
        self._props |= {"pools": list(pools), "by": "state", "picked_id": ""}

        def picked(event: GenericEventArguments) -> None:
            on_pick(event.args)

        self.on("pick", picked)

    def pick(self, server_id: str) -> None:
        """Mark a server; an empty name marks none."""
        self._set("picked_id", server_id)

    def show(self, pools: Sequence[dict[str, Any]]) -> None:
        """Show the servers as they are now."""
        self._set("pools", list(pools))

    def colour_by(self, what: str) -> None:
        """Colour by `state` or by `job`."""
        self._set("by", what)

    def _set(self, name: str, value: object) -> None:
        if self._props[name] != value:
            self._props[name] = value
            self.update()
