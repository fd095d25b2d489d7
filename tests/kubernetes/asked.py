"""A service that real kube-schedulers ask: it can go away and come back at its address."""

import socket
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
import yaml

from api.extender import EXTENDER_AT, Sources, StoredReasons, mount
from aryl.store import Database
from tests.api.stage import stage_on
from tests.kubernetes.daemons import wait_until

COMPONENTS = Path(__file__).parents[2] / "deploy" / "kubernetes" / "components"


class AskedService:
    """The extender of a service with this database; `answer` begins it, `fall_silent` ends it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = int(probe.getsockname()[1])
        self._server: uvicorn.Server | None = None
        self._thread = Thread()

    def config(self, version: str = "v1beta1", **changes: Any) -> Mapping[str, Any]:
        """The configuration that is deployed, for a kube-scheduler that asks this service."""
        file = COMPONENTS / f"scheduler-{version}" / "config.yaml"
        config: dict[str, Any] = yaml.safe_load(file.read_text())
        [extender] = config["extenders"]
        extender["urlPrefix"] = f"http://127.0.0.1:{self._port}{EXTENDER_AT}"
        extender |= changes
        return config | {"leaderElection": {"leaderElect": False}}

    def answer(self) -> None:
        """Listen and answer."""
        stage = stage_on(self._database)
        mount(stage.app, Sources(StoredReasons(stage.store)))
        door = socket.create_server(("127.0.0.1", self._port))
        server = uvicorn.Server(uvicorn.Config(stage.app, log_config=None, access_log=False))
        self._thread = Thread(target=server.run, kwargs={"sockets": [door]})
        self._server = server
        self._thread.start()
        wait_until(lambda: server.started)

    def fall_silent(self) -> None:
        """Stop, if it answers."""
        if self._server is None:
            return
        self._server.should_exit = True
        self._thread.join(20.0)
        assert not self._thread.is_alive(), "the server did not stop"
        self._server = None
