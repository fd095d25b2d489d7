"""`aryl serve`: starts the service. `aryl token`: who may use it."""

import socket
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from aryl.model.errors import ArylError, BadInput

if TYPE_CHECKING:  # whoever asks for help need not wait for a web framework
    from api.settings import Settings

ROLES = ("all", "scheduler", "api")

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A TOML file; flags win over it.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="sqlite:///FILE or postgresql+psycopg://…; a URL with a password belongs into "
        "ARYL_DATABASE_URL.",
    ),
]


def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", help="Listen here [127.0.0.1].")] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Listen on this port [8080]; 0: a free one.")
    ] = None,
    database: DatabaseUrl = None,
    config: ConfigFile = None,
    role: Annotated[
        str, typer.Option("--role", help="all, scheduler, or api: one process may be either.")
    ] = "all",
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Plan, record and explain; touch nothing.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", help="The emulated cluster's shape: a name or a file [testbed]."),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option("--speed", help="Cluster seconds that the emulated cluster lives a second."),
    ] = None,
    cluster_file: Annotated[
        Path | None,
        typer.Option("--cluster-file", help="Where the emulated cluster lives [aryl-cluster.db]."),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="The paper's cluster and workload at 600 x, in a scratch folder."
        ),
    ] = False,
) -> None:
    """Start the scheduler, its API and its dashboard.

    Without any option it schedules an emulated cluster of 4 + 4 servers, which lives 60 seconds in
    each second, and remembers everything in aryl.db. Whoever reaches it may do everything until the
    first token is created (`aryl token create`); therefore it listens on this machine only.

    Example: `aryl serve --database postgresql+psycopg:///aryl --config aryl.toml --role scheduler`
    """
    from api.main import Service  # noqa: PLC0415 - see above
    from api.settings import environment, read_settings  # noqa: PLC0415 - see above

    if role not in ROLES:
        raise BadInput("--role", "is no role", value=role, expected=", ".join(ROLES))
    flags = {
        "server": {"host": host, "port": port},
        "database": {"url": database},
        "scheduler": {"shadow": shadow or None},
        "cluster": {"shape": cluster, "speed": speed, "file": cluster_file},
    }
    if demo:
        from api.demo import serve_demo  # noqa: PLC0415 - see above

        serve_demo(config, flags)
        return
    settings = read_settings(config, flags, environment())
    Service(settings, role).run(announce)


def announce(settings: "Settings", role: str, port: int, warnings: Mapping[str, str]) -> None:
    """Say on standard error where the service is and what it works on."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    scheme = "https" if settings.server.tls_cert else "http"
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    address = f"{scheme}://{host}:{port}"
    shown = settings.cluster
    lines = {
        "dashboard": f"{address}/" if role != "scheduler" else "",
        "API": f"{address}/api/v1" if role != "scheduler" else "",
        "metrics": f"{address}/metrics",
        "cluster": f"emulated, {shown.shape}, {shown.speed:g} x, {shown.file}"
        if role != "api"
        else "",
        "policy": settings.policy.scheme if role != "api" else "",
    }
    mode = " in SHADOW: nothing is touched" if settings.scheduler.shadow else ""
    console.print(f"[bold]aryl[/] serves as {role}{mode}")
    for name, text in lines.items():
        if text:
            console.print(f"  {name:<10} {text}", markup=False)
    for name, text in warnings.items():
        console.print(f"  [yellow]{name:<10} {text}[/]")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `ArylError` where that can't be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2_048)
    except OSError as error:
        raise ArylError(
            f"can't listen on {host}:{port}: {error.strerror}; choose another with --port"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
