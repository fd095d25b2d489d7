"""Servers, pools, loans and inference demand as tables."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from aryl.client.ask import Json
from aryl.client.drawing.words import (
    View,
    facts,
    gauge,
    line,
    moment,
    number,
    percent,
    span,
    state_words,
    table,
    words,
)

_CELLS = 20  # of a bar


def servers_page(page: Json, view: View) -> RenderableType:
    """Servers with what runs on them."""
    servers = page["items"]
    if not servers:
        return Text("no such servers", "dim")
    wide_heads = [">on loan for", "GPU type"] if view.is_wide else []
    made = table("id", "pool", "state", ">GPUs", ">free", *wide_heads, "jobs~")
    for server in servers:
        loan = server["loan"]
        wide = [view.ago(loan["start_s"]) if loan else "", words(server["gpu_type"])]
        made.add_row(
            words(server["id"]),
            server["pool"],
            state_words(server["state"]),
            number(server["gpus"]),
            number(server["free_gpus"]),
            *(wide if view.is_wide else ()),
            _hosted(server["jobs"]),
        )
    return made


def pools_table(pools: Json, view: View) -> RenderableType:
    """Both pools with a bar of what training uses of them."""
    items = pools["items"] if isinstance(pools, dict) else pools
    wide_heads = ["GPU type", ">giving back"] if view.is_wide else []
    made = table(
        "pool", ">servers", ">GPUs", ">on loan", ">used", ">free", *wide_heads, "used by training"
    )
    for pool in items:
        wide = [words(pool["gpu_type"]), number(pool["reclaiming_servers"])]
        bar = gauge(pool["usage"], _CELLS, "magenta" if pool["name"] == "inference" else "green")
        made.add_row(
            pool["name"],
            number(pool["servers"]),
            number(pool["gpus"]),
            number(pool["on_loan_servers"]),
            number(pool["used_gpus"]),
            number(pool["free_gpus"]),
            *(wide if view.is_wide else ()),
            Text.assemble(bar, f" {percent(pool['usage'])}"),
        )
    return made


def loans_page(page: Json, view: View) -> RenderableType:
    """Loans with their beginnings and ends."""
    if not page["items"]:
        return Text("no such loans", "dim")
    made = table("server", "lent", ">for", "asked back", "returned")
    for loan in page["items"]:
        end_s = loan["end_s"]
        lasts = view.ago(loan["start_s"]) if end_s is None else span(end_s - loan["start_s"])
        dates = (moment(loan[name]) for name in ("reclaim_s", "end_s"))
        made.add_row(words(loan["server_id"]), moment(loan["start_s"]), lasts, *dates)
    return made


def demand_page(page: Json, _view: View) -> RenderableType:
    """Inference demand bin by bin, as bars."""
    bins = page["items"] if isinstance(page, dict) else page
    if not bins:
        return Text("nothing is known of inference demand yet", "dim")
    peak = max(float(sample["servers"]) for sample in bins) or 1.0
    made = table("from", ">servers", "", "source")
    for sample in bins:
        bar = gauge(sample["servers"] / peak, 2 * _CELLS, "blue")
        made.add_row(moment(sample["t_s"]), number(sample["servers"]), bar, sample["source"])
    return made


def forecast_card(forecast: Json, _view: View) -> RenderableType:
    """What inference is foreseen to need, and what is left to lend."""
    lead = span(forecast["lead_s"])
    quantile = percent(forecast["quantile"])
    shown = facts(
        {
            "foreseen": f"{number(forecast['forecast_servers'])} servers within {lead}",
            "by": f"{forecast['forecaster']}, quantile {quantile}, {forecast['known_bins']} bins",
            "kept back": f"{number(forecast['headroom_servers'])} servers of headroom",
            "inference pool": f"{number(forecast['inference_servers'])} servers",
            "on loan": f"{number(forecast['on_loan_servers'])} servers",
            "may be lent": f"{number(forecast['loanable_servers'])} servers",
        }
    )
    if forecast["forecast_servers"] is None:
        return Group(shown, Text("nothing is known of inference demand yet", "yellow"))
    return shown


def _hosted(shares: Sequence[Json]) -> Text:
    """The jobs on a server, each once; a star marks those with flexible workers only."""
    kinds: dict[str, set[str]] = {}
    for share in shares:
        kinds.setdefault(share["job_id"], set()).add(share["kind"])
    names = [name if "base" in kind else f"{name}*" for name, kind in kinds.items()]
    return line(", ".join(names)) if names else Text()
