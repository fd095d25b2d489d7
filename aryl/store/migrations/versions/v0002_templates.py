"""Templates of jobs: what their workers are to run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table of templates."""
    op.create_table(
        "templates",
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_templates"),
    )
