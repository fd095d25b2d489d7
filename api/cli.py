"""`aryl serve`: starts the service. `aryl token`: who may use it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from getpass import getuser
from logging import INFO, WARNING
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from aryl.model.errors import BadInput

if TYPE_CHECKING:  # whoever asks for help need not wait for a web framework
    from aryl.store import Principal
    from aryl.store.accounts import Tokens


class Part(StrEnum):
    """What a process of the service does."""

    ALL = "all"
    SCHEDULER = "scheduler"
    API = "api"


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


Host = Annotated[str | None, typer.Option("--host", help="Listen here [127.0.0.1].")]
Port = Annotated[
    int | None, typer.Option("--port", help="Listen on this port [8080]; 0: a free one.")
]
RoleName = Annotated[
    Part, typer.Option("--role", help="One process may be either part, or all of it.")
]
IsShadow = Annotated[
    bool, typer.Option("--shadow", help="Plan, record and explain; touch nothing.")
]
PlacedBy = Annotated[
    str | None,
    typer.Option("--placing", help="Who binds workers on Kubernetes: binding or [extender]."),
]
Shape = Annotated[
    str | None,
    typer.Option("--cluster", help="The emulated cluster's shape: a name or a file [testbed]."),
]
Speed = Annotated[
    float | None,
    typer.Option("--speed", help="Seconds that the emulated cluster lives in one [60]."),
]
ClusterFile = Annotated[
    Path | None,
    typer.Option("--cluster-file", help="Where the emulated cluster lives [aryl-cluster.db]."),
]
IsDemo = Annotated[
    bool,
    typer.Option("--demo", help="The paper's cluster and workload at 600 x, in a scratch folder."),
]


def serve(
    *,
    host: Host = None,
    port: Port = None,
    database: DatabaseUrl = None,
    config: ConfigFile = None,
    role: RoleName = Part.ALL,
    shadow: IsShadow = False,
    placing: PlacedBy = None,
    cluster: Shape = None,
    speed: Speed = None,
    cluster_file: ClusterFile = None,
    demo: IsDemo = False,
) -> None:
    """Start the scheduler, its API and its dashboard.

    Without any option it schedules an emulated cluster of 4 + 4 servers, which lives 60 seconds in
    each second, and remembers everything in aryl.db. Whoever reaches it may do everything until the
    first token is created (`aryl token create`); therefore it listens on this machine only.

    A Kubernetes cluster is scheduled where the file says `cluster.kind = "kubernetes"`; see
    `aryl kube check`, and begin with --shadow.

    Example: `aryl serve --database postgresql+psycopg:///aryl --config aryl.toml --role scheduler`
    """
    flags: dict[str, dict[str, object]] = {
        "server": {"host": host, "port": port},
        "database": {"url": database},
        "scheduler": {"shadow": shadow or None},
        "cluster": {"shape": cluster, "speed": speed, "file": cluster_file},
        "kubernetes": {"placing": placing},
    }
    _start(config, flags, role, is_demo=demo)


def _start(
    config: Path | None, flags: dict[str, dict[str, object]], role: Part, *, is_demo: bool
) -> None:
    """Serve until a signal says to stop."""
    from api.listening import announce  # noqa: PLC0415 - see above
    from api.logs import configure_logs  # noqa: PLC0415 - see above
    from api.main import Service  # noqa: PLC0415 - see above
    from api.settings import environment, read_settings  # noqa: PLC0415 - see above

    configure_logs(WARNING if is_demo else INFO)  # the demo submits too often to tell of each
    if is_demo:
        from api.demo import serve_demo  # noqa: PLC0415 - see above

        serve_demo(config, flags)
        return
    settings = read_settings(config, flags, environment())
    Service(settings, role.value).run(announce)


app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Say who may use the service, on its database: create, list and revoke tokens.",
    epilog="Example: `aryl token create ann --role submitter`",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(epilog="Example: `aryl token create ann --role submitter > ann.token`")
def create(
    name: Annotated[str, typer.Argument(help="Whom it is for; jobs are owned by this name.")],
    *,
    role: Annotated[
        str, typer.Option("--role", help="viewer, submitter (own jobs) or operator (everything).")
    ] = "submitter",
    database: DatabaseUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create a token and print its secret, once: it is stored nowhere.

    From the first token on, the service asks for one.
    """
    from aryl.store import Role  # noqa: PLC0415 - see above

    if role not in list(Role):
        raise BadInput("--role", "is no role", value=role, expected=", ".join(Role))
    with _tokens(database, config) as (tokens, me):
        issued = tokens.create(name, Role(role), me)
    if as_json:
        plain = {"id": issued.token.id, "name": name, "role": role, "secret": issued.secret}
        typer.echo(json.dumps(plain))
        return
    typer.echo(issued.secret)
    Console(stderr=True).print(f"token {issued.token.id} for {name}, {role}", highlight=False)


@app.command("list", epilog="Example: `aryl token list --json`")
def list_tokens(
    *, database: DatabaseUrl = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """List every token, without its secret."""
    with _tokens(database, config) as (tokens, _):
        found = [asdict(token) for token in tokens.list()]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("id", "name", "role", "created", "revoked")
    for token in found:
        times = [_moment(token["created_wall_s"]), _moment(token["revoked_wall_s"])]
        table.add_row(str(token["id"]), token["name"], token["role"], *times)
    Console().print(table)


@app.command(epilog="Example: `aryl token revoke 3`")
def revoke(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="See `aryl token list`.")],
    *,
    database: DatabaseUrl = None,
    config: ConfigFile = None,
) -> None:
    """Let a token hold no longer; a running service notices within two seconds."""
    with _tokens(database, config) as (tokens, me):
        tokens.revoke(token_id, me)


@contextmanager
def _tokens(url: str | None, config: Path | None) -> "Iterator[tuple[Tokens, Principal]]":
    """The tokens of a database, and who asks: whoever can open it may do everything."""
    from api.settings import environment, read_settings  # noqa: PLC0415 - see above
    from aryl.clock import SystemClock  # noqa: PLC0415 - see above
    from aryl.store import Database, Principal, Role, ServiceStore  # noqa: PLC0415 - see above

    settings = read_settings(config, {"database": {"url": url}}, environment())
    database = Database(settings.database.url.get_secret_value())
    try:
        database.migrate()
        tokens = ServiceStore.on(database, SystemClock().now).tokens
        yield tokens, Principal(f"{getuser()} (command line)", Role.OPERATOR)
    finally:
        database.close()


def _moment(wall_s: float | None) -> str:
    return "" if wall_s is None else f"{datetime.fromtimestamp(wall_s, UTC):%Y-%m-%d %H:%M:%S}Z"
