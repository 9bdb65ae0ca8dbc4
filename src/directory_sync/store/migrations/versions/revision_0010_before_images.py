"""What objects were like before they were deleted, disabled or moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CHANGE, IMAGE = "directory_sync_change", "directory_sync_before_image"


def upgrade() -> None:
    op.create_table(
        IMAGE,
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("left_out", sa.Text(), nullable=False),
        sa.Column("taken", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id", "sequence"],
            [f"{CHANGE}.plan_id", f"{CHANGE}.sequence"],
            name=f"fk_{IMAGE}_plan_id_sequence",
        ),
        sa.PrimaryKeyConstraint("plan_id", "sequence", name=f"pk_{IMAGE}"),
    )


def downgrade() -> None:
    op.drop_table(IMAGE)
