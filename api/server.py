"""An HTTP server that ends its streams when it stops: it would wait for them otherwise."""

from socket import socket

import uvicorn

from api.sse import Feed


class Server(uvicorn.Server):
    """Serves one app; `feed` is what its streams follow."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        """Serve nothing yet."""
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let streams and requests under way end, and close."""
        self._feed.close()
        await super().shutdown(sockets)
