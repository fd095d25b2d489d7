"""What waits for the server to serve."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvicorn

from api.server import Server
from api.sse import Feed


def server_of(told: list[str], answer: str, begun: Callable[[], None]) -> Server:
    """A server whose app answers so to its start, and tells when it has started and stopped."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        told.append(answer)
        await send({"type": f"lifespan.startup.{answer}"})
        if answer == "complete":
            await receive()
            told.append("stopped")
            await send({"type": "lifespan.shutdown.complete"})

    config = uvicorn.Config(app, port=0, lifespan="on", log_config=None)
    return Server(config, Feed(lambda _first, _most: [], lambda: 0), begun)


def run(server: Server) -> None:
    """Serve in a thread of its own: in ours the browser's tests keep a loop running."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(server.run).result()


def test_whoever_begins_with_the_server_begins_once_the_app_has_started() -> None:
    told: list[str] = []

    def begun() -> None:
        told.append("begun")
        server.should_exit = True

    server = server_of(told, "complete", begun)
    run(server)

    assert told == ["complete", "begun", "stopped"]


def test_nobody_begins_where_the_app_does_not_start() -> None:
    told: list[str] = []

    with pytest.raises(SystemExit):
        run(server_of(told, "failed", lambda: told.append("begun")))

    assert told == ["failed"]
