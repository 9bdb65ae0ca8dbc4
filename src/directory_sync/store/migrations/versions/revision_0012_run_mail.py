"""Runs remember how their jobs ended, and what people were told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

RUN, OUTBOX = "directory_sync_collection_run", "directory_sync_outbox"


def upgrade() -> None:
    op.add_column(RUN, sa.Column("job_states", sa.Text, nullable=True))
    op.add_column(RUN, sa.Column("told", sa.Integer, server_default=sa.text("0"), nullable=False))
    op.add_column(RUN, sa.Column("told_mark", sa.String(64), nullable=True))


def downgrade() -> None:
    # Mail about runs has no words in the version before.
    op.execute(f"DELETE FROM {OUTBOX} WHERE topic = 'run'")  # noqa: S608 - a constant
    for column in ("told_mark", "told", "job_states"):
        op.drop_column(RUN, column)
