"""Which request a job waits for, which one a plan was begun under, and whether a request waives limits for a
later run.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
JOB_RUN, PLAN, REQUEST = "directory_sync_job_run", "directory_sync_plan", "directory_sync_request"


def upgrade() -> None:
    # Column by column: Alembic's batch mode would rebuild the tables on SQLite, without AUTOINCREMENT.
    op.add_column(JOB_RUN, sa.Column("request_id", sa.Integer(), nullable=True))
    op.create_index(f"ix_{JOB_RUN}_request_id", JOB_RUN, ["request_id"])
    op.add_column(PLAN, sa.Column("request_id", sa.Integer(), nullable=True))
    op.add_column(REQUEST, sa.Column("begun", TIME, nullable=True))
    op.add_column(REQUEST, sa.Column("waiver", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column(REQUEST, "waiver")
    op.drop_column(REQUEST, "begun")
    op.drop_column(PLAN, "request_id")
    op.drop_index(f"ix_{JOB_RUN}_request_id", JOB_RUN)
    op.drop_column(JOB_RUN, "request_id")
