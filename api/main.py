"""Puts a service together: the one place where adapters, settings and the policy meet.

The scheduler leads, or waits to lead, in a thread of its own; the API answers in the main thread.
They share the database and nothing else, so that each can be a process of its own.
"""

import os
import signal
import socket
from collections.abc import Callable, Mapping
from importlib.metadata import version
from secrets import token_hex
from threading import Thread
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from api import dashboard
from api.app import create_app
from api.leading import Leading
from api.listening import listen
from api.parts import ApiSettings, Parts
from api.reporting import Reporter
from api.server import Server
from api.settings import Settings
from aryl.clock import PacedClock, SystemClock, elapsed
from aryl.daemon.loop import Loop, Terms
from aryl.engine.cycle import Timer
from aryl.metrics import Metrics, process_registry
from aryl.model.errors import BadInput
from aryl.store import UNAVAILABLE, Database, Facts, Lease, ServiceStore
from simulator.cluster_file import AWAY
from simulator.inputs import read_world

GRACE_S = 10  # wall time for requests under way when the service stops
RENEWALS = 4  # of a lease within its life: three may fail

Announce = Callable[[Settings, str, int, Mapping[str, str]], None]


class Service:
    """One process of a service, in one role or both."""

    def __init__(
        self,
        settings: Settings,
        role: str = "all",
        reporter: Callable[[Metrics, Timer], Reporter] = Reporter,
    ) -> None:
        """Open the database and read what the settings name. Raises `BadInput`."""
        self.settings, self.role = settings, role
        self._wall = SystemClock()
        self._database = Database(settings.database.url.get_secret_value())
        self._database.migrate()
        self._store = ServiceStore.on(self._database, self._wall.now)
        self._clock = settled_clock(self._store.facts, self._wall, settings.cluster.speed)
        self._registry = process_registry()
        policy = settings.policy
        self._metrics = Metrics(self._registry, lead_s=policy.orchestrator_s + policy.vacate_s)
        self._reporter = reporter(self._metrics, elapsed)
        self._api = ApiSettings(
            host=settings.server.host,
            mode=settings.mode,
            role=role,
            version=version("aryl"),
            body_bytes_max=settings.server.body_bytes_max,
            requests_per_s=settings.server.requests_per_s,
            burst_requests=settings.server.burst_requests,
        )
        self._loop = None if role == "api" else self._new_loop()
        self._failure: Exception | None = None

    def run(self, announce: Announce) -> None:
        """Serve until a signal says to stop; requests and the step at hand are finished.

        Raises what broke the scheduler, if anything did, and `ArylError` where the port is taken.
        """
        chosen = self.settings.server
        has_tokens = self._store.tokens.any_exist()
        if not has_tokens and not self._api.may_open:
            problem = "may be reached from elsewhere, and no token exists"
            remedy = "127.0.0.1, or a token first: aryl token create NAME --role operator"
            raise BadInput("--host", problem, value=chosen.host, expected=remedy)
        with listen(chosen.host, chosen.port) as door:
            port = door.getsockname()[1]
            app = self._app()
            server = Server(self._server_config(app), app.state.service.feed)
            announce(self.settings, self.role, port, self._warnings(has_tokens=has_tokens))
            self._serve(server, door)
        if self._failure:
            raise self._failure

    def _serve(self, server: uvicorn.Server, door: socket.socket) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _heard)  # the server raises them again once it has stopped
        leading = Thread(target=self._lead, args=(server,), name="scheduler")
        if self._loop:
            leading.start()
        try:
            server.run(sockets=[door])
        finally:
            if self._loop:
                self._loop.stop()
                leading.join()
            self._database.close()

    def _lead(self, server: uvicorn.Server) -> None:
        """Run the scheduler; what breaks it stops the service, so that whoever watches it sees."""
        assert self._loop is not None
        try:
            self._loop.run()
        except Exception as error:  # noqa: BLE001 - `run` raises it, in the thread that can tell
            self._failure = error
            server.should_exit = True

    def _new_loop(self) -> Loop:
        settings, chosen = self.settings, self.settings.cluster
        world = read_world(chosen.shape, settings.policy, chosen.inference, chosen.inference_peak)
        service = str(self._store.facts.settle("service", token_hex(8)))
        lease_s = settings.scheduler.lease_s
        holder = f"{socket.gethostname()}/{os.getpid()}/{token_hex(4)}"
        return Loop(
            Terms(
                lease=Lease(self._database, holder, self._wall.now, lease_s),
                lead=Leading(settings, world, self._database, self._reporter, self._clock, service),
                clock=self._clock,
                herald=self._reporter,
                survives=(*UNAVAILABLE, *AWAY),
                renew_s=lease_s / RENEWALS,
                poll_s=settings.scheduler.poll_s,
            )
        )

    def _warnings(self, *, has_tokens: bool) -> dict[str, str]:
        if has_tokens:
            return {}
        told = "no token exists: every program on this machine may do everything"
        return {"open": f"{told}. Close it: aryl token create NAME --role operator"}

    def _app(self) -> FastAPI:
        app = create_app(
            Parts(
                store=self._store,
                clock=self._clock,
                wall=self._wall.now,
                settings=self._api,
                metrics=self._metrics,
                registry=self._registry,
                readiness=self._readiness,
                wake=self._loop.wake if self._loop else _nobody,
            )
        )
        if self.role != "scheduler":
            dashboard.mount(app)
        return app

    def _readiness(self) -> dict[str, str]:
        """What must hold before traffic comes here; a follower is ready to take over."""
        try:
            has_led = self._store.facts.get("cluster") is not None
        except UNAVAILABLE as error:
            return {"database": type(error).__name__}
        told = "ok" if has_led else "no scheduler has led yet"
        return {"database": "ok", "scheduler": told}

    def _server_config(self, app: FastAPI) -> uvicorn.Config:
        chosen = self.settings.server
        return uvicorn.Config(
            app,
            ssl_certfile=chosen.tls_cert,
            ssl_keyfile=chosen.tls_key,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
        )


def _heard(_number: int, _frame: FrameType | None) -> None:
    """A signal to stop that the server has obeyed already."""


def _nobody() -> None:
    """Wake nobody: the scheduler is another process, and looks by itself."""


def settled_clock(facts: Facts, wall: SystemClock, speed: float) -> PacedClock:
    """The service's clock: begun by its first process, and the same for all that follow.

    Raises `BadInput` where the service runs at another speed.
    """
    begun = {"origin_wall_s": wall.now(), "origin_s": 0.0, "speed": speed}
    known = cast("Mapping[str, float]", facts.settle("clock", begun))
    if known["speed"] != speed:
        raise BadInput(
            "settings",
            "is not the speed of this database's clock",
            column="cluster.speed",
            value=speed,
            expected=f"{known['speed']:g}, or a new database and a new cluster file",
        )
    return PacedClock(wall, known["origin_wall_s"], known["origin_s"], known["speed"])
