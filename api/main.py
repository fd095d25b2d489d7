"""Puts a service together: the one place where adapters, settings and the policy meet.

The scheduler leads, or waits to lead, in a thread of its own; the API answers in the main thread.
They share the database and nothing else, so that each can be a process of its own.
"""

import os
import signal
import socket
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from secrets import token_hex
from threading import Thread
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from api import dashboard, extender
from api.app import create_app
from api.emulated import Emulated
from api.intake import makes_workers
from api.leading import Leading
from api.listening import Told, listen
from api.parts import ApiSettings, Parts, any_template
from api.reporting import Reporter
from api.scheduled import Scheduled
from api.server import Server
from api.settings import Settings
from api.sse import Feed
from aryl.clock import PacedClock, SystemClock, elapsed
from aryl.daemon.loop import Loop, Terms
from aryl.engine.cycle import Timer
from aryl.metrics import Metrics, process_registry
from aryl.model.errors import BadInput
from aryl.store import UNAVAILABLE, Database, Facts, Lease, ServiceStore

GRACE_S = 10  # wall time for requests under way when the service stops
FIRST_STEP_S = 2.0  # for which requests wait at most as the service starts
RENEWALS = 4  # of a lease within its life: three may fail

Announce = Callable[[Settings, str, int, Told], None]


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
        self._clock = settled_clock(self._store.facts, self._wall, settings)
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
        self._base_workers_on: Callable[[str], Collection[str] | None] = extender.unknown
        self._scheduled = None if role == "api" else self._cluster()
        self._loop = None if self._scheduled is None else self._new_loop(self._scheduled)
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
            announce(self.settings, self.role, port, self._told(has_tokens=has_tokens))
            self._serve(self._server_config(app), app.state.service.feed, door)
        if self._failure:
            raise self._failure

    def _serve(self, config: uvicorn.Config, feed: Feed, door: socket.socket) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _heard)  # the server raises them again once it has stopped
        leading = Thread(target=lambda: self._lead(server), name="scheduler")
        # NiceGUI looks through the collector's objects as it starts, and a tuple that another
        # thread is just filling breaks when somebody else holds it (python/cpython#59313)
        server = Server(config, feed, lambda: self._begin(leading))
        try:
            server.run(sockets=[door])
        finally:
            if self._loop:
                self._loop.stop()
            if leading.ident:
                leading.join()
            if self._scheduled:
                self._scheduled.close()
            self._database.close()

    def _begin(self, leading: Thread) -> None:
        """Start to lead; requests wait a moment, for what the first step tells."""
        if self._loop:
            leading.start()
            self._loop.wait_for_pause(FIRST_STEP_S)

    def _lead(self, server: uvicorn.Server) -> None:
        """Run the scheduler; what breaks it stops the service, so that whoever watches it sees."""
        assert self._loop is not None
        try:
            self._loop.run()
        except Exception as error:  # noqa: BLE001 - `run` raises it, in the thread that can tell
            self._failure = error
            server.should_exit = True

    def _cluster(self) -> Scheduled:
        """What is scheduled, as the settings say. Raises `BadInput` and `ArylError`."""
        if not self.settings.is_kubernetes:
            service = str(self._store.facts.settle("service", token_hex(8)))
            return Emulated.of(self.settings, service)
        from api.kubernetes.cluster import Kubernetes  # noqa: PLC0415 - who emulates needs none

        cluster = Kubernetes.of(self.settings, self._clock, self._metrics)
        self._base_workers_on = cluster.base_workers_on
        return cluster

    def _new_loop(self, scheduled: Scheduled) -> Loop:
        lease_s = self.settings.scheduler.lease_s
        holder = f"{socket.gethostname()}/{os.getpid()}/{token_hex(4)}"
        database = self._database
        return Loop(
            Terms(
                lease=scheduled.lease(Lease(database, holder, self._wall.now, lease_s), holder),
                lead=Leading(
                    self.settings, scheduled, database, self._reporter, self._clock, self._wake
                ),
                clock=self._clock,
                herald=self._reporter,
                survives=(*UNAVAILABLE, *scheduled.survives),
                renew_s=lease_s / RENEWALS,
                poll_s=self.settings.scheduler.poll_s,
            )
        )

    def _wake(self) -> None:
        """Let the scheduler look, if it is in this process; another process looks by itself."""
        if self._loop:
            self._loop.wake()

    def _told(self, *, has_tokens: bool) -> Told:
        """What an operator is told at the start."""
        about = dict(self._scheduled.about) if self._scheduled else {}
        if has_tokens:
            return Told(about)
        told = "no token exists: every program on this machine may do everything"
        remedy = "aryl token create NAME --role operator"
        return Told(about, {"open": f"{told}. Close it: {remedy}"})

    def _app(self) -> FastAPI:
        settings = self.settings
        of_pods = makes_workers(settings.kubernetes.options())
        app = create_app(
            Parts(
                store=self._store,
                clock=self._clock,
                wall=self._wall.now,
                settings=self._api,
                metrics=self._metrics,
                registry=self._registry,
                readiness=self._readiness,
                wake=self._wake,
                check_template=of_pods if settings.is_kubernetes else any_template,
            )
        )
        if settings.is_kubernetes:
            reasons = extender.StoredReasons(self._store)
            extender.mount(app, extender.Sources(reasons, self._base_workers_on))
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
        cluster = self._scheduled.readiness() if self._scheduled else {}
        return {"database": "ok", "scheduler": told, **cluster}

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


def settled_clock(facts: Facts, wall: SystemClock, settings: Settings) -> PacedClock:
    """The service's clock: begun by its first process, and the same for all that follow.

    What is real lives in wall time, unless it is rehearsed at another speed. Raises `BadInput`
    where the service runs at another speed, or on another kind of cluster.
    """
    speed = settings.cluster.speed
    is_wall_time = settings.is_kubernetes and speed == 1.0
    begun = {
        "origin_wall_s": 0.0 if is_wall_time else wall.now(),
        "origin_s": 0.0,
        "speed": speed,
    }
    known = cast("Mapping[str, float]", facts.settle("clock", begun))
    if known["speed"] != speed:
        raise BadInput(
            "settings",
            "is not the speed of this database's clock",
            column="cluster.speed",
            value=speed,
            expected=f"{known['speed']:g}, or a new database and a new cluster file",
        )
    if is_wall_time != (known["origin_wall_s"] == 0.0):
        raise BadInput(
            "settings",
            "is not what this database's jobs ran on",
            column="cluster.kind",
            value=settings.cluster.kind,
            expected="the other one, or a new database",
        )
    return PacedClock(wall, known["origin_wall_s"], known["origin_s"], known["speed"])
