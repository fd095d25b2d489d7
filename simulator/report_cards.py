"""The headlines of a run's report: what was run, and the figures that matter most."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    get = summary.get
    lost_gpu_s, shortfall = get("lost_gpu_s"), get("inference_shortfall_server_s")
    return [
        _spread_card("Queuing time, mean", get("queuing_s")),
        _spread_card("Job completion time, mean", get("jct_s")),
        Card(
            "Training usage",
            percent(get("training_usage")),
            (
                ("both pools", percent(get("overall_usage"))),
                ("on loan", percent(get("on_loan_usage"))),
            ),
        ),
        Card(
            "Preemptions",
            quantity(get("preemptions")),
            (
                ("of submissions", percent(get("preemption_ratio"))),
                ("GPU-hours lost", quantity(_per_hour(lost_gpu_s))),
            ),
        ),
        Card(
            "Loans",
            quantity(get("loans")),
            (("reclaims", quantity(get("reclaims"))),),
        ),
        Card(
            "Reclaimed by shrinking alone",
            percent(get("flexible_share")),
            (("collateral", percent(get("collateral"))),),
        ),
        Card(
            "Resizes of elastic jobs",
            quantity(get("resizes")),
            (
                ("elastic jobs", percent(get("elastic_share"))),
                ("their GPU-time", percent(get("elastic_gpu_time_share"))),
                ("fungible jobs", percent(get("fungible_share"))),
            ),
        ),
        Card("Inference shortfall, server-hours", quantity(_per_hour(shortfall))),
    ]


def run_facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was run: the line under the title."""
    facts = [(name, str(summary.get(name, NOTHING))) for name in ("scheme", "scenario", "seed")]
    facts.append(("jobs", quantity(summary.get("jobs"))))
    rejected = summary.get("rejected") or ()
    if rejected:
        facts.append(("rejected", quantity(len(rejected))))
    return facts


def _spread_card(name: str, spread: Mapping[str, float] | None) -> Card:
    spread = spread or {}
    details = tuple((label, duration(spread.get(key))) for key, label in _PERCENTILES)
    return Card(name, duration(spread.get("mean")), details)


def _per_hour(value_s: float | None) -> float | None:
    return None if value_s is None else value_s / _HOUR_S
