"""`aryl kube`: looks at a Kubernetes cluster before Aryl comes, and cleans up when it goes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from aryl.model.errors import ArylError, BadInput

if TYPE_CHECKING:  # whoever asks for help need not wait for a client of Kubernetes
    from api.kubernetes.releasing import Release
    from api.kubernetes.start import Look
    from aryl.kube.client import KubeApi
    from aryl.kube.options import KubeOptions
    from aryl.kube.rights import Mode

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look at a Kubernetes cluster before Aryl comes, and clean up when it goes.",
    epilog="Example: `aryl kube check --mode shadow`",
)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The service's TOML file; flags win over it.")
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option("--kubeconfig", help="A kubeconfig [KUBECONFIG, ~/.kube/config, or the pod's]."),
]
ContextName = Annotated[str | None, typer.Option("--context", help="Its context [the current].")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModeName = Annotated[
    str | None,
    typer.Option("--mode", help="shadow, extender or binding [as the settings say]."),
]


@app.command(epilog="Example: `aryl kube check --context lab --mode binding`")
def check(
    *,
    mode: ModeName = None,
    config: ConfigFile = None,
    kubeconfig: Kubeconfig = None,
    context: ContextName = None,
    as_json: AsJson = False,
) -> None:
    """Tell what Aryl would find on a cluster, and what is missing: rights, definitions, pools.

    Changes nothing. Exit code 1 where a service in that mode would not start.
    """
    from api.kubernetes.start import look  # noqa: PLC0415 - see above

    with _cluster(config, kubeconfig, context) as (api, options, namespace, settled):
        found = look(api, options, _mode(mode) or settled, namespace)
    if as_json:
        typer.echo(json.dumps(_look_plain(found)))
    else:
        _show_look(found)
    if found.problems:
        raise typer.Exit(1)


@app.command(epilog="Example: `aryl kube crd | kubectl apply -f -`")
def crd() -> None:
    """Print the definition of TrainingJobs, for `kubectl apply`."""
    definition = files("api.kubernetes").joinpath("trainingjob-crd.yaml")
    typer.echo(definition.read_text(encoding="utf-8"), nl=False)


@app.command(epilog="Example: `aryl kube release`, and then `aryl kube release --yes`")
def release(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; otherwise it is only told.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also while a service leads: it would write again.")
    ] = False,
    config: ConfigFile = None,
    kubeconfig: Kubeconfig = None,
    context: ContextName = None,
    as_json: AsJson = False,
) -> None:
    """Take everything that Aryl wrote from nodes and workloads; pool labels and pods stay.

    Stop the service first. Exit code 1 where something could not be taken.
    """
    from api.kubernetes.releasing import carry_out, leader, releases  # noqa: PLC0415 - see above
    from aryl.clock import SystemClock  # noqa: PLC0415 - see above
    from aryl.kube.discovery import discover  # noqa: PLC0415 - see above

    failed: dict[str, str] = {}
    with _cluster(config, kubeconfig, context) as (api, _, namespace, _):
        holder = leader(api, namespace, SystemClock().now())
        if holder and yes and not force:
            remedy = "stop it first, or say --force"
            raise ArylError(f"a service leads: {holder} holds the lease; {remedy}")
        found = releases(api, discover(api))
        for each in found if yes else ():
            try:
                carry_out(api, each)
            except ArylError as error:
                failed[each.subject] = str(error)
    _tell_release(found, failed, is_done=yes, as_json=as_json)
    if failed:
        raise typer.Exit(1)


@contextmanager
def _cluster(
    config: Path | None, kubeconfig: Path | None, context: str | None
) -> "Iterator[tuple[KubeApi, KubeOptions, str, Mode]]":
    """A way to the cluster, how it is treated, where Aryl is, and in which mode."""
    from api.kubernetes.start import access_of, mode_of, own_namespace  # noqa: PLC0415 - see above
    from api.settings import environment, read_settings  # noqa: PLC0415 - see above
    from aryl.kube.client import KubeApi  # noqa: PLC0415 - see above

    file = None if kubeconfig is None else str(kubeconfig)
    flags: dict[str, dict[str, object]] = {
        "cluster": {"kind": "kubernetes"},
        "kubernetes": {"kubeconfig": file, "context": context},
    }
    settings = read_settings(config, flags, environment())
    options = settings.kubernetes.options()
    with KubeApi(access_of(options, environment())) as api:
        mode = mode_of(options, shadow=settings.scheduler.shadow)
        yield api, options, own_namespace(options, environment()), mode


def _mode(name: str | None) -> "Mode | None":
    from aryl.kube.rights import Mode  # noqa: PLC0415 - see above

    if name is None:
        return None
    if name not in list(Mode):
        raise BadInput("--mode", "is no mode", value=name, expected=", ".join(Mode))
    return Mode(name)


def _look_plain(found: "Look") -> dict[str, Any]:
    return {
        "server": found.server,
        "version": found.version,
        "mode": found.mode.value,
        "served": dict(found.served.versions),
        "pools": {
            pool.label: {"nodes": each.nodes, "gpus": each.gpus, "away": dict(each.away)}
            for pool, each in found.pools.items()
        },
        "missing_rights": [str(right) for right in found.lacking],
        "problems": list(found.problems),
    }


def _show_look(found: "Look") -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{found.server}, Kubernetes {found.version}, mode {found.mode}", markup=False)
    served = ", ".join(f"{name} ({version})" for name, version in found.served.versions.items())
    console.print(f"served: {served}", markup=False)
    table = Table("pool", "nodes", "GPUs", "no new workers on")
    for pool, each in found.pools.items():
        away = "\n".join(f"{name}: {why}" for name, why in each.away.items())
        table.add_row(pool.label, str(each.nodes), str(each.gpus), away)
    console.print(table)
    for problem in found.problems:
        console.print(f"[red]missing[/]  {problem}")
    if not found.problems:
        console.print("[green]nothing is missing[/]")


def _tell_release(
    found: "list[Release]", failed: dict[str, str], *, is_done: bool, as_json: bool
) -> None:
    if as_json:
        taken = [{"subject": each.subject, "taken": list(each.taken)} for each in found]
        typer.echo(json.dumps({"is_done": is_done, "releases": taken, "failed": failed}))
        return
    console = Console(soft_wrap=True, highlight=False)
    for each in found:
        why = failed.get(each.subject)
        outcome = f"failed: {why}" if why else ", ".join(each.taken)
        console.print(f"{each.subject}: {outcome}", markup=False)
    if not found:
        console.print("nothing of Aryl's is on this cluster")
    elif not is_done:
        console.print(f"{len(found)} objects; nothing was changed: say --yes to do it")
