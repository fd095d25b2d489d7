"""Who is on an on-loan server just before an instant, and which servers are asked back then."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

from tests.checker.files import Held, RunFiles


def reclaims_at(run: RunFiles) -> dict[float, frozenset[str]]:
    """The servers asked back, by the instant."""
    servers: dict[float, set[str]] = defaultdict(set)
    for loan in run.loans:
        if loan.reclaim_s <= run.end_s:
            servers[loan.reclaim_s].add(loan.server_id)
    return {at_s: frozenset(names) for at_s, names in servers.items()}


class Hosting:
    """Rows of allocations.csv by on-loan server, to be asked what holds at a time."""

    def __init__(self, run: RunFiles) -> None:
        """Sort the rows of some length by their start."""
        self._loans = run.loans_of
        self._finish_s: Mapping[str, float] = {job.job_id: job.finish_s for job in run.jobs}
        self._rows: dict[str, list[Held]] = defaultdict(list)
        for row in sorted(run.held, key=lambda row: row.start_s):
            if row.is_on_loan and row.end_s > row.start_s:
                self._rows[row.server_id].append(row)
        self._starts = {name: [row.start_s for row in rows] for name, rows in self._rows.items()}

    def before(self, server_id: str, at_s: float) -> list[Held]:
        """What holds a server until `at_s` or longer; a job that finishes then has left."""
        rows = self._rows.get(server_id, [])
        begun = bisect_left(self._starts.get(server_id, []), at_s)
        return [
            row
            for row in rows[:begun]
            if row.end_s >= at_s and self._finish_s.get(row.job_id) != at_s
        ]

    def base_before(self, at_s: float) -> dict[str, set[str]]:
        """The jobs with base workers on each server on loan just before `at_s`."""
        return {
            server_id: {row.job_id for row in self.before(server_id, at_s) if row.is_base}
            for server_id, loans in self._loans.items()
            if any(loan.start_s < at_s <= loan.reclaim_s for loan in loans)
        }
