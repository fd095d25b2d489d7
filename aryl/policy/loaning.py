"""How many inference servers are lent, or asked back (paper §2; spec §4 "Lending")."""

from collections.abc import Callable
from math import floor

from aryl.model.capacity import Group
from aryl.model.cluster import ROUNDING, Pool
from aryl.model.plan import Outlook
from aryl.model.reason import ReasonCode, because
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.forecasting import FORECASTERS
from aryl.policy.reclaiming import take_back
from aryl.policy.rules import rules_of
from aryl.policy.units import training_workers

Loaning = Callable[[Draft, Snapshot, PolicyConfig], Outlook | None]


def never_lend(_draft: Draft, _snapshot: Snapshot, _config: PolicyConfig) -> None:
    """Leave both pools to themselves."""


def lend_by_forecast(draft: Draft, snapshot: Snapshot, config: PolicyConfig) -> Outlook | None:
    """Lend what the forecast leaves beside the headroom, or take back what it needs.

    Where nothing is known of demand yet, nothing is lent and nothing is taken back.
    """
    lead_s = config.orchestrator_s + config.vacate_s
    forecast = FORECASTERS[config.forecaster](
        snapshot.demand, snapshot.now, lead_s, config.quantile
    )
    if forecast is None:
        return None
    outlook = Outlook(forecast, loanable_servers(snapshot, config.headroom, forecast))
    if outlook.loanable > len(snapshot.loans):
        _lend(draft, snapshot, config, outlook)
    elif outlook.loanable < snapshot.on_loan:
        take_back(draft, snapshot, config, snapshot.on_loan - outlook.loanable)
    return outlook


LOANINGS: dict[str, Loaning] = {"none": never_lend, "forecast": lend_by_forecast}


def loanable_servers(snapshot: Snapshot, headroom: float, forecast: float) -> int:
    """Servers that inference can spare: floor((1 - headroom) x servers - forecast), at least 0."""
    servers = len(snapshot.cluster.inference_servers)
    return max(0, floor((1.0 - headroom) * servers - forecast + ROUNDING))


def _lend(draft: Draft, snapshot: Snapshot, config: PolicyConfig, outlook: Outlook) -> None:
    """Lend the first servers that are at home, in order of their names."""
    on_loan = len(snapshot.loans)  # those on their way back are not back yet
    count = outlook.loanable - on_loan
    if config.lend == "on-demand":
        count = min(count, _servers_wanted(draft, snapshot, config))
    at_home = [s for s in snapshot.cluster.inference_servers if s.id not in snapshot.loans]
    reason = because(
        ReasonCode.LENT,
        loanable=outlook.loanable,
        forecast=round(outlook.forecast_servers, 2),
        on_loan=on_loan,
    )
    for server in at_home[:count]:
        draft.lend(server.index, reason)


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
    vacant = draft.capacity.now.count(Group.VACANT_LOAN)
    return max(0, -(-wanted_gpus // server_gpus) - vacant)
