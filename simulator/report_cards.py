"""The headlines of a run's report: what was run, and the figures that matter most."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.report_format import NOTHING, duration, percent, quantity

_HOUR_S = 3600.0
_PERCENTILES = (("p50", "median"), ("p95", "p95"))


@dataclass(frozen=True, slots=True)
class Card:
    """One headline: a name, the figure that matters most, and the figures around it."""

    name: str
    figure: str
    details: tuple[tuple[str, str], ...] = ()


def headline_cards(summary: Mapping[str, Any]) -> list[Card]:
    """The summary's figures (spec §5), most asked for first."""
    shortfall = summary.get("inference_shortfall_server_s")
    return [
        _spread_card("Queuing time, mean", summary.get("queuing_s")),
        _jct_card(summary),
        *_pool_cards(summary.get),
        *_job_cards(summary.get),
        Card("Inference shortfall, server-hours", quantity(_per_hour(shortfall))),
    ]


def _pool_cards(get: Callable[[str], Any]) -> list[Card]:
    """How the pools were used, and what passed between them."""
    usage = (
        ("both pools", percent(get("overall_usage"))),
        ("on loan", percent(get("on_loan_usage"))),
    )
    collateral = (("collateral", percent(get("collateral"))),)
    return [
        Card("Training usage", percent(get("training_usage")), usage),
        Card("Loans", quantity(get("loans")), (("reclaims", quantity(get("reclaims"))),)),
        Card("Reclaimed by shrinking alone", percent(get("flexible_share")), collateral),
    ]


def _job_cards(get: Callable[[str], Any]) -> list[Card]:
    """What jobs went through."""
    preempted = (
        ("of submissions", percent(get("preemption_ratio"))),
        ("GPU-hours lost", quantity(_per_hour(get("lost_gpu_s")))),
    )
    shares = (
        ("elastic jobs", percent(get("elastic_share"))),
        ("their GPU-time", percent(get("elastic_gpu_time_share"))),
        ("fungible jobs", percent(get("fungible_share"))),
        ("heterogeneous jobs", percent(get("heterogeneous_share"))),
        ("jobs with checkpoints", percent(get("checkpoint_share"))),
    )
    return [
        Card("Preemptions", quantity(get("preemptions")), preempted),
        Card("Resizes of elastic jobs", quantity(get("resizes")), shares),
    ]


def run_facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was run: the line under the title."""
    facts = [(name, str(summary.get(name, NOTHING))) for name in ("scheme", "scenario", "seed")]
    facts.append(("jobs", quantity(summary.get("jobs"))))
    rejected = summary.get("rejected") or ()
    if rejected:
        facts.append(("rejected", quantity(len(rejected))))
    return facts


def _jct_card(summary: Mapping[str, Any]) -> Card:
    """Mean completion time, and what no scheduler can bring it below."""
    card = _spread_card("Job completion time, mean", summary.get("jct_s"))
    bound_s = (summary.get("jct_bound_s") or {}).get("mean")
    if bound_s is None:
        return card
    return replace(card, details=(*card.details, ("lower bound", duration(bound_s))))


def _spread_card(name: str, spread: Mapping[str, float] | None) -> Card:
    spread = spread or {}
    details = tuple((label, duration(spread.get(key))) for key, label in _PERCENTILES)
    return Card(name, duration(spread.get("mean")), details)


def _per_hour(value_s: float | None) -> float | None:
    return None if value_s is None else value_s / _HOUR_S
