"""Verbs about decisions: plan, explain, whatif."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from aryl.client.drawing.plans import decided_again, plan_card, plans_page
from aryl.client.session import Session
from aryl.client.verbs.verb import DECISIONS, Limit, Watch, verb
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
