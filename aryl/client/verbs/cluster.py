"""Verbs about the cluster: servers, pools, loans, demand, forecast."""

from typing import Annotated

import typer

from aryl.client.drawing.cluster import (
    demand_page,
    forecast_card,
    loans_page,
    pools_table,
    servers_page,
)
from aryl.client.drawing.words import number
from aryl.client.session import Session
from aryl.client.verbs.verb import CLUSTER, Limit, Watch, app, duration, verb
from aryl.model.errors import BadInput

POOLS = ("training", "inference")
SERVER_STATES = ("free", "busy", "on-loan", "reclaiming", "inference")

demand = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look at inference demand, or tell it.",
    epilog="Example: `aryl demand show --last 6h`",
)
app.add_typer(demand, name="demand", rich_help_panel=CLUSTER)


@verb("servers", "aryl servers --state on-loan", CLUSTER)
def servers(
    session: Session,
    *,
    pool: Annotated[str | None, typer.Option(metavar="POOL", help=f"{' or '.join(POOLS)}.")] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help=f"One of {', '.join(SERVER_STATES)}.")
    ] = None,
    watch: Watch = False,
) -> None:
    """List servers with what runs on them; a star marks jobs that could leave one unharmed."""
    _known("--pool", pool, POOLS)
    _known("--state", state, SERVER_STATES)
    query = {"pool": pool, "state": state}
    session.show(lambda: session.service.servers(query), servers_page, watch=watch)


@verb("pools", "aryl pools --watch", CLUSTER)
def pools(session: Session, *, watch: Watch = False) -> None:
    """Show both pools: how large they are, what is lent, what training uses."""
    session.show(session.service.pools, pools_table, watch=watch)


@verb("loans", "aryl loans --open", CLUSTER)
def loans(
    session: Session,
    *,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that go on.")] = False,
    limit: Limit = 50,
    watch: Watch = False,
) -> None:
    """List loans of inference servers to training, the newest first."""
    query = {"open": True if only_open else None}
    session.show(lambda: session.service.loans(query, limit), loans_page, watch=watch)


@verb("show", "aryl demand show --last 6h", group=demand)
def demand_show(
    session: Session,
    *,
    last_s: Annotated[
        float,
        typer.Option(
            "--last", parser=duration, metavar="TIME", show_default="3h", help="How far back."
        ),
    ] = 10_800.0,
    watch: Watch = False,
) -> None:
    """Show what inference needed, in bins of five minutes."""
    service = session.service
    session.show(
        lambda: service.demand({"from_s": max(0.0, service.status()["now_s"] - last_s)}),
        demand_page,
        watch=watch,
    )


@verb("push", "aryl demand push 12.5", group=demand)
def demand_push(
    session: Session,
    servers: Annotated[float, typer.Argument(min=0.0, metavar="SERVERS", help="What it needs.")],
    *,
    at_s: Annotated[
        float | None,
        typer.Option("--at", min=0.0, metavar="SECONDS", help="Cluster time; else now."),
    ] = None,
) -> None:
    """Tell what inference needs, where the service is set to be told."""
    answer = session.service.push_demand(servers, at_s)
    session.tell(answer, f"inference needs {number(servers)} servers")


@verb("forecast", "aryl forecast", CLUSTER)
def forecast(session: Session, *, watch: Watch = False) -> None:
    """Show what inference is foreseen to need, and what that leaves to lend."""
    session.show(session.service.forecast, forecast_card, watch=watch)


def _known(option: str, value: str | None, names: tuple[str, ...]) -> None:
    if value is not None and value not in names:
        raise BadInput(option, "is not known", value=value, expected=f"one of {', '.join(names)}")
