"""What a service can be asked: one method for each kind of request, answers as plain JSON."""

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aryl.client.ask import Ask, Following, Json, Query, path_of

if TYPE_CHECKING:  # it is slow to import
    from contextlib import AbstractContextManager

    from httpx2 import EventSource

    from aryl.client.connection import Connection


class Service:
    """A service to talk with. Every method raises as `Connection.json` does."""

    def __init__(self, connection: "Connection") -> None:
        """Talk through a connection."""
        self._connection = connection

    def status(self) -> Json:
        """The cluster clock, the policy, who leads, how many jobs and servers there are."""
        return self._get("status")

    def submit(self, job: Json, *, key: str | None = None) -> Json:
        """Submit a job; asked again with the same key, the answer is the job of the first time."""
        headers = {"idempotency-key": key or new_key()}
        return self._connection.json(Ask(method="POST", path="jobs", body=job, headers=headers))

    def rehearse(self, job: Json) -> Json:
        """What a submission would come to; nothing is kept."""
        query = {"dryRun": "true"}
        return self._connection.json(Ask(method="POST", path="jobs", query=query, body=job))

    def jobs(self, query: Query, states: Sequence[str] = (), limit: int | None = None) -> Json:
        """Jobs by user or queue, those of one state after those of another; no states: all."""
        page: Json = {"items": [], "next": None}
        for state in states or (None,):
            if page["next"] is None and (limit is None or len(page["items"]) < limit):
                left = None if limit is None else limit - len(page["items"])
                found = self._connection.page("jobs", {**query, "state": state}, left)
                page = {"items": page["items"] + found["items"], "next": found["next"]}
        return page

    def job(self, job_id: str) -> Json:
        """One job."""
        return self._get(path_of("jobs", job_id))

    def job_events(self, job_id: str) -> Json:
        """What happened to a job, oldest first."""
        return self._connection.page(path_of("jobs", job_id, "events"), {})

    def explain(self, job_id: str) -> Json:
        """Why a job waits, and what is foreseen."""
        return self._get(path_of("jobs", job_id, "explain"))

    def cancel(self, job_id: str) -> Json:
        """Ask for a job to be ended."""
        return self._connection.json(Ask(method="DELETE", path=path_of("jobs", job_id)))

    def resize(self, job_id: str, bounds: Mapping[str, int | None]) -> Json:
        """Give a job other bounds on its workers; None leaves one as it is."""
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        return self._connection.json(Ask(method="PATCH", path=path_of("jobs", job_id), body=given))

    def checkpoint(self, job_id: str, progress_s: float | None) -> Json:
        """Tell that a job has saved its progress: all, or so many seconds at its requested size."""
        body = {} if progress_s is None else {"progress_s": progress_s}
        path = path_of("jobs", job_id, "checkpoints")
        return self._connection.json(Ask(method="POST", path=path, body=body))

    def servers(self, query: Query) -> Json:
        """Servers by pool and state."""
        return self._connection.page("servers", query)

    def pools(self) -> Json:
        """Both pools, summed up."""
        return self._get("pools")

    def loans(self, query: Query, limit: int | None = None) -> Json:
        """Loans, the newest first."""
        return self._connection.page("loans", query, limit)

    def plans(self, limit: int | None = None) -> Json:
        """Plans that did something, the newest first."""
        return self._connection.page("plans", {}, limit)

    def plan(self, plan_id: int) -> Json:
        """One plan with its actions."""
        return self._get(f"plans/{plan_id}")

    def plan_snapshot(self, plan_id: int) -> bytes:
        """What one plan was decided on, as JSON."""
        return self._connection.content(Ask(path=f"plans/{plan_id}/snapshot"))

    def whatif(self, question: Json) -> Json:
        """What would come of a job, a loan or a policy."""
        return self._connection.json(Ask(method="POST", path="whatif", body=question))

    def demand(self, query: Query) -> Json:
        """What inference needed, bin by bin."""
        return self._connection.json(Ask(path="demand", query=query))

    def push_demand(self, servers: float, t_s: float | None) -> Json:
        """Tell what inference needs, in servers."""
        body = {"servers": servers} | ({} if t_s is None else {"t_s": t_s})
        ask = Ask(method="POST", path="demand", body=body, is_repeatable=t_s is not None)
        return self._connection.json(ask)

    def forecast(self) -> Json:
        """What inference is foreseen to need."""
        return self._get("forecast")

    def audit(self, limit: int | None = None) -> Json:
        """Who did what, the newest first."""
        return self._connection.page("audit", {}, limit)

    def events(self, query: Query, following: Following) -> "AbstractContextManager[EventSource]":
        """Events as they happen, until the service ends the stream."""
        return self._connection.stream("events", query, following)

    def _get(self, path: str) -> Json:
        return self._connection.json(Ask(path=path))


def new_key() -> str:
    """A key for one submission: whoever repeats it with this key does not submit twice."""
    return secrets.token_hex(16)
