"""A whole API on a real database, with a clock to turn, tokens for each role, and a scheduler."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx2 import Response
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from api.app import create_app
from api.parts import ApiSettings, CheckTemplate, Parts, any_template
from aryl.metrics import Metrics
from aryl.model.cluster import Cluster
from aryl.model.plain import cluster_plain
from aryl.policy.registry import load_policy
from aryl.store import Database, Principal, Role, SchedulerStore, ServiceStore
from aryl.store.tables import METADATA
from tests.builders import make_cluster
from tests.contract.worlds import leader

ROOT = Principal("root", Role.OPERATOR)
JOB = {"name": "resnet", "num_gpus": 4, "duration_s": 600}
LOCAL = "http://localhost"


@dataclass
class Hand:
    """A clock that tests turn."""

    time_s: float = 1_000.0

    def now(self) -> float:
        """Seconds."""
        return self.time_s


@dataclass(kw_only=True)
class Stage:
    """An API, and what stands behind it; `calls` counts how often it woke the scheduler."""

    app: FastAPI
    client: TestClient
    database: Database
    store: ServiceStore
    clock: Hand
    wall: Hand
    ready: dict[str, str]
    woken: list[float]
    secrets: dict[Role, str] = field(default_factory=dict)

    def scheduler(self, cluster: Cluster | None = None, **policy: Any) -> SchedulerStore:
        """A scheduler's side of the store, which has told of its cluster and its policy."""
        config = load_policy(policy)
        store = leader(self.database, config)
        store.put_fact("cluster", cluster_plain(cluster or make_cluster((8, 8), (8, 8))))
        store.put_fact("policy", asdict(config))
        self.wall.time_s += 2.0  # what was known before is old
        return store

    def lock(self) -> None:
        """Make a token for each role, named as it is."""
        for role in Role:
            name = role.value
            self.secrets[role] = self.store.tokens.create(name, role, ROOT).secret
        self.wall.time_s += 2.0

    def as_(self, role: Role | None) -> dict[str, str]:
        """The headers with which somebody in that role asks."""
        return {"Authorization": f"Bearer {self.secrets[role]}"} if role else {}

    def submit(self, headers: Mapping[str, str] | None = None, /, **changes: Any) -> Any:
        """A job that has been submitted."""
        response = self.client.post("/api/v1/jobs", json=JOB | changes, headers=headers)
        assert response.status_code == 201, response.text
        return response.json()

    def ask(self, method: str, path: str, **more: Any) -> Response:
        """An answer."""
        return self.client.request(method, f"/api/v1{path}", **more)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the database holds."""
        with self.database.read() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(table.select())]
                for table in METADATA.sorted_tables
            }


@contextmanager
def staged(database: Database, **settings: Any) -> Iterator[Stage]:
    """An API that answers to its client."""
    stage = stage_on(database, **settings)
    with stage.client:
        yield stage


def stage_on(
    database: Database, *, check_template: CheckTemplate = any_template, **settings: Any
) -> Stage:
    """An API that does not run yet."""
    clock, wall, ready, woken = Hand(), Hand(1_800_000_000.0), {"database": "ok"}, list[float]()
    registry = CollectorRegistry()
    store = ServiceStore.on(database, wall.now)
    app = create_app(
        Parts(
            store=store,
            clock=clock,
            wall=wall.now,
            settings=ApiSettings(**settings),
            metrics=Metrics(registry),
            registry=registry,
            readiness=lambda: ready,
            wake=lambda: woken.append(clock.now()),
            check_template=check_template,
        )
    )
    return Stage(
        app=app,
        client=TestClient(app, base_url=LOCAL, raise_server_exceptions=False),
        database=database,
        store=store,
        clock=clock,
        wall=wall,
        ready=ready,
        woken=woken,
    )


@contextmanager
def copied(template: Path, folder: Path) -> Iterator[Database]:
    """A database of its own, from a migrated file."""
    database = Database(f"sqlite:///{shutil.copy(template, folder / 'aryl.db')}")
    yield database
    database.close()
