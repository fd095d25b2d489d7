"""What a job's workers are to run, beside the job: a decision never looks at it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from aryl.store.tables import TEMPLATES

Template = Mapping[str, Any]  # a plain JSON object: a pod template, where pods run the job


def write_templates(connection: Connection, templates: Sequence[tuple[str, Template]]) -> None:
    """Keep the templates of new jobs."""
    if templates:
        rows = [{"job_id": job_id, "body": body} for job_id, body in templates]
        connection.execute(TEMPLATES.insert(), rows)


def template_of(connection: Connection, job_id: str) -> Template | None:
    """A job's template; None where it brought none."""
    found: Template | None = connection.execute(
        select(TEMPLATES.c.body).where(TEMPLATES.c.job_id == job_id)
    ).scalar_one_or_none()
    return found
