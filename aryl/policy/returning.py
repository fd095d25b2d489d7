"""Which on-loan servers go back when, as far as can be foreseen (decision 24).

The forecaster says how many servers may stay on loan for how long (`loanable`). Which ones those
are is decided here: the server whose base workers leave last stays longest, vacant servers come
after all that hold base workers, and those with flexible workers only after them. That is how a
reclaim goes about it: it takes first what costs nothing, then jobs that have little to lose.
"""

from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from operator import or_

from aryl.model.capacity import Group
from aryl.model.job import WorkerKind
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.loanable import loanable_throughout, span_bins
from aryl.policy.rules import Rules

Servers = int  # a bit each


def aware_of_returns(rules: Rules, draft: Draft, snapshot: Snapshot, config: PolicyConfig) -> Rules:
    """The rules with an eye on returns, where the policy's placement is aware of them."""
    if config.placement != "return-aware" or config.loaning == "opportunistic":
        return rules
    return replace(rules, leaving=Returns(draft, snapshot, config).leaving_within)


class Returns:
    """The returns that follow from one draft; what is asked for first is found first."""

    def __init__(self, draft: Draft, snapshot: Snapshot, config: PolicyConfig) -> None:
        """Foresee from the loans and placements of a draft that is not changed any more."""
        self._draft, self._snapshot, self._config = draft, snapshot, config
        self._counts: dict[int, int] = {}

    def leaving_within(self, span_s: float) -> Servers:
        """The on-loan servers that go back within `span_s` from now."""
        if not self._snapshot.loans:
            return 0
        longest = self._longest_first
        return longest[-1] & ~longest[min(self._staying(span_s), len(longest) - 1)]

    def _staying(self, span_s: float) -> int:
        """How many servers may stay on loan for that long; by bins, as forecasts are."""
        bins = span_bins(self._snapshot, self._config, span_s)
        if bins not in self._counts:
            self._counts[bins] = loanable_throughout(self._snapshot, self._config, bins)
        return self._counts[bins]

    @cached_property
    def _longest_first(self) -> list[Servers]:
        """The first none, one, two … servers, those that stay longest first."""
        members, servers = self._draft.capacity.now.members, self._draft.cluster.servers
        ends = {at: self._end_s(servers[at].id) for at in members(Group.BASE_LOAN)}
        busy = sorted(ends, key=lambda at: (-ends[at], at))
        order = [*busy, *members(Group.VACANT_LOAN), *members(Group.FLEXIBLE_LOAN)]
        bits = (1 << at for at in order if servers[at].serves)
        return list(accumulate(bits, or_, initial=0))

    def _end_s(self, server_id: str) -> float:
        """When the last job with base workers on a server ends."""
        draft = self._draft
        return max(
            self._end_of(job_id)
            for job_id in draft.holders(server_id)
            if any(
                p.server_id == server_id and p.kind is WorkerKind.BASE
                for p in draft.placements(job_id)
            )
        )

    def _end_of(self, job_id: str) -> float:
        job, now = self._draft.job(job_id), self._snapshot.now
        left = max(0.0, job.believed_work_by(now) - job.done_by(now))
        return max(now, job.progress_s) + (left / job.speed if job.speed else 0.0)
