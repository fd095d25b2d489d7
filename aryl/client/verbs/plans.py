"""Verbs about decisions: plan, explain, whatif."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from aryl.client.ask import Json
from aryl.client.drawing.plans import decided_again, plan_card, plans_page
from aryl.client.drawing.prospects import difference, explanation
from aryl.client.session import Session
from aryl.client.verbs.new_job import SupposedJob
from aryl.client.verbs.verb import DECISIONS, JobId, Limit, Watch, duration, verb
from aryl.model.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """A decision to take again at a desk."""

    snapshot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Decide a saved one again; asks no service.")
    ] = None
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --snapshot: and by this [policy] too.")
    ] = None
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep here what plan ID was decided on.")
    ] = None


@verb("plan", "aryl plan 17 --save plan-17.json", DECISIONS)
def plan(
    session: Session,
    plan_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", min=1, help="One plan; else the latest ones.")
    ] = None,
    *,
    offline: Offline,
    limit: Limit = 20,
    watch: Watch = False,
) -> None:
    """Show the latest plans, or one with its actions and their reasons."""
    _check(plan_id, offline)
    if offline.snapshot:
        from aryl.offline import offline_plan  # noqa: PLC0415 - deciding is slow to import

        answer = offline_plan(offline.snapshot, offline.policy)
        session.answer(answer, decided_again, session.view_offline())
    elif plan_id is None:
        session.show(lambda: session.service.plans(limit), plans_page, watch=watch)
    else:
        if offline.save:
            _keep(offline.save, session.service.plan_snapshot(plan_id))
            session.note(f"`aryl plan --snapshot {offline.save}` decides it again")
        session.show(lambda: session.service.plan(plan_id), plan_card, watch=watch)


def _check(plan_id: int | None, offline: Offline) -> None:
    if offline.snapshot and (plan_id is not None or offline.save):
        raise typer.BadParameter("--snapshot goes with neither an ID nor --save")
    if offline.policy and not offline.snapshot:
        raise typer.BadParameter("--policy needs --snapshot")
    if offline.save and plan_id is None:
        raise typer.BadParameter("--save needs the ID of a plan")


def _keep(file: Path, content: bytes) -> None:
    """Write a file. Raises `BadInput` where that can't be."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BadInput("--save", f"can't be written: {error.strerror}", value=str(file)) from error


@verb("explain", "aryl explain bert-7", DECISIONS)
def explain(session: Session, job_id: JobId, *, watch: Watch = False) -> None:
    """Tell why a job waits or lost workers, what is ahead of it and when it should start."""
    session.show(lambda: session.service.explain(job_id), explanation, watch=watch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposition:
    """What is supposed besides a job."""

    lend: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="So many more servers lent now.")
    ] = None
    give_back: Annotated[
        int | None, typer.Option("--return", min=1, metavar="N", help="So many given back now.")
    ] = None
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The [policy] table of this TOML file.")
    ] = None
    horizon_s: Annotated[
        float | None,
        typer.Option("--horizon", parser=duration, metavar="TIME", help="How far to look ahead."),
    ] = None


@verb("whatif", "aryl whatif --gpus 16 --duration 2h", DECISIONS)
def whatif(session: Session, *, job: SupposedJob, also: Supposition) -> None:
    """Foresee what a job, a loan or another policy would change; nothing of it happens."""
    submit = job.body()
    if submit and not {"num_gpus", "duration_s"} <= submit.keys():
        raise typer.BadParameter("a supposed job needs --gpus and --duration")
    given = {
        "submit": {"name": "what-if"} | submit if submit else None,
        "lend": also.lend,
        "return": also.give_back,
        "policy": _policy(also.policy) if also.policy else None,
    }
    question = {name: value for name, value in given.items() if value is not None}
    if not question:
        raise typer.BadParameter("suppose something: --gpus, --lend, --return or --policy")
    if also.horizon_s is not None:
        question["horizon_s"] = also.horizon_s
    session.answer(session.service.whatif(question), difference)


def _policy(file: Path) -> Json:
    """A file's `[policy]` table. Raises `BadInput`."""
    from aryl.config import read_toml  # noqa: PLC0415 - policies are slow to import

    table = read_toml(file).get("policy")
    if not isinstance(table, dict):
        raise BadInput(str(file), "is missing", column="policy", expected="[policy]")
    return table
