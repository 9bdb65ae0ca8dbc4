"""Runs and requests say what their collection is called now: its past follows it when it is renamed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

RUN, REQUEST = "directory_sync_collection_run", "directory_sync_request"
INDEXES = {RUN: ["current_name", "started"], REQUEST: ["current_name", "job", "id"]}


def upgrade() -> None:
    for table, columns in INDEXES.items():
        op.add_column(table, sa.Column("current_name", sa.Text(), nullable=False, server_default=""))
        op.execute(sa.text(f"UPDATE {table} SET current_name = collection"))  # noqa: S608 - names of ours
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def downgrade() -> None:
    for table, columns in INDEXES.items():
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
        op.drop_column(table, "current_name")
