"""What users have asked of the cluster itself becomes what they would have asked of the service."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from aryl.engine.live import Wishes
from aryl.engine.records import JobRecord
from aryl.model.errors import BadInput, Conflict, Missing
from aryl.store.accounts import Principal, Role
from aryl.store.edits import Editor, Rebounded, Wish, cancelled, edit
from aryl.store.submitting import Submission, take_in

CLUSTER = "cluster"  # who asks where a job's owner is not known


def take_up(
    connection: Connection, wishes: Wishes, known: Mapping[str, JobRecord], now: float
) -> None:
    """Note wishes as if users had asked the service; `known` are the jobs that have not ended.

    Jobs whose name is taken are not noted again, and an edit that is refused is left out: the
    cluster goes on showing what its user wants. Wall time is taken to be `now`: a cluster that
    users can speak to lives in it.
    """
    brought = [
        Submission(
            spec=item.spec,
            name=item.name,
            owner=item.owner,
            who=Principal(item.owner, Role.SUBMITTER),
        )
        for item in wishes.brought
    ]
    take_in(connection, brought, now)
    for job_id, editor in _edits(wishes):
        owner = known[job_id].owner if job_id in known else CLUSTER
        wish = Wish(who=Principal(owner, Role.SUBMITTER), at_s=now)
        try:
            edit(connection, job_id, wish, editor, now)
        except (BadInput, Conflict, Missing):
            continue


def _edits(wishes: Wishes) -> Iterator[tuple[str, Editor]]:
    for bounds in wishes.amended:
        yield bounds.job_id, Rebounded(bounds.min_workers, bounds.max_workers)
    for job_id in wishes.withdrawn:
        yield job_id, cancelled
