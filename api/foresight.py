"""The forecast as it stands now, by the policy's own functions."""

from math import floor

from api.known import Known
from api.schemas.cluster import ForecastOut
from aryl.model.cluster import ROUNDING
from aryl.model.demand import BIN_S, DemandHistory
from aryl.policy.forecasting import FORECASTERS


def forecast_out(known: Known, history: DemandHistory, on_loan: int, now: float) -> ForecastOut:
    """What inference will need within the policy's lead time, and what that leaves to lend."""
    policy = known.policy
    lead_s = policy.orchestrator_s + policy.vacate_s
    servers = len(known.cluster.inference_servers)
    forecast = FORECASTERS[policy.forecaster](history, now, lead_s, policy.quantile)
    loanable = None
    if forecast is not None:
        loanable = max(0, floor((1.0 - policy.headroom) * servers - forecast + ROUNDING))
    return ForecastOut(
        now_s=now,
        forecaster=policy.forecaster,
        quantile=policy.quantile,
        lead_s=lead_s,
        known_bins=len(history),
        known_until_s=history.end_s if len(history) else None,
        forecast_servers=forecast,
        headroom_servers=policy.headroom * servers,
        inference_servers=servers,
        on_loan_servers=on_loan,
        loanable_servers=loanable,
    )


def ended_bins(now: float) -> float:
    """The end of the newest bin that has ended."""
    return floor(now / BIN_S) * BIN_S
