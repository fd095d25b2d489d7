"""An HTTP server that says when it serves, and ends its streams when it stops."""

from collections.abc import Callable
from socket import socket

import uvicorn

from api.sse import Feed


class Server(uvicorn.Server):
    """Serves one app; `feed` is what its streams follow, `begun` is called once it serves."""

    def __init__(
        self, config: uvicorn.Config, feed: Feed, begun: Callable[[], None] = lambda: None
    ) -> None:
        """Serve nothing yet."""
        super().__init__(config)
        self._feed, self._begun = feed, begun

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start the app, and tell once that is done."""
        await super().startup(sockets)
        if self.started:
            self._begun()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let streams and requests under way end, which it would wait for otherwise, and close."""
        self._feed.close()
        await super().shutdown(sockets)
