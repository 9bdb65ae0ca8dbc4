"""Requests say who saved what they ask for and may not decide because of that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

REQUEST, EDITOR = "directory_sync_request", "directory_sync_request_editor"


def upgrade() -> None:
    op.add_column(REQUEST, sa.Column("saved", sa.Text(), nullable=True))
    op.create_table(
        EDITOR,
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], [f"{REQUEST}.id"], name=f"fk_{EDITOR}_request_id"),
        sa.PrimaryKeyConstraint("request_id", "person", name=f"pk_{EDITOR}"),
    )


def downgrade() -> None:
    op.drop_table(EDITOR)
    op.drop_column(REQUEST, "saved")
