"""A plan's changes summed up by pattern."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

PLAN, PATTERNS = "directory_sync_plan", "directory_sync_plan_patterns"


def upgrade() -> None:
    op.create_table(
        PATTERNS,
        sa.Column("plan_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], [f"{PLAN}.id"], name=f"fk_{PATTERNS}_plan_id"),
        sa.PrimaryKeyConstraint("plan_id", name=f"pk_{PATTERNS}"),
    )


def downgrade() -> None:
    op.drop_table(PATTERNS)
