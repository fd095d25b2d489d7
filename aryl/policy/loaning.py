"""How many inference servers are lent, or asked back (paper §2; spec §4 "Lending")."""

from collections.abc import Callable

from aryl.model.capacity import Group
from aryl.model.cluster import Condition, Pool
from aryl.model.plan import Outlook, ReclaimServer
from aryl.model.reason import ReasonCode, because
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.loanable import foreseen_demand, loanable_servers, loanable_throughout, span_bins
from aryl.policy.reclaiming import return_busy, return_unused, take_back
from aryl.policy.rules import rules_of
from aryl.policy.units import training_workers

Loaning = Callable[[Draft, Snapshot, PolicyConfig], Outlook | None]


def never_lend(_draft: Draft, _snapshot: Snapshot, _config: PolicyConfig) -> None:
    """Leave both pools to themselves."""


def lend_by_forecast(draft: Draft, snapshot: Snapshot, config: PolicyConfig) -> Outlook | None:
    """Lend what the forecast leaves beside the headroom, or take back what is needed.

    Where nothing can be foreseen yet, nothing is lent, and only what is needed at this moment is
    taken back. Servers on which inference runs already go back as soon as that preempts nobody.
    """
    return_busy(draft, snapshot)
    foreseen = foreseen_demand(snapshot, config)
    needs = [servers for servers in (foreseen, snapshot.demand_now) if servers is not None]
    if not needs:
        return None
    outlook = Outlook(max(needs), loanable_servers(snapshot, config.headroom, max(needs)))
    on_loan = snapshot.on_loan - sum(isinstance(a, ReclaimServer) for a in draft.actions)
    if outlook.loanable < on_loan:
        take_back(draft, snapshot, config, on_loan - outlook.loanable)
    elif foreseen is not None and outlook.loanable > snapshot.not_at_home:
        _lend(draft, snapshot, config, outlook)
    return outlook


def take_back_needed(draft: Draft, snapshot: Snapshot, config: PolicyConfig) -> Outlook | None:
    """Take back what inference needs by now; servers are lent when jobs start there."""
    return_busy(draft, snapshot)
    outlook = needed_now(snapshot, config)
    on_loan = snapshot.on_loan - sum(isinstance(a, ReclaimServer) for a in draft.actions)
    if outlook and outlook.loanable < on_loan:
        take_back(draft, snapshot, config, on_loan - outlook.loanable)
    return_unused(draft)
    return outlook


def needed_now(snapshot: Snapshot, config: PolicyConfig) -> Outlook | None:
    """What inference needs without any foresight: now, or in the last bin that ended."""
    needs = [float(servers) for servers in snapshot.demand.values[-1:]]
    needs += [] if snapshot.demand_now is None else [snapshot.demand_now]
    if not needs:
        return None
    return Outlook(max(needs), loanable_servers(snapshot, config.headroom, max(needs)))


LOANINGS: dict[str, Loaning] = {
    "none": never_lend,
    "forecast": lend_by_forecast,
    "opportunistic": take_back_needed,
}


def _lend(draft: Draft, snapshot: Snapshot, config: PolicyConfig, outlook: Outlook) -> None:
    """Lend the first servers that are at home and idle, in order of their names."""
    on_loan = snapshot.not_at_home  # those on their way back are not back yet
    count = outlook.loanable - on_loan
    lasting = max(0, _lasting(snapshot, config, outlook) - on_loan)
    if lasting < count:
        count = max(lasting, min(count, _servers_wanted(draft, snapshot, config)))
    at_home = [
        server
        for server in snapshot.cluster.inference_servers
        if server.condition is Condition.OPEN and server.id not in snapshot.loans
    ]
    reason = because(
        ReasonCode.LENT,
        loanable=outlook.loanable,
        forecast=round(outlook.forecast_servers, 2),
        on_loan=on_loan,
    )
    for server in at_home[:count]:
        draft.lend(server.index, reason)


def _lasting(snapshot: Snapshot, config: PolicyConfig, outlook: Outlook) -> int:
    """Servers to lend whether or not training can use them by now."""
    if config.lend == "on-demand":
        return 0
    if not config.hold_home_s or snapshot.queue:
        return outlook.loanable
    bins = span_bins(snapshot, config, config.hold_home_s)
    return min(outlook.loanable, loanable_throughout(snapshot, config, bins))


def _servers_wanted(draft: Draft, snapshot: Snapshot, config: PolicyConfig) -> int:
    """Servers that jobs which may borrow could fill beyond those that are vacant already."""
    cluster, scales = snapshot.cluster, rules_of(config).scales
    wanted_gpus = 0
    for job in snapshot.queue.jobs.values():
        spec = job.spec
        if spec.can_borrow:
            most = spec.max_workers if scales else spec.requested_workers
            workers = cluster.workers_on(Pool.INFERENCE, most)
            wanted_gpus += workers * spec.gpus_per_worker
    for job in draft.elastic() if scales else ():
        spec = job.spec
        # without being heterogeneous, a job grows only on the type of its base workers
        if spec.heterogeneous or job.holding.base[Pool.INFERENCE]:
            more = max(0, spec.max_workers - training_workers(cluster, job.holding))
            wanted_gpus += cluster.workers_on(Pool.INFERENCE, more) * spec.gpus_per_worker
    server_gpus = max((s.gpus for s in cluster.inference_servers), default=1)
    vacant = draft.capacity.now.members(Group.VACANT_LOAN)
    to_fill = sum(cluster.servers[at].condition is Condition.OPEN for at in vacant)
    return max(0, -(-wanted_gpus // server_gpus) - to_fill)
