"""Where a service listens, and what it says of that."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console

from api.settings import Settings
from aryl.model.errors import ArylError


@dataclass(frozen=True, slots=True)
class Told:
    """What an operator is told of the cluster, and warned of, line by line."""

    about: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)


def announce(settings: Settings, role: str, port: int, told: Told) -> None:
    """Say on standard error where the service is and what it works on."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    address = address_of(settings, port)
    lines = {
        "dashboard": f"{address}/" if role != "scheduler" else "",
        "API": f"{address}/api/v1" if role != "scheduler" else "",
        "metrics": f"{address}/metrics",
        **told.about,
        "policy": settings.policy.scheme if role != "api" else "",
    }
    mode = " in SHADOW: nothing is touched" if settings.scheduler.shadow else ""
    console.print(f"[bold]aryl[/] serves as {role}{mode}")
    for name, text in lines.items():
        if text:
            console.print(f"  {name:<10} {text}", markup=False)
    for name, text in told.warnings.items():
        console.print(f"  [yellow]{name:<10} {text}[/]")


def address_of(settings: Settings, port: int) -> str:
    """The URL of a service that listens on a port."""
    scheme = "https" if settings.server.tls_cert else "http"
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    return f"{scheme}://{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `ArylError` where that can't be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2_048)
    except OSError as error:
        raise ArylError(
            f"can't listen on {host}:{port}: {error.strerror}; choose another with --port"
        ) from error
