"""Services with a dashboard, as their users start them, and what their API says."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.ports import free_port
from tests.service.processes import Process, started

LONG_S = 1e6  # a job that outlasts every test


@dataclass
class Dashboard:
    """A running service; `tokens` holds a secret for each role, once there are any."""

    folder: Path
    options: Sequence[str]
    port: int
    process: Process
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        return self.process.get(path, headers=self._credentials("viewer"))

    def submit(self, name: str, **job: Any) -> str:
        """Submit a job that outlasts every test; its id."""
        body = {"name": name, "duration_s": LONG_S} | job
        answer = httpx2.post(
            f"{self.url}/api/v1/jobs", json=body, headers=self._credentials("submitter")
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def jobs(self, state: str, at_least: int = 0) -> list[dict[str, Any]]:
        """The jobs in a state; none while there are fewer than that."""
        items = self.get(f"/api/v1/jobs?state={state}&limit=1000")["items"]
        return items if len(items) >= at_least else []

    def restart(self) -> None:
        """Kill it, and start it again on the same port."""
        self.process.kill()
        self.process = _process(self.folder, self.port, self.options)

    def add_tokens(self) -> None:
        """From now on the service asks for tokens."""
        for role in ("operator", "submitter", "viewer"):
            self.tokens |= {role: self.new_token(role)["secret"]}

    def new_token(self, role: str) -> Any:
        """A new token, with its secret."""
        answer = httpx2.post(
            f"{self.url}/api/v1/tokens",
            json={"name": role, "role": role},
            headers=self._credentials("operator"),
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def revoke(self, token: Any) -> None:
        """Let a token hold no longer."""
        url = f"{self.url}/api/v1/tokens/{token['id']}"
        assert httpx2.delete(url, headers=self._credentials("operator")).is_success

    def _credentials(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"} if self.tokens else {}


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Dashboard]:
    """A service in a folder, for a while."""
    port = free_port()
    dashboard = Dashboard(folder, options, port, _process(folder, port, options))
    try:
        yield dashboard
    finally:
        dashboard.process.kill()


def _process(folder: Path, port: int, options: Sequence[str]) -> Process:
    database = ("--database", f"sqlite:///{folder / 'aryl.db'}")
    cluster = ("--cluster-file", str(folder / "cluster.db"))
    command = ("-m", "aryl", "serve", "--port", str(port), *database, *cluster, *options)
    return started(command, folder / "log")
