"""Runs can be stopped, and attempts tell how far they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

JOB_RUN, STOP = "directory_sync_job_run", "directory_sync_run_stop"


def upgrade() -> None:
    op.add_column(JOB_RUN, sa.Column("progress", sa.Text(), nullable=True))
    op.add_column(JOB_RUN, sa.Column("progressed", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        STOP,
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("collection", "run_id", name=f"pk_{STOP}"),
    )


def downgrade() -> None:
    op.drop_table(STOP)
    op.drop_column(JOB_RUN, "progressed")
    op.drop_column(JOB_RUN, "progress")
