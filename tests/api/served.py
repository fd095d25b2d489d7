"""An API behind a real HTTP server on this machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from api.server import Server
from tests.api.stage import Stage
from tests.service.processes import until


@contextmanager
def served(stage: Stage) -> Iterator[tuple[Server, str]]:
    """The server and its address; it is stopped at the end, if it has not been before."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        config = uvicorn.Config(stage.app, log_config=None, access_log=False)
        server = Server(config, stage.app.state.service.feed)
        thread = Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            until(lambda: server.started)
            yield server, f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20.0)
            assert not thread.is_alive(), "the server did not stop"
